"""Each plane against a slow twin that plays every move on a copy of the board."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.tasks.go.planes import PLANES
from convscope.tasks.go.positions import inputs
from convscope.tasks.go.rules import BLACK, EMPTY, WHITE, Board


def slow_planes(board: Board) -> dict[str, np.ndarray]:
    """The planes by their names, from what Board says of itself and of its copies."""
    shown = {name: np.zeros(board.points.shape, np.float32) for name in PLANES}
    shown["own stones"][board.points == board.to_play] = 1
    shown["opposing stones"][board.points == -board.to_play] = 1
    shown["empty points"][board.points == EMPTY] = 1
    shown["ones"] += 1
    seen = set()
    for turns, (_, move) in enumerate(board.history[::-1][:8], 1):
        if move is not None and move not in seen:
            shown[f"played {turns} moves ago"][move] = 1
            seen.add(move)
    for point in np.ndindex(board.points.shape):
        if board.points[point] != EMPTY:
            shown[f"{min(board.liberties()[point], 8)} liberties"][point] = 1
        elif board.legal(point):
            after = board.copy()
            captured = after.play(point)
            liberties = after.liberties()[point]
            shown[f"a move captures {min(captured, 7)}"][point] = 1
            shown[f"a move leaves {min(liberties, 8)} liberties"][point] = 1
            if liberties == 1:
                stones = int((after.groups() == after.groups()[point]).sum())
                shown[f"a move puts {min(stones, 8)} own into atari"][point] = 1
            shown["sensible moves"][point] = not board.eyes()[point]
    return shown


def assert_as_slow(board: Board):
    made = inputs([board], "planes")[0].numpy()
    assert made.shape == (len(PLANES), board.size, board.size)
    for name, plane in zip(PLANES, made, strict=True):
        if not name.startswith("ladder"):
            np.testing.assert_array_equal(plane, slow_planes(board)[name], err_msg=name)


@given(size=st.integers(2, 7), seed=st.integers(0, 2**32 - 1), moves=st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_planes_of_random_positions(size: int, seed: int, moves: int):
    board, rng = Board(size), np.random.default_rng(seed)
    for _ in range(moves):
        legal = np.argwhere(board.legal_points() & ~board.eyes())
        board.play(tuple(rng.choice(legal).tolist()) if len(legal) and rng.random() < 0.95 else None)
    assert_as_slow(board)


def test_planes_that_random_games_hardly_reach():
    board = Board(5)
    board.place(black=[(r, c) for r in (0, 1) for c in range(4)], white=[(2, c) for c in range(4)] + [(1, 4)])
    for colour in (BLACK, WHITE):
        board.to_play = colour
        assert_as_slow(board)
    shown = dict(zip(PLANES, inputs([board], "planes")[0].numpy(), strict=True))
    assert shown["a move captures 7"][0, 4] == 1  # it takes eight
    board.points[0, 3] = EMPTY
    board.to_play = BLACK
    shown = dict(zip(PLANES, inputs([board], "planes")[0].numpy(), strict=True))
    assert shown["a move puts 8 own into atari"][0, 3] == 1
    assert_as_slow(board)


def test_a_point_played_twice_has_the_age_of_the_later_move():
    board = Board(5)
    board.place(black=[(0, 3), (1, 3), (2, 0), (2, 1), (2, 2)], white=[(0, 0), (1, 0), (1, 1), (1, 2)])
    assert [board.play(point) for point in [(0, 1), (0, 2), (0, 1)]] == [0, 1, 5]  # a snapback
    assert_as_slow(board)


def test_the_bare_board_is_seen_by_who_is_to_play():
    board = Board(3)
    board.play((0, 1))
    board.play((2, 2))
    np.testing.assert_array_equal(inputs([board], "board")[0, 0], board.points)
    board.play(None)
    np.testing.assert_array_equal(inputs([board], "board")[0, 0], -board.points)


def test_a_ko_is_seen_by_the_one_it_binds():
    board = Board(4)
    board.place(black=[(0, 1), (1, 0), (2, 1)], white=[(0, 2), (1, 1), (1, 3), (2, 2)])
    board.play((1, 2))
    assert inputs([board], "planes")[0, PLANES.index("sensible moves"), 1, 1] == 0
    board.to_play = BLACK
    assert inputs([board], "planes")[0, PLANES.index("a move captures 0"), 1, 1] == 1


@pytest.mark.parametrize("features", ["board", "planes"])
def test_many_positions_at_once_are_each_as_alone(features: str):
    rng = np.random.default_rng(1)
    boards = [Board(5) for _ in range(50)]
    for board in boards:
        for _ in range(int(rng.integers(20))):
            board.play(tuple(rng.choice(np.argwhere(board.legal_points())).tolist()))
    together = inputs(boards, features).numpy()
    np.testing.assert_array_equal(together, np.concatenate([inputs([board], features) for board in boards]))
