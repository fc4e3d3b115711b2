"""Padding of images and its adjoint, for the fast operators."""

from typing import Any

import numpy as np

from convscope.ops import arguments

_NUMPY_MODES: dict[str, Any] = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad2d(x: np.ndarray, padding: Any, mode: str = "zeros") -> np.ndarray:
    """Images x (n, c, h, w) with cells added around them; see `ops.reference.pad2d`."""
    x, pads, mode = arguments.pad2d_arguments(x, padding, mode)
    return padded(x, pads, mode)


def pad2d_input_grad(
    input_size: tuple[int, ...], grad_output: np.ndarray, padding: Any, mode: str = "zeros"
) -> np.ndarray:
    """Gradient of `pad2d` in its input: each cell sums what its copies received; see
    `ops.reference.pad2d_input_grad`."""
    input_size, grad, pads, mode = arguments.pad2d_input_grad_arguments(input_size, grad_output, padding, mode)
    return folded(input_size, grad, pads, mode)


def padded(x: np.ndarray, pads: tuple[int, ...], mode: str) -> np.ndarray:
    """x (n, c, ...) with `pads` cells before and after each axis but the first two."""
    return np.pad(x, ((0, 0), (0, 0), *zip(pads[::2], pads[1::2])), _NUMPY_MODES[mode])


def folded(input_size: tuple[int, ...], grad: np.ndarray, pads: tuple[int, ...], mode: str) -> np.ndarray:
    """The adjoint of `padded`."""
    if mode == "zeros":
        inside = (slice(before, before + size) for before, size in zip(pads[::2], input_size[2:]))
        return np.ascontiguousarray(grad[(..., *inside)])
    for axis, size in enumerate(input_size[2:], 2):
        source = np.pad(np.arange(size), pads[2 * axis - 4 : 2 * axis - 2], _NUMPY_MODES[mode])
        sums = np.zeros((*grad.shape[:axis], size, *grad.shape[axis + 1 :]), grad.dtype)
        cells = (slice(None),) * axis
        for place, cell in enumerate(source):
            sums[(*cells, cell)] += grad[(*cells, place)]
        grad = sums
    return grad
