"""What is kept of a stream: for each unit the pictures at both ends, sums, class sums; for all a sample of pictures."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.exemplars.found import ClassLinks, Examples, Extremes, Sample, places
from convscope.lens.exemplars.loops import insert
from convscope.lens.exemplars.summary import Summary

SAMPLE = 1000
"""Pictures of a stream whose values are kept, for quantiles and percentiles."""


class Reservoir:
    """Which pictures of a stream are in the sample: every one with the same chance, decided as it passes.

    Source: Vitter 1985, "Random sampling with a reservoir", algorithm R.
    """

    def __init__(self, seed: int):
        self._random = np.random.default_rng(seed)
        self._seen = 0
        self.index = np.empty(SAMPLE, np.int64)

    def __len__(self) -> int:
        return min(self._seen, SAMPLE)

    def admit(self, count: int) -> tuple[Int[np.ndarray, " a"], Int[np.ndarray, " a"]]:
        """Of the next `count` pictures those that enter, by their place in the batch, and the sample's row for each."""
        number = np.arange(self._seen, self._seen + count)
        rows = (self._random.random(count) * (number + 1)).astype(np.int64)  # one draw a picture, however batched
        rows = np.where(number < SAMPLE, number, rows)
        enter = np.flatnonzero(rows < SAMPLE)
        self.index[rows[enter]] = number[enter]  # of two for one row the later stays, as in the layers
        self._seen += count
        return enter, rows[enter]


class Kept:
    """One layer's share. What it takes grows with units x (k + SAMPLE + classes), not with pictures."""

    def __init__(self, first: Summary, k: int):
        self.shift = first.shift
        units, dtype = first.value.shape[1], first.value.dtype
        self.shape = first.positions
        self._ends = [
            (sign, np.full((units, k), -np.inf, dtype), np.full((units, k), -1), np.zeros((units, k), np.int32))
            for sign in (dtype.type(1), dtype.type(-1))
        ]
        self._sums = np.zeros((3, units))
        self._cells = 0
        self._value = np.empty((SAMPLE, units), dtype)
        most = int(np.prod(first.positions, dtype=np.int64))
        self._place = np.empty((SAMPLE, units), np.min_scalar_type(most))
        self._by_class = np.zeros((0, units))
        self._count = np.zeros(0, np.int64)

    def add(
        self,
        name: str,
        summary: Summary,
        start: int,
        admitted: tuple[Int[np.ndarray, " a"], Int[np.ndarray, " a"]],
        labels: Int[np.ndarray, " n"] | None,
    ) -> None:
        """A batch whose first picture is number `start` of the stream. Raises InputError for another size of maps."""
        if summary.positions != self.shape:
            raise InputError(
                f"layer {name!r}: maps of {summary.positions} after {self.shape}; give pictures of one size"
            )
        for sign, *kept in self._ends:
            insert(summary.value, summary.place, start, sign, *kept)
        self._sums += summary.total, summary.squares, summary.positive
        self._cells += len(summary.value) * int(np.prod(summary.positions, dtype=np.int64))
        pictures, rows = admitted
        self._value[rows], self._place[rows] = summary.value[pictures], summary.place[pictures]
        if labels is not None:
            more = max(int(labels.max()) + 1 - len(self._count), 0)
            self._by_class = np.pad(self._by_class, ((0, more), (0, 0)))
            self._count = np.pad(self._count, (0, more))
            np.add.at(self._by_class, labels, summary.value)
            np.add.at(self._count, labels, 1)

    @property
    def places(self) -> int:
        """How many pictures there is room for, at both ends of all units."""
        return sum(index.size for _, _, index, _ in self._ends)

    def newest(self, start: int) -> list[tuple[str, int, int, int]]:
        """(end, unit, index, place) of the pictures from number `start` on that are kept at an end."""
        return [
            (end, int(unit), int(index[unit, j]), int(place[unit, j]))
            for end, (_, _, index, place) in zip(("top", "bottom"), self._ends)
            for unit, j in np.argwhere(index >= start)
        ]

    def holds(self, end: str, unit: int, index: int) -> bool:
        return bool((self._ends[end == "bottom"][2][unit] == index).any())

    def examples(self, reservoir: Reservoir, seen: int, field: Field | None, names: Sequence[str]) -> Examples:
        """What was kept, after `seen` pictures."""
        total, squares, positive = self._sums / self._cells
        order = np.argsort(reservoir.index[: len(reservoir)], kind="stable")
        sample = Sample(reservoir.index[order], self._value[order], self._place[order])
        top, bottom = (
            Extremes(index[:, :seen], sign * value[:, :seen], places(place[:, :seen], self.shape))
            for sign, value, index, place in self._ends
        )
        return Examples(
            top=top,
            bottom=bottom,
            mean=self.shift + total,
            std=np.sqrt(np.maximum(squares - total**2, 0)),
            positive=positive,
            sample=sample,
            shape=self.shape,
            field=field,
            classes=self._links(names) if len(self._count) else None,
        )

    def _links(self, names: Sequence[str]) -> ClassLinks:
        count = np.pad(self._count, (0, max(len(names) - len(self._count), 0)))
        sums = np.pad(self._by_class, ((0, len(count) - len(self._by_class)), (0, 0)))
        mean = np.divide(sums, count[:, None], out=np.full(sums.shape, np.nan), where=count[:, None] > 0).T
        named = tuple(names[c] if c < len(names) else str(c) for c in range(len(count)))
        return ClassLinks(named, count, mean)
