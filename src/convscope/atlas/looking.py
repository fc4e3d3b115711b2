"""Real pictures through a network: one pass over some of a gallery's pictures for all layers, reduced to records."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from convscope.atlas.facts import MISREAD
from convscope.atlas.gallery import Gallery
from convscope.atlas.plan import Group, Task
from convscope.atlas.store import Record, packed, unpacked
from convscope.atlas.subject import Subject
from convscope.errors import InputError
from convscope.lens.exemplars import ClassLinks, Examples, Extremes, Found, Sample, examples
from convscope.lens.exemplars.feed import batch_size
from convscope.lens.exemplars.merging import Part, numbered
from convscope.lens.models import Network
from convscope.pictures import webp

QUALITY = 85
"""Of kept photographs, of 100."""

Numbers = dict[str, Any]


def look(subject: Subject, group: Group) -> tuple[Record, ...]:
    """What every layer of a group says to the same pictures ("look"), and what the network reads in them ("verdicts").

    The batches are the same wherever this runs, and each record stands for itself: its pictures are counted from the
    first of the group.
    """
    network, gallery = subject.members[group[0].member].network, subject.gallery
    if gallery is None:
        raise InputError("gallery: there is none; give pictures to look at")
    first, stop = group[0].pictures
    numbers: list[int] = []
    problems: list[str] = []

    def stream() -> Iterator[tuple[torch.Tensor, np.ndarray | None]]:
        for stack in gallery.stacks(network, range(first, stop), batch_size(network.input_shape)):
            numbers.extend(stack.numbers)
            problems.extend(stack.problems)
            if stack.numbers:
                yield stack.inputs, np.array(own) if None not in (own := [*map(gallery.label, stack.numbers)]) else None

    found = _gone_through(network, [task.layer for task in group], stream(), subject.recipe.examples)
    kept = np.isin(numbers, gallery.sample(subject.seed))
    places = np.array(numbers, np.int64) - first
    records = []
    for task in group:
        told: Numbers = {"layer": task.layer, "pictures": len(numbers), "problems": problems}
        if task.kind == "verdicts":
            said = None if found is None else found[""].sample.value
            records.append(Record(task.key, _verdicts(said, numbers, gallery)))
        elif found is None:
            records.append(Record(task.key, told))
        else:
            records.append(Record(task.key, told | _plain(found[task.layer], places, kept, gallery.classes)))
    return tuple(records)


def keep(subject: Subject, task: Task) -> Record:
    """Whole pictures, as the network sees them, as WebP files: photographs at quality 85, all else pixel by pixel."""
    network, gallery = subject.members[task.member].network, subject.gallery
    if gallery is None:
        raise InputError("gallery: there is none; give pictures to keep")
    told, files = [], {}
    for i in task.pictures:
        picture, label = gallery.show(network, i), gallery.label(i)
        one = {"number": i, "name": gallery.names[i], "width": None, "height": None, "file": None}
        if picture is not None:
            files[f"{i}.webp"] = webp(picture, QUALITY if network.world is None else None)
            one |= {"width": picture.shape[1], "height": picture.shape[0], "file": f"{i}.webp"}
        told.append(one | {"class": None if label is None else gallery.classes[label]})
    return Record(task.key, {"pictures": told}, files)


def found_in(numbers: Numbers, first: int, classes: Sequence[str]) -> Part | None:
    """What a "look" record says, to be merged: pictures seen and examples, numbered from `first`, the number of the
    record's first picture in the gallery; None where none of its pictures was sound."""
    if not numbers["pictures"]:
        return None
    top, bottom = (
        Extremes(part["index"].astype(np.int64), part["value"], part["place"].astype(np.int64))
        for part in (_unpacked(numbers[end]) for end in ("top", "bottom"))
    )
    sample = _unpacked(numbers["sample"])
    found = Examples(
        top=top,
        bottom=bottom,
        mean=unpacked(numbers["mean"]),
        std=unpacked(numbers["std"]),
        positive=unpacked(numbers["positive"]),
        sample=Sample(sample["index"].astype(np.int64), sample["value"], sample["place"]),
        shape=tuple(numbers["shape"]),
        classes=_links(numbers["classes"], classes),
    )
    return numbers["pictures"], numbered(found, first)


def _gone_through(
    network: Network, layers: Sequence[str], stream: Iterator[tuple[torch.Tensor, np.ndarray | None]], k: int
) -> Found | None:
    """Examples of the layers, "" being the network's own output; None where there is no picture at all.

    As many pictures as a task has are all in the sample that `examples` keeps.
    """
    head = next(stream, None)
    if head is None:
        return None
    inside = {name: name for name in layers}
    if "" in layers:  # so that the network itself has a name
        network = replace(network, model=nn.Sequential(OrderedDict(network=network.model)))
        inside = {name: f"network.{name}" if name else "network" for name in layers}
    found = examples(network, list(inside.values()), chain([head], stream), k)
    return Found({name: found[other] for name, other in inside.items()}, pictures=found.pictures)


def _plain(found: Examples, places: Int[np.ndarray, " n"], kept: np.ndarray, classes: Sequence[str]) -> Numbers:
    """places: of each picture of the stream, which one of the task's it is. kept: whether it is in the sample."""
    small = np.min_scalar_type(int(places.max()))

    def end(part: Extremes) -> Numbers:
        place = part.place.astype(np.min_scalar_type(max(found.shape, default=1)))
        return _packed({"index": places[part.index].astype(small), "value": part.value, "place": place})

    rows = kept[found.sample.index]
    sample = {
        "index": places[found.sample.index[rows]].astype(small),
        "value": found.sample.value[rows],
        "place": found.sample.place[rows],
    }
    told = {"shape": list(found.shape), "top": end(found.top), "bottom": end(found.bottom), "sample": _packed(sample)}
    told |= _packed({"mean": found.mean, "std": found.std, "positive": found.positive})
    return told | {"classes": _met(found.classes, classes) if found.classes is not None and classes else None}


def _met(links: ClassLinks, classes: Sequence[str]) -> Numbers:
    """Those classes only that some picture is of: a task's pictures mostly are of few."""
    met = np.flatnonzero(links.count)
    mean = links.mean[:, met].astype(np.float32)
    return {"names": [classes[c] for c in met.tolist()], "count": links.count[met].tolist(), "mean": packed(mean)}


def _links(told: Numbers | None, classes: Sequence[str]) -> ClassLinks | None:
    if told is None:
        return None
    met = [classes.index(name) for name in told["names"]]
    own = unpacked(told["mean"])
    count, mean = np.zeros(len(classes), np.int64), np.full((len(own), len(classes)), np.nan)
    count[met], mean[:, met] = told["count"], own
    return ClassLinks(tuple(classes), count, mean)


def _verdicts(said: Float[np.ndarray, "n classes"] | None, numbers: Sequence[int], gallery: Gallery) -> Numbers:
    """Pictures of each class (rows) by the class read; the surest mistakes; how many there are.

    said: the network's output for pictures that are in the gallery at `numbers`.
    """
    count = len(gallery.classes)
    confusion = np.zeros((count, count), np.int64)
    if said is None:
        return {"confusion": confusion.tolist(), "misread": [], "count": 0}
    if said.shape[1] != count:
        raise InputError(f"network: its output has {said.shape[1]} units for {count} classes; give one for each class")
    truth, read, sure = np.array([gallery.label(i) for i in numbers]), said.argmax(1), _probabilities(said).max(1)
    np.add.at(confusion, (truth, read), 1)
    wrong = np.flatnonzero(read != truth)
    surest = wrong[np.argsort(-sure[wrong], kind="stable")][:MISREAD]
    misread = [
        {"picture": numbers[i], "label": int(truth[i]), "read": int(read[i]), "probability": float(sure[i])}
        for i in map(int, surest)
    ]
    return {"confusion": confusion.tolist(), "misread": misread, "count": len(wrong)}


def _probabilities(said: Float[np.ndarray, "n classes"]) -> Float[np.ndarray, "n classes"]:
    """The softmax, of a network that does not end in one itself."""
    values = said.astype(np.float64)
    if (values >= 0).all() and np.allclose(values.sum(1), 1, atol=1e-3):
        return values
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _packed(arrays: Mapping[str, np.ndarray]) -> Numbers:
    return {name: packed(array) for name, array in arrays.items()}


def _unpacked(numbers: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: unpacked(one) for name, one in numbers.items()}
