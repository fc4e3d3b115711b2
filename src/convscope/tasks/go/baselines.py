"""What a network has to beat: three guesses at the next move that learn nothing of stones, and how hits are counted."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Float32, Int

from convscope.tasks.go.positions import Positions

Scores = Float32[np.ndarray, "n points"]
"""The greater the likelier, of each point of each position; minus infinity where a move is illegal."""


def uniform(training: Positions, shown: Positions) -> Scores:
    """All legal points alike."""
    return _of_legal(np.zeros((len(shown), training.size**2), np.float32), shown)


def commonest(training: Positions, shown: Positions) -> Scores:
    """The points that are played most often in the games to learn from."""
    counts = np.bincount(training.targets, minlength=training.size**2)
    return _of_legal(np.tile(counts.astype(np.float32), (len(shown), 1)), shown)


def nearest(training: Positions, shown: Positions) -> Scores:
    """The points nearest to the last move; of equally near ones, the side that is taken most often in the games.

    Where there is no last move: the commonest points.
    """
    size = training.size
    last, sides = _last(training), np.zeros((2 * size - 1, 2 * size - 1))
    known = last >= 0
    rows, columns = (np.stack(divmod(training.targets, size)) - np.stack(divmod(last, size)))[:, known]
    np.add.at(sides, (rows + size - 1, columns + size - 1), 1)
    away = np.arange(1 - size, size) ** 2
    order = np.stack([-(away[:, None] + away), sides], axis=-1).reshape(-1, 2)
    rank = np.unique(order, axis=0, return_inverse=True)[1].reshape(sides.shape)  # equal ones have one rank
    scores, last, points = commonest(training, shown), _last(shown), np.arange(size)
    row, column = (each[last >= 0, None] for each in divmod(last, size))
    ranks = rank[(points - row + size - 1)[:, :, None], (points - column + size - 1)[:, None, :]]
    scores[last >= 0] = np.where(scores[last >= 0] > -np.inf, ranks.reshape(-1, size**2), -np.inf)
    return scores


BASELINES: dict[str, Callable[[Positions, Positions], Scores]] = {
    "uniform": uniform,
    "commonest point": commonest,
    "nearest to the last move": nearest,
}
"""Each takes the positions to learn from and those to guess the next move of."""


def top_k(
    scores: Float[np.ndarray, "n points"], targets: Int[np.ndarray, " n"], ks: Sequence[int] = (1, 5)
) -> Float[np.ndarray, "n ks"]:
    """For each k the chance that the target is among the k greatest scores, those that are equal in random order.

    >>> top_k(np.array([[3.0, 1.0, 1.0, 0.0]]), np.array([2]), (1, 2, 3)).tolist()
    [[0.0, 0.5, 1.0]]
    """
    own = np.take_along_axis(scores, np.asarray(targets)[:, None], axis=1)
    above, equal = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
    return np.clip((np.asarray(ks) - above[:, None]) / equal[:, None], 0, 1)


def _of_legal(scores: np.ndarray, shown: Positions) -> Scores:
    scores[~shown.legal(range(len(shown)))] = -np.inf
    return scores


def _last(positions: Positions) -> Int[np.ndarray, " n"]:
    """The point of the move before each position; -1 where there was none, or a pass."""
    moves = (positions.games[g].moves[n - 1][1] if n else None for g, n in zip(positions.game, positions.number))
    return np.array([-1 if move is None else move[0] * positions.size + move[1] for move in moves])
