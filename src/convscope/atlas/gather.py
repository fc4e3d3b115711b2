"""What all tasks together say of each unit: examples, statistics, classes, similar units, and a label."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from convscope import __version__
from convscope.atlas.judging import Judgement, judged
from convscope.atlas.likeness import Answers, similar
from convscope.atlas.looking import found_in
from convscope.atlas.plan import FORMAT, Task, digest, slug
from convscope.atlas.store import Record, Store
from convscope.atlas.subject import Layer, Member, Subject
from convscope.lens.exemplars import ClassLinks, Examples, Extremes
from convscope.lens.exemplars.crops import part_of, seen_by
from convscope.lens.exemplars.merging import Part, merged
from convscope.pictures import webp

ENDS = ("top", "middle", "bottom")
BINS = 24
"""Of a unit's histogram."""

CLASSES = 3
"""Classes that are named of a unit, those of the largest means."""

Numbers = dict[str, Any]


def gather(subject: Subject, tasks: Sequence[Task], store: Store) -> Iterator[Record]:
    """One "units" record for each layer of each network, in order; made of the records of all tasks, which are stored.

    What was gathered before is read from the store, unless something that it is made of has changed.
    """
    keys = unit_keys(subject, tasks)
    if all(map(store.has, keys.values())):
        yield from map(store.record, keys.values())
        return
    of: dict[tuple[str, int, str], list[Task]] = {}
    for task in tasks:
        of.setdefault((task.kind, task.member, task.layer), []).append(task)
    found = {place: _looked(subject, of.get(("look", *place), []), store) for place in keys}
    alike = similar(_answers(subject, found))
    said: dict[tuple[int, str], list[Judgement]] = {}
    for (place, name), key in keys.items():
        member = subject.members[place]
        layer = member.layer(name)
        drawn = [store.numbers(task.key) for task in of.get(("draw", place, name), [])]
        own = said[place, name] = _judgements(layer, drawn, found[place, name])
        for unit, (other, original) in layer.copies.items():
            own[unit] = said[place, other][original]
        numbers: Numbers = {
            "member": place,
            "layer": name,
            "label": [label for label, _ in own],
            "reasons": [reasons for _, reasons in own],
            "copy": [[*layer.copies[unit]] if unit in layer.copies else None for unit in range(layer.shape[0])],
            "similar": next(alike),
        }
        told, files = _of_pictures(subject, member, layer, found[place, name])
        yield Record(key, numbers | told, files)


def unit_keys(subject: Subject, tasks: Sequence[Task]) -> dict[tuple[int, str], str]:
    """The keys of all "units" records, by the network's place and the layer's name, in the order of `gather`."""
    looks = [task.key for task in tasks if task.kind == "look"]
    draws = {
        place: [task.key for task in tasks if task.kind == "draw" and task.member == place]
        for place in range(len(subject.members))
    }
    return {
        (place, layer.name): units_key(subject, place, layer.name, [*looks, *draws[place]])
        for place, member in enumerate(subject.members)
        for layer in member.layers
    }


def units_key(subject: Subject, member: int, layer: str, inputs: Sequence[str]) -> str:
    """The key of one "units" record. inputs: keys of what it is made of: what every layer says to the pictures, since
    any unit may be similar to it, and the drawings of its network, since its units may be copies of others."""
    copies = sorted((unit, *other) for unit, other in subject.members[member].layer(layer).copies.items())
    count = 0 if subject.gallery is None else len(subject.gallery)
    what = [__version__, FORMAT, member, layer, copies, count, subject.seed, list(inputs)]
    return f"units-{slug(layer)}-{digest('units', *what)}"


def used(record: Record) -> list[int]:
    """The numbers of the pictures that a "units" record shows, ascending."""
    shown = (record.numbers[end] for end in ENDS)
    return sorted({i for end in shown if end is not None for row in end["picture"] for i in row})


def _looked(subject: Subject, tasks: Sequence[Task], store: Store) -> Part | None:
    """What was found in all pictures; None where there were none."""
    classes = () if subject.gallery is None else subject.gallery.classes
    parts = (found_in(store.numbers(task.key), task.pictures[0], classes) for task in tasks)
    return merged((part for part in parts if part is not None), subject.recipe.examples)


def _answers(subject: Subject, found: Mapping[tuple[int, str], Part | None]) -> list[Answers]:
    """What all layers say to the sampled pictures that all networks have seen; nothing but zeros where one saw none."""
    seen = [part[1].sample.index for part in found.values() if part is not None]
    common = reduce(np.intersect1d, seen) if seen else np.array([], np.int64)
    answers = []
    for (place, name), part in found.items():
        layer = subject.members[place].layer(name)
        if part is None:
            values = np.zeros((len(common), layer.shape[0]), np.float32)
        else:
            values = part[1].sample.value[np.isin(part[1].sample.index, common)]
        answers.append(Answers(place, name, values, layer.copies))
    return answers


def _judgements(layer: Layer, drawn: Sequence[Numbers], part: Part | None) -> list[Judgement]:
    """Of each unit how far its drawing can be believed, and why."""
    said: list[Judgement] = [("not drawn", []) for _ in range(layer.shape[0])]
    for draw in drawn:
        for column, unit in enumerate(draw["units"]):
            natural = () if part is None else (part[1].mean, part[1].std, part[1].sample.value[:, unit])
            said[unit] = judged(draw, column, *natural)
    return said


def _of_pictures(subject: Subject, member: Member, layer: Layer, part: Part | None) -> tuple[Numbers, dict[str, bytes]]:
    """What real pictures say of a layer's units; null throughout where there are none."""
    if part is None:
        names = ("mean", "std", "positive", "largest", "selectivity", "histogram", *ENDS, "classes", "similar")
        return {"pictures": 0} | dict.fromkeys(names), {}
    pictures, examples = part
    top, bottom = examples.top, examples.bottom
    none = Extremes(top.index[:, :0], top.value[:, :0], top.place[:, :0])
    ends = {"top": top, "middle": examples.middle if len(examples.sample.index) else none, "bottom": bottom}
    numbers = {"pictures": pictures, **_statistics(examples), **_classes(examples.classes)}
    numbers |= {
        end: {"picture": own.index.tolist(), "value": _plain(own.value), "box": _boxes(own, layer, member)}
        for end, own in ends.items()
    }
    files = _crops(subject, member, layer, ends)
    for end in ends if files else ():
        numbers[end]["crop"] = _crop_names(ends[end])
    return numbers, files


def _statistics(examples: Examples) -> Numbers:
    values = examples.sample.value
    low, high = (values.min(0), values.max(0)) if len(values) else (examples.bottom.value[:, 0],) * 2
    width = np.where(high > low, high - low, 1)
    counts = np.zeros((values.shape[1], BINS), np.int64)
    bins = np.minimum(((values - low) / width * BINS).astype(np.int64), BINS - 1)
    np.add.at(counts, (np.arange(len(low)), bins), 1)
    return {
        "mean": _plain(examples.mean),
        "std": _plain(examples.std),
        "positive": _plain(examples.positive),
        "largest": _plain(examples.top.value[:, 0]),
        "histogram": {"low": _plain(low), "high": _plain(high), "counts": counts.tolist()},
    }


def _classes(links: ClassLinks | None) -> Numbers:
    if links is None:
        return {"classes": None, "selectivity": None}
    places = np.argsort(-links.mean, 1, kind="stable")[
        :, : min(CLASSES, int((links.count > 0).sum()))
    ]  # NaN comes last
    means = _plain(np.take_along_axis(links.mean, places, 1))
    most = [[[c, mean] for c, mean in zip(*row)] for row in zip(places.tolist(), means)]
    told = {"names": list(links.names), "count": links.count.tolist(), "most": most}
    return {"classes": told, "selectivity": _plain(links.selectivity)}


def _boxes(part: Extremes, layer: Layer, member: Member) -> list[list[list[int] | None]]:
    field = layer.field
    if not _sees_parts(layer, member) or member.network.world is not None:
        return [[None] * part.index.shape[1] for _ in part.index]
    known: dict[tuple[int, ...], list[int]] = {}
    for place in set(map(tuple, part.place.reshape(-1, part.place.shape[2]).tolist())):
        known[place] = [int(cell) for cell in seen_by(field, place, (0, 0))]
    return [[known[tuple(place)] for place in row] for row in part.place.tolist()]


def _sees_parts(layer: Layer, member: Member) -> bool:
    """Whether a unit sees less than the whole of a picture."""
    field = layer.field
    return field is not None and not field.whole and len(field.size) == len(member.network.input_shape) - 1


def _crops(subject: Subject, member: Member, layer: Layer, ends: Mapping[str, Extremes]) -> dict[str, bytes]:
    """Of inputs that are no photographs: what units see of their examples, as their world shows it. One file for each
    part of an input, which many units may share."""
    world, gallery = member.network.world, subject.gallery
    if world is None or gallery is None or not _sees_parts(layer, member):
        return {}
    parts = sorted({(index, place) for part in ends.values() for row in _shown(part) for index, place in row})
    stack = gallery.stack(member.network, sorted({index for index, _ in parts}))
    values = {i: one.numpy().astype(np.float32) for i, one in zip(stack.numbers, stack.inputs)}
    return {
        _crop_name(index, place): webp(world.show(part_of(values[index], layer.field, place))) for index, place in parts
    }


def _crop_names(part: Extremes) -> list[list[str]]:
    return [[_crop_name(*one) for one in row] for row in _shown(part)]


def _shown(part: Extremes) -> list[list[tuple[int, tuple[int, ...]]]]:
    """(picture, place on the layer's map) of each example of each unit."""
    return [
        [(index, tuple(place)) for index, place in zip(*row)]
        for row in zip(part.index.tolist(), part.place.tolist(), strict=True)
    ]


def _crop_name(index: int, place: tuple[int, ...]) -> str:
    return f"{'-'.join(map(str, (index, 'at', *place)))}.webp"


def _plain(values: np.ndarray) -> list[Any]:
    """Nested lists of numbers of seven digits, as many as activations have."""
    short = [float(f"{value:.7g}") for value in values.ravel().tolist()]
    return np.array(short).reshape(values.shape).tolist()
