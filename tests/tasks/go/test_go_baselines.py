import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.tasks.go.baselines import BASELINES, commonest, nearest, top_k, uniform
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.rules import BLACK, WHITE, Board, from_vertex
from convscope.tasks.go.sgf import Game

SIZE = 5


def positions(*games: str) -> Positions:
    """Games by the names of their moves."""
    return Positions(
        [
            Game(SIZE, tuple(((BLACK, WHITE)[k % 2], from_vertex(name, SIZE)) for k, name in enumerate(game.split())))
            for game in games
        ],
        SIZE,
    )


def place(name: str) -> int:
    row, column = from_vertex(name, SIZE)  # pyright: ignore
    return row * SIZE + column


TRAINING = positions("C3 C4 B3 B4", "C3 D3 E3", "C3 pass A1 A2")


@pytest.mark.parametrize("name", BASELINES)
def test_illegal_points_are_never_guessed_and_legal_ones_are_scored(name: str):
    shown = positions("C3 C4 D4 D3 pass B3 B4 E5", "A1")
    scores = BASELINES[name](TRAINING, shown)
    assert (scores.shape, scores.dtype) == ((len(shown), SIZE**2), np.float32)
    for k, row in enumerate(scores):
        board: Board = shown.board(k)
        assert (np.isfinite(row) == board.legal_points().ravel()).all()


def test_uniform_knows_nothing():
    scores = uniform(TRAINING, TRAINING)
    assert set(scores.ravel().tolist()) == {0.0, -np.inf}
    assert top_k(scores[:1], np.array([7])).tolist() == [[1 / 25, 5 / 25]]


def test_the_commonest_point_is_the_commonest_until_it_is_taken():
    scores = commonest(TRAINING, positions("A5 C3 B1"))
    assert scores[:2].argmax(axis=1).tolist() == [place("C3")] * 2
    assert scores[2, place("C3")] == -np.inf
    assert scores[1, place("A1")] == scores[1, place("A2")] == 1


def test_the_nearest_point_is_the_side_that_training_games_take():
    # after a move the others went: up, left and down, up; right, right; and, after a pass, up
    scores = nearest(TRAINING, positions("B2 E4 E5 A5"))
    assert scores[0].argmax() == place("C3")  # no last move: the commonest
    beside = {name: scores[1, place(name)] for name in ("B3", "C2", "A2", "B1", "A3", "D2")}
    assert beside["B3"] > beside["C2"] > beside["A2"] == beside["B1"] > beside["A3"] > beside["D2"]
    assert scores[2].argmax() == place("E5")
    assert scores[3].argmax() == place("D5")  # the edge and a stone leave one


def test_a_pass_has_no_neighbours():
    shown = positions("A5 pass B1")
    assert (nearest(TRAINING, shown)[1] == commonest(TRAINING, shown)[1]).all()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=5), st.integers(0, 5))
def test_ties_count_as_if_broken_at_random(rows: list[list[int]], target: int):
    scores, targets, ks = np.array(rows, float), np.full(len(rows), target), range(1, 7)
    random = np.random.default_rng(0)
    found = np.zeros((len(rows), 6))
    for _ in range(400):
        shaken = scores + random.uniform(0, 0.5, scores.shape)
        found += ((-shaken).argsort(axis=1).argsort(axis=1)[:, [target]] < np.array(ks)) / 400
    assert np.abs(top_k(scores, targets, ks) - found).max() < 0.15


def test_the_whole_board_always_holds_the_move():
    assert top_k(uniform(TRAINING, TRAINING), TRAINING.targets, (SIZE**2,)).min() == 1
