"""From a subject to the tasks that make its atlas. Nothing is run."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np

from convscope import __version__
from convscope.atlas.gallery import Gallery
from convscope.atlas.subject import Member, Subject

FORMAT = 1
"""Raised whenever `work` makes other records of the same task: older ones are then made again."""

UNITS = 16
"""Units that one task draws: enough to fill a batch, few enough that stopping loses little."""

PICTURES = 256
"""Pictures that one task looks at."""

Kind = Literal["look", "verdicts", "draw", "kernels", "links", "seen"]


@dataclass(frozen=True)
class Task:
    """One piece of work, to be pickled and done anywhere; it makes one record, named `key`.

    member: which network, by its place in the subject. layer: its name; empty where a task is of the network.
    units: of the layer, to be drawn. pictures: first and stop of the gallery, to be looked at (look, verdicts), or
    the numbers of those to be kept (seen).
    """

    kind: Kind
    member: int
    layer: str = ""
    units: tuple[int, ...] = ()
    pictures: tuple[int, ...] = ()
    key: str = ""


Group = tuple[Task, ...]
"""Tasks that are done together, since one pass serves them all: those that look at the same pictures."""


def plan(subject: Subject) -> list[Task]:
    """All tasks but those that can be known only when these are done (`seen`)."""
    return [task for place in range(len(subject.members)) for task in _of_member(subject, place)]


def seen(subject: Subject, member: int, pictures: Sequence[int]) -> list[Task]:
    """Tasks that keep whole pictures, those that some unit was shown with."""
    tasks = []
    gallery = subject.gallery
    for shard, some in groupby(sorted(set(pictures)), key=lambda i: i // PICTURES):
        numbers = tuple(some)
        ends = shard * PICTURES, min((shard + 1) * PICTURES, len(gallery or ()))
        what = [_entry(subject, member), "" if gallery is None else gallery.identity(*ends), numbers]
        tasks.append(Task("seen", member, pictures=numbers, key=_key("seen", str(shard), what)))
    return tasks


def groups(tasks: Sequence[Task]) -> list[Group]:
    """The same tasks, those that look at the same pictures with the same network together."""
    looks: dict[tuple, list[Task]] = {}
    rest: list[Group] = []
    for task in tasks:
        if task.kind in ("look", "verdicts"):
            looks.setdefault((task.member, task.pictures), []).append(task)
        else:
            rest.append((task,))
    return [*(tuple(group) for group in looks.values()), *rest]


def part(all_groups: Sequence[Group], which: int, of: int) -> list[Group]:
    """Every `of`-th group, from the one with number `which` (1 to `of`): what one of several machines does."""
    return list(all_groups[which - 1 :: of])


def slug(name: str) -> str:
    """A name as part of a file name: letters, digits, dot, dash and underscore, at most 40, never hidden."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:40] or "x"


def digest(*what: Any) -> str:
    """Twenty hexadecimal digits that stand for plain data."""
    return hashlib.sha256(json.dumps(what, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:20]


def _of_member(subject: Subject, place: int) -> Iterator[Task]:
    member, recipe, gallery = subject.members[place], subject.recipe, subject.gallery
    entry = _entry(subject, place)
    shards = [] if gallery is None else _shards(gallery, subject.seed)
    for layer in member.layers:
        for pictures, identity, sampled in shards:
            what = [member.weights, entry, layer.name, identity, sampled, recipe.examples]
            yield Task("look", place, layer.name, (), pictures, _key("look", layer.name, what))
    if gallery is not None and has_verdicts(member, gallery.classes):
        for pictures, identity, _ in shards:
            what = [member.weights, entry, identity, pictures, gallery.labels_of(*pictures)]
            yield Task("verdicts", place, "", (), pictures, _key("verdicts", "", what))
    whole = "" if gallery is None else gallery.identity(0, len(gallery))
    for layer in member.layers:
        for units in _chunks([unit for unit in layer.units if unit not in layer.copies]):
            how = [recipe.facets, recipe.steps, subject.seed, *([whole] if recipe.trust else [])]
            what = [member.weights, entry, layer.name, units, how]
            yield Task("draw", place, layer.name, units, (), _key("draw", layer.name, what))
        if layer.kernel is not None:
            yield Task("kernels", place, layer.name, key=_key("kernels", layer.name, [member.weights, layer.name]))
    names = [layer.name for layer in member.layers]
    for layer in member.layers:
        what = [member.weights, entry, layer.name, names, recipe.links, whole or subject.seed]
        yield Task("links", place, layer.name, key=_key("links", layer.name, what))


def has_verdicts(member: Member, classes: Sequence[str]) -> bool:
    """Whether the pictures' classes are the network's own, so that its answers are right or wrong."""
    return bool(classes) and tuple(classes) == tuple(member.network.classes)


def _chunks(units: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(units[i : i + UNITS]) for i in range(0, len(units), UNITS)]


def _entry(subject: Subject, place: int) -> list[str]:
    """How pictures enter a network."""
    network = subject.members[place].network
    return [str(network.input_shape), str(network.preprocessing), type(network.world).__name__]


def _shards(gallery: Gallery, seed: int) -> list[tuple[tuple[int, int], str, list[int]]]:
    """Of each the first picture and the one behind its last, what the pictures are, and which of them are in the sample
    of the whole gallery."""
    ends = [(first, min(first + PICTURES, len(gallery))) for first in range(0, len(gallery), PICTURES)]
    sample = gallery.sample(seed)
    return [
        (
            (first, stop),
            gallery.identity(first, stop),
            (sample[np.searchsorted(sample, first) : np.searchsorted(sample, stop)] - first).tolist(),
        )
        for first, stop in ends
    ]


def _key(kind: str, name: str, what: Any) -> str:
    return "-".join(filter(None, [kind, slug(name) if name else "", digest(kind, __version__, FORMAT, what)]))
