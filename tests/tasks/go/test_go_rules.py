"""The board against a slow one written from the rules' own words, by random games on odd sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.tasks.go.rules import BLACK, EMPTY, WHITE, Board, Move, from_vertex, to_vertex
from convscope.tasks.go.symmetry import tables


class SlowBoard:
    """Sets of points, and a flood fill for every question."""

    def __init__(self, size: int):
        self.size = size
        self.stones: dict[tuple[int, int], int] = {}
        self.to_play = BLACK
        self.forbidden: tuple[int, int] | None = None

    def beside(self, point):
        row, column = point
        sides = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)}
        return {(r, c) for r, c in sides if 0 <= r < self.size and 0 <= c < self.size}

    def group(self, point):
        group, new = set(), {point}
        while new:
            group |= new
            colour = self.stones.get(point)
            new = {q for p in group for q in self.beside(p) if self.stones.get(q) == colour} - group
        return group

    def liberties(self, point):
        return {q for p in self.group(point) for q in self.beside(p) if q not in self.stones}

    def play(self, point, colour) -> int | None:
        """Stones captured; None where the move is illegal, and then nothing changes."""
        if point in self.stones or (point == self.forbidden and colour == self.to_play):
            return None
        before = dict(self.stones)
        self.stones[point] = colour
        dead = [self.group(q) for q in self.beside(point) if self.stones.get(q) == -colour and not self.liberties(q)]
        taken = set().union(*dead)
        for q in taken:
            del self.stones[q]
        if not self.liberties(point):
            self.stones = before
            return None
        lone = len(self.group(point)) == 1 and len(self.liberties(point)) == 1
        self.forbidden = next(iter(taken)) if len(taken) == 1 and lone else None
        self.to_play = -colour
        return len(taken)

    def points(self):
        board = np.zeros((self.size, self.size), np.int8)
        for point, colour in self.stones.items():
            board[point] = colour
        return board


@given(size=st.integers(2, 7), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_random_games_go_as_on_the_slow_board(size: int, seed: int):
    rng = np.random.default_rng(seed)
    board, slow = Board(size), SlowBoard(size)
    for _ in range(3 * size * size):
        point = (int(rng.integers(size)), int(rng.integers(size)))
        colour = board.to_play if rng.random() < 0.9 else -board.to_play
        legal = board.legal(point, colour)
        assert board.legal_points(colour)[point] == legal
        taken = slow.play(point, colour)
        assert legal == (taken is not None)
        if taken is not None:
            assert board.play(point, colour) == taken
            np.testing.assert_array_equal(board.points, slow.points())
            expected = {p: len(slow.liberties(p)) for p in slow.stones}
            assert {p: int(board.liberties()[p]) for p in slow.stones} == expected
            assert not board.liberties()[board.points == EMPTY].any()
    for p in slow.stones:
        assert {tuple(q) for q in np.argwhere(board.groups() == board.groups()[p]).tolist()} == slow.group(p)


def random_game(size: int, seed: int, moves: int) -> list[Move]:
    board, rng = Board(size), np.random.default_rng(seed)
    for _ in range(moves):
        legal = np.argwhere(board.legal_points())
        move = tuple(rng.choice(legal).tolist()) if len(legal) and rng.random() < 0.95 else None
        board.play(move)
    return [move for _, move in board.history]


@given(size=st.integers(2, 8), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_symmetries_and_exchanged_colours_commute_with_play(size: int, seed: int):
    moves = random_game(size, seed, 2 * size * size)
    board, other = Board(size), Board(size)
    for move in moves:
        other.play(move, -board.to_play)
        board.play(move)
    np.testing.assert_array_equal(other.points, -board.points)
    assert (other.captured[BLACK], other.captured[WHITE]) == (board.captured[WHITE], board.captured[BLACK])
    assert other.score(0) == -board.score(0)
    for table in tables(size):
        turned, back = Board(size), np.argsort(table).tolist()
        for move in moves:
                turned.play(None if move is None else divmod(back[move[0] * size + move[1]], size))
        np.testing.assert_array_equal(turned.points.ravel(), board.points.ravel()[table])
        np.testing.assert_array_equal(turned.legal_points().ravel(), board.legal_points().ravel()[table])
        assert turned.score(0) == board.score(0)


def board_of(rows: str, to_play: int = BLACK) -> Board:
    """A board from text: X black, O white."""
    lines = rows.split()
    board = Board(len(lines))
    signs = np.array([list(line) for line in lines])
    board.place(*([(r, c) for r, c in np.argwhere(signs == sign).tolist()] for sign in "XO"))
    board.to_play = to_play
    return board


def test_ko_may_be_taken_back_only_after_another_move():
    board = board_of(".XO. XO.O .XO. ....")
    assert board.play((1, 2)) == 1
    assert board.ko == (1, 1)
    with pytest.raises(InputError, match="white B3: this takes the ko back at once; play elsewhere first"):
        board.play((1, 1))
    assert not board.legal_points()[1, 1]
    assert board.legal((1, 1), BLACK)  # the ko binds only who lost the stone
    board.play((3, 0))
    board.play((3, 3))
    assert board.play((1, 1)) == 1


def test_snapback_is_no_ko():
    board = board_of("O..X. OOOX. XXX.. ..... .....")
    assert board.play((0, 1)) == 0
    assert board.play((0, 2)) == 1
    assert board.ko is None
    assert board.play((0, 1)) == 5


def test_taking_one_stone_with_a_group_is_no_ko():
    board = board_of("O.XO. XXO.. O.... ..... .....")
    assert board.play((0, 1)) == 1
    assert board.ko is None


@pytest.mark.parametrize(
    ("rows", "point", "said"),
    [
        (".O. O.. ...", (0, 0), "black A3: suicide, the stone would have no liberty; play elsewhere"),
        ("X.O OO. ...", (0, 1), "black B3: suicide"),  # a group of two
        (".O. O.. ...", (0, 1), "black B3: the point is occupied; play on an empty one"),
        ("... ... ...", (3, 0), "point \\(3, 0\\): off the board; rows and columns are 0 to 2"),
        ("... ... ...", (0, -1), "off the board"),
    ],
)
def test_what_is_illegal_is_said_and_changes_nothing(rows: str, point: tuple[int, int], said: str):
    board = board_of(rows)
    before = board.points.copy()
    assert not board.legal(point)
    with pytest.raises(InputError, match=said):
        board.play(point)
    np.testing.assert_array_equal(board.points, before)
    assert board.to_play == BLACK
    assert not board.history


def test_a_move_that_captures_is_no_suicide():
    board = board_of(".OX OX. X..")
    assert board.play((0, 0)) == 2
    assert board.captured == {BLACK: 2, WHITE: 0}


def test_superko_forbids_every_position_that_was_there():
    """On the smallest board stones are taken in turns for ever where only the simple ko is forbidden."""
    rng = np.random.default_rng(5)
    for superko in (False, True):
        board = Board(2, superko)
        positions = [board.points.tobytes()]
        for _ in range(60):
            legal = np.argwhere(board.legal_points())
            assert all(board.legal((r, c)) for r, c in legal.tolist())
            if len(legal):
                board.play(tuple(rng.choice(legal).tolist()))
                positions.append(board.points.tobytes())
            else:
                board.play(None)
        assert (len(set(positions)) == len(positions)) == superko


def test_setup_stones_need_a_liberty_and_can_be_taken_off():
    board = Board(3)
    board.place(black=[(0, 0), (0, 1)], white=[(2, 2)])
    board.place(empty=[(0, 0)])
    assert board.points.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, -1]]
    with pytest.raises(InputError, match="set-up stones: the group at B3 would have no liberty; leave it one"):
        board.place(white=[(0, 0), (0, 2), (1, 1)])
    assert board.points.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, -1]]
    with pytest.raises(InputError, match="off the board"):
        board.place(black=[(0, 3)])


@pytest.mark.parametrize(
    ("rows", "score"),
    [
        ("... ... ...", 0),
        ("X.. ... ...", 9),
        (".X.O. .X.O. .X.O. .X.O. .X.O.", 0),  # the column between them is nobody's
        (".X.. .X.. .X.. .XOO", 8 - 2),
        ("X... .XXX OOOO ....", 4 - 8 + 3),
    ],
)
def test_area_score(rows: str, score: float):
    assert board_of(rows).score(0) == score
    assert board_of(rows).score(6.5) == score - 6.5


@pytest.mark.parametrize(
    ("rows", "eye"),
    [
        (".X.. XX.. .... ....", True),  # in the corner
        (".X.. XO.. .... ....", False),
        ("*XX. XX.. .... ....", True),
        ("X*X. XX.. .... ....", True),  # on the edge no corner may be lost
        ("X*X. XXO. .... ....", False),
        ("..... .OX.. .X*X. ..X.. .....", True),  # in the middle one may
        ("..... .OXO. .X*X. ..X.. .....", False),
        ("..... ..X.. .X*.. ..X.. .....", False),
    ],
)
def test_true_eyes(rows: str, eye: bool):
    place = max(rows.replace(" ", "").find("*"), 0)
    board = board_of(rows)
    assert board.eyes(BLACK).flat[place] == eye
    assert not board.eyes(WHITE).any()
    board.points *= -1
    assert board.eyes(WHITE).flat[place] == eye


def test_a_copy_goes_its_own_way():
    board = Board(5)
    board.play((2, 2))
    twin = board.copy()
    twin.play((2, 3))
    assert board.points[2, 3] == EMPTY
    assert board.history == [(BLACK, (2, 2))]
    assert twin.to_play == BLACK


@given(size=st.integers(2, 25), data=st.data())
@settings(max_examples=50, deadline=None)
def test_names_of_points(size: int, data: st.DataObject):
    point = data.draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))
    name = to_vertex(point, size)
    assert "I" not in name
    assert from_vertex(name.lower(), size) == point


@pytest.mark.parametrize("name", ["", "I5", "K1", "A0", "A10", "A01", "AA", "5", "A1x", "A¹", "é3", "A-1"])
def test_what_names_no_point_is_refused(name: str):
    with pytest.raises(InputError, match="no point of a 9x9 board; name one from A1 to J9"):
        from_vertex(name, 9)


@pytest.mark.parametrize("size", [1, 26, -9])
def test_sizes_out_of_range_are_refused(size: int):
    with pytest.raises(InputError, match=f"size={size}: a board has 2 to 25 lines"):
        Board(size)
