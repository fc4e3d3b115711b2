"""Pictures over HTTP: the ones that come along, and what visitors bring."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from convscope.errors import InputError
from convscope.web.lab import Lab, TheLab
from convscope.web.sources import DRAWN, PAINTINGS, TAKEN, Source, as_png, shrunk

router = APIRouter(prefix="/api", tags=["pictures"])


@router.get("/builtin")
def builtin_pictures() -> dict[str, list[str]]:
    """The names of what comes along: small drawn pictures, photographs, paintings."""
    return {"drawn": list(DRAWN), "photos": [n for n in TAKEN if n not in PAINTINGS], "paintings": list(PAINTINGS)}


@router.post(
    "/uploads",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def upload(lab: TheLab, request: Request) -> dict[str, Any]:
    """Keep a picture file, the body as it is; answers with its source and its size."""
    data = await request.body()
    if not data:
        raise InputError("the file is empty; choose a picture")
    return await run_in_threadpool(_kept, lab, data)


def _kept(lab: Lab, data: bytes) -> dict[str, Any]:
    pixels = lab.decoder.picture(data, "the uploaded file")  # nothing that is no picture is kept
    height, width, channels = pixels.shape
    return {"source": f"upload:{lab.uploads.keep(data)}", "height": height, "width": width, "channels": channels}


@router.get("/picture", responses={200: {"content": {"image/png": {}}}})
def picture(lab: TheLab, source: str, longest: int = 640) -> Response:
    """A picture as PNG, no side longer than `longest` (1 to 2,048)."""
    if not 1 <= longest <= 2048:
        raise InputError(f"longest={longest}: give 1 to 2048 pixels")
    data = as_png(shrunk(Source.parse(source).pixels(lab), longest))
    return Response(data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})
