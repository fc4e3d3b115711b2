"""The figures that say how far a picture can be believed: plain functions of numbers already measured."""

from math import sqrt

import numpy as np
from jaxtyping import Float

from convscope.errors import InputError


def percentile(value: float, natural: Float[np.ndarray, " n"]) -> float:
    """The share of natural values that do not lie above `value`, in percent: 0 to 100.

    Equal ones count, since a unit that is cut off (ReLU6) says no more than its bound.

    >>> percentile(2.0, np.array([0.0, 1.0, 2.0, 3.0]))
    75.0
    """
    _some(natural)
    return 100 * float(np.mean(natural <= value))


def ratio(value: float, largest: float, rest: float) -> float:
    """How far above the unit's rest the picture brings it, the largest natural value being 1.

    (value - rest) / (largest - rest), where rest is the unit's mean on natural pictures, so that units with a bias
    and units below 0 are told as well; infinite where nothing natural lifts the unit at all, and 0 where the picture
    does not lift it either.

    >>> ratio(7.0, 4.0, 1.0)
    2.0
    """
    if largest > rest:
        return (value - rest) / (largest - rest)
    return float("inf") if value > rest else 0.0


def kept(moved: Float[np.ndarray, " t"], value: float, rest: float) -> float:
    """The mean share of a unit's rise over its rest that is left once the picture was moved.

    mean(moved - rest) / (value - rest): 1 where the moves change nothing, 0 where they undo the picture, and 0 too
    where there was no rise.

    >>> kept(np.array([3.0, 2.0]), 5.0, 1.0)
    0.375
    """
    _some(moved)
    return float(np.mean(moved) - rest) / (value - rest) if value > rest else 0.0


def selectivity(
    said: Float[np.ndarray, " units"],
    unit: int,
    mean: Float[np.ndarray, " units"],
    std: Float[np.ndarray, " units"],
) -> tuple[int, float]:
    """Where the unit stands among all units of its layer on its own picture, and by what margin.

    Every unit's value is told in its own natural spread, (said - mean) / std. Returns the rank (1: no other unit is
    more excited; equal ones count half, rounded up) and the unit's score less the best other one's. Units that never
    change on natural pictures have no spread and take no part; a unit without one is ranked last, with margin -inf.

    >>> selectivity(np.array([5.0, 5.0, 1.0]), 0, np.zeros(3), np.array([1.0, 2.0, 0.0]))
    (1, 2.5)
    """
    alive = std > 0
    if not alive[unit]:
        return len(said), float("-inf")
    score = np.where(alive, (said - mean) / np.where(alive, std, 1), -np.inf)
    others = np.delete(score, unit)
    rank = 1 + int(np.ceil(np.sum(others > score[unit]) + np.sum(others == score[unit]) / 2))
    return rank, float(score[unit] - others.max(initial=-np.inf)) if len(others) else float("inf")


def likeness(a: Float[np.ndarray, "k d"], b: Float[np.ndarray, "l d"]) -> Float[np.ndarray, "k l"]:
    """Cosines between the rows of a and those of b; 0 where a row is 0.

    >>> likeness(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0], [0.0, 0.0]])).round(2).tolist()
    [[0.96, 0.0]]
    """

    def unit_rows(rows: np.ndarray) -> np.ndarray:
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)

    return unit_rows(a) @ unit_rows(b).T


def between(value: float, zero: float, one: float) -> float:
    """Where a value lies on a scale on which `zero` is 0 and `one` is 1; NaN where the scale has no length.

    >>> between(0.5, 0.0, 2.0)
    0.25
    """
    return (value - zero) / (one - zero) if one > zero else float("nan")


def interval(accuracy: float, pairs: int, z: float = 1.96) -> tuple[float, float]:
    """The range of true shares that an observed share of `pairs` independent trials leaves open, 95 % by default.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> tuple(round(end, 3) for end in interval(0.9, 20))
    (0.699, 0.972)
    """
    if pairs < 1 or not 0 <= accuracy <= 1:
        raise InputError(f"accuracy={accuracy} of pairs={pairs}: a share of at least one trial, 0 to 1")
    middle = (accuracy + z * z / (2 * pairs)) / (1 + z * z / pairs)
    reach = z / (1 + z * z / pairs) * sqrt(accuracy * (1 - accuracy) / pairs + z * z / (4 * pairs * pairs))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _some(values: np.ndarray) -> None:
    if not len(values):
        raise InputError("natural values: there are none; give at least 1")
