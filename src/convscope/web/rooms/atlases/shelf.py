"""Which atlases a lab has: those it was started with, and those made here. Reads files, knows no network."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from convscope.atlas.format import MANIFEST, Json, parse_manifest
from convscope.errors import InputError
from convscope.files import write_whole
from convscope.web.lab import Lab

IDENTITY = r"[a-z0-9-]{1,40}-[0-9a-f]{10}"
COVER = 6
"""Drawings that stand for an atlas."""


@dataclass(frozen=True)
class Place:
    """Where an atlas lies. name: in links. made: whether this lab made it, so that it may go on with it."""

    name: str
    folder: Path
    made: bool

    @property
    def note(self) -> Path:
        """Beside an atlas that was made here: what was asked for, and how far that is done."""
        return self.folder.with_name(f"{self.name}.json")


def home(lab: Lab) -> Path:
    return lab.settings.folder / "atlases"


def made_here(lab: Lab, name: str) -> Place:
    return Place(name, home(lab) / name, made=True)


def places(lab: Lab) -> dict[str, Place]:
    """All atlases by name; those that are to be made but are not begun yet are none."""
    found = {}
    if home(lab).is_dir():
        # what was made last comes first
        notes = sorted(home(lab).glob("*.json"), key=lambda note: note.stat().st_mtime, reverse=True)
        for note in notes:
            if re.fullmatch(IDENTITY, note.stem) and (home(lab) / note.stem / MANIFEST).is_file():
                found[note.stem] = made_here(lab, note.stem)
    given = {name: Place(name, folder, made=False) for name, folder in lab.settings.atlases.items()}
    return {**given, **{name: place for name, place in found.items() if name not in given}}


def manifest(place: Place) -> Json:
    """What the atlas says of itself. Raises InputError where it is none, or damaged."""
    path = place.folder / MANIFEST
    try:
        told = path.stat()
    except OSError:
        raise InputError(f"{place.name}: no atlas (no {MANIFEST} in it); start the lab with another folder") from None
    return _parsed(path, told.st_mtime_ns, told.st_size)


@lru_cache(16)
def _parsed(path: Path, changed: int, size: int) -> Json:
    return parse_manifest(path.read_bytes(), path.parent.name + "/" + MANIFEST)


def noted(place: Place) -> dict[str, Any]:
    """What `note` has written of the atlas that lies there; empty where there is none, or nothing that can be read."""
    try:
        (place.folder / MANIFEST).stat()
        told = json.loads(place.note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def note(place: Place, told: Mapping[str, Any]) -> None:
    write_whole(place.note, json.dumps(told, ensure_ascii=False))


def told(place: Place) -> dict[str, Any]:
    """What a card on the shelf shows."""
    head = {"name": place.name, "made": place.made, "order": noted(place).get("order"), "problem": ""}
    try:
        return head | _facts(place, manifest(place))
    except InputError as problem:
        said = str(problem)
    except (AttributeError, IndexError, KeyError, TypeError):  # an atlas that somebody else's program wrote, or damaged
        said = f"{MANIFEST}: its facts are not as docs/format.md says; make the atlas again"
    nothing = {"networks": [], "pictures": None, "whole": False, "open": False, "cover": []}
    return {**head, **nothing, "problem": said}


def _facts(place: Place, found: Json) -> dict[str, Any]:
    facts = found["facts"]
    whole = found["state"] == "finished" and (not place.made or noted(place).get("whole", False))
    gallery = facts.get("gallery")
    return {
        "networks": [_network(network) for network in facts.get("networks", [])],
        "pictures": None if gallery is None else gallery.get("count"),
        "whole": whole,
        "open": "index.html" in found["pages"],
        "cover": _cover(place, found),
    }


def _network(network: Json) -> dict[str, Any]:
    layers = network.get("layers", [])
    return {
        "label": network["label"],
        "layers": len(layers),
        "units": sum(layer["shape"][0] for layer in layers),
        "drawn": sum(len(layer["drawn"]) for layer in layers),
    }


def _cover(place: Place, found: Json) -> list[str]:
    """Paths of some drawings, from all over the network; before there are any, of real pictures."""
    files = place.folder / "files"
    known = [key for key in dict.fromkeys([*found["plan"], *found["records"]]) if key.startswith("draw-")]
    there = [key for key in known if (files / key).is_dir()]
    if not there and files.is_dir():
        there = sorted(key for key in os.listdir(files) if key.startswith("seen-"))
    some = [there[i * len(there) // COVER] for i in range(COVER)] if len(there) > COVER else there
    paths = []
    for key in some:
        names = sorted(name for name in os.listdir(files / key) if name.endswith(".webp"))
        paths += [f"files/{key}/{name}" for name in names[: -(-COVER // len(some))]]  # of few layers several each
    return paths[:COVER]
