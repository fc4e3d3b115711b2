"""A board as text for the terminal and as a picture, with what a network thinks of its points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int8
from PIL import Image, ImageDraw, ImageFont

from convscope.pictures import Picture, signed
from convscope.tasks.go.rules import BLACK, LETTERS, Board, Move, Point, to_vertex
from convscope.tasks.go.stars import star_points

NAMED = 5
"""As many points as are numbered and listed under a board."""
LEAST_TOLD = 0.005  # a probability that rounds to no per cent is not drawn

_WOOD, _INK, _BLACK, _WHITE = (226, 189, 128), (60, 42, 20), (26, 27, 30), (250, 249, 245)
_MARK = (232, 52, 48)
_FAINT, _STRONG = np.array((186, 208, 226)), np.array((20, 72, 150))  # of discs; no stone has such colours
_MARGIN = 1.2  # cells from the edge of the page to the outermost lines: room for the coordinates
_FINE = 4  # shapes are drawn so many times larger, then reduced, which makes their edges smooth


def likeliest(probabilities: Float[np.ndarray, "size size"], count: int = NAMED) -> list[tuple[Point, float]]:
    """The points of the greatest probabilities above zero, the greatest first, equal ones in reading order."""
    flat = probabilities.ravel()
    order = np.argsort(-flat, kind="stable")[:count]
    size = probabilities.shape[1]
    return [((int(k) // size, int(k) % size), float(flat[k])) for k in order if flat[k] > 0]


def board_text(
    board: Board,
    probabilities: Float[np.ndarray, "size size"] | None = None,
    last: Move = None,
    colour: bool = False,
) -> str:
    """A board for a terminal: X is black, O is white, + a marked point, the last move stands in brackets.

    probabilities: the five likeliest points are numbered, and listed beneath. last: the move in brackets; by default
    the last one of the board's history. colour: with ANSI colours.
    """
    last = _last(board, last)
    signs = dict.fromkeys(star_points(board.size), "+")
    signs |= {point: "X" if black else "O" for point, black in _stones(board)}
    best = [] if probabilities is None else likeliest(probabilities)
    numbers = {point: str(k + 1) for k, (point, _) in enumerate(best)}
    letters = "    " + " ".join(LETTERS[: board.size])
    lines = [letters]
    for row in range(board.size):
        line = ""
        for column in range(board.size):
            here = (row, column)
            before = "(" if here == last else ")" if (row, column - 1) == last else " "
            sign = numbers.get(here) or signs.get(here, ".")
            line += before + (f"\x1b[1;32m{sign}\x1b[0m" if colour and here in numbers else sign)
        line += ")" if (row, board.size - 1) == last else " "
        line = line.replace("(", "\x1b[1;31m(").replace(")", ")\x1b[0m") if colour else line
        lines.append(f"{board.size - row:>3}{line}{board.size - row}")
    lines.append(letters)
    for point, number in numbers.items():
        share = dict(best)[point]
        lines.append(f"  {number}  {to_vertex(point, board.size):<3} {share:6.1%}")
    return "\n".join(lines)


def board_picture(
    board: Board,
    probabilities: Float[np.ndarray, "size size"] | None = None,
    last: Move = None,
    cell: int = 32,
    frame: Sequence[int] | None = None,
    values: Float[np.ndarray, "size size"] | None = None,
) -> Picture:
    """A board as a picture, cells of `cell` pixels and a margin for the coordinates.

    probabilities: discs on the empty points, the stronger the likelier, with per cent. last: the move with a red ring;
    by default the last one of the board's history. frame: the cells (top, left, bottom, right), half open, that a unit
    sees; what lies beyond the board is cut off. values: a map laid over the board, blue negative, red positive, as
    `pictures.signed` has it; stones are drawn small then, so that it is seen around them.
    """
    painter = _Painter(board.size, cell)
    painter.wood()
    if values is not None:
        painter.squares(signed(values))
    painter.lines(star_points(board.size))
    radius = 0.47 if values is None else 0.32
    for point, black in _stones(board):
        painter.stone(point, black, radius)
    last = _last(board, last)
    if last is not None:
        painter.ring(last, 0.5 * radius)
    empty = np.where(board.points == 0, probabilities, 0) if probabilities is not None else np.zeros((1, 1))
    told = [(point, share) for point, share in likeliest(empty, empty.size) if share >= LEAST_TOLD]
    for point, share in told:
        painter.disc(point, share / told[0][1])
    if frame is not None:
        painter.frame(frame)
    painter.reduce()
    painter.coordinates()
    for point, share in told:
        painter.per_cent(point, share, strong=share > 0.4 * told[0][1])
    return np.asarray(painter.page)


def patch_picture(points: Int8[np.ndarray, "rows columns"], edges: Sequence[bool], cell: int = 32) -> Picture:
    """A part of a board: its lines go on beyond the picture, but at those `edges` (top, left, bottom, right) where the
    board ends. Black stones are 1, white ones -1."""
    (rows, columns), scale = points.shape, cell * _FINE
    page = Image.new("RGB", (columns * scale, rows * scale), _WOOD)
    pen: Any = ImageDraw.Draw(page, "RGBA")
    top, left, bottom, right = (0.5 if edge else 0.0 for edge in edges)
    width = max(_FINE, scale // 24)
    for row in range(rows):
        ends = (left * scale, (row + 0.5) * scale, (columns - right) * scale, (row + 0.5) * scale)
        pen.line(ends, _INK, width)
    for column in range(columns):
        ends = ((column + 0.5) * scale, top * scale, (column + 0.5) * scale, (rows - bottom) * scale)
        pen.line(ends, _INK, width)
    for row, column in np.argwhere(points):
        x, y, radius = (column + 0.5) * scale, (row + 0.5) * scale, 0.47 * scale
        fill, rim = (_BLACK, (92, 94, 100)) if points[row, column] > 0 else (_WHITE, (110, 104, 92))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill, rim, max(_FINE // 2, scale // 32))
    return np.asarray(page.reduce(_FINE))


class _Painter:
    """A page and the pens for it: first shapes, on a page `_FINE` times as large, then `reduce`, then the words."""

    def __init__(self, size: int, cell: int):
        self.size, self.cell, self.scale = size, cell, cell * _FINE
        side = round((size - 1 + 2 * _MARGIN) * cell) * _FINE
        self.page = Image.new("RGB", (side, side), _WOOD)
        self.pen: Any = ImageDraw.Draw(self.page, "RGBA")

    def at(self, row: float, column: float) -> tuple[float, float]:
        """Where a point lies on the page: x, y."""
        return (column + _MARGIN) * self.scale, (row + _MARGIN) * self.scale

    def circle(self, point: tuple[float, float], radius: float, **ink: Any) -> None:
        (x, y), r = self.at(*point), radius * self.scale
        self.pen.ellipse((x - r, y - r, x + r, y + r), **ink)

    def wood(self) -> None:
        """A faint grain along the columns, the same on every board."""
        width = self.page.width
        noise = np.interp(np.linspace(0, 60, width), np.arange(61), np.random.default_rng(6).normal(0, 2.5, 61))
        grain = np.clip(np.add(_WOOD, noise[:, None]), 0, 255).astype(np.uint8)
        self.page.paste(Image.fromarray(np.broadcast_to(grain, (width, width, 3)).copy()))

    def squares(self, colours: Picture) -> None:
        for row, column in np.ndindex(self.size, self.size):
            corners = (*self.at(row - 0.5, column - 0.5), *self.at(row + 0.5, column + 0.5))
            self.pen.rectangle(corners, fill=tuple(map(int, colours[row, column])))

    def lines(self, stars: Sequence[Point]) -> None:
        last, width = self.size - 1, max(_FINE, self.scale // 24)
        for k in range(self.size):
            self.pen.line((self.at(k, 0), self.at(k, last)), _INK, width)
            self.pen.line((self.at(0, k), self.at(last, k)), _INK, width)
        for star in stars:
            self.circle(star, 0.1, fill=_INK)

    def stone(self, point: Point, black: bool, radius: float) -> None:
        fill, rim = (_BLACK, (92, 94, 100)) if black else (_WHITE, (110, 104, 92))
        self.circle((point[0] + 0.03, point[1] + 0.03), radius, fill=(50, 35, 15, 90))  # its shadow
        self.circle(point, radius, fill=fill, outline=rim, width=max(_FINE // 2, self.scale // 32))

    def ring(self, point: Point, radius: float) -> None:
        self.circle(point, radius, outline=_MARK, width=self.scale // 12)

    def disc(self, point: Point, strength: float) -> None:
        self.circle(point, 0.46, fill=tuple(map(round, _FAINT + strength * (_STRONG - _FAINT))))

    def frame(self, box: Sequence[int]) -> None:
        top, left, bottom, right = (min(max(edge, 0), self.size) - 0.5 for edge in box)
        corners = (*self.at(top, left), *self.at(bottom, right))
        self.pen.rectangle(corners, outline=_MARK, width=self.scale // 9)

    def reduce(self) -> None:
        self.page = self.page.reduce(_FINE)
        self.pen, self.scale = ImageDraw.Draw(self.page), self.cell

    def coordinates(self) -> None:
        font = ImageFont.load_default(max(8, round(0.4 * self.cell)))
        for k in range(self.size):
            for far in (-0.8, self.size - 0.2):
                self.pen.text(self.at(far, k), LETTERS[k], _INK, font, "mm")
                self.pen.text(self.at(k, far), str(self.size - k), _INK, font, "mm")

    def per_cent(self, point: Point, share: float, strong: bool) -> None:
        text = f"{share:.0%}"
        font = ImageFont.load_default((0.36 if len(text) < 4 else 0.3) * self.cell)
        self.pen.text(self.at(*point), text, "white" if strong else _INK, font, "mm")


def _stones(board: Board) -> list[tuple[Point, bool]]:
    """Each stone's point, and whether it is black."""
    return [((int(row), int(column)), board.points[row, column] == BLACK) for row, column in np.argwhere(board.points)]


def _last(board: Board, last: Move) -> Move:
    return last if last is not None or not board.history else board.history[-1][1]

