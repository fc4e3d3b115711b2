"""The verdict before training: which learning rates are stable, how the loss will fall, what stays out of reach.

The loss is a square in the unknowns, so its Hessian is the same everywhere, and along each of its directions
(eigenvectors, with curvature the eigenvalue) the error goes its own way, whatever the others do.
"""

from dataclasses import dataclass
from itertools import accumulate, repeat
from math import isclose
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.inverse import optimizers
from convscope.inverse.squares import Squares, squares
from convscope.ops import values


@dataclass(frozen=True)
class Verdict:
    """What can be said before the first step; p unknowns: the taps row by row, then the bias, if one is learned.

    curvatures    (p,) eigenvalues of the Hessian, the steepest first; those of `unreachable` are 0
    directions    (p, p) their unit vectors, one a row
    floor         the least loss there is
    distance      how far some unknown has to go at least, to whichever best answer
    best          (p,) the best answer nearest to the start: where a descent that arrives ends
    reach         how far one unknown can go at most in these steps; infinite but for "adam"
    factors       (p,) by what one step multiplies the error along each: for "gd" with its sign, for "momentum" its size
                  in the long run; None for "adam"
    largest_rate  below it every error shrinks, above it one grows; None for "adam", infinite where nothing is curved
    losses        predicted, after 0, 1, ..., steps steps; None for "adam"
    """

    optimizer: str
    learning_rate: float
    curvatures: np.ndarray
    directions: np.ndarray
    floor: float
    distance: float
    best: np.ndarray
    reach: float = np.inf
    factors: np.ndarray | None = None
    largest_rate: float | None = None
    losses: tuple[float, ...] | None = None

    @property
    def stable(self) -> bool | None:
        """Whether the error shrinks along every direction that has curvature; None where nothing can be said."""
        if self.largest_rate is None:
            return None
        return self.learning_rate < self.largest_rate and not self.at_the_border

    @property
    def at_the_border(self) -> bool:
        """Whether the rate is the largest one, to rounding: the steepest error then stays as large as it is."""
        return self.largest_rate is not None and isclose(self.learning_rate, self.largest_rate, rel_tol=1e-9)

    @property
    def unreachable(self) -> np.ndarray:
        """Directions (k, p) along which nothing in the result changes: what the start has of them stays for ever."""
        return self.directions[self.curvatures == 0]

    def __str__(self) -> str:
        """The verdict in words."""
        return "\n".join(_words(self))


def verdict(
    x: Any,
    y: Any,
    kernel_size: int | tuple[int, int] = (1, 2),
    *,
    learning_rate: float = 3e-2,
    steps: int = 10,
    bias: bool = False,
    seed: int = 0,
    optimizer: str = "gd",
    momentum: float = 0.9,
) -> Verdict:
    """What `descend` with these arguments will do, without doing it; computed in float64.

    With curvature c along a direction, rate a and momentum b, the error there obeys `e' = e - a*v'; v' = b*v + c*e`.
    After k steps it is the k-th power of that 2 x 2 matrix times the first, and the loss is
    `floor + sum over directions of c*e**2/2`. For "gd" (b = 0) the power is `(1 - a*c)**k`. Stable rates are those
    below `2*(1 + b)/(largest c)`. For "adam", which divides each step by the size of recent gradients, there is no
    such form: the verdict tells how far it can get at most.

    Raises InputError as `descend` does.
    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods"; Goh 2017, "Why momentum
    really works", Distill, for the 2 x 2 matrix.

    >>> x = np.ones((6, 8)); x[:, 2:6] = 0
    >>> from convscope import ops
    >>> y = ops.corr2d(x, [[1.0, -1.0]])
    >>> foreseen = verdict(x, y)
    >>> foreseen.curvatures.round(9), foreseen.factors.round(9), round(foreseen.largest_rate, 4)
    (array([60., 12.]), array([-0.8 ,  0.64]), 0.0333)
    >>> verdict(x, y, bias=True).stable
    False
    """
    rate = optimizers.positive_rate(learning_rate)
    steps, seed = values.integer(steps, "steps", least=0), values.integer(seed, "seed", least=0)
    return foresee(squares(x, y, kernel_size, bias), rate, steps, seed, optimizer, momentum)


def foresee(loss: Squares, rate: float, steps: int, seed: int, optimizer: str, momentum: float) -> Verdict:
    """`verdict`, from checked arguments."""
    start = loss.start(seed).astype(np.float64)
    loss = Squares(loss.x.astype(np.float64), loss.y.astype(np.float64), loss.kernel_size, loss.has_bias)
    with np.errstate(over="ignore", invalid="ignore"):
        hessian, (first, slope) = loss.hessian(), loss.loss_and_gradient(start)
    if not (np.isfinite(hessian).all() and np.isfinite(first)):
        raise InputError("x or y holds NaN, infinity or numbers whose squares float64 does not hold; take them out")
    curvatures, directions = _directions(hessian, loss.y.size)
    curved = curvatures > 0
    # one step of Newton leads to the nearest of the best answers, as the loss is a square
    errors = np.divide(directions @ slope, curvatures, out=np.zeros_like(curvatures), where=curved)
    way = errors @ directions
    best = start - way
    floor, _ = loss.loss_and_gradient(best)
    # of several best answers this one is nearest by the root of squares, and some unknown is off by at least this
    distance = np.abs(way).max() if curved.all() else np.linalg.norm(way) / np.sqrt(len(way))
    always = (optimizer, rate, curvatures, directions, floor, float(distance), best)
    optimizers.optimizer(optimizer, start, momentum)  # refuses what a descent refuses
    if optimizer == "adam":
        return Verdict(*always, reach=rate * optimizers.adam_reach(steps))
    kept = momentum if optimizer == "momentum" else 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # a rate that leads to infinity is foreseen, too
        one = _one_step(curvatures, rate, kept)
        factors = np.abs(np.linalg.eigvals(one)).max(axis=1) if kept else 1 - rate * curvatures
        powers = accumulate(repeat(one, steps), np.matmul, initial=np.broadcast_to(np.eye(2), one.shape))
        after = np.array([power[:, 0, 0] for power in powers]) * errors
        losses = floor + np.sum(curvatures[curved] * after[:, curved] ** 2, axis=1) / 2
        losses[np.isnan(losses)] = np.inf  # beyond infinity
    largest = 2 * (1 + kept) / curvatures[0] if curved.any() else np.inf
    return Verdict(*always, factors=factors, largest_rate=float(largest), losses=tuple(losses.tolist()))


def advice(loss: Squares, rate: float, seed: int, optimizer: str, momentum: float) -> str:
    """Why a descent ran away, and which rate to use, in one line."""
    foreseen = foresee(loss, rate, 0, seed, optimizer, momentum)
    if foreseen.largest_rate is None or foreseen.factors is None or foreseen.stable:
        return f"it leaves what {loss.x.dtype} holds; use a smaller learning_rate, or scale x and y down"
    along = _vector(foreseen.directions[0]) if len(foreseen.directions) <= 6 else "the steepest direction"
    return (
        f"each step multiplies the error along {along} by {foreseen.factors[0]:.4g}; the largest stable rate is "
        f"{foreseen.largest_rate:.4g}, use learning_rate={foreseen.largest_rate / 2:.2g}"
    )


def _directions(hessian: np.ndarray, windows: int) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures, the largest first and those that rounding alone keeps from 0 set to it, and directions as rows."""
    curvatures, columns = np.linalg.eigh(hessian)
    curvatures, directions = curvatures[::-1].copy(), columns.T[::-1].copy()
    least = max(windows, len(hessian)) * np.finfo(np.float64).eps * curvatures[0]
    curvatures[curvatures <= max(least, 0)] = 0
    # either sign would do; the first large tap positive makes it one
    for row in directions:
        row *= np.sign(row[np.argmax(np.abs(row) > 0.5 * np.abs(row).max())])
    return curvatures, directions


def _one_step(curvatures: np.ndarray, rate: float, momentum: float) -> np.ndarray:
    """(p, 2, 2): what one step makes of (error, velocity) along each direction."""
    matrix = np.empty((len(curvatures), 2, 2))
    matrix[:, 0, 0], matrix[:, 0, 1] = 1 - rate * curvatures, -rate * momentum
    matrix[:, 1, 0], matrix[:, 1, 1] = curvatures, momentum
    return matrix


def _vector(direction: np.ndarray) -> str:
    return f"({' '.join(f'{value:+.3f}' for value in direction)})"


def _words(v: Verdict) -> list[str]:
    if v.largest_rate is None:
        arrives = "so it cannot arrive" if v.reach < v.distance else "so nothing forbids that it arrives"
        lines = [
            "adam: no closed form, and no largest stable rate, as it divides by the size of recent gradients",
            f"one unknown has {v.distance:.4f} to go and can go {v.reach:.4f} at most, {arrives}",
        ]
    else:
        stable = "stable, and the error shrinks" if v.stable else "too large, and the error grows"
        stable = "at the border, and the error stays as large" if v.at_the_border else stable
        lines = [
            f"{v.optimizer}: learning rate {v.learning_rate:g} is {stable}; the largest stable is {v.largest_rate:.4f}"
        ]
    for k in range(min(len(v.curvatures), 6)):
        if v.curvatures[k] == 0:
            break
        effect = "" if v.factors is None else f"   error times {v.factors[k]:+.4f} a step"
        lines.append(f"  along {_vector(v.directions[k])}   curvature {v.curvatures[k]:8.3f}{effect}")
    if len(v.unreachable):
        lines.append(f"  {len(v.unreachable)} of {len(v.directions)} directions change nothing: the start decides them")
        lines += [f"  along {_vector(row)}   curvature        0" for row in v.unreachable[:6]]
    return lines
