"""What would make the network say another digit: by gradient, where ink would count; and a small change that does it.

The change is found greedily, in the wanted digit's log-odds, log(p/(1 - p)). A pen brings ink to one place or takes it
away, as far as ink goes. Of all such moves the gradient proposes those that promise most, the network says what each
would truly bring, and the best is made. At the end each move without which the network would still say the digit is
taken back. What is left is a small change, not proven the smallest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32
from numpy.lib.stride_tricks import sliding_window_view

from convscope.nn import LeNet5
from convscope.ops import softmax
from convscope.tasks.digits import STD, normalise
from convscope.web.rooms.sees.network import SIDE, Drawing, network

Pen = Literal["point", "dab"]
Ink = Float32[np.ndarray, "28 28"]
"""0 (paper) to 1."""
PENS: dict[Pen, np.ndarray] = {
    "point": np.array([[128]]),
    "dab": np.array([[32, 80, 32], [80, 128, 80], [32, 80, 32]]),
}
"""The ink of one move, of 255, around its place: in one cell, or like the tip of a felt pen."""
MOST_MOVES = 160
PROPOSED = 31
"""Moves that are tried each time; with the drawing as it is they fill one tile of the network's."""


@dataclass(frozen=True)
class Move:
    """The pen at one place: sign +1 brings ink, -1 takes it away."""

    row: int
    column: int
    sign: int


@dataclass(frozen=True)
class Change:
    """found: whether the network says the wanted digit now. taken_back: moves that were not needed in the end."""

    drawing: Drawing
    probability: float
    found: bool
    moves: tuple[Move, ...]
    taken_back: int


def odds(scores: np.ndarray, wanted: int) -> np.ndarray:
    """The log-odds of a digit: its score less the log of the sum of the others' exponentials. Scores are (n, 10)."""
    others = np.delete(scores.astype(np.float64), wanted, axis=1)
    top = others.max(1)
    return scores[:, wanted] - top - np.log(np.exp(others - top[:, None]).sum(1))


def odds_gradient(net: LeNet5, drawing: Drawing, wanted: int) -> tuple[Ink, float]:
    """The gradient in the ink of a digit's log-odds, and these.

    `net` remembers the pass: give a copy that nobody else uses.
    """
    scores = net(normalise(drawing[None]))
    others = scores.copy()
    others[0, wanted] = -np.inf
    upstream = -softmax(others)
    upstream[0, wanted] = 1
    gradient = net.backward(upstream)[0, 0] / np.float32(STD)  # the network takes (ink - MEAN)/STD
    return gradient, float(odds(scores, wanted)[0])


def push(drawing: Drawing, wanted: int) -> Ink:
    """What ink at each pixel would add to a digit's log-odds, at the rate of full ink; 0 where it can go no further."""
    gradient, _ = odds_gradient(_own_network(), drawing, wanted)
    possible = np.where(gradient > 0, drawing < 255, drawing > 0)
    return np.where(possible, gradient, np.float32(0))


def change(drawing: Drawing, wanted: int, pen: Pen, tell: Callable[[int, Drawing, float], None]) -> Change:
    """A small change after which the network says `wanted`, with at least even odds.

    tell(moves, drawing, probability): called after each move, and after each that is taken back; what it raises ends
    the search
    """
    net, tip, moves, now = _own_network(), PENS[pen], [], drawing
    gradient, reached = odds_gradient(net, now, wanted)
    while reached < 0 and len(moves) < MOST_MOVES:
        proposed = _proposed(now, gradient, tip)
        tried = np.stack([now, *(_moved(now, [move], tip) for move in proposed)])
        best = int(odds(net.predict(normalise(tried)), wanted).argmax())
        if best == 0:
            break  # none of them helps
        moves, now = [*moves, proposed[best - 1]], tried[best]
        gradient, reached = odds_gradient(net, now, wanted)
        tell(len(moves), now, _probability(reached))
    made = len(moves)
    while reached >= 0 and len(moves) > 1:
        without = np.stack([_moved(drawing, moves[:k] + moves[k + 1 :], tip) for k in range(len(moves))])
        left = odds(net.predict(normalise(without)), wanted)
        spared = int(left.argmax())
        if left[spared] < 0:
            break
        moves, now, reached = moves[:spared] + moves[spared + 1 :], without[spared], float(left[spared])
        tell(len(moves), now, _probability(reached))
    return Change(now, _probability(reached), reached >= 0, tuple(moves), made - len(moves))


def _proposed(drawing: Drawing, gradient: Ink, tip: np.ndarray) -> list[Move]:
    """The moves that promise the largest gains to first order, clipped as ink is."""
    reach = len(tip) // 2
    around = sliding_window_view(np.pad(drawing.astype(int), reach), tip.shape)
    slopes = sliding_window_view(np.pad(gradient, reach), tip.shape)  # beyond the border nothing is gained
    gains = np.stack([((np.clip(around + sign * tip, 0, 255) - around) * slopes).sum((2, 3)) for sign in (1, -1)])
    best = np.argsort(-gains, axis=None, kind="stable")[:PROPOSED]
    places = zip(*np.unravel_index(best, gains.shape))
    return [Move(int(row), int(column), (1, -1)[side]) for side, row, column in places if gains[side, row, column] > 0]


def _moved(drawing: Drawing, moves: list[Move], tip: np.ndarray) -> Drawing:
    reach = len(tip) // 2
    padded = np.pad(drawing.astype(int), reach)
    for move in moves:
        window = padded[move.row : move.row + len(tip), move.column : move.column + len(tip)]
        window[...] = np.clip(window + move.sign * tip, 0, 255)
    return padded[reach : reach + SIDE, reach : reach + SIDE].astype(np.uint8)


def _own_network() -> LeNet5:
    own = LeNet5()
    own.load_state(network().parameters())
    return own


def _probability(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))
