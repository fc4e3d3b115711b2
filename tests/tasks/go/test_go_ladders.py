"""Ladders: those of the books, and on random boards the same as a search written the plain way, by recursion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.tasks.go import ladders
from convscope.tasks.go.planes import PLANES
from convscope.tasks.go.positions import inputs
from convscope.tasks.go.rules import EMPTY, WHITE, Board, Point

CAPTURES, ESCAPES = PLANES.index("ladder captures"), PLANES.index("ladder escapes")


def marked(board: Board) -> tuple[set[Point], set[Point]]:
    """Where a ladder catches, and where one is escaped."""
    shown = inputs([board], "planes")[0].numpy()
    captures, escapes = ({(r, c) for r, c in np.argwhere(shown[k]).tolist()} for k in (CAPTURES, ESCAPES))
    return captures, escapes


def chase(size: int, friends: list[Point] = []) -> Board:  # noqa: B006  # never changed
    """A white stone near the upper left corner that Black, to play, can chase along the diagonal."""
    board = Board(size)
    board.place(black=[(1, 2), (2, 1), (3, 1)], white=[(2, 2), *friends])
    return board


@pytest.mark.parametrize("size", [7, 9, 19])
def test_a_ladder_catches_unless_a_friend_waits_on_its_way(size: int):
    board = chase(size)
    assert (2, 3) in marked(board)[0]
    board.play((2, 3))
    assert marked(board) == (set(), set())  # white cannot get away
    helped = chase(size, friends=[(size - 3, size - 3)])
    assert (2, 3) not in marked(helped)[0]
    helped.play((2, 3))
    assert marked(helped)[1] == {(3, 2)}


@pytest.mark.parametrize("help_at", [(3, 5), (7, 7)])
def test_taking_a_hunter_in_atari_escapes(help_at: Point):
    board = Board(9)
    board.place(black=[(3, 4), (4, 3), (4, 5), (5, 3)], white=[(4, 4), (3, 3), help_at])
    board.to_play = WHITE
    assert ((2, 4) in marked(board)[1]) == (help_at == (3, 5))


class TooLong(Exception):
    pass


class SlowReader:
    """The definition in `ladders`, by recursion over copies of boards."""

    def __init__(self, board: Board, stone: Point):
        self.stone, self.moves, self.size = stone, ladders.MOST_MOVES, board.size

    def beside(self, point: Point) -> list[Point]:
        row, column = point
        sides = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        return [(r, c) for r, c in sides if 0 <= r < self.size and 0 <= c < self.size]

    def candidates(self, board: Board, mover: int) -> list[Point]:
        group = board.groups()
        reach = [q for p in zip(*np.nonzero(group == group[self.stone])) for q in self.beside(p)]
        found = {q for q in reach if board.points[q] == EMPTY}
        if mover == board.points[self.stone]:
            for q in reach:
                if board.points[q] == -mover and board.liberties()[q] == 1:
                    near = {e for p in zip(*np.nonzero(group == group[q])) for e in self.beside(p)}
                    found |= {e for e in near if board.points[e] == EMPTY}
        return sorted((int(r), int(c)) for r, c in found)

    def taken(self, board: Board, mover: int) -> bool:
        hunted = board.points[self.stone]
        if mover != hunted and board.liberties()[self.stone] != 2:
            return board.liberties()[self.stone] < 2
        for point in self.candidates(board, mover):
            self.moves -= 1
            if self.moves < 0:
                raise TooLong
            after = board.copy()
            after.ko = None
            if after.legal(point, mover):
                after.play(point, mover)
                if self.taken(after, -mover) == (mover != hunted):
                    return mover != hunted
        return mover == hunted


@given(size=st.integers(3, 6), seed=st.integers(0, 2**32 - 1), moves=st.integers(6, 30))
@settings(max_examples=25, deadline=None)
def test_random_boards_are_read_as_by_the_slow_reader(size: int, seed: int, moves: int):
    board, rng = Board(size), np.random.default_rng(seed)
    for _ in range(moves):
        legal = np.argwhere(board.legal_points() & ~board.eyes())
        board.play(tuple(rng.choice(legal).tolist()) if len(legal) else None)
    expected: tuple[set[Point], set[Point]] = (set(), set())
    for row, column in np.argwhere(board.points != EMPTY).tolist():
        stone, own = (row, column), board.points[row, column] == board.to_play
        if board.liberties()[stone] == (1 if own else 2):
            for point in SlowReader(board, stone).candidates(board, board.to_play):
                if board.legal(point):
                    after = board.copy()
                    after.play(point)
                    try:
                        taken = SlowReader(board, stone).taken(after, after.to_play)
                    except TooLong:
                        taken = False
                    if taken != own:
                        expected[int(own)].add(point)
    assert marked(board) == expected


def test_both_colours_read_alike():
    board = chase(9)
    board.points *= -1
    board.to_play = WHITE
    assert marked(board) == marked(chase(9)) != (set(), set())
