"""Several passes over different pictures as one: what each found of a layer, put together."""

from collections.abc import Iterable
from dataclasses import replace
from math import prod

import numpy as np
from jaxtyping import Float

from convscope.errors import InputError
from convscope.lens.exemplars.found import ClassLinks, Examples, Extremes, Sample

AT_ONCE = 16
"""Parts whose ends are sorted together."""


Part = tuple[int, Examples]
"""How many pictures were seen, and what was found of one layer in them."""


def merged(parts: Iterable[Part], k: int) -> Part | None:
    """All parts as one pass over all their pictures would have found it; None of no parts.

    They come in any order and no picture is in two of them; `index` counts the pictures of all (see `numbered`). Of
    equal activations the earlier picture comes first. k: how many examples at each end; each part has as many, or all
    its pictures. The sample is what the parts have sampled; classes have the same places in all.

    What is held in memory grows with units x (k + sampled pictures), not with the number of parts.

    Raises InputError for parts of different layers.
    """
    whole: _Sums | None = None
    for part in parts:
        whole = _Sums(part) if whole is None else whole.add(part, k)
    return None if whole is None else (whole.pictures, whole.examples(k))


def numbered(found: Examples, first: int) -> Examples:
    """The same with the pictures' numbers counted from `first`."""
    top, bottom, sample = (replace(part, index=part.index + first) for part in (found.top, found.bottom, found.sample))
    return replace(found, top=top, bottom=bottom, sample=sample)


class _Sums:
    def __init__(self, part: Part):
        pictures, found = part
        self.first = found
        self.pictures = self.cells = 0
        self.mean = np.zeros(len(found.mean))
        self.squares = np.zeros(len(found.mean))
        self.positive = np.zeros(len(found.mean))
        self.classes: tuple[tuple[str, ...], np.ndarray, np.ndarray] | None = None
        self.samples: list[Sample] = []
        self.ends: list[list[Extremes]] = [[], []]
        self._count(pictures, found)

    def add(self, part: Part, k: int) -> "_Sums":
        pictures, found = part
        if found.shape != self.first.shape or len(found.mean) != len(self.mean):
            raise InputError(
                f"parts: {len(found.mean)} units with maps of {found.shape} after {len(self.mean)} of "
                f"{self.first.shape}; give parts of one layer"
            )
        self._count(pictures, found)
        if len(self.ends[0]) >= AT_ONCE:
            self.ends = [[_foremost(end, k, sign)] for end, sign in zip(self.ends, (-1, 1))]
        return self

    def examples(self, k: int) -> Examples:
        top, bottom = (_foremost(end, k, sign) for end, sign in zip(self.ends, (-1, 1)))
        index = np.concatenate([sample.index for sample in self.samples])
        order = np.argsort(index, kind="stable")
        value, place = (np.concatenate([getattr(one, n) for one in self.samples]) for n in ("value", "place"))
        return replace(
            self.first,
            top=top,
            bottom=bottom,
            mean=self.mean,
            std=np.sqrt(self.squares / self.cells),
            positive=self.positive / self.cells,
            sample=Sample(index[order], value[order], place[order]),
            classes=None if self.classes is None else _links(*self.classes),
        )

    def _count(self, pictures: int, found: Examples) -> None:
        """Means and sums of squares about them, joined. Source: Chan, Golub, LeVeque 1979, "Updating formulae and a
        pairwise algorithm for computing sample variances", equation 2.1."""
        cells = pictures * prod(found.shape)
        together = self.cells + cells
        off = found.mean - self.mean
        self.squares += found.std**2 * cells + off**2 * (self.cells * cells / together)
        self.mean = self.mean + off * (cells / together)
        self.positive += np.rint(found.positive * cells)  # how many they were, exactly
        self.pictures, self.cells = self.pictures + pictures, together
        self.samples.append(found.sample)
        for kept, end in zip(self.ends, (found.top, found.bottom)):
            kept.append(end)
        if found.classes is not None:
            sums = np.where(found.classes.count > 0, found.classes.mean, 0) * found.classes.count
            if self.classes is None:
                self.classes = found.classes.names, found.classes.count.copy(), sums
            else:
                names, count, so_far = self.classes
                self.classes = names, count + found.classes.count, so_far + sums


def _foremost(ends: list[Extremes], k: int, sign: int) -> Extremes:
    """The k largest (sign -1) or smallest (1) of several lists."""
    value, index = (np.concatenate([getattr(end, n) for end in ends], 1) for n in ("value", "index"))
    place = np.concatenate([end.place for end in ends], 1)
    order = np.lexsort((index, sign * value), axis=1)[:, :k]
    rows = np.arange(len(order))[:, None]
    return Extremes(index[rows, order], value[rows, order], place[rows, order])


def _links(names: tuple[str, ...], count: np.ndarray, sums: Float[np.ndarray, "units classes"]) -> ClassLinks:
    mean = np.divide(sums, count, out=np.full(sums.shape, np.nan), where=np.broadcast_to(count > 0, sums.shape))
    return ClassLinks(names, count, mean)
