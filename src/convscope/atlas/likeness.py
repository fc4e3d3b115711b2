"""Which units say the same: correlations of what units of any layers and networks say to the same pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, Int64

MOST = 5
"""Similar units that are named of each group."""

FEWEST = 3
"""Pictures below which a correlation says nothing."""

ROWS, COLUMNS = 256, 4096
"""Units that are compared with units in one product. Fixed, so that the same units give the same bits."""

STEPS = 10_000
"""Correlations are told apart to that part of 1, so that the last bits of a sum decide nothing."""

_BEHIND = 2**32

Similar = list[list[int | str | float]]
"""[network's place, layer, unit, correlation] of each."""


@dataclass(frozen=True)
class Answers:
    """What one layer's units say to r pictures, the same for all layers.

    member: the network's place. copies: units that repeat one of an earlier layer of their network, (layer, unit).
    """

    member: int
    layer: str
    values: Float[np.ndarray, "r units"]
    copies: Mapping[int, tuple[str, int]] = field(default_factory=dict)


def similar(layers: Sequence[Answers]) -> Iterator[list[Similar]]:
    """For each layer, for each of its units: up to 5 most similar ones of the same layer, then 5 of the network's other
    layers, then 5 of each other network, by Pearson's correlation, as far as it is above 0.

    A unit that only repeats another counts in its own layer alone, and no unit is told of the one that it repeats. Of
    equal correlations (to four digits) the one of the earlier network, layer and unit comes first. Units that are
    constant over the pictures are similar to none. Memory: all units x r numbers, float32.
    """
    every = _Units(layers)
    for number, layer in enumerate(layers):
        told: list[Similar] = []
        for start in range(0, layer.values.shape[1], ROWS):
            told += every.similar_to(number, start, min(start + ROWS, layer.values.shape[1]))
        yield told


class _Units:
    """All units side by side, in the order of networks, layers and units."""

    def __init__(self, layers: Sequence[Answers]):
        counts = [layer.values.shape[1] for layer in layers]
        self.layers = layers
        self.begins = np.cumsum([0, *counts])
        self.layer = np.repeat(np.arange(len(layers)), counts)
        self.standard = np.concatenate([_standardised(layer.values) for layer in layers])
        self.varies = np.any(self.standard, 1)
        place = {(layer.member, layer.layer): int(begin) for layer, begin in zip(layers, self.begins)}
        self.original = np.full(len(self.layer), -1)
        for layer, begin in zip(layers, self.begins):
            for unit, (name, other) in layer.copies.items():
                if (layer.member, name) in place:
                    self.original[begin + unit] = place[layer.member, name] + other
        member = np.repeat([layer.member for layer in layers], counts)
        self.candidates = {
            int(m): np.flatnonzero((member == m) & self.varies & (self.original == -1)) for m in np.unique(member)
        }

    def similar_to(self, number: int, start: int, stop: int) -> list[Similar]:
        begin, end = (int(n) for n in self.begins[number : number + 2])
        own = np.arange(begin + start, begin + stop)
        member = self.layers[number].member
        among = [np.flatnonzero(self.varies[begin:end]) + begin]
        among += [self.candidates[m] for m in sorted(self.candidates, key=lambda m: (m != member, m))]
        told: list[Similar] = [[] for _ in own]
        for place, candidates in enumerate(among):
            unwanted = number if place == 1 else -1
            for row, best in enumerate(self._best(own, candidates, unwanted)):
                told[row] += [self._told(column, steps) for column, steps in best]
        return told

    def _best(
        self, own: Int64[np.ndarray, " q"], candidates: Int64[np.ndarray, " n"], unwanted: int
    ) -> list[list[tuple[int, int]]]:
        """For each unit the candidates most like it, not of the unwanted layer: (which, correlation in steps)."""
        keys = np.zeros((len(own), 0), np.int64)  # correlation before, place behind: each differs from all others
        for start in range(0, len(candidates), COLUMNS):
            some = candidates[start : start + COLUMNS]
            steps = np.rint(self.standard[own] @ self.standard[some].T * STEPS).astype(np.int64)
            steps[some == own.reshape(-1, 1)] = 0
            steps[some == self.original[own].reshape(-1, 1)] = 0
            steps[:, self.layer[some] == unwanted] = 0
            keys = np.concatenate([keys, steps * _BEHIND - some], 1)
            if keys.shape[1] > MOST:
                keys = np.partition(keys, keys.shape[1] - MOST, 1)[:, -MOST:]
        keys = np.sort(keys, 1)[:, ::-1]
        return [[(-key % _BEHIND, -(-key // _BEHIND)) for key in row if key > 0] for row in keys.tolist()]

    def _told(self, column: int, steps: int) -> list[int | str | float]:
        number = int(self.layer[column])
        layer = self.layers[number]
        return [layer.member, layer.layer, column - int(self.begins[number]), steps / STEPS]


def _standardised(values: Float[np.ndarray, "r units"]) -> Float32[np.ndarray, "units r"]:
    """Of length 1 about a mean of 0, so that products are correlations; zeros for a unit that is constant."""
    off = values.T.astype(np.float64)
    constant = (off == off[:, :1]).all(1) if len(values) >= FEWEST else np.ones(len(off), bool)
    off = off - off.mean(1, keepdims=True) if len(values) else off
    length = np.sqrt((off**2).sum(1, keepdims=True))
    off = np.divide(off, length, out=np.zeros_like(off), where=~constant[:, None] & (length > 0))
    return off.astype(np.float32)
