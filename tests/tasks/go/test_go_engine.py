from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.tasks.go.engine import LONGEST, choose, follow
from convscope.tasks.go.rules import BLACK, WHITE, Board, from_vertex


def uniform(boards: Sequence[Board]) -> np.ndarray:
    legal = np.stack([board.legal_points() for board in boards]).astype(np.float32)
    return legal / np.maximum(legal.sum((1, 2), keepdims=True), 1)


def certain(name: str):
    def policy(boards: Sequence[Board]) -> np.ndarray:
        found = np.zeros((len(boards), boards[0].size, boards[0].size))
        row, column = from_vertex(name, boards[0].size)  # pyright: ignore
        found[:, row, column] = 1
        return found

    return policy


def set_up(size: int, black: str = "", white: str = "") -> Board:
    board = Board(size, superko=True)
    board.place(*([from_vertex(name, size) for name in names.split()] for names in (black, white)))  # pyright: ignore
    return board


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 7), st.integers(0, 2**31), st.sampled_from([0.0, 1.0]))
def test_a_game_against_itself_is_legal_and_ends(size: int, seed: int, temperature: float):
    board, random = Board(size, superko=True), np.random.default_rng(seed)
    while [move for _, move in board.history[-2:]] != [None, None]:
        board.play(choose(uniform, board, temperature=temperature, random=random))
    assert len(board.history) <= LONGEST * size**2 + 2


def test_the_likeliest_point_is_played():
    assert choose(certain("C4"), Board(5)) == (1, 2)


def test_what_is_illegal_is_not_played_however_likely():
    board = set_up(5, "C4")
    assert board.legal(choose(certain("C4"), board))


def test_an_eye_is_not_filled_and_nothing_else_means_pass():
    board = set_up(3, "A2 B2 C2 B1 B3", "")  # four eyes, nothing else is empty
    assert choose(certain("A1"), board, BLACK) is None
    assert choose(certain("A1"), board, WHITE) is None  # suicide everywhere


def test_the_colour_asked_for_is_the_one_that_moves():
    board = set_up(3, "A2 B2 C2 B1", "")
    seen = []

    def policy(boards: Sequence[Board]) -> np.ndarray:
        seen.extend(each.to_play for each in boards)
        return uniform(boards)

    assert choose(policy, board, WHITE) is not None
    assert (seen, board.to_play) == ([WHITE], BLACK)


def test_after_a_pass_the_leader_passes_and_the_loser_plays_on():
    board = set_up(5, "A3 B3 C3 D3 E3")
    board.play((0, 0))
    board.play(None)
    assert choose(uniform, board, komi=7.5) is None
    assert choose(uniform, board, komi=30) is not None


def test_temperature_draws_and_a_seed_repeats():
    draws = [
        [choose(uniform, Board(5), temperature=1, random=random) for _ in range(20)]
        for random in (np.random.default_rng(3), np.random.default_rng(3), np.random.default_rng(4))
    ]
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) > 10


def test_temperature_draws_by_probability():
    def policy(boards: Sequence[Board]) -> np.ndarray:
        return np.array([[[0.8, 0.2], [0.0, 0.0]]])

    random = np.random.default_rng(0)
    drawn = [choose(policy, Board(2), temperature=1, random=random) for _ in range(2000)]
    assert set(drawn) == {(0, 0), (0, 1)}
    assert drawn.count((0, 1)) / 2000 == pytest.approx(0.2, abs=0.03)
    cold = [choose(policy, Board(2), temperature=0.2, random=random) for _ in range(2000)]
    assert cold.count((0, 1)) / 2000 < 0.01  # 0.25 ** 5


def test_superko_binds_us_and_not_the_other():
    board = set_up(5, "B3 C4 C2", "C3 D4 E3 D2")
    board.play(from_vertex("D3", 5))  # takes C3
    board.play(None)
    board.play(None, WHITE)  # the simple ko is over, to take back would repeat the position
    back = from_vertex("C3", 5)
    assert choose(certain("C3"), board, WHITE) != back
    follow(board, back, WHITE)
    assert board.captured[WHITE] == 1
    with pytest.raises(InputError, match="occupied"):
        follow(board, back, WHITE)
    assert board.superko
