"""What a pass over pictures found: for every unit the pictures at its ends and in between, and its statistics."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Float, Int, Integer

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.models import Preprocessing, World
from convscope.lens.shown import Card, Shown

QUANTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Extremes:
    """For each unit some pictures; of those at one end the most extreme first, k or as many as there were.

    index: which picture of the stream, from 0. value: the unit's largest activation over all positions of
    that picture. place: where it is in the layer's map, the first such place; no axes for a unit of a vector.
    """

    index: Int[np.ndarray, "units k"]
    value: Float[np.ndarray, "units k"]
    place: Int[np.ndarray, "units k axes"]

    @property
    def row(self) -> Int[np.ndarray, "units k"]:
        """The place along the last axis but one; 0 where there is none."""
        return self.place[..., -2] if self.place.shape[2] > 1 else np.zeros_like(self.index)

    @property
    def column(self) -> Int[np.ndarray, "units k"]:
        """The place along the last axis; 0 where there is none."""
        return self.place[..., -1] if self.place.shape[2] else np.zeros_like(self.index)


@dataclass(frozen=True)
class Sample:
    """Pictures drawn evenly from the stream, in its order, with what every unit says about each (as in `Extremes`)."""

    index: Int[np.ndarray, " r"]
    value: Float[np.ndarray, "r units"]
    place: Integer[np.ndarray, "r units"]


@dataclass(frozen=True)
class ClassLinks:
    """How units and classes go together, by the mean of the pictures' values in each class.

    names: the classes', numbers where there are no names. count: pictures seen of each. mean: NaN for a class
    without pictures.
    """

    names: tuple[str, ...]
    count: Int[np.ndarray, " classes"]
    mean: Float[np.ndarray, "units classes"]

    def most(self, unit: int, k: int = 3) -> list[tuple[str, float]]:
        """The k classes that excite the unit most, and their means."""
        order = np.argsort(-self.mean[unit], kind="stable")  # NaN comes last
        return [(self.names[c], float(self.mean[unit, c])) for c in order[:k] if self.count[c]]

    @property
    def selectivity(self) -> Float[np.ndarray, " units"]:
        """(a - b) / (a + b) for the largest class mean a and the mean b of all others' means, negative means as 0.

        0 where all classes excite alike or none does, 1 where a single one does. Source: Morcos et al. 2018, "On the
        importance of single directions for generalization", section 2.3.
        """
        means = np.maximum(self.mean[:, self.count > 0], 0)
        best = means.max(1)
        rest = (means.sum(1) - best) / max(means.shape[1] - 1, 1)
        return np.divide(best - rest, best + rest, out=np.zeros_like(best), where=best + rest > 0)


@dataclass(frozen=True)
class Examples:
    """One layer's units: the pictures that excite each most (top) and least (bottom), and how its values spread.

    mean, std and positive (the share above 0) are over all positions of all pictures. `sample` holds the pictures'
    values for about a thousand of them (see `examples`), from which quantiles and percentiles are read. shape: of
    the layer's map. field: what a unit sees, None where that is not known.
    """

    top: Extremes
    bottom: Extremes
    mean: Float[np.ndarray, " units"]
    std: Float[np.ndarray, " units"]
    positive: Float[np.ndarray, " units"]
    sample: Sample
    shape: tuple[int, ...]
    field: Field | None = None
    classes: ClassLinks | None = None

    @property
    def middle(self) -> Extremes:
        """The pictures nearest to the quantiles 0.25, 0.5 and 0.75 of each unit's values, in this order."""
        near = [self.near(q) for q in QUANTILES]
        return Extremes(*(np.concatenate([getattr(one, n) for one in near], 1) for n in ("index", "value", "place")))

    def near(self, q: SupportsFloat, k: int = 1) -> Extremes:
        """The k sampled pictures whose values lie nearest to each unit's quantile q, the nearest first."""
        off = np.abs(self.sample.value - self.quantiles(q))
        rows = np.argsort(off, 0, kind="stable")[:k]
        index = self.sample.index[rows].T
        value, place = (np.take_along_axis(part, rows, 0).T for part in (self.sample.value, self.sample.place))
        return Extremes(index, value, places(place, self.shape))

    def quantiles(self, q: SupportsFloat | Sequence[SupportsFloat]) -> Float[np.ndarray, "*q units"]:
        """The value below which a share q (0 to 1) of the pictures lies, for each unit."""
        shares = np.asarray(q, np.float64)
        if not ((shares >= 0) & (shares <= 1)).all():
            raise InputError(f"q={q}: a quantile lies between 0 and 1")
        return np.quantile(self.sample.value, shares, axis=0)

    def percentile(self, unit: int, value: SupportsFloat) -> float:
        """The percentage of pictures that excite the unit less than `value`; of those just as much, half count."""
        own = self.sample.value[:, unit]
        below, level = (own < float(value)).mean(), (own == float(value)).mean()
        return 100 * float(below + level / 2)


Crops = Mapping[tuple[str, int, int], np.ndarray]
"""Parts of pictures by (end, unit, index)."""


class Found(dict[str, Examples], Shown):
    """Examples by layer, in the order asked for. Shows itself where its pictures can be had again, or crops were kept.

    pictures: how many were seen. complete: False where the pass was stopped before its end. preprocessing: what
    had been done to the pictures. recipe: how it was found, as plain data. crops: what was cut on the way, by layer.
    source: the pictures, where any of them can be had again. world: how they look, where they are no photographs.
    """

    def __init__(
        self,
        layers: Mapping[str, Examples],
        *,
        pictures: int,
        complete: bool = True,
        preprocessing: Preprocessing | None = None,
        world: World | None = None,
        recipe: Mapping[str, Any] | None = None,
        crops: Mapping[str, Crops] | None = None,
        source: Any = None,
    ):
        super().__init__(layers)
        self.pictures = pictures
        self.complete = complete
        self.preprocessing = preprocessing
        self.world = world
        self.recipe = dict(recipe or {})
        self.crops = dict(crops or {})
        self.source = source

    def cards(self) -> Iterator[Card]:
        """A page for each unit: what it sees of its strongest and of its weakest pictures."""
        from convscope.lens.exemplars.pages import Pages  # made of what this module holds

        yield from Pages(self, self.source).cards()


def places(flat: Integer[np.ndarray, "units k"], shape: tuple[int, ...]) -> Int[np.ndarray, "units k axes"]:
    """Positions counted in C order, as one number for each axis of the map."""
    if not shape:
        return np.zeros((*flat.shape, 0), np.int64)
    return np.stack(np.unravel_index(flat.astype(np.int64), shape), -1)
