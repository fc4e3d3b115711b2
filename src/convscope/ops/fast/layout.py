"""Where everything lies in a convolution of tiles: planes, runs, shifts.

A tile is a few pictures with the picture index innermost, an array (c, h, w, v); one picture alone is one with v = 1.
Before a pass a tile is laid out on planes: padded, and for strides above one dealt into one plane for each residue of
the row and column index, so that neighbouring windows read neighbouring cells and every tap is one shift.

With v a multiple of the vector length each output row is a run. Otherwise all rows together are cut into runs, and the
cells between the end of one output row and the start of the next are computed and thrown away. A run is kept so short
that the input cells it needs stay in the cache while all output channels are computed from them.
"""

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from convscope.ops.fast.registers import VECTOR_BYTES, VECTORS
from convscope.ops.fast.shifts import Taps, panel_table

_FEW_CHANNELS = 32
_CACHE = 1 << 18  # bytes of input a run may touch: a part of what second-level caches hold


class Planes(NamedTuple):
    """The numbers of a layout: rows and columns are counted in cells of one picture, all else in elements of a tile."""

    height: int  # of the input picture
    width: int
    top: int  # padding
    left: int
    out_height: int
    out_width: int
    row_stride: int
    column_stride: int
    rows: int  # of a plane
    columns: int
    pictures: int  # v
    pitch: int  # from one row of a plane to the next
    plane: int  # from one residue's plane to the next
    channel: int  # from one input channel's planes to the next
    group: int  # from the planes of a group of input channels to the next
    by_row: bool  # a run is an output row; otherwise it is any stretch of cells
    as_it_is: bool  # the tile already lies as its planes would
    runs: int  # of the way forward
    length: int  # of such a run
    border: int  # zeros before an output gradient laid out on the planes' pitch
    y_plane: int  # from one channel of that gradient to the next
    y_group: int  # from one group of its channels to the next
    back_runs: int  # of the way back
    back_length: int


class Window(NamedTuple):
    """One convolution along both axes: sizes, (top, bottom, left, right) and pairs (rows, columns)."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    pads: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    out: tuple[int, ...]


class Phase(NamedTuple):
    """The way back to one residue's planes."""

    row: int  # residue of the padded row index
    column: int
    taps: Taps  # its channels are output channels
    panels: np.ndarray  # of input channels


@dataclass(frozen=True)
class Layout:
    """Everything about a convolution of tiles that does not depend on the numbers in them."""

    planes: Planes
    taps: Taps
    w_step: int  # from the weights of one output channel to the next
    panels: np.ndarray  # of output channels
    back_step: int  # from the weights of one input channel to the next
    planes_size: int  # elements of all planes of a tile, with what its last run reads beyond them
    gradient_size: int  # the same for the output gradient
    phases: tuple[Phase, ...]


@lru_cache(maxsize=256)
def layout(window: Window, in_channels: int, out_channels: int, groups: int, pictures: int, itemsize: int) -> Layout:
    """The layout for tiles of `pictures` pictures with `itemsize` bytes a number."""
    (h, w), (r, s), (top, bottom, left, right), (sh, sw), (dh, dw), (oh, ow) = window
    lanes, v, c, m = VECTOR_BYTES // itemsize, pictures, in_channels // groups, out_channels // groups
    rows, columns = oh + dh * (r - 1) // sh, ow + dw * (s - 1) // sw
    pitch, by_row = columns * v, v % lanes == 0
    plane, border = rows * pitch, (rows - oh) * pitch + (columns - ow) * v
    runs, length = (oh, ow * v) if by_row else _cut(((oh - 1) * columns + ow) * v, c * sh * sw, itemsize)
    back_runs, back_length = (rows, pitch) if by_row else _cut(plane, m, itemsize)
    # what follows a channel in its last run must be zeros too
    y_plane = _apart(border + max(plane, runs * length), itemsize)
    as_it_is = by_row and (sh, sw, top, bottom, left, right) == (1, 1, 0, 0, 0, 0)
    channel = plane if as_it_is else _apart(sh * sw * plane, itemsize)
    planes = Planes(
        h, w, top, left, oh, ow, sh, sw, rows, columns, v, pitch, plane, channel, c * channel, by_row, as_it_is,
        runs, length, border, y_plane, m * y_plane, back_runs, back_length
    )

    # the kernel's rows and columns, and its taps, from the window's corner: on the padded picture, and on its planes
    row, column = np.arange(r) * dh, np.arange(s) * dw
    residue = ((row % sh * sw)[:, None] + column % sw) * plane
    shift = (row // sh * pitch)[:, None] + column // sw * v
    kernel = np.arange(r * s).reshape(r, s)

    first, last = _rows_of_runs(runs, pitch if by_row else length, length, pitch, oh)
    corner = np.arange(ow) * sw - left
    forward = _taps(
        by_row, v, residue + shift, np.arange(c) * channel, kernel, np.arange(c) * r * s,
        _seeing(first * sh - top, last * sh - top, row, h), _seeing(corner, corner, column, w)
    )
    phases = []
    first, last = _rows_of_runs(back_runs, back_length, back_length, pitch, rows)
    places = np.arange(columns)
    for a in range(sh):
        for b in range(sw):
            # the way back reads against the kernel: its last row first
            on_row, on_column = np.flatnonzero(row % sh == a)[::-1], np.flatnonzero(column % sw == b)[::-1]
            fed = np.ix_(on_row, on_column)
            back = _taps(
                by_row, v, border - shift[fed], np.arange(m) * y_plane, kernel[fed], np.arange(m) * c * r * s,
                _seeing(first, last, -(row[on_row] // sh), oh), _seeing(places, places, -(column[on_column] // sw), ow)
            )
            phases.append(Phase(a, b, back, panel_table(groups, c, m * c * r * s, r * s)))
    return Layout(
        planes, forward, c * r * s, panel_table(groups, m, m * c * r * s, c * r * s), r * s,
        0 if planes.as_it_is else in_channels * channel + runs * lanes, out_channels * y_plane + back_runs * lanes,
        tuple(phases)
    )


def _apart(elements: int, itemsize: int) -> int:
    """At least so many elements, and an odd number of cache lines: channels so far apart do not fight for the same
    places in the cache, as they would at a power of two."""
    lines = -(-elements * itemsize // 64)
    return (lines + 1 - lines % 2) * 64 // itemsize


def _taps(
    by_row: bool, pictures: int, shifts: np.ndarray, channels: np.ndarray, places: np.ndarray, w_channels: np.ndarray,
    rows: np.ndarray, columns: np.ndarray,
) -> Taps:
    """The taps (r, s) of all channels in the order that suits the layout.

    With the channel innermost whole rows and columns of the kernel that see only padding can be left out; but many
    channels are more than the nearest cache holds, and then a channel's taps must follow one another.
    """
    r, s, c = *shifts.shape, len(channels)
    if by_row and c <= _FEW_CHANNELS:
        order, pitch, columns, column = (1, 2, 0), s * c, columns * c, pictures  # row, column, channel
    elif by_row:
        order, pitch, columns, column = (1, 0, 2), s * c, np.array([[0, s * c]]), sys.maxsize  # row, channel, column
    else:
        order, pitch, columns, column = (0, 1, 2), r * s * c, np.array([[0, r * s * c]]), sys.maxsize
        rows = np.tile([0, 1], (len(rows), 1))
    shifts, places = (
        np.ascontiguousarray((place + channel[:, None, None]).transpose(order)).ravel()
        for place, channel in ((shifts, channels), (places, w_channels))
    )
    return Taps(shifts, places, pitch, rows, columns, column)


def _seeing(first: np.ndarray, last: np.ndarray, reach: np.ndarray, size: int) -> np.ndarray:
    """Which of the kernel's rows see more than padding, from outputs at the places `first` to `last`.

    Rows lie `reach` cells on, which grows, and the axis has `size` cells; (n, 2), the first such row and one past the
    last.
    """
    begin = np.searchsorted(reach, -last)
    return np.stack([begin, np.maximum(begin, np.searchsorted(reach, size - first))], axis=1)


def _rows_of_runs(runs: int, step: int, length: int, pitch: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last row that each run touches; runs begin `step` apart."""
    begin = np.arange(runs) * step
    return begin // pitch, np.minimum((begin + length - 1) // pitch, rows - 1)


def _cut(cells: int, planes: int, itemsize: int) -> tuple[int, int]:
    """Number and length of the runs into which `cells` are cut, when each cell of a run is read on that many planes."""
    lanes = VECTOR_BYTES // itemsize
    longest = max(_CACHE // (planes * itemsize), 2 * VECTORS * lanes)
    runs = -(-int(cells) // longest)
    return runs, -(-int(cells) // (runs * lanes)) * lanes
