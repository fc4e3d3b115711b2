"""Convolution of tiles: forward, back to the input and back to the weights, each a few lines over `shifts`.

Tiles are (t, c, h, w, v), t of them, v pictures each with the picture index innermost; `layout` says where they lie
while they are worked on.
"""

from typing import Any, NamedTuple

import numpy as np

from convscope.ops.fast.compiled import compiled, inlined, share
from convscope.ops.fast.layout import Layout, Phase
from convscope.ops.fast.registers import ROWS
from convscope.ops.fast.shifts import shifted_dots, shifted_sum


@compiled
def interleave(images, tiled, first, last):
    """Copy pictures (n, c, h, w) to tiles `first` to `last` of tiled (t, c, h, w, v)."""
    v, size = tiled.shape[4], images[0].size
    for n in range(first * v, min(last * v, images.shape[0])):
        image, tile = images[n].reshape(size), tiled[n // v].reshape((size, v))[:, n % v]
        for k in range(size):
            tile[k] = image[k]


@compiled
def separate(tiled, images, first, last):
    """Copy tiles `first` to `last` of tiled (t, c, h, w, v) to pictures (n, c, h, w)."""
    v, size = tiled.shape[4], images[0].size
    for n in range(first * v, min(last * v, images.shape[0])):
        image, tile = images[n].reshape(size), tiled[n // v].reshape((size, v))[:, n % v]
        for k in range(size):
            image[k] = tile[k]


@inlined
def _copy(source, start, target, place, count):
    """Through views counted from their beginning: so the compiler knows that no index is negative, and copies fast."""
    old, new = source[start : start + count], target[place : place + count]
    for k in range(count):
        new[k] = old[k]


@compiled
def _lay_out(x, t, p, planes, first, last):
    """Copy channels `first` to `last` of tile t of x (t, c, h, w*v) onto planes whose padding is already zero."""
    v, step = p.pictures, p.column_stride
    bottom = min(p.top + p.height, p.rows * p.row_stride)
    right = min(p.left + p.width, p.columns * step)
    for c in range(first, last):
        for i in range(p.top, bottom):
            source = x[t, c, i - p.top]
            row = c * p.channel + i % p.row_stride * step * p.plane + i // p.row_stride * p.pitch
            if step == 1:
                _copy(source, 0, planes, row + p.left * v, (right - p.left) * v)
                continue
            for b in range(step):
                column = (p.left + step - 1 - b) // step  # first plane column of this residue in the picture
                count = (right - b + step - 1) // step - column
                old = source[(column * step + b - p.left) * v :]
                new = planes[row + b * p.plane + column * v :]
                if v == 1:
                    for j in range(count):
                        new[j] = old[j * step]
                else:
                    for j in range(count):
                        _copy(old, j * step * v, new, j * v, v)


@compiled
def _lay_out_gradient(dy, t, p, flat, first, last):
    """The same for an output gradient (t, m, oh, ow*v), on the planes' pitch between zeros already there."""
    for m in range(first, last):
        for i in range(p.out_height):
            _copy(dy[t, m, i], 0, flat, m * p.y_plane + p.border + i * p.pitch, p.out_width * p.pictures)


@compiled
def _forward(x, p, taps, panels, weights, w_step, start, planes, laid, out, first, last):
    scratch = np.empty(0 if p.by_row else ROWS * p.length, x.dtype)
    x_flat, out_flat = x.reshape(x.size), out.reshape(out.size)
    row, plane = p.out_width * p.pictures, p.out_height * p.out_width * p.pictures
    step = p.pitch if p.by_row else p.length
    for t in range(first, last):
        source, x0, out0 = x_flat, t * (x.size // x.shape[0]), t * out.shape[1] * plane
        if not p.as_it_is:
            if not laid:
                _lay_out(x, t, p, planes, 0, x.shape[1])
            source, x0 = planes, 0
        for run in range(p.runs):
            p0, p1 = run * step, run * step + p.length
            a, b = x0 + p0, out0 + run * p.length
            if p.by_row or (p.pitch == row and p1 <= plane):  # nothing to throw away
                shifted_sum(source, a, p.group, taps, run, weights, w_step, start, out_flat, b, plane, panels, p.length)
                continue
            for n in range(panels.shape[0]):
                m = panels[n, 1]
                shifted_sum(
                    source, a, p.group, taps, run, weights, w_step, start, scratch, -m * p.length, p.length,
                    panels[n : n + 1], p.length
                )
                for k in range(panels[n, 2]):
                    for i in range(p0 // p.pitch, min((p1 - 1) // p.pitch + 1, p.out_height)):
                        place = i * p.pitch
                        low, high = max(p0, place), min(p1, place + row)
                        _copy(scratch, k * p.length + low - p0, out[t, m + k, i], low - place, high - low)


@compiled
def _backward(dy, p, row, column, taps, panels, weights, w_step, flat, laid, dx, first, last):
    v, step, length = p.pictures, p.column_stride, p.back_length
    zeros = np.zeros(dx.shape[1], dy.dtype)
    scratch = np.empty(0 if p.as_it_is else ROWS * length, dy.dtype)
    dx_flat = dx.reshape(dx.size)
    top = (p.top + p.row_stride - 1 - row) // p.row_stride  # first plane row and column of this phase in the picture
    left = (p.left + step - 1 - column) // step
    bottom = min((p.top + p.height - row + p.row_stride - 1) // p.row_stride, p.rows)
    right = min((p.left + p.width - column + step - 1) // step, p.columns)
    for t in range(first, last):
        if not laid:
            _lay_out_gradient(dy, t, p, flat, 0, dy.shape[1])
        for run in range(p.back_runs):
            p0, p1 = run * length, (run + 1) * length
            if p.as_it_is:
                b = t * dx.shape[1] * p.plane + p0
                shifted_sum(flat, p0, p.y_group, taps, run, weights, w_step, zeros, dx_flat, b, p.plane, panels, length)
                continue
            for n in range(panels.shape[0]):
                c = panels[n, 1]
                shifted_sum(
                    flat, p0, p.y_group, taps, run, weights, w_step, zeros, scratch, -c * length, length,
                    panels[n : n + 1], length
                )
                for k in range(panels[n, 2]):
                    for i in range(max(p0 // p.pitch, top), min((p1 - 1) // p.pitch + 1, bottom)):
                        target, place = dx[t, c + k, i * p.row_stride + row - p.top], i * p.pitch
                        low, high = max(p0, place + left * v), min(p1, place + right * v)
                        here = k * length + low - p0
                        if step == 1:
                            _copy(scratch, here, target, low - place - p.left * v, high - low)
                        elif v == 1 and high > low:
                            old, new = scratch[here:], target[(low - place) * step + column - p.left :]
                            for j in range(high - low):
                                new[j * step] = old[j]
                        else:
                            for j in range(low, high):
                                cell, picture = (j - place) // v, (j - place) % v
                                target[(cell * step + column - p.left) * v + picture] = scratch[here + j - low]


@compiled
def _weights_backward(x, dy, p, taps, panels, dw, w_step, planes, flat, laid, first, last):
    x_flat, dy_flat = x.reshape(x.size), dy.reshape(dy.size)
    row, plane = p.out_width * p.pictures, p.out_height * p.out_width * p.pictures
    for t in range(first, last):
        source, x0 = x_flat, t * (x.size // x.shape[0])
        if not p.as_it_is:
            if not laid:
                _lay_out(x, t, p, planes, 0, x.shape[1])
            source, x0 = planes, 0
        if p.by_row:
            y0 = t * dy.shape[1] * plane
            shifted_dots(
                source, x0, p.group, taps, dy_flat, y0, plane, dw, w_step, panels, p.runs, p.pitch, row, p.length
            )
        else:
            if not laid:
                _lay_out_gradient(dy, t, p, flat, 0, dy.shape[1])
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


def laid_out(at: Layout, x: np.ndarray) -> np.ndarray:
    """Planes with the one tile x (1, c, h, w, v) on them, laid out by several threads."""
    planes = new_planes(at, x.dtype)
    if not at.planes.as_it_is:
        share(lambda first, last: _lay_out(_rows(x), 0, at.planes, planes, first, last), x.shape[1])
    return planes


def laid_out_gradient(at: Layout, dy: np.ndarray) -> np.ndarray:
    """The same for one tile's output gradient dy (1, m, oh, ow, v)."""
    planes = new_gradient_planes(at, dy.dtype)
    share(lambda first, last: _lay_out_gradient(_rows(dy), 0, at.planes, planes, first, last), dy.shape[1])
    return planes


class Part(NamedTuple):
    """A part of a pass: some tiles, or some panels of the one tile, which has been laid out on planes for all parts."""

    tiles: slice = slice(None)
    panels: slice = slice(None)
    planes: np.ndarray | None = None
    gradient: np.ndarray | None = None


ALL = Part()


def forward(
    at: Layout, x: np.ndarray, w: np.ndarray, start: np.ndarray, out: np.ndarray,
    planes: np.ndarray | None = None, part: Part = ALL,
) -> None:
    """Write out (t, m, oh, ow, v), the convolution of x (t, c, h, w, v) with w (m, c/groups, r, s), plus `start` (m,).

    `planes` are blank ones (see `new_planes`) kept from an earlier pass.
    """
    first, last, _ = part.tiles.indices(len(x))
    laid = part.planes is not None
    on = part.planes if laid else new_planes(at, x.dtype) if planes is None else planes
    own = at.panels[part.panels]
    _forward(_rows(x), at.planes, at.taps, own, w.reshape(-1), at.w_step, start, on, laid, _rows(out), first, last)


def backward(
    at: Layout, dy: np.ndarray, phase: Phase, w: np.ndarray, dx: np.ndarray,
    planes: np.ndarray | None = None, part: Part = ALL,
) -> None:
    """Write those cells of dx (t, c, h, w, v) that belong to `phase`, from dy (t, m, oh, ow, v) and w as in `forward`.

    `planes` are blank ones (see `new_gradient_planes`) kept from an earlier pass.
    """
    first, last, _ = part.tiles.indices(len(dy))
    laid = part.gradient is not None
    on = part.gradient if laid else new_gradient_planes(at, dy.dtype) if planes is None else planes
    own = phase.panels[part.panels]
    _backward(
        _rows(dy), at.planes, phase.row, phase.column, phase.taps, own, w.reshape(-1), at.back_step, on, laid,
        _rows(dx), first, last
    )


def weights_backward(
    at: Layout, x: np.ndarray, dy: np.ndarray, dw: np.ndarray,
    planes: np.ndarray | None = None, part: Part = ALL,
) -> None:
    """Add to dw (m, c/groups, r, s) what x (t, c, h, w, v) and dy (t, m, oh, ow, v) contribute.

    `planes` are blank ones (see `new_planes`) kept from an earlier pass.
    """
    first, last, _ = part.tiles.indices(len(x))
    laid = part.planes is not None
    on = part.planes if laid else new_planes(at, x.dtype) if planes is None else planes
    if at.planes.by_row:
        gradient = np.zeros(0, dy.dtype)  # read where it lies
    else:
        gradient = part.gradient if laid else new_gradient_planes(at, dy.dtype)
    own = at.panels[part.panels]
    _weights_backward(
        _rows(x), _rows(dy), at.planes, at.taps, own, dw.reshape(-1), at.w_step, on, gradient, laid, first, last
    )


def _rows(tiles: np.ndarray) -> np.ndarray:
    """(t, c, h, w, v) with the columns of all pictures joined: (t, c, h, w*v)."""
    t, c, h, w, v = tiles.shape
    return tiles.reshape(t, c, h, w * v)
