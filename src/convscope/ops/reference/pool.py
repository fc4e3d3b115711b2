"""Pooling: the largest or the mean of every window, and the gradients of both."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from convscope.ops.arguments import (
    avg_pool2d_arguments,
    avg_pool2d_input_grad_arguments,
    max_pool2d_arguments,
    max_pool2d_input_grad_arguments,
)
from convscope.ops.shapes import PoolGeometry


def inside(start: int, taps: int, dilation: int, size: int) -> list[int]:
    """Places of a window on an axis, without those that lie in the padding or hang over the end.

    >>> inside(-1, taps=3, dilation=1, size=5), inside(3, taps=3, dilation=1, size=5)
    ([0, 1], [3, 4])
    """
    return [place for u in range(taps) if 0 <= (place := start + u * dilation) < size]


def max_pool2d(
    x: Float[np.ndarray, "n c h w"],
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> (
    Float[np.ndarray, "n c out_h out_w"]
    | tuple[Float[np.ndarray, "n c out_h out_w"], Int[np.ndarray, "n c out_h out_w"]]
):
    """The largest cell of every window, as `torch.nn.functional.max_pool2d` does.

    Padding stands for -inf, not for 0: with zeros a window of negative numbers at the edge would answer 0, a
    number that is nowhere in it. So cells in the padding are simply not looked at. Of equal cells the first
    (in reading order) wins, and NaN wins over every number.

    kernel_size, stride, dilation  one number or (rows, columns); stride=None lays the windows side by side
    padding         as for `conv2d`; at most half the kernel
    ceil_mode       True keeps a last window that hangs over the end
    return_indices  True returns also where each maximum was found: `row*w + column` in the image not padded

    Raises InputError when shapes or numbers do not go together.

    >>> max_pool2d(-np.arange(9.0).reshape(1, 1, 3, 3), 2, stride=1, padding=1)[0, 0, :2]
    array([[-0., -0., -1., -2.],
           [-0., -0., -1., -2.]])
    """
    x, g = max_pool2d_arguments(x, kernel_size, stride, padding, dilation, ceil_mode)
    y, indices = np.empty(g.output_size, x.dtype), np.empty(g.output_size, np.int64)
    for n in range(g.n):
        for c in range(g.c):
            for i in range(g.out_h):
                for j in range(g.out_w):
                    rows = inside(i * g.stride[0] - g.pads[0], g.r, g.dilation[0], g.h)
                    columns = inside(j * g.stride[1] - g.pads[2], g.s, g.dilation[1], g.w)
                    largest, where = -np.inf, rows[0] * g.w + columns[0]
                    for row in rows:
                        for column in columns:
                            cell = x[n, c, row, column]
                            if cell > largest or np.isnan(cell):
                                largest, where = cell, row * g.w + column
                    y[n, c, i, j], indices[n, c, i, j] = largest, where
    return (y, indices) if return_indices else y


def max_pool2d_input_grad(
    input_size: tuple[int, int, int, int],
    grad_output: Float[np.ndarray, "n c out_h out_w"],
    indices: Int[np.ndarray, "n c out_h out_w"],
) -> Float[np.ndarray, "n c h w"]:
    """Gradient of `max_pool2d`: all of a window's gradient goes to the cell that won, none to the others.

    The winner was multiplied by 1 and the others by 0. Where windows overlap a cell can win several times,
    hence `+=`.
    """
    (n_images, channels, h, w), grad_output, indices = max_pool2d_input_grad_arguments(
        input_size, grad_output, indices
    )
    grad_x = np.zeros((n_images, channels, h, w), grad_output.dtype)
    for n in range(n_images):
        for c in range(channels):
            for i in range(grad_output.shape[2]):
                for j in range(grad_output.shape[3]):
                    row, column = divmod(int(indices[n, c, i, j]), w)
                    grad_x[n, c, row, column] += grad_output[n, c, i, j]
    return grad_x


def avg_pool2d(
    x: Float[np.ndarray, "n c h w"],
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Float[np.ndarray, "n c out_h out_w"]:
    """The mean of every window, as `torch.nn.functional.avg_pool2d` does.

    `y[n, c, i, j] = sum of the window / number of its cells`; the padding adds 0 to the sum, and its cells
    are counted unless `count_include_pad=False`. Cells that hang over the padded end (`ceil_mode`) are never
    counted.

    The other arguments are those of `max_pool2d`. Raises InputError when shapes or numbers do not go
    together.

    >>> avg_pool2d(np.ones((1, 1, 2, 2)), 2, padding=1, stride=1)[0, 0, 0]
    array([0.25, 0.5 , 0.25])
    """
    x, g = avg_pool2d_arguments(x, kernel_size, stride, padding, ceil_mode)
    y = np.empty(g.output_size, x.dtype)
    for n in range(g.n):
        for c in range(g.c):
            for i in range(g.out_h):
                for j in range(g.out_w):
                    rows, columns, count = averaged(i, j, g, count_include_pad)
                    total = x.dtype.type(0)
                    for row in rows:
                        for column in columns:
                            total += x[n, c, row, column]
                    y[n, c, i, j] = total / count
    return y


def avg_pool2d_input_grad(
    input_size: tuple[int, int, int, int],
    grad_output: Float[np.ndarray, "n c out_h out_w"],
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Float[np.ndarray, "n c h w"]:
    """Gradient of `avg_pool2d`: every cell of a window was multiplied by `1/count`, so gets that share."""
    grad_output, g = avg_pool2d_input_grad_arguments(
        input_size, grad_output, kernel_size, stride, padding, ceil_mode
    )
    grad_x = np.zeros(g.input_size, grad_output.dtype)
    for n in range(g.n):
        for c in range(g.c):
            for i in range(g.out_h):
                for j in range(g.out_w):
                    rows, columns, count = averaged(i, j, g, count_include_pad)
                    for row in rows:
                        for column in columns:
                            grad_x[n, c, row, column] += grad_output[n, c, i, j] / count
    return grad_x


def averaged(i: int, j: int, g: PoolGeometry, count_include_pad: bool) -> tuple[list[int], list[int], int]:
    """Rows and columns of the image that window (i, j) averages, and the count it divides by."""
    top, left = i * g.stride[0] - g.pads[0], j * g.stride[1] - g.pads[2]
    rows, columns = inside(top, g.r, 1, g.h), inside(left, g.s, 1, g.w)
    if not count_include_pad:
        return rows, columns, len(rows) * len(columns)
    counted_rows = min(top + g.r, g.h + g.pads[1]) - top
    counted_columns = min(left + g.s, g.w + g.pads[3]) - left
    return rows, columns, counted_rows * counted_columns
