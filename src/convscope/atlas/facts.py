"""What the manifest tells of an atlas, beside its records: networks, layers, pictures, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from convscope import __version__
from convscope.atlas.plan import Task
from convscope.atlas.store import Store
from convscope.atlas.subject import Layer, Member, Subject
from convscope.geometry import Field

Facts = dict[str, Any]
MISREAD = 60
"""Pictures that were read wrongly and are shown."""

History = Mapping[str, Sequence[Mapping[str, float | int]]]


def facts(subject: Subject, command: str = "", history: History | None = None) -> Facts:
    """All that is known before any task is done; see docs/format.md for the fields.

    command: what makes the atlas again. history: rows of a training, by a network's label.
    """
    gallery = subject.gallery
    return {
        "version": __version__,
        "seed": subject.seed,
        "command": command,
        "recipe": asdict(subject.recipe),
        "gallery": None
        if gallery is None
        else {"name": gallery.name, "count": len(gallery), "classes": list(gallery.classes), "skipped": []},
        "networks": [_network(member, (history or {}).get(member.label, ())) for member in subject.members],
    }


def with_records(told: Facts, store: Store, tasks: Sequence[Task], units: Mapping[tuple[int, str], str]) -> Facts:
    """The same once everything is done: which records tell of each layer, and what they say of the whole.

    units: the key of what was gathered of each layer, by the network's place and the layer's name.
    """
    networks, skipped = [], {}
    for member, network in enumerate(told["networks"]):
        own = [task for task in tasks if task.member == member]
        keys: dict[tuple[str, str], list[str]] = {}
        for task in own:
            keys.setdefault((task.kind, task.layer), []).append(task.key)
        layers = [_with_keys(layer, store, keys, units[member, layer["name"]]) for layer in network["layers"]]
        for key in keys.get(("look", layers[0]["name"]), []):  # every layer of a network was shown the same pictures
            skipped |= dict.fromkeys(store.numbers(key)["problems"])
        seen = keys.get(("seen", ""), [])
        networks.append(network | {"layers": layers, "seen": seen, "verdicts": gathered_verdicts(store, own)})
    gallery = told["gallery"]
    return told | {"networks": networks, "gallery": gallery and gallery | {"skipped": list(skipped)}}


def gathered_verdicts(store: Store, tasks: Sequence[Task]) -> Facts | None:
    """Right and wrong answers of one network on all pictures; None where its answers are not of the pictures' classes.

    confusion: pictures of each class (rows) by the class read. misread: the surest mistakes. count: of all mistakes.
    """
    parts = [store.numbers(task.key) for task in tasks if task.kind == "verdicts"]
    if not parts:
        return None
    confusion = np.sum([part["confusion"] for part in parts], axis=0)
    misread = [one for part in parts for one in part["misread"]]
    misread.sort(key=lambda one: (-one["probability"], one["picture"]))
    count = sum(part["count"] for part in parts)
    return {"confusion": confusion.tolist(), "misread": misread[:MISREAD], "count": count}


def _with_keys(layer: Facts, store: Store, keys: Mapping[tuple[str, str], list[str]], units: str) -> Facts:
    def only(kind: str) -> str | None:
        return next(iter(keys.get((kind, layer["name"]), [])), None)

    links = only("links")
    parents = [parent["layer"] for parent in store.numbers(links)["parents"]] if links else []
    records = {
        "units": units,
        "draw": keys.get(("draw", layer["name"]), []),
        "kernels": only("kernels"),
        "links": links,
    }
    return layer | {"parents": parents, "records": records}


def _network(member: Member, history: Sequence[Mapping[str, float | int]]) -> Facts:
    network = member.network
    return {
        "label": member.label,
        "source": network.source,
        "weights": member.weights,
        "input_shape": list(network.input_shape),
        "parameters": sum(weight.numel() for weight in network.model.parameters()),
        "preprocessing": None if network.preprocessing is None else str(network.preprocessing),
        "classes": list(network.classes),
        "history": [dict(row) for row in history],
        "verdicts": None,
        "layers": [_layer(layer, _is_output(layer, member)) for layer in member.layers],
        "seen": [],
    }


def _layer(layer: Layer, is_output: bool) -> Facts:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "parameters": layer.parameters,
        "is_block": layer.is_block,
        "is_output": is_output,
        "kernel": None if layer.kernel is None else list(layer.kernel),
        "field": None if layer.field is None else _field(layer.field),
        "drawn": sorted({*layer.units, *layer.copies}),
        "parents": [],
        "records": {"units": None, "draw": [], "kernels": None, "links": None},
    }


def _field(field: Field) -> Facts:
    return {
        "size": list(field.size),
        "stride": [float(step) for step in field.stride],
        "offset": list(field.offset),
        "whole": field.whole,
    }


def _is_output(layer: Layer, member: Member) -> bool:
    """Whether the layer's units are the network's classes."""
    return layer is member.layers[-1] and layer.shape[0] == len(member.network.classes)
