"""The rules of Go: a board that knows which moves are legal and what they capture, for sizes 2 to 25.

Capture; no suicide; a simple ko, or on request positional superko (no position twice); area scoring. The loops below
are compiled. They see the board as one row of points (`row * size + column`), so that a point is one number, and take
the table `around(size)` of each point's neighbours.
"""

import re
from collections.abc import Iterable
from functools import cache

import numpy as np
from jaxtyping import Bool, Int8, Int16

from convscope.errors import InputError
from convscope.ops.fast.compiled import compiled

EMPTY, BLACK, WHITE = 0, 1, -1
NAMES = {BLACK: "black", WHITE: "white"}
SIZES = range(2, 26)
LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""Of the columns, from the left; I is left out."""

Point = tuple[int, int]
"""Row from the top, column from the left, both from 0."""
Move = Point | None
"""None: a pass."""


@cache
def around(size: int) -> Int16[np.ndarray, "points 4"]:
    """The points above, below, left and right of each point; -1 beyond the edge."""
    places = np.pad(np.arange(size * size, dtype=np.int16).reshape(size, size), 1, constant_values=-1)
    sides = (places[:-2, 1:-1], places[2:, 1:-1], places[1:-1, :-2], places[1:-1, 2:])
    return np.ascontiguousarray(np.stack(sides, axis=-1).reshape(-1, 4))


@cache
def corners(size: int) -> Int16[np.ndarray, "points 4"]:
    """The four points diagonally beside each point; -1 beyond the edge."""
    places = np.pad(np.arange(size * size, dtype=np.int16).reshape(size, size), 1, constant_values=-1)
    sides = (places[:-2, :-2], places[:-2, 2:], places[2:, :-2], places[2:, 2:])
    return np.ascontiguousarray(np.stack(sides, axis=-1).reshape(-1, 4))


@compiled
def flood(points, around, start, members):
    """Gather the group of the stone at `start` into `members`; gives its number of stones and of liberties."""
    seen = np.zeros(points.size, np.bool_)
    seen[start] = True
    members[0] = start
    stones, liberties, done = 1, 0, 0
    while done < stones:
        for side in range(4):
            beside = around[members[done], side]
            if beside >= 0 and not seen[beside]:
                if points[beside] == EMPTY:
                    seen[beside] = True
                    liberties += 1
                elif points[beside] == points[start]:
                    seen[beside] = True
                    members[stones] = beside
                    stones += 1
        done += 1
    return stones, liberties


@compiled
def put_stone(points, around, place, colour):
    """Play on an empty point, in place; gives the stones captured and the point a ko forbids (-1: none).

    A suicide is not played, and gives -1 stones captured.
    """
    members = np.empty(points.size, np.int16)
    captured, last = 0, -1
    points[place] = colour
    for side in range(4):
        beside = around[place, side]
        if beside >= 0 and points[beside] == -colour:
            stones, liberties = flood(points, around, beside, members)
            if liberties == 0:
                points[members[:stones]] = EMPTY
                captured += stones
                last = beside
    stones, liberties = flood(points, around, place, members)
    if liberties == 0:
        points[place] = EMPTY
        return -1, -1
    return captured, last if captured == 1 and stones == 1 and liberties == 1 else -1


@compiled
def survey(points, around):
    """Each stone's group: its name (its first point), number of stones and of liberties; (-1, 0, 0) on empty points."""
    group = np.full(points.size, -1, np.int16)
    stones, liberties = np.zeros(points.size, np.int16), np.zeros(points.size, np.int16)
    members = np.empty(points.size, np.int16)
    for start in range(points.size):
        if points[start] != EMPTY and group[start] < 0:
            count, free = flood(points, around, start, members)
            for k in range(count):
                group[members[k]] = start
                stones[members[k]] = count
                liberties[members[k]] = free
    return group, stones, liberties


@compiled
def find_legal(points, around, liberties, colour, ko):
    """Where `colour` may play: on an empty point that gets a liberty, from an empty or own neighbour or by capture."""
    legal = np.zeros(points.size, np.bool_)
    for place in range(points.size):
        if points[place] == EMPTY and place != ko:
            for side in range(4):
                beside = around[place, side]
                if beside >= 0 and (
                    points[beside] == EMPTY or (liberties[beside] > 1) == (points[beside] == colour)
                ):
                    legal[place] = True
    return legal


@compiled
def find_eyes(points, around, corners, colour):
    """Empty points with only `colour` beside them, and so few opposing stones at the corners that they stay eyes.

    One corner may be lost in the middle of the board, none on its edge.
    """
    eyes = np.zeros(points.size, np.bool_)
    for place in range(points.size):
        if points[place] == EMPTY:
            eye, edge, lost = True, False, 0
            for side in range(4):
                beside, corner = around[place, side], corners[place, side]
                eye = eye and (beside < 0 or points[beside] == colour)
                edge = edge or corner < 0
                lost += corner >= 0 and points[corner] == -colour
            eyes[place] = eye and edge + lost < 2
    return eyes


class Board:
    """A position, and how it came about: empty at first, black to play.

    `points` (size, size) int8 holds BLACK (+1), WHITE (-1) and EMPTY (0); change it through `play` and `place` only.
    `to_play` may be set, to let a colour move twice. `ko` is the point that who did not move last may not take back
    now. `history` holds the moves played, `captured` the stones that each colour has taken. With `superko`, no
    position that was there before may come back.

    Raises InputError for a size that is not 2 to 25.

    >>> board = Board(5)
    >>> [board.play(from_vertex(name, 5)) for name in ("A1", "B1", "pass", "A2")]
    [0, 0, 0, 1]
    >>> board.legal((4, 0))  # suicide
    False
    """

    def __init__(self, size: int = 19, superko: bool = False):
        if size not in SIZES:
            raise InputError(f"size={size}: a board has {SIZES[0]} to {SIZES[-1]} lines; use 9, 13 or 19")
        self.size = size
        self.superko = superko
        self.points: Int8[np.ndarray, "size size"] = np.zeros((size, size), np.int8)
        self.to_play = BLACK
        self.ko: Move = None
        self.history: list[tuple[int, Move]] = []
        self.captured = {BLACK: 0, WHITE: 0}
        self._seen = {self.points.tobytes()}

    def copy(self) -> "Board":
        """The same position and history, to go on from independently."""
        twin = Board.__new__(Board)
        twin.__dict__.update(self.__dict__)
        twin.points = self.points.copy()
        twin.history, twin.captured, twin._seen = self.history.copy(), self.captured.copy(), self._seen.copy()
        return twin

    def play(self, move: Move, colour: int | None = None) -> int:
        """Make a move, of `to_play` unless another colour is named; gives the number of stones captured.

        Raises InputError, leaving the board as it was, naming the move and the rule it breaks.
        """
        colour = self.to_play if colour is None else colour
        captured, ko = 0, None
        if move is not None:
            after, captured, place = self._after(move, colour)
            self.points[:] = after
            ko = None if place < 0 else divmod(place, self.size)
            self.captured[colour] += captured
            if self.superko:
                self._seen.add(after.tobytes())
        self.ko, self.to_play = ko, -colour
        self.history.append((colour, move))
        return captured

    def legal(self, move: Move, colour: int | None = None) -> bool:
        """Whether `play` would accept the move; a pass is always legal."""
        try:
            _ = move is None or self._after(move, self.to_play if colour is None else colour)
        except InputError:
            return False
        return True

    def legal_points(self, colour: int | None = None) -> Bool[np.ndarray, "size size"]:
        """All points where `colour`, or else `to_play`, may play."""
        colour = self.to_play if colour is None else colour
        legal = find_legal(self.points.ravel(), around(self.size), self._survey()[2], colour, self.forbidden(colour))
        legal = legal.reshape(self.points.shape)
        if self.superko and any(self.captured.values()):  # without captures the stones only grow in number
            for row, column in np.argwhere(legal):
                legal[row, column] = self.legal((int(row), int(column)), colour)
        return legal

    def forbidden(self, colour: int) -> int:
        """The place, `row * size + column`, where a ko forbids `colour` to play; -1 for none."""
        if self.ko is None or colour == self.history[-1][0]:
            return -1
        return self.ko[0] * self.size + self.ko[1]

    def place(
        self, black: Iterable[Point] = (), white: Iterable[Point] = (), empty: Iterable[Point] = ()
    ) -> None:
        """Set stones up, and take stones off, outside the order of play: handicaps and problems.

        Raises InputError, leaving the board as it was, for points off the board and a group without liberties.
        """
        after = self.points.copy()
        for places, value in ((black, BLACK), (white, WHITE), (empty, EMPTY)):
            for point in places:
                self._check_on_board(point)
                after[point] = value
        liberties = survey(after.ravel(), around(self.size))[2].reshape(after.shape)
        for row, column in np.argwhere((after != EMPTY) & (liberties == 0)).tolist():
            name = to_vertex((row, column), self.size)
            raise InputError(f"set-up stones: the group at {name} would have no liberty; leave it one")
        self.points[:] = after
        self.ko = None
        self._seen.add(self.points.tobytes())

    def groups(self) -> Int16[np.ndarray, "size size"]:
        """The group of each stone, named by the number of its first point; -1 on empty points."""
        return self._survey()[0].reshape(self.points.shape)

    def liberties(self) -> Int16[np.ndarray, "size size"]:
        """The number of liberties of each stone's group; 0 on empty points."""
        return self._survey()[2].reshape(self.points.shape)

    def eyes(self, colour: int | None = None) -> Bool[np.ndarray, "size size"]:
        """Own true eyes of `colour`, or else `to_play`: points it should not fill; see `find_eyes`."""
        colour = self.to_play if colour is None else colour
        eyes = find_eyes(self.points.ravel(), around(self.size), corners(self.size), colour)
        return eyes.reshape(self.points.shape)

    def score(self, komi: float = 7.5) -> float:
        """Black's area (stones, and empty regions that only they touch) minus White's and `komi`; all stones alive."""
        reach = {colour: self._reached(colour) for colour in (BLACK, WHITE)}
        return float(reach[BLACK].sum(dtype=int) - reach[WHITE].sum(dtype=int) - komi)  # shared points cancel

    def _reached(self, colour: int) -> np.ndarray:
        """The stones of `colour` and all empty points connected to them."""
        reached = self.points == colour
        while True:
            wider = np.pad(reached, 1)
            wider = wider[:-2, 1:-1] | wider[2:, 1:-1] | wider[1:-1, :-2] | wider[1:-1, 2:]
            wider = reached | (wider & (self.points == EMPTY))
            if (wider == reached).all():
                return reached
            reached = wider

    def _survey(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return survey(self.points.ravel(), around(self.size))

    def _after(self, point: Point, colour: int) -> tuple[np.ndarray, int, int]:
        """The points after the move, the number of stones it captures and the place a ko forbids then, or -1."""
        self._check_on_board(point)
        move = f"{NAMES[colour]} {to_vertex(point, self.size)}"
        if self.points[point] != EMPTY:
            raise InputError(f"{move}: the point is occupied; play on an empty one")
        if point[0] * self.size + point[1] == self.forbidden(colour):
            raise InputError(f"{move}: this takes the ko back at once; play elsewhere first")
        after = self.points.copy()
        captured, ko = put_stone(after.reshape(-1), around(self.size), point[0] * self.size + point[1], colour)
        if captured < 0:
            raise InputError(f"{move}: suicide, the stone would have no liberty; play elsewhere")
        if self.superko and after.tobytes() in self._seen:
            raise InputError(f"{move}: this position was there before (superko); play elsewhere")
        return after, captured, ko

    def _check_on_board(self, point: Point) -> None:
        if not all(0 <= place < self.size for place in point):
            raise InputError(f"point {point}: off the board; rows and columns are 0 to {self.size - 1}")


def to_vertex(move: Move, size: int) -> str:
    """The name of a point, its column's letter and its line counted from below, as in GTP; "pass" for None.

    >>> to_vertex((15, 3), 19), to_vertex((0, 8), 9), to_vertex(None, 19)
    ('D4', 'J9', 'pass')
    """
    return "pass" if move is None else f"{LETTERS[move[1]]}{size - move[0]}"


def from_vertex(name: str, size: int) -> Move:
    """The point of that name, upper or lower case; None for "pass".

    Raises InputError for anything else and for points off the board.

    >>> from_vertex("d4", 19), from_vertex("pass", 19)
    ((15, 3), None)
    """
    text = name.strip().upper()
    if text == "PASS":
        return None
    parts = re.fullmatch(r"([A-HJ-Z])([1-9][0-9]?)", text, re.ASCII)
    point = parts and (size - int(parts[2]), LETTERS.index(parts[1]))
    if not point or point[0] < 0 or point[1] >= size:
        last = to_vertex((0, size - 1), size)
        raise InputError(f"{name!r}: no point of a {size}x{size} board; name one from A1 to {last} (no I), or pass")
    return point
