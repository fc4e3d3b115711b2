"""Positions of games: compact, complete, and the same as the boards they come from."""

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.tasks.go.planes import PLANES
from convscope.tasks.go.positions import Positions, inputs
from convscope.tasks.go.rules import BLACK, WHITE, Board, Move
from convscope.tasks.go.sgf import Game


def played(size: int, seed: int, moves: int, handicap: bool = False) -> Game:
    """A random game with passes, in which now and then a colour moves twice."""
    setup = (((0, 0), (1, 1)), ((size - 1, 0),)) if handicap else ((), ())
    board, rng = Board(size), np.random.default_rng(seed)
    board.place(*setup)
    line: list[tuple[int, Move]] = []
    for _ in range(moves):
        colour = board.to_play if rng.random() < 0.9 else -board.to_play
        legal = np.argwhere(board.legal_points(colour)).tolist()
        move: Move = None
        if legal and rng.random() < 0.9:
            row, column = legal[rng.integers(len(legal))]
            move = row, column
        board.play(move, colour)
        line.append((colour, move))
    return Game(size, tuple(line), setup, line[0][0])


GAMES = [played(5, 0, 40), played(7, 1, 30), played(5, 2, 60, handicap=True), played(5, 3, 1)]


@pytest.mark.parametrize("features", ["board", "planes"])
def test_each_position_is_the_board_before_its_move(features: str):
    positions = Positions(GAMES, 5, features)
    assert positions.left_out == 1
    assert positions.games == (GAMES[0], GAMES[2], GAMES[3])
    assert positions.lengths.tolist() == [40, 60, 1]
    expected = [
        (board.copy(), colour, move, index, number)
        for index, game in enumerate(positions.games)
        for number, (board, colour, move) in enumerate(game.boards())
        if move is not None
    ]
    assert len(positions) == len(expected) < 101
    order = np.random.default_rng(0).permutation(len(positions))
    shown, targets = positions.__getitems__(order.tolist())
    legal = positions.legal(order.tolist())
    for at, place in enumerate(order.tolist()):
        board, colour, move, index, number = expected[place]
        assert divmod(int(targets[at]), 5) == move
        assert (positions.game[place], positions.number[place]) == (index, number)
        np.testing.assert_array_equal(legal[at], board.legal_points(colour).ravel())
        assert legal[at, targets[at]]
        board.to_play = colour
        np.testing.assert_array_equal(shown[at], inputs([board], features)[0])
        again = positions.board(place)
        np.testing.assert_array_equal(again.points, board.points)
        assert (again.to_play, again.history) == (colour, board.history)
        np.testing.assert_array_equal(again.legal_points().ravel(), legal[at])


def test_positions_are_kept_small():
    positions = Positions([played(19, 0, 200)], 19, "planes")
    kept = sum(value.nbytes for value in vars(positions).values() if isinstance(value, np.ndarray))
    assert kept / len(positions) < 19 * 19 + 60
    assert positions.__getitems__([3, 5])[0].shape == (2, len(PLANES), 19, 19)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(InputError, match="no positions: of 4 games none is on 9x9; give games of that size"):
        Positions(GAMES, 9)
    with pytest.raises(InputError, match="features='colours': must be one of board, planes"):
        Positions(GAMES, 5, "colours")
    assert {BLACK, WHITE} == {colour for colour, _ in GAMES[0].moves}
