"""The two-alternative test: does the drawing tell which of two natural pictures excites the unit more?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from convscope.lens.credibility.measures import interval, likeness


@dataclass(frozen=True)
class Choice:
    """How often the drawing points at the right one of two natural pictures.

    accuracy: over all pairs of a top and a bottom example; by chance 0.5.
    low, high: the 95 % interval of as many independent pairs as there are top examples.
    by: the network that looked.
    """

    accuracy: float
    low: float
    high: float
    pairs: int
    by: str = ""


def choose(
    drawn: Sequence[Float[np.ndarray, "k _"]],
    top: Sequence[Float[np.ndarray, "t _"]],
    bottom: Sequence[Float[np.ndarray, "b _"]],
    by: str = "",
) -> Choice:
    """Of every pair of a top and a bottom example, whether the drawing is more like the top one.

    Each picture is given by one vector for each of several layers of an independent network; the likeness of two
    pictures is the mean of their cosines, and a drawing of several facets is as like as its best facet. Equal
    likeness counts half. Pairs that share a picture are not independent, so the interval counts each picture once.

    Source: Borowski et al. 2021, "Exemplary natural images explain CNN activations better than state-of-the-art
    feature visualization"; the choice is made by a network, not by people.
    """
    tops = np.mean([likeness(a, b) for a, b in zip(drawn, top, strict=True)], axis=0).max(0)
    bottoms = np.mean([likeness(a, b) for a, b in zip(drawn, bottom, strict=True)], axis=0).max(0)
    right = (tops[:, None] > bottoms).mean() + (tops[:, None] == bottoms).mean() / 2
    pairs = min(len(tops), len(bottoms))
    low, high = interval(float(right), pairs)
    return Choice(float(right), low, high, pairs, by)
