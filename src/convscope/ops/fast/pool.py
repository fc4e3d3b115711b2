"""Pooling and its adjoints, for tiles (t, c, h, w, v) and so for (n, c, h, w) arrays, which are tiles of one
picture."""

from typing import Any, Literal, overload

import numpy as np

from convscope.ops import arguments
from convscope.ops.fast.compiled import compiled, share
from convscope.ops.shapes import PoolGeometry


@overload
def max_pool2d(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = ...,
    padding: Any = ...,
    dilation: Any = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
) -> np.ndarray: ...
@overload
def max_pool2d(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = ...,
    padding: Any = ...,
    dilation: Any = ...,
    ceil_mode: bool = ...,
    *,
    return_indices: Literal[True],
) -> tuple[np.ndarray, np.ndarray]: ...
def max_pool2d(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Largest cell of each window of x (n, c, h, w); see `ops.reference.max_pool2d`."""
    x, g = arguments.max_pool2d_arguments(x, kernel_size, stride, padding, dilation, ceil_mode)
    out, indices = np.empty((*g.output_size, 1), x.dtype), np.empty((*g.output_size, 1), np.int32)
    max_pool(_tiles(x), g, out, indices)
    return (out[..., 0], indices[..., 0].astype(np.int64)) if return_indices else out[..., 0]


def max_pool2d_input_grad(
    input_size: tuple[int, int, int, int], grad_output: np.ndarray, indices: np.ndarray
) -> np.ndarray:
    """Gradient of `max_pool2d` in its input; see `ops.reference.max_pool2d_input_grad`."""
    size, grad_output, indices = arguments.max_pool2d_input_grad_arguments(input_size, grad_output, indices)
    dx = np.empty((*size, 1), grad_output.dtype)
    max_pool_backward(_tiles(grad_output), _tiles(indices.astype(np.int32)), dx)
    return dx[..., 0]


def avg_pool2d(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> np.ndarray:
    """Mean of each window of x (n, c, h, w); see `ops.reference.avg_pool2d`."""
    x, g = arguments.avg_pool2d_arguments(x, kernel_size, stride, padding, ceil_mode)
    out = np.empty((*g.output_size, 1), x.dtype)
    avg_pool(_tiles(x), g, count_include_pad, out)
    return out[..., 0]


def avg_pool2d_input_grad(
    input_size: tuple[int, int, int, int],
    grad_output: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> np.ndarray:
    """Gradient of `avg_pool2d` in its input; see `ops.reference.avg_pool2d_input_grad`."""
    grad_output, g = arguments.avg_pool2d_input_grad_arguments(
        input_size, grad_output, kernel_size, stride, padding, ceil_mode
    )
    dx = np.empty((*g.input_size, 1), grad_output.dtype)
    avg_pool_backward(_tiles(grad_output), g, count_include_pad, dx)
    return dx[..., 0]


def _tiles(images: np.ndarray) -> np.ndarray:
    """(n, c, h, w) as tiles of one picture."""
    return np.ascontiguousarray(images)[..., None]


def max_pool(x: np.ndarray, g: PoolGeometry, out: np.ndarray, indices: np.ndarray) -> None:
    """Write the maxima (t, c, oh, ow, v) of the tiles x (t, c, h, w, v), and their cells, row*w + column."""
    numbers = (g.r, g.s, *g.stride, g.pads[0], g.pads[2], *g.dilation)
    if (g.r, g.s, g.stride, g.pads) == (2, 2, (2, 2), (0, 0, 0, 0)) and g.dilation == (1, 1):
        _over_tiles(out, lambda a, b: _max_pool_2x2(x, out, indices, a, b))
    else:
        _over_tiles(out, lambda a, b: _max_pool(x, numbers, out, indices, a, b))


def max_pool_backward(dy: np.ndarray, indices: np.ndarray, dx: np.ndarray) -> None:
    """Write what dy (t, c, oh, ow, v) sends to the cells of dx (t, c, h, w, v) that gave the maxima."""
    _over_tiles(dy, lambda a, b: _max_pool_backward(dy, indices, dx, a, b))


def avg_pool(x: np.ndarray, g: PoolGeometry, count_include_pad: bool, out: np.ndarray) -> None:
    """Write the means (t, c, oh, ow, v) of the tiles x (t, c, h, w, v)."""
    shares = _shares(g, count_include_pad, x.dtype)
    _over_tiles(out, lambda a, b: _avg_pool(x, (g.r, g.s, *g.stride, g.pads[0], g.pads[2]), shares, out, a, b))


def avg_pool_backward(dy: np.ndarray, g: PoolGeometry, count_include_pad: bool, dx: np.ndarray) -> None:
    """Write what dy (t, c, oh, ow, v) sends back to the cells of dx (t, c, h, w, v)."""
    shares = _shares(g, count_include_pad, dy.dtype)
    _over_tiles(dy, lambda a, b: _avg_pool_backward(dy, (g.r, g.s, *g.stride, g.pads[0], g.pads[2]), shares, dx, a, b))


def _over_tiles(out: np.ndarray, work: Any) -> None:
    if out.size < 100_000:  # not worth waking a thread
        work(0, len(out))
    else:
        share(work, len(out))


def _shares(g: PoolGeometry, count_include_pad: bool, dtype: Any) -> np.ndarray:
    """Weight 1/count of the cells of each window, (oh, ow). What hangs over the padding (ceil mode) never counts."""
    counts = []
    for size, taps, step, before, after, windows in (
        (g.h, g.r, g.stride[0], g.pads[0], g.pads[1], g.out_h),
        (g.w, g.s, g.stride[1], g.pads[2], g.pads[3], g.out_w),
    ):
        first = np.arange(windows) * step - before
        lowest, highest = (-before, size + after) if count_include_pad else (0, size)
        counts.append(np.minimum(first + taps, highest) - np.maximum(first, lowest))
    return (1 / np.outer(*counts)).astype(dtype)


@compiled
def _inside(size, tap, step, before, dilation, windows):
    """Windows first to last whose tap `tap` lies in the axis, and the tap's cell in window 0."""
    cell = tap * dilation - before
    return max(0, -(cell // step)), max(0, min(windows, (size - 1 - cell) // step + 1)), cell


@compiled
def _max_pool(x, numbers, out, indices, first, last):
    r, s, row_step, column_step, top, left, row_dilation, column_dilation = numbers
    h, w, v = x.shape[2:]
    oh, ow = out.shape[2:4]
    for t in range(first, last):
        for c in range(x.shape[1]):
            out[t, c] = -np.inf
            for i in range(oh):
                row = i * row_step - top
                row += max(0, -(row // row_dilation)) * row_dilation  # first row of the window in the picture
                for j in range(ow):
                    column = j * column_step - left
                    column += max(0, -(column // column_dilation)) * column_dilation
                    indices[t, c, i, j] = row * w + column
            for i in range(oh):
                for a in range(r):
                    row = i * row_step - top + a * row_dilation
                    if row < 0 or row >= h:
                        continue
                    for b in range(s):
                        low, high, column = _inside(w, b, column_step, left, column_dilation, ow)
                        if v == 1:
                            cells, best, where = x[t, c, row, :, 0], out[t, c, i, :, 0], indices[t, c, i, :, 0]
                            for j in range(low, high):
                                cell = cells[j * column_step + column]
                                wins = (cell > best[j]) | (cell != cell)  # NaN wins, as in PyTorch
                                best[j] = cell if wins else best[j]
                                where[j] = row * w + j * column_step + column if wins else where[j]
                            continue
                        for j in range(low, high):
                            place = np.int32(row * w + j * column_step + column)
                            cells, best, where = (
                                x[t, c, row, j * column_step + column],
                                out[t, c, i, j],
                                indices[t, c, i, j],
                            )
                            for n in range(v):
                                cell = cells[n]
                                wins = (cell > best[n]) | (cell != cell)
                                best[n] = cell if wins else best[n]
                                where[n] = place if wins else where[n]


@compiled
def _max_pool_2x2(x, out, indices, first, last):
    """The commonest pooling with its four cells written out, which is three times as fast."""
    w, v = np.int32(x.shape[3]), x.shape[4]
    one = np.int32(1)
    for t in range(first, last):
        for c in range(x.shape[1]):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    a, b = x[t, c, 2 * i, 2 * j], x[t, c, 2 * i, 2 * j + 1]
                    d, e = x[t, c, 2 * i + 1, 2 * j], x[t, c, 2 * i + 1, 2 * j + 1]
                    best, where, corner = out[t, c, i, j], indices[t, c, i, j], np.int32(2 * i * w + 2 * j)
                    for n in range(v):
                        highest, place = a[n], corner
                        wins = (b[n] > highest) | (b[n] != b[n])
                        highest, place = b[n] if wins else highest, corner + one if wins else place
                        wins = (d[n] > highest) | (d[n] != d[n])
                        highest, place = d[n] if wins else highest, corner + w if wins else place
                        wins = (e[n] > highest) | (e[n] != e[n])
                        best[n], where[n] = e[n] if wins else highest, corner + w + one if wins else place


@compiled
def _max_pool_backward(dy, indices, dx, first, last):
    v = dy.shape[4]
    for t in range(first, last):
        for c in range(dy.shape[1]):
            plane = dx[t, c].reshape(dx.shape[2] * dx.shape[3] * v)
            plane[:] = 0
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    for n in range(v):
                        plane[indices[t, c, i, j, n] * v + n] += dy[t, c, i, j, n]


@compiled
def _avg_pool(x, numbers, shares, out, first, last):
    r, s, row_step, column_step, top, left = numbers
    for t in range(first, last):
        for c in range(x.shape[1]):
            out[t, c] = 0
            for i in range(out.shape[2]):
                for a in range(max(0, top - i * row_step), min(r, x.shape[2] + top - i * row_step)):
                    for j in range(out.shape[3]):
                        share_, row = shares[i, j], x[t, c, i * row_step - top + a]
                        for b in range(max(0, left - j * column_step), min(s, x.shape[3] + left - j * column_step)):
                            column = j * column_step - left + b
                            for n in range(x.shape[4]):
                                out[t, c, i, j, n] += share_ * row[column, n]


@compiled
def _avg_pool_backward(dy, numbers, shares, dx, first, last):
    r, s, row_step, column_step, top, left = numbers
    for t in range(first, last):
        for c in range(dy.shape[1]):
            dx[t, c] = 0
            for i in range(dy.shape[2]):
                for a in range(max(0, top - i * row_step), min(r, dx.shape[2] + top - i * row_step)):
                    for j in range(dy.shape[3]):
                        share_, row = shares[i, j], dx[t, c, i * row_step - top + a]
                        for b in range(max(0, left - j * column_step), min(s, dx.shape[3] + left - j * column_step)):
                            column = j * column_step - left + b
                            for n in range(dy.shape[4]):
                                row[column, n] += share_ * dy[t, c, i, j, n]
