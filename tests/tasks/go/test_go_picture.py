import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.pictures import signed
from convscope.tasks.go.picture import board_picture, board_text, likeliest
from convscope.tasks.go.rules import SIZES, Board, from_vertex
from convscope.tasks.go.stars import handicap_points, star_points


def game(size: int, *names: str) -> Board:
    board = Board(size)
    for name in names:
        board.play(from_vertex(name, size))
    return board


def where(name: str, size: int, cell: int) -> tuple[int, int]:
    """The pixel of a point: the board begins 1.2 cells from the edge of the page."""
    row, column = from_vertex(name, size)  # pyright: ignore
    return round((row + 1.2) * cell), round((column + 1.2) * cell)


def test_a_board_as_text():
    probabilities = np.zeros((7, 7))
    probabilities[0, 0], probabilities[6, 1] = 0.25, 0.625
    assert board_text(game(7, "C5", "G1", "A3", "G7"), probabilities).split("\n") == [
        "    A B C D E F G",
        "  7 2 . . . . .(O)7",
        "  6 . . . . . . . 6",
        "  5 . . X . + . . 5",
        "  4 . . . + . . . 4",
        "  3 X . + . + . . 3",
        "  2 . . . . . . . 2",
        "  1 . 1 . . . . O 1",
        "    A B C D E F G",
        "  1  B1   62.5%",
        "  2  A7   25.0%",
    ]


def test_the_move_named_is_marked_instead_of_the_last_one():
    text = board_text(game(7, "C5", "G1"), last=from_vertex("C5", 7))
    assert "(X)" in text
    assert "(O)" not in text
    assert "(" not in board_text(Board(7))


def test_colours_only_when_asked_for():
    board, probabilities = game(5, "C3"), np.full((5, 5), 0.04)
    plain, coloured = board_text(board, probabilities), board_text(board, probabilities, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;32m1\x1b[0m" in coloured


def test_the_likeliest_points_come_in_order_without_impossible_ones():
    assert likeliest(np.array([[0.0, 0.3], [0.4, 0.3]])) == [((1, 0), 0.4), ((0, 1), 0.3), ((1, 1), 0.3)]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_drawn_and_written(size: int):
    probabilities = np.full((size, size), 1 / size**2)
    page = board_picture(game(size, "A1"), probabilities, cell=16)
    side = round((size + 1.4) * 16)
    assert (page.shape, page.dtype) == ((side, side, 3), np.uint8)
    lines = board_text(game(size, "A1"), probabilities).split("\n")
    assert {len(line) for line in lines[1 : size + 1]} == {4 + 2 * size + len(str(n)) for n in (size, 1)}


def test_stones_marks_and_thoughts_are_where_they_belong():
    probabilities = np.zeros((9, 9))
    probabilities[from_vertex("E5", 9)], probabilities[from_vertex("A9", 9)] = 0.9, 0.1  # pyright: ignore
    page = board_picture(game(9, "C3", "G7"), probabilities, cell=40).astype(int)
    empty = board_picture(Board(9), cell=40).astype(int)
    black, white = page[where("C3", 9, 40)], page[where("G7", 9, 40)]
    assert black.max() < 60
    assert white.min() > 200
    row, column = where("G7", 9, 40)
    ring = page[row, column + 8]  # half a stone's radius from its middle
    assert ring[0] > ring[1] + 80
    for name in ("E5", "A9"):
        row, column = where(name, 9, 40)
        disc = page[row - 14, column + 3]
        assert disc[2] > disc[0]
        assert empty[row - 14, column + 3][2] < empty[row - 14, column + 3][0]
    strong, weak = (page[row - 14, column + 3].sum() for row, column in (where("E5", 9, 40), where("A9", 9, 40)))
    assert strong < weak
    same = where("D8", 9, 40)
    assert (page[same[0] - 20 : same[0] + 20, same[1] - 20 : same[1] + 20] == empty[
        same[0] - 20 : same[0] + 20, same[1] - 20 : same[1] + 20]).all()  # fmt: skip


def test_probabilities_under_stones_and_of_nothing_are_not_drawn():
    board = game(9, "C3")
    under = np.zeros((9, 9))
    under[from_vertex("C3", 9)] = 1  # pyright: ignore
    under[0, 0] = 0.004
    assert (board_picture(board, under) == board_picture(board)).all()


def test_values_are_laid_over_in_the_signed_colours():
    values = np.zeros((5, 5))
    values[0, 0], values[4, 4] = -1, 2
    page = board_picture(Board(5), cell=40, values=values)
    for name in ("A5", "E1", "C3"):
        row, column = where(name, 5, 40)
        place = from_vertex(name, 5)
        assert page[row - 12, column - 12].tolist() == signed(values)[place].tolist()  # pyright: ignore


def test_a_frame_goes_round_its_cells_and_ends_at_the_board():
    board = Board(9)
    changed = (board_picture(board, cell=20) != board_picture(board, cell=20, frame=(1, 2, 4, 6))).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert abs(np.array([rows.min(), rows.max()]) - (20 * np.array([1, 4]) + 14)).max() <= 3
    assert abs(np.array([columns.min(), columns.max()]) - (20 * np.array([2, 6]) + 14)).max() <= 3
    beyond, within = (board_picture(board, frame=frame) for frame in ((-5, -1, 12, 9), (0, 0, 9, 9)))
    assert (beyond == within).all()


@given(st.sampled_from(SIZES), st.integers(0, 12))
def test_handicap_stones_lie_apart_on_the_board(size: int, stones: int):
    points = handicap_points(size, stones)
    most = 0 if size < 7 else 9 if size % 2 and size > 7 else 4
    assert (points is not None) == (2 <= stones <= most)
    if points is not None:
        assert len(set(points)) == stones
        assert all(2 <= place < size - 2 for point in points for place in point)


def test_the_dots_of_the_common_boards():
    assert [len(star_points(size)) for size in (5, 7, 8, 9, 13, 19)] == [0, 5, 4, 5, 5, 9]
