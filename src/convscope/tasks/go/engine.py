"""A player: the move that a policy's probabilities lead to, and when it passes."""

from collections.abc import Callable, Sequence

import numpy as np

from convscope.tasks.go.rules import Board, Move

Policy = Callable[[Sequence[Board]], np.ndarray]
"""Boards of one size -> probabilities (n, size, size) of a move of `to_play`, zero where it is illegal."""

LONGEST = 3
"""After so many moves for each point of the board the player passes, so that every game ends."""


def choose(
    policy: Policy,
    board: Board,
    colour: int | None = None,
    komi: float = 7.5,
    temperature: float = 0.0,
    random: np.random.Generator | None = None,
) -> Move:
    """The move of `colour`, or else of `to_play`, on a board; None: a pass.

    The likeliest legal point that fills no eye of its own; at a temperature above 0 a random one, of probability
    p^(1/temperature). It passes where no such point is left, where the other has passed and loses by area, and when
    the game has become too long. Only moves that positional superko allows are made, on a board that asks for it.
    """
    colour = board.to_play if colour is None else colour
    board = board.copy()
    if colour != board.to_play:
        board.to_play, board.ko = colour, None
    sensible = board.legal_points() & ~board.eyes()
    passed = bool(board.history) and board.history[-1] == (-colour, None)
    too_long = len(board.history) >= LONGEST * board.size**2
    if too_long or not sensible.any() or (passed and colour * board.score(komi) > 0):
        return None
    with np.errstate(divide="ignore"):
        likely = np.log(np.asarray(policy([board])[0], np.float64)[sensible])
    if temperature > 0 and np.isfinite(likely).any():
        random = random or np.random.default_rng(0)
        likely = likely / temperature + random.gumbel(size=likely.size)  # the greatest is drawn with that probability
    row, column = np.argwhere(sensible)[likely.argmax()]
    return int(row), int(column)


def follow(board: Board, move: Move, colour: int) -> None:
    """Make a move of the other player: one that only superko forbids is taken too, as many programs do not know it.

    Raises InputError as `Board.play`.
    """
    superko = board.superko
    board.superko = superko and board.legal(move, colour)
    try:
        board.play(move, colour)
    finally:
        board.superko = superko
