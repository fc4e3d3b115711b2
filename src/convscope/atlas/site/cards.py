"""What is said of each unit, in pieces of a few units, so that one card is opened by loading little."""

from collections.abc import Iterator, Sequence
from typing import Any

from convscope.atlas.site.scripts import brief
from convscope.atlas.site.shelf import At, Data, Folders, Picture, Shelf

CHUNK = 16
"""Units whose cards come with one script."""

STRONGEST = 5
"""Outputs at each end that a card shows."""

ENDS = ("top", "middle", "bottom")


def chunks(shelf: Shelf, at: At, units: Data, pictures: dict[int, Picture]) -> Iterator[Data]:
    """The scripts of one layer's cards, `CHUNK` units each."""
    outputs = _outputs(shelf, at)
    count = shelf.layer(at)["shape"][0]
    for start in range(0, count, CHUNK):
        folders, used = Folders(), {}
        cards = [
            _card(shelf, at, units, unit, outputs.get(unit, []), folders, used)
            for unit in range(start, min(start + CHUNK, count))
        ]
        known = {number: _picture(pictures.get(number), folders) for number in used}
        yield {"first": start, "cards": cards, "pictures": known, "folders": folders.names}


def tops(shelf: Shelf, at: At, units: Data, pictures: dict[int, Picture]) -> Data | None:
    """The one real picture that excites each unit most: what the wall can show in the drawings' stead."""
    if not units.get("top"):
        return None
    folders, used = Folders(), {}
    count = shelf.layer(at)["shape"][0]
    rows = [_examples(shelf, at, units, "top", unit, folders, used, most=1) for unit in range(count)]
    known = {number: _picture(pictures.get(number), folders) for number in used}
    return {"top": [row[0] if row else None for row in rows], "pictures": known, "folders": folders.names}


def _card(shelf: Shelf, at: At, units: Data, unit: int, outputs: list, folders: Folders, used: dict) -> Data:
    copy = units["copy"][unit] if units.get("copy") else None
    drawn = shelf.drawn(at).get(unit)
    if drawn is None and copy is not None and (place := shelf.place(at[0], copy[0])) is not None:
        drawn = shelf.drawn((at[0], place)).get(copy[1])
    histogram = units.get("histogram")
    classes = units.get("classes")
    links = shelf.record(at, "links")
    return {
        "drawn": None if drawn is None else drawn | {"files": [folders.short(path) for path in drawn["files"]]},
        "label": units["label"][unit],
        "reasons": units["reasons"][unit],
        "copy": copy,
        "numbers": {
            name: brief(units[name][unit]) if units.get(name) else None
            for name in ("mean", "std", "positive", "largest", "selectivity")
        },
        "histogram": None if not histogram else {name: histogram[name][unit] for name in ("low", "high", "counts")},
        "examples": {end: _examples(shelf, at, units, end, unit, folders, used) for end in ENDS},
        "classes": None if not classes else [[classes["names"][c], brief(mean)] for c, mean in classes["most"][unit]],
        "similar": _similar(shelf, units, unit, folders),
        "inputs": None if links is None else _inputs(shelf, at, links, unit, folders),
        "outputs": [[*one[:4], folders.face(one[4])] for one in outputs],
        "linksOver": None if links is None else [links["pictures"], links["of"]],
        "kernel": folders.short(shelf.kernel(at, unit)),
    }


def _picture(picture: Picture | None, folders: Folders) -> list[Any] | None:
    """Path (null: gone), name, width, height, class; null where nothing of it was kept."""
    if picture is None:
        return None
    return [folders.short(picture.path), picture.name, picture.width, picture.height, picture.of]


def _examples(
    shelf: Shelf, at: At, units: Data, end: str, unit: int, folders: Folders, used: dict, most: int | None = None
) -> list[Any]:
    """(picture, value, box or null, path of its crop or null) of one end, and notes the pictures in `used`."""
    part = units.get(end)
    if not part:
        return []
    key, crops = shelf.layer(at)["records"]["units"], part.get("crop")
    found = []
    for place, number in enumerate(part["picture"][unit][:most]):
        used[number] = None
        box = part["box"][unit][place] if part.get("box") and part["box"][unit] else None
        crop = folders.short(shelf.file(key, crops[unit][place])) if crops else None
        found.append([number, brief(part["value"][unit][place]), box, crop])
    return found


def _similar(shelf: Shelf, units: Data, unit: int, folders: Folders) -> list[Any]:
    """(network, layer, unit, correlation, face) of the most similar units; layers as places."""
    found = []
    for label, layer, other, correlation in units["similar"][unit] if units.get("similar") else []:
        member = shelf.member(label)
        place = shelf.place(member, layer)
        if place is not None:
            face = folders.face(shelf.face(member, layer, other))
            found.append([member, place, other, brief(correlation), face])
    return found


def _inputs(shelf: Shelf, at: At, links: Data, unit: int, folders: Folders) -> list[Any]:
    """(layer, unit, weight, kernel or null, face) of the units that a unit depends on most, the largest first."""
    found = []
    for parent in links["parents"]:
        place = shelf.place(at[0], parent["layer"])
        if place is None:
            continue
        for one in parent["most"][unit]:
            face = folders.face(shelf.face(at[0], parent["layer"], one["unit"]))
            found.append([place, one["unit"], brief(one["weight"]), _kernel(one["kernel"]), face])
    return sorted(found, key=lambda one: -one[2])


def _outputs(shelf: Shelf, at: At) -> dict[int, list[Any]]:
    """The same of the units that depend on a unit: what its children's records say of it, the strongest at each end."""
    name = shelf.layer(at)["name"]
    found: dict[int, list[Any]] = {}
    for child, layer in enumerate(shelf.networks[at[0]]["layers"]):
        links = shelf.record((at[0], child), "links") if name in layer["parents"] else None
        for parent in links["parents"] if links else []:
            if parent["layer"] != name:
                continue
            for unit, row in enumerate(parent["most"]):
                face = shelf.face(at[0], layer["name"], unit)
                for one in row:
                    entry = [child, unit, brief(one["weight"]), _kernel(one["kernel"]), face]
                    found.setdefault(one["unit"], []).append(entry)
    return {unit: _strongest(rows) for unit, rows in found.items()}


def _strongest(rows: list[Any]) -> list[Any]:
    rows = sorted(rows, key=lambda one: -one[2])
    up = [one for one in rows if one[2] > 0][:STRONGEST]
    down = [one for one in rows if one[2] <= 0][-STRONGEST:]
    return up + down


def _kernel(kernel: Sequence[Sequence[float | int]] | None) -> Any:
    return None if kernel is None else [[brief(value) for value in row] for row in kernel]
