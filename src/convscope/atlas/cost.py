"""What an atlas will cost, measured on a sample of its tasks before any is done; and how much fits into a budget."""

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import SupportsFloat

import numpy as np

from convscope.atlas import plan, work
from convscope.atlas.plan import Task
from convscope.atlas.store import Record
from convscope.atlas.subject import Member, Subject
from convscope.atlas.survey import drawn_anew, fewer
from convscope.errors import InputError

LAYERS = 8
"""Layers of each network whose drawings are timed, spread evenly; those between lie between."""

LOOKED_AT = 32
"""Pictures that are looked at for the estimate."""

SAMPLE = 1000
"""Pictures whose values are kept for every unit while an atlas is gathered."""

PAGE = 3000
"""Bytes of a unit on the pages, about; the rest is measured."""


@dataclass(frozen=True)
class Cost:
    """seconds: for one worker. memory: bytes of the largest process. disk: bytes.

    units: drawn. tasks: in all. drawing: seconds that one unit of each layer takes, for each network.
    """

    seconds: float
    memory: int
    disk: int
    units: int
    tasks: int
    drawing: tuple[tuple[float, ...], ...]

    def __str__(self) -> str:
        return (
            f"{self.units:,} units to draw, {self.tasks:,} tasks: about {duration(self.seconds)} for one worker, "
            f"{_size(self.memory)} of memory, {_size(self.disk)} on disk"
        )


def cost(subject: Subject) -> Cost:
    """Measure a few tasks of every kind and reckon up all of them. Takes from seconds to a minute; stores nothing."""
    tasks = plan.plan(subject)
    seconds, disk, drawing = 0.0, 0.0, []
    for place, member in enumerate(subject.members):
        own = [task for task in tasks if task.member == place]
        each, size = _drawing(subject, [task for task in own if task.kind == "draw"], member)
        drawing.append(each)
        counts = [len(drawn_anew(layer)) for layer in member.layers]
        seconds += float(np.dot(each, counts))
        disk += size * sum(counts)
        for kind in ("kernels", "links"):
            some, all_of = _sample(own, kind), sum(task.kind == kind for task in own)
            spent, written = _timed(subject, some)
            seconds += spent / max(len(some), 1) * all_of
            disk += written / max(len(some), 1) * all_of
        looks = [task for task in own if task.kind in ("look", "verdicts") and task.pictures[0] == 0]
        if looks and subject.gallery is not None:
            count = min(LOOKED_AT, len(subject.gallery))
            spent, written = _timed(subject, [replace(task, pictures=(0, count)) for task in looks], together=True)
            seconds += spent / count * len(subject.gallery)
            disk += written / count * min(len(subject.gallery), SAMPLE)
            kept = plan.seen(subject, place, range(count))
            spent, written = _timed(subject, kept)
            shown = min(
                len(subject.gallery), 3 * subject.recipe.examples * sum(layer.shape[0] for layer in member.layers)
            )
            seconds += spent / count * shown
            disk += written / count * shown
    every = sum(layer.shape[0] for member in subject.members for layer in member.layers)
    kilo = 1 if sys.platform == "darwin" else 1024  # what the system counts resident memory in
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo + 4 * SAMPLE * every
    units = sum(len(task.units) for task in tasks)
    return Cost(seconds, memory, int(disk + PAGE * every), units, len(tasks), tuple(drawing))


def within(subject: Subject, told: Cost, budget: SupportsFloat) -> Subject:
    """The same subject with so few units drawn, the same share of every layer, that one worker takes `budget` s.

    Raises InputError where even one unit of each layer does not fit.
    """
    counts = [[len(drawn_anew(layer)) for layer in member.layers] for member in subject.members]
    drawn = sum(float(np.dot(each, own)) for each, own in zip(told.drawing, counts, strict=True))
    left = float(budget) - (told.seconds - drawn)
    least = sum(map(sum, told.drawing))
    if left < least:
        raise InputError(
            f"budget: {duration(float(budget))}; one unit of each layer, and the rest, take "
            f"{duration(told.seconds - drawn + least)}; give that, or fewer layers or pictures"
        )
    if left >= drawn:
        return subject
    # one of each, and the same share of all others
    share = (left - least) / max(drawn - least, 1e-9)
    members = tuple(
        fewer(member, [1 + int(share * (count - 1)) if count else 0 for count in own])
        for member, own in zip(subject.members, counts, strict=True)
    )
    return replace(subject, members=members)


def seconds_of(text: str) -> float:
    """`90s`, `20m`, `1.5h` or `an hour` as seconds. Raises InputError for anything else."""
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    words = {"an hour": 3600.0, "a day": 86400.0}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        value = float(text[:-1]) * unit[text[-1]]
    except (ValueError, KeyError, IndexError):
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(f"budget={text!r}: give a time such as 90s, 20m or 1.5h")
    return value


def duration(seconds: float | int) -> str:
    """For reading.

    >>> duration(4), duration(200), duration(9000)
    ('4 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _drawing(subject: Subject, tasks: Sequence[Task], member: Member) -> tuple[tuple[float, ...], float]:
    """Seconds that one unit of each layer takes, between the layers that are timed on the way; bytes of one."""
    if not tasks:
        return (0.0,) * len(member.layers), 0.0
    names = [layer.name for layer in member.layers]
    first = {task.layer: task for task in reversed(tasks)}
    timed = sorted(first, key=names.index)
    timed = [timed[i * (len(timed) - 1) // max(min(LAYERS, len(timed)) - 1, 1)] for i in range(min(LAYERS, len(timed)))]
    spent, written, count = [], 0, 0
    for name in timed:
        some = replace(first[name], units=first[name].units[:4])
        seconds, size = _timed(subject, [some])
        spent.append(seconds / len(some.units))
        written, count = written + size, count + len(some.units)
    each = np.interp(range(len(names)), [names.index(name) for name in timed], spent)
    return tuple(each.tolist()), written / count


def _sample(tasks: Sequence[Task], kind: str) -> list[Task]:
    own = [task for task in tasks if task.kind == kind]
    return own[:: max(len(own) // 3, 1)][:3]


def _timed(subject: Subject, tasks: Sequence[Task], together: bool = False) -> tuple[float, int]:
    """Seconds and bytes."""
    start, size = perf_counter(), 0
    for group in [tuple(tasks)] if together else [(task,) for task in tasks]:
        size += sum(_bytes(record) for record in work.run(subject, group))
    return perf_counter() - start, size


def _bytes(record: Record) -> int:
    return len(str(record.numbers)) + sum(map(len, record.files.values()))


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"
