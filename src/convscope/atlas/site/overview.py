"""What the first page loads: networks, their maps, and how many units of each layer can be believed."""

from collections.abc import Sequence
from typing import Any

from convscope.atlas.site.cards import CHUNK
from convscope.atlas.site.columns import LABELS
from convscope.atlas.site.graph import lay_out
from convscope.atlas.site.scripts import LANGUAGES, brief
from convscope.atlas.site.shelf import Data, Folders, Picture, Shelf

LARGEST_TABLE = 24
"""Classes up to which a confusion matrix is shown as one."""

PAIRS = 40
"""Confused pairs of classes that are told of where there are more."""

SKIPPED = 20
"""Pictures that could not be read, and are named."""

WIDE = 4
"""Times as wide as they are tall: the pictures of a network that are given wide places."""


def overview(shelf: Shelf, sums: Sequence[Sequence[Data]]) -> Data:
    """The script that every page begins with. sums: of each network's layers, labels counted and units to show."""
    folders = Folders()
    facts, gallery = shelf.facts, shelf.facts["gallery"]
    networks = [_network(shelf, member, of, folders) for member, of in enumerate(sums)]
    skipped = gallery["skipped"] if gallery else []
    return {
        "version": facts["version"],
        "seed": facts["seed"],
        "command": facts["command"],
        "recipe": facts["recipe"],
        "gallery": gallery
        and {
            "name": gallery["name"],
            "count": gallery["count"],
            "classes": len(gallery["classes"]),
            "skipped": skipped[:SKIPPED],
            "skippedCount": len(skipped),
        },
        "labels": LABELS,
        "languages": LANGUAGES,
        "chunk": CHUNK,
        "networks": networks,
        "folders": folders.names,
    }


def classes(facts: Data) -> list[str]:
    """Names of the pictures' classes."""
    return list(facts["gallery"]["classes"]) if facts["gallery"] else []


def training(network: Data, pictures: dict[int, Picture], names: Sequence[str]) -> Data:
    """How a network was trained and what it confuses, as far as it is known."""
    verdicts = network["verdicts"]
    if verdicts is None:
        return {"history": network["history"], "verdicts": None}
    matrix, folders = verdicts["confusion"], Folders()
    total = sum(map(sum, matrix))
    told: Data = {
        "names": list(names),
        "right": sum(row[k] for k, row in enumerate(matrix)),
        "total": total,
        "matrix": matrix if len(matrix) <= LARGEST_TABLE else None,
        "pairs": None if len(matrix) <= LARGEST_TABLE else _pairs(matrix),
        "count": verdicts["count"],
        "misread": [_misread(one, pictures, names, folders) for one in verdicts["misread"]],
    }
    return {"history": network["history"], "verdicts": told | {"folders": folders.names}}


def _network(shelf: Shelf, member: int, sums: Sequence[Data], folders: Folders) -> Data:
    network = shelf.networks[member]
    layers = network["layers"]
    parents = [[shelf.place(member, name) for name in layer["parents"]] for layer in layers]
    drawn = lay_out([[place for place in some if place is not None] for some in parents])
    return {
        **{key: network[key] for key in ("label", "source", "weights", "input_shape", "parameters", "preprocessing")},
        "training": bool(network["history"]) or network["verdicts"] is not None,
        "wide": _are_wide(shelf.pictures(member)),
        "order": drawn.order,
        "edges": drawn.edges,
        "skips": drawn.skips,
        "width": drawn.width,
        "layers": [
            {
                **{key: layer[key] for key in ("name", "kind", "shape", "parameters", "is_block", "kernel", "field")},
                "lane": drawn.lanes[place],
                "labels": sums[place]["labels"],
                "thumbs": [[unit, folders.face(shelf.faces[member, place][unit])] for unit in sums[place]["thumbs"]],
            }
            for place, layer in enumerate(layers)
        ],
    }


def _are_wide(pictures: dict[int, Picture]) -> bool:
    """Whether most whole pictures are, as lines of words are."""
    ratios = sorted(kept.width / kept.height for kept in pictures.values() if kept.width and kept.height)
    return bool(ratios) and ratios[len(ratios) // 2] >= WIDE


def _pairs(matrix: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """(is, read as, how often), the most frequent first."""
    found = [(i, j, n) for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j and n]
    return sorted(found, key=lambda one: (-one[2], one[:2]))[:PAIRS]


def _misread(one: Data, pictures: dict[int, Picture], names: Sequence[str], folders: Folders) -> list[Any]:
    """[path or null, name, width, height, class, read as, probability]."""
    kept = pictures.get(one["picture"])
    shown = (
        [folders.short(kept.path), kept.name, kept.width, kept.height] if kept else [None, str(one["picture"]), 1, 1]
    )
    return [*shown, names[one["label"]], names[one["read"]], brief(one["probability"])]
