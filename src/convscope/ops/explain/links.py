"""Which cells meet in one product: the index arithmetic of all operators, on any number of axes.

A convolution is a relation of three cells: window `i` of the output meets tap `u` of the kernel at one place of the
input. Holding one of the three still and going through the other two gives everything there is to explain: an output
cell's window, the gradient of an input cell, the gradient of a weight, and all that a cell or a weight touches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from convscope.ops.reference.padding import source
from convscope.ops.shapes import ConvGeometry, PoolGeometry

Index = tuple[int, ...]
WRAP = 8
"""Products of a row that is not a picture's."""


class Link(NamedTuple):
    """Cells that meet in one product, and where it is written down.

    out, cell, tap  of the output, of the input (None: a zero of the padding) and of the kernel, as whole indices
    place           where the window looks for `cell`; below 0 or beyond the end in the padding
    padding         whether `place` lies in the padding
    block, row, column  products of one block stand together as a matrix; `block` says what they have in common
    """

    out: Index
    cell: Index | None
    tap: Index
    place: Index
    padding: bool
    block: str
    row: int
    column: int


class Meeting(NamedTuple):
    """One axis of a link; source is the cell at `place`, None for a zero."""

    out: int
    tap: int
    place: int
    source: int | None


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that windows slide over."""

    size: int
    kernel: int
    out: int
    stride: int
    before: int
    dilation: int
    mode: str = "zeros"

    def meetings(self, out: int | None = None, cell: int | None = None, tap: int | None = None) -> list[Meeting]:
        """All meetings, or those of one output, input cell or tap.

        >>> [(each.out, each.tap) for each in Axis(5, kernel=3, out=3, stride=2, before=1, dilation=1).meetings(cell=1)]
        [(0, 2), (1, 0)]
        """
        found = []
        for i in range(self.out) if out is None else (out,):
            for u in range(self.kernel) if tap is None else (tap,):
                place = i * self.stride + u * self.dilation - self.before
                here = source(place, self.size, self.mode)
                if cell is None or here == cell:
                    found.append(Meeting(i, u, place, here))
        return found


def axes(g: ConvGeometry | PoolGeometry) -> list[Axis]:
    """The axes of a geometry, rows before columns."""
    if isinstance(g, PoolGeometry):
        size, kernel, out, mode = (g.h, g.w), (g.r, g.s), (g.out_h, g.out_w), "zeros"
    else:
        size, kernel, out, mode = g.size, g.kernel, g.out, g.padding_mode
    return [Axis(size[k], kernel[k], out[k], g.stride[k], g.pads[2 * k], g.dilation[k], mode) for k in range(len(size))]


def conv_links(g: ConvGeometry, role: str, index: Index, letters: str = "cmn") -> Iterator[Link]:
    """All links of one cell: `role` is "out", "cell" or "tap", and `index` is (n, m, ...), (n, c, ...) or (m, c, ...).

    With no axes at all this is a fully connected layer. `letters` name the channels that an output cell, an input cell
    and a tap go through.
    """
    first, second, *places = index
    inputs, outputs = g.c // g.groups, g.m // g.groups  # channels of one group
    if role == "out":
        channels = [(first, second, c) for c in range(inputs)]
    elif role == "cell":
        group, c = divmod(second, inputs)
        channels = [(first, m, c) for m in range(group * outputs, (group + 1) * outputs)]
    else:
        channels = [(n, first, second) for n in range(g.n)]
        if g.flip:
            places = [taps - 1 - u for taps, u in zip(g.kernel, places, strict=True)]
    letter = letters[("out", "cell", "tap").index(role)]
    along = [axis.meetings(**{role: place}) for axis, place in zip(axes(g), places, strict=True)]
    for k, (n, m, c) in enumerate(channels):
        seen = m // outputs * inputs + c  # c counts within the group
        number = {"out": seen, "cell": m, "tap": n}[role]
        for at in product(*map(enumerate, along)):
            out, taps, place, cell = _whole([meeting for _, meeting in at])
            if g.flip:
                taps = tuple(size - 1 - u for size, u in zip(g.kernel, taps, strict=True))
            yield Link(
                (n, m, *out),
                None if cell is None else (n, seen, *cell),
                (m, c, *taps),
                (n, seen, *place),
                place != cell,
                *_spot(f"{letter}={number}", k, at),
            )


def pool_links(g: PoolGeometry, role: str, index: Index) -> Iterator[Link]:
    """All links of one cell of a pooling: `role` is "out" or "cell", and `index` is (n, c, ...)."""
    n, c, *places = index
    along = [axis.meetings(**{role: place}) for axis, place in zip(axes(g), places, strict=True)]
    for at in product(*map(enumerate, along)):
        out, taps, place, cell = _whole([meeting for _, meeting in at])
        whole = (n, c, *place)
        yield Link((n, c, *out), None if cell is None else whole, taps, whole, cell is None, *_spot("", 0, at))


def _whole(meetings: list[Meeting]) -> tuple[Index, Index, Index, Index | None]:
    """Out, tap, place and cell along all axes; a cell that is a zero on one axis is a zero."""
    cell = tuple(each.source for each in meetings if each.source is not None)
    return (
        tuple(each.out for each in meetings),
        tuple(each.tap for each in meetings),
        tuple(each.place for each in meetings),
        cell if len(cell) == len(meetings) else None,
    )


def _spot(channel: str, k: int, at: tuple[tuple[int, Meeting], ...]) -> tuple[str, int, int]:
    """Block, row and column: the last two axes make the matrix; a layer without axes is a row of channels, wrapped."""
    if not at:
        return "", *divmod(k, WRAP)
    *depth, column = at
    row = depth.pop()[0] if depth else 0
    return ", ".join([channel, *(f"d={each.out}, t={each.tap}" for _, each in depth)]), row, column[0]
