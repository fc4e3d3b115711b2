"""What is said of all units of a layer, number by number: what walls, searches and distributions are made of."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from convscope.atlas.site.scripts import brief
from convscope.atlas.site.shelf import At, Data, Folders, Shelf

LABELS = ("clear", "plausible", "drawn", "mixed", "do not trust", "dead", "not drawn")
"""How far a unit's drawing can be believed, the most first. Columns hold places in this list."""

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of the pictures below the five numbers that stand for a unit's distribution."""

THUMBS = 6
"""Drawings of a layer that the map shows."""


def columns(shelf: Shelf, at: At, units: Data) -> Data:
    """The script of one layer; its lists have an entry for each unit, or are null where nothing is known."""
    folders = Folders()
    names: dict[str, int] = {}
    classes = units.get("classes")
    most = None
    if classes:
        most = [[names.setdefault(classes["names"][c], len(names)) for c, _ in row] for row in classes["most"]]
    network, layer = shelf.networks[at[0]], shelf.layer(at)
    histogram = units.get("histogram")
    return {
        "face": [folders.face(face) for face in shelf.faces[at]],
        "label": [LABELS.index(label) for label in units["label"]],
        **{name: _brief(units.get(name)) for name in ("mean", "positive", "largest", "selectivity")},
        "quantiles": None if not histogram else [quantiles(*row) for row in _rows(histogram)],
        "classes": most,
        "classNames": list(names),
        "names": list(network["classes"]) if layer.get("is_output") else None,
        "kernels": _kernels(shelf, at, folders),
        "record": shelf.json(at),
        "folders": folders.names,
    }


def unknown(count: int) -> Data:
    """The same as a units record of a layer of which nothing was found out."""
    nothing = [None] * count
    return {"label": ["not drawn"] * count, "reasons": [[] for _ in nothing], "copy": nothing}


def counted(columns: Data) -> dict[str, int]:
    """How many units have each label, those that occur only."""
    counts = Counter(columns["label"])
    return {LABELS[k]: counts[k] for k in sorted(counts)}


def thumbs(columns: Data) -> list[int]:
    """Units that stand for their layer on the map: drawn ones, the most trusted first, then by number."""
    drawn = [unit for unit, face in enumerate(columns["face"]) if isinstance(face, str)]
    return sorted(drawn, key=lambda unit: (columns["label"][unit], unit))[:THUMBS]


def quantiles(low: float | int, high: float | int, counts: Sequence[int]) -> list[float | int | None]:
    """The values below which the `SHARES` of a histogram's entries lie, evenly spread within each bin.

    >>> quantiles(0.0, 4.0, [5, 5, 5, 5])
    [0.2, 1, 2, 3, 3.8]
    """
    total, step = sum(counts), (high - low) / len(counts)
    found, below, place = [], 0, 0
    for share in SHARES:
        while place < len(counts) - 1 and below + counts[place] < share * total:
            below += counts[place]
            place += 1
        within = (share * total - below) / counts[place] if counts[place] else 0.0
        found.append(brief(float(low + step * (place + within))))
    return found


def _rows(histogram: Data) -> Any:
    return zip(histogram["low"], histogram["high"], histogram["counts"], strict=True)


def _brief(values: Sequence[float | int | None] | None) -> list[float | int | None] | None:
    return None if values is None else [brief(value) for value in values]


def _kernels(shelf: Shelf, at: At, folders: Folders) -> Data | None:
    """What is common to a layer's kernel pictures, and their paths."""
    record = shelf.record(at, "kernels")
    if record is None:
        return None
    paths = [folders.short(shelf.kernel(at, unit)) for unit in range(shelf.layer(at)["shape"][0])]
    return {name: value for name, value in record.items() if name != "layer"} | {"paths": paths}
