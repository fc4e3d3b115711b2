"""Convolution of tiles by `shifts`: where everything lies, and the three passes over it.

A tile is a few pictures with the picture index innermost, an array (c, h, w, v); one picture alone is a tile with v
= 1.
Before a pass a tile is laid out on planes: padded, and for strides above one dealt into one plane for each residue
of the row and column index, so that neighbouring windows read neighbouring cells and every tap is one shift.

With v a multiple of the vector length each output row is a run. Otherwise all rows together are cut into runs, and the
cells between the end of one output row and the start of the next are computed and thrown away. A run is kept so short
that the input cells it needs stay in the cache while all output channels are computed from them.
"""

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from convscope.ops.fast.compiled import compiled
from convscope.ops.fast.registers import ROWS, VECTOR_BYTES, VECTORS
from convscope.ops.fast.shifts import Taps, panel_table, shifted_dots, shifted_sum

Part = tuple[int, int] | None  # first and one past the last; None is all

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

    size: tuple[int, int]
    kernel: tuple[int, int]
    pads: tuple[int, int, int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    out: tuple[int, int]


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
    column_size = v if by_row else sys.maxsize

    first, last = _rows_of_runs(runs, pitch if by_row else length, length, pitch, oh)
    corner = np.arange(ow) * sw - left
    forward = Taps(
        _in_order(residue + shift, np.arange(c) * channel),
        _in_order(kernel, np.arange(c) * r * s),
        s * c,
        _seeing(first * sh - top, last * sh - top, row, h),
        _seeing(corner, corner, column, w) * c if by_row else np.array([[0, s * c]]),
        column_size,
    )
    phases = []
    first, last = _rows_of_runs(back_runs, back_length, back_length, pitch, rows)
    for a in range(sh):
        for b in range(sw):
            # the way back reads against the kernel: its last row first
            on_row, on_column = np.flatnonzero(row % sh == a)[::-1], np.flatnonzero(column % sw == b)[::-1]
            taps = np.ix_(on_row, on_column)
            row_reach, column_reach = row[on_row] // sh, column[on_column] // sw
            places = np.arange(columns)
            back = Taps(
                _in_order(border - shift[taps], np.arange(m) * y_plane),
                _in_order(kernel[taps], np.arange(m) * c * r * s),
                len(on_column) * m,
                _seeing(first, last, -row_reach, oh),
                _seeing(places, places, -column_reach, ow) * m if by_row else np.array([[0, len(on_column) * m]]),
                column_size,
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


def _in_order(taps: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """Places of taps (rows, columns) in channels, in the order of `Taps`."""
    return (taps[:, :, None] + channels).ravel()


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


@compiled
def _lay_out(x, t, p, planes):
    """Copy tile t of x (t, c, h, w*v) onto its planes; their padding is already zero."""
    v, step = p.pictures, p.column_stride
    bottom = min(p.top + p.height, p.rows * p.row_stride)
    right = min(p.left + p.width, p.columns * step)
    for c in range(x.shape[1]):
        for i in range(p.top, bottom):
            source = x[t, c, i - p.top]
            row = c * p.channel + i % p.row_stride * step * p.plane + i // p.row_stride * p.pitch
            if step == 1:
                for k in range((right - p.left) * v):
                    planes[row + p.left * v + k] = source[k]
            else:
                for b in range(step):
                    first = (p.left + step - 1 - b) // step  # first plane column of this residue in the picture
                    place, start = row + b * p.plane, first * step + b - p.left
                    for j in range((right - b + step - 1) // step - first):
                        for k in range(v):
                            planes[place + (first + j) * v + k] = source[(start + j * step) * v + k]


@compiled
def _lay_out_gradient(dy, t, p, flat):
    """Copy tile t of an output gradient (t, m, oh, ow*v) onto the planes' pitch, between zeros already there."""
    for m in range(dy.shape[1]):
        for i in range(p.out_height):
            place, source = m * p.y_plane + p.border + i * p.pitch, dy[t, m, i]
            for k in range(p.out_width * p.pictures):
                flat[place + k] = source[k]


@compiled
def _forward(x, p, taps, panels, weights, w_step, start, planes, out, first, last):
    scratch = np.empty(0 if p.by_row else ROWS * p.length, x.dtype)
    x_flat, out_flat = x.reshape(x.size), out.reshape(out.size)
    row, plane = p.out_width * p.pictures, p.out_height * p.out_width * p.pictures
    for t in range(first, last):
        source, x0 = x_flat, t * (x.size // x.shape[0])
        if not p.as_it_is:
            _lay_out(x, t, p, planes)
            source, x0 = planes, 0
        if p.by_row:
            for run in range(p.runs):
                a, b = x0 + run * p.pitch, t * out.shape[1] * plane + run * row
                shifted_sum(source, a, p.group, taps, run, weights, w_step, start, out_flat, b, plane, panels, p.length)
            continue
        for run in range(p.runs):
            p0, p1 = run * p.length, (run + 1) * p.length
            for n in range(panels.shape[0]):
                m = panels[n, 1]
                shifted_sum(
                    source, p0, p.group, taps, run, weights, w_step, start, scratch, -m * p.length, p.length,
                    panels[n : n + 1], p.length
                )
                for k in range(panels[n, 2]):
                    for i in range(p0 // p.pitch, min((p1 - 1) // p.pitch + 1, p.out_height)):
                        target, place = out[t, m + k, i], i * p.pitch
                        for j in range(max(p0, place), min(p1, place + row)):
                            target[j - place] = scratch[k * p.length + j - p0]


@compiled
def _backward(dy, p, row, column, taps, panels, weights, w_step, flat, dx, first, last):
    v, step = p.pictures, p.column_stride
    zeros = np.zeros(dx.shape[1], dy.dtype)
    scratch = np.empty(0 if p.as_it_is else ROWS * p.back_length, dy.dtype)
    dx_flat = dx.reshape(dx.size)
    top = (p.top + p.row_stride - 1 - row) // p.row_stride  # first plane row and column of this phase in the picture
    left = (p.left + step - 1 - column) // step
    bottom = min((p.top + p.height - row + p.row_stride - 1) // p.row_stride, p.rows)
    right = min((p.left + p.width - column + step - 1) // step, p.columns)
    for t in range(first, last):
        _lay_out_gradient(dy, t, p, flat)
        if p.as_it_is:
            for run in range(p.back_runs):
                a, b = run * p.pitch, t * dx.shape[1] * p.plane + run * p.pitch
                shifted_sum(
                    flat, a, p.y_group, taps, run, weights, w_step, zeros, dx_flat, b, p.plane, panels, p.back_length
                )
            continue
        for run in range(p.back_runs):
            p0, p1 = run * p.back_length, (run + 1) * p.back_length
            for n in range(panels.shape[0]):
                c = panels[n, 1]
                shifted_sum(
                    flat, p0, p.y_group, taps, run, weights, w_step, zeros, scratch, -c * p.back_length,
                    p.back_length, panels[n : n + 1], p.back_length
                )
                for k in range(panels[n, 2]):
                    for i in range(max(p0 // p.pitch, top), min((p1 - 1) // p.pitch + 1, bottom)):
                        target, place = dx[t, c + k, i * p.row_stride + row - p.top], i * p.pitch
                        a, b = max(p0, place + left * v), min(p1, place + right * v)
                        if step == 1:
                            for j in range(a, b):
                                target[j - place - p.left * v] = scratch[k * p.back_length + j - p0]
                        else:
                            for j in range(a, b):
                                cell, picture = (j - place) // v, (j - place) % v
                                target[(cell * step + column - p.left) * v + picture] = scratch[
                                    k * p.back_length + j - p0
                                ]


@compiled
def _weights_backward(x, dy, p, taps, panels, dw, w_step, planes, flat, first, last):
    x_flat, dy_flat = x.reshape(x.size), dy.reshape(dy.size)
    row, plane = p.out_width * p.pictures, p.out_height * p.out_width * p.pictures
    for t in range(first, last):
        source, x0 = x_flat, t * (x.size // x.shape[0])
        if not p.as_it_is:
            _lay_out(x, t, p, planes)
            source, x0 = planes, 0
        if p.by_row:
            y0 = t * dy.shape[1] * plane
            shifted_dots(
                source, x0, p.group, taps, dy_flat, y0, plane, dw, w_step, panels, p.runs, p.pitch, row, p.length
            )
        else:
            _lay_out_gradient(dy, t, p, flat)
            shifted_dots(
                source, x0, p.group, taps, flat, p.border, p.y_plane, dw, w_step, panels, p.runs, p.length, p.length,
                p.length
            )


def new_planes(at: Layout, dtype: Any) -> np.ndarray:
    """Blank planes for one tile. A pass writes its tile between their zeros, and leaves the zeros as they are."""
    return np.zeros(at.planes_size, dtype)


def new_gradient_planes(at: Layout, dtype: Any) -> np.ndarray:
    """The same for one tile's output gradient."""
    return np.zeros(at.gradient_size, dtype)


def forward(
    at: Layout,
    x: np.ndarray,
    w: np.ndarray,
    start: np.ndarray,
    out: np.ndarray,
    planes: np.ndarray | None = None,
    tiles: Part = None,
    panels: Part = None,
) -> None:
    """Write out (t, m, oh, ow, v), the convolution of x (t, c, h, w, v) with w (m, c/groups, r, s), plus `start` (m,).

    `planes` are those of `new_planes`, kept from an earlier pass. Of the work only the slices `tiles` and `panels` are
    done, where they are given.
    """
    first, last = tiles or (0, len(x))
    planes = new_planes(at, x.dtype) if planes is None else planes
    own = at.panels[slice(*panels or (None,))]
    _forward(_rows(x), at.planes, at.taps, own, w.reshape(-1), at.w_step, start, planes, _rows(out), first, last)


def backward(
    at: Layout,
    dy: np.ndarray,
    phase: Phase,
    w: np.ndarray,
    dx: np.ndarray,
    planes: np.ndarray | None = None,
    tiles: Part = None,
    panels: Part = None,
) -> None:
    """Write those cells of dx (t, c, h, w, v) that belong to `phase`, from dy (t, m, oh, ow, v) and w (m, c/groups,
    r, s).

    `planes` are those of `new_gradient_planes`.
    """
    first, last = tiles or (0, len(dy))
    planes = new_gradient_planes(at, dy.dtype) if planes is None else planes
    own = phase.panels[slice(*panels or (None,))]
    _backward(
        _rows(dy), at.planes, phase.row, phase.column, phase.taps, own, w.reshape(-1), at.back_step, planes,
        _rows(dx), first, last
    )


def weights_backward(
    at: Layout,
    x: np.ndarray,
    dy: np.ndarray,
    dw: np.ndarray,
    planes: np.ndarray | None = None,
    tiles: Part = None,
    panels: Part = None,
) -> None:
    """Add to dw (m, c/groups, r, s) what x (t, c, h, w, v) and dy (t, m, oh, ow, v) contribute."""
    first, last = tiles or (0, len(x))
    planes = new_planes(at, x.dtype) if planes is None else planes
    gradient = np.zeros(0, x.dtype) if at.planes.by_row else new_gradient_planes(at, x.dtype)
    own = at.panels[slice(*panels or (None,))]
    _weights_backward(
        _rows(x), _rows(dy), at.planes, at.taps, own, dw.reshape(-1), at.w_step, planes, gradient, first, last
    )


def _rows(tiles: np.ndarray) -> np.ndarray:
    """(t, c, h, w, v) with the columns of all pictures joined: (t, c, h, w*v)."""
    t, c, h, w, v = tiles.shape
    return tiles.reshape(t, c, h, w * v)
