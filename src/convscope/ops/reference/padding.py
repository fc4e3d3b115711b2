"""Padding an image, and folding a gradient back over the padding."""

from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.ops.arguments import pad2d_arguments, pad2d_input_grad_arguments


def source(i: int, size: int, mode: str) -> int | None:
    """The cell of `0 .. size-1` that stands at place `i`, which may lie before or beyond; None for a zero.

    >>> [[source(i, 4, mode) for i in range(-2, 6)] for mode in ("reflect", "replicate", "circular")]
    [[2, 1, 0, 1, 2, 3, 2, 1], [0, 0, 0, 1, 2, 3, 3, 3], [2, 3, 0, 1, 2, 3, 0, 1]]
    """
    if 0 <= i < size:
        return i
    if mode == "zeros":
        return None
    if mode == "replicate":
        return 0 if i < 0 else size - 1
    if mode == "circular":
        return i % size
    last = size - 1  # reflect: the edge is the mirror, and is not seen twice
    return -i if i < 0 else last - (i - last)


def pad2d(
    x: Float[np.ndarray, "n c h w"], padding: Any, mode: str = "zeros"
) -> Float[np.ndarray, "n c padded_h padded_w"]:
    """Images with cells added around them, as `torch.nn.functional.pad` does.

    padding  one number, (rows, columns) or (top, bottom, left, right)
    mode     "zeros", "reflect" (edge not repeated), "replicate" (edge repeated) or "circular"

    Raises InputError when the padding is negative, or larger than what there is to reflect or wrap.
    """
    x, (top, bottom, left, right), mode = pad2d_arguments(x, padding, mode)
    n_images, channels, h, w = x.shape
    padded = np.zeros((n_images, channels, top + h + bottom, left + w + right), x.dtype)
    for n in range(n_images):
        for c in range(channels):
            for i in range(top + h + bottom):
                for j in range(left + w + right):
                    row, column = source(i - top, h, mode), source(j - left, w, mode)
                    if row is not None and column is not None:
                        padded[n, c, i, j] = x[n, c, row, column]
    return padded


def pad2d_input_grad(
    input_size: tuple[int, ...],
    grad_output: Float[np.ndarray, "n c padded_h padded_w"],
    padding: Any,
    mode: str = "zeros",
) -> Float[np.ndarray, "n c h w"]:
    """Gradient of `pad2d`: every padded cell gives its gradient back to the cell it was copied from.

    A cell at the edge may have been copied several times, so the shares add up; a zero came from nowhere and
    its gradient is dropped.
    """
    (n_images, channels, h, w), grad_output, (top, bottom, left, right), mode = pad2d_input_grad_arguments(
        input_size, grad_output, padding, mode
    )
    grad_x = np.zeros((n_images, channels, h, w), grad_output.dtype)
    for n in range(n_images):
        for c in range(channels):
            for i in range(top + h + bottom):
                for j in range(left + w + right):
                    row, column = source(i - top, h, mode), source(j - left, w, mode)
                    if row is not None and column is not None:
                        grad_x[n, c, row, column] += grad_output[n, c, i, j]
    return grad_x


def padded(x: np.ndarray, pads: tuple[int, ...], mode: str) -> np.ndarray:
    """`pad2d` along any number of axes: x (n, c, ...) with `pads` cells before and after each."""
    before, size = pads[::2], x.shape[2:]
    whole = np.zeros((*x.shape[:2], *map(sum, zip(before, size, pads[1::2]))), x.dtype)
    for place in np.ndindex(whole.shape[2:]):
        cell = [source(i - start, cells, mode) for i, start, cells in zip(place, before, size)]
        if None not in cell:
            whole[:, :, *place] = x[:, :, *cell]
    return whole


def folded(input_size: tuple[int, ...], grad: np.ndarray, pads: tuple[int, ...], mode: str) -> np.ndarray:
    """Its gradient, as `pad2d_input_grad`."""
    before, size = pads[::2], input_size[2:]
    grad_x = np.zeros(input_size, grad.dtype)
    for place in np.ndindex(grad.shape[2:]):
        cell = [source(i - start, cells, mode) for i, start, cells in zip(place, before, size)]
        if None not in cell:
            grad_x[:, :, *cell] += grad[:, :, *place]
    return grad_x
