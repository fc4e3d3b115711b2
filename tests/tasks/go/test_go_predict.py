from collections.abc import Sequence

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.tasks.go.predict import predict
from convscope.tasks.go.rules import BLACK, WHITE, Board, from_vertex
from convscope.tasks.go.sgf import Game

# two handicap stones, white first; then black twice, and a pass
MOVES = ((WHITE, "C3"), (BLACK, "B3"), (BLACK, "D3"), (WHITE, "pass"))
GAME = Game(
    5,
    tuple((colour, from_vertex(name, 5)) for colour, name in MOVES),
    setup=(((0, 0), (4, 4)), ()),
    to_play=WHITE,
    source="game.sgf",
)


def rising(boards: Sequence[Board]) -> np.ndarray:
    """The further in reading order, the likelier; and it says who asked."""
    asked.append(boards[0].to_play)
    return np.stack([board.legal_points() * np.arange(1.0, 26).reshape(5, 5) / 325 for board in boards])


asked: list[int] = []


@pytest.mark.parametrize(
    ("number", "stones", "to_play", "played", "rank"),
    [(1, 2, WHITE, "C3", 12), (2, 3, BLACK, "B3", 12), (3, 4, BLACK, "D3", 11), (4, 5, WHITE, "pass", None)],
)
def test_the_board_is_the_one_before_the_move(number: int, stones: int, to_play: int, played: str, rank: int | None):
    asked.clear()
    found = predict(rising, GAME, number)
    assert (np.count_nonzero(found.board.points), found.board.to_play, asked) == (stones, to_play, [to_play])
    assert (found.played, found.rank, found.over) == (from_vertex(played, 5), rank, False)
    assert found.as_dict()["played"] == played
    assert f"played was {played}" in found.text()
    assert found.picture.shape[2] == 3


def test_by_default_it_is_asked_what_comes_after_the_last_move():
    found = predict(rising, GAME)
    assert (found.number, found.over, found.board.to_play, found.rank) == (5, True, BLACK, None)
    assert found.text().startswith("game.sgf, after the last move: black to play\n")
    assert "played" not in found.text()
    assert "played" not in found.as_dict()


@pytest.mark.parametrize("number", [-1, 0, 6])
def test_a_move_beyond_the_game_is_refused(number: int):
    with pytest.raises(InputError, match=rf"move={number}: game.sgf has 4 moves; name one of 1 to 4"):
        predict(rising, GAME, number)
