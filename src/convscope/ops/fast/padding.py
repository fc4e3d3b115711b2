"""Padding of images and its adjoint, for the fast operators."""

from typing import Any

import numpy as np

from convscope.ops import arguments

_NUMPY_MODES: dict[str, Any] = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad2d(x: np.ndarray, padding: Any, mode: str = "zeros") -> np.ndarray:
    """Images x (n, c, h, w) with cells added around them; see `ops.reference.pad2d`."""
    x, (top, bottom, left, right), mode = arguments.pad2d_arguments(x, padding, mode)
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), _NUMPY_MODES[mode])


def pad2d_input_grad(
    input_size: tuple[int, int, int, int], grad_output: np.ndarray, padding: Any, mode: str = "zeros"
) -> np.ndarray:
    """Gradient of `pad2d` in its input: each cell sums what its copies received; see
    `ops.reference.pad2d_input_grad`."""
    (_, _, h, w), grad, (top, bottom, left, right), mode = arguments.pad2d_input_grad_arguments(
        input_size, grad_output, padding, mode
    )
    if mode == "zeros":
        return np.ascontiguousarray(grad[:, :, top : top + h, left : left + w])
    for axis, size, before, after in ((2, h, top, bottom), (3, w, left, right)):
        source = np.pad(np.arange(size), (before, after), _NUMPY_MODES[mode])
        folded = np.zeros((*grad.shape[:axis], size, *grad.shape[axis + 1 :]), grad.dtype)
        cells = (slice(None),) * axis
        for place, cell in enumerate(source):
            folded[(*cells, cell)] += grad[(*cells, place)]
        grad = folded
    return grad
