"""The pages of atlases inside the lab: an atlas' own files, and nothing else that lies in its folder."""

import re
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse, RedirectResponse

from convscope.atlas.format import MANIFEST, is_name
from convscope.errors import InputError
from convscope.web.lab import TheLab
from convscope.web.rooms.atlases.shelf import Place, manifest, places

pages = APIRouter(prefix="/atlas", include_in_schema=False)

KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "webp": "image/webp",
    "png": "image/png",
    "wav": "audio/wav",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Stricter than the lab's: the pages of an atlas, which somebody else may have made, ask the lab nothing."""
APART = {"Cross-Origin-Opener-Policy": "unsafe-none"}
"""Unlike the lab's own pages: so the browser lets neither hold the other's window, through which scripts of a foreign
atlas could ask what their policy forbids them."""


@pages.get("/{name}")
@pages.get("/{name}/")
def first_page(name: str, lab: TheLab) -> Response:
    _found(lab, name)
    return RedirectResponse(f"/atlas/{quote(name)}/index.html", 303)


@pages.get("/{name}/{path:path}")
def file(name: str, path: str, lab: TheLab) -> Response:
    """A file of an atlas."""
    place = _found(lab, name)
    kind = KINDS.get(path.rpartition(".")[2])
    whole = place.folder.resolve()
    target = whole / path
    if kind is None or not _own(place, path) or not target.is_file() or not target.resolve().is_relative_to(whole):
        raise HTTPException(404, "the atlas has no such file, or not yet")
    # a record's files are named by all they depend on
    cached = "private, max-age=86400" if path.startswith("files/") else "no-cache"
    headers = {"Cache-Control": cached, "Content-Security-Policy": POLICY, **APART}
    return FileResponse(target, media_type=kind, headers=headers)


def _found(lab: TheLab, name: str) -> Place:
    place = places(lab).get(name)
    if place is None:
        raise HTTPException(404, "this lab has no such atlas; its room lists them")
    return place


def _own(place: Place, path: str) -> bool:
    """Whether that is a name of the atlas: a page that its manifest vouches for, a record, or a record's file."""
    if not all(map(is_name, path.split("/"))):
        return False
    if path == MANIFEST or re.fullmatch(r"records/[^/]+\.json|files/[^/]+/[^/]+", path):
        return True
    try:
        return path in manifest(place)["pages"]
    except InputError:
        return False
