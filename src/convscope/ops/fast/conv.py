"""`conv1d`, `conv2d`, `conv3d` and their gradients: checked arguments, then one of three passes.

They differ from the loops of `ops.reference` in one thing besides rounding: of a kernel that holds NaN or infinity, the
gradient in the input can be NaN also where no such weight reaches, since weights meet zeros around the gradient there.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convscope.ops import arguments
from convscope.ops.fast import passes


def conv1d(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Cross-correlation of signals x (n, c, w) with kernels w (m, c/groups, s); see `ops.reference.conv1d`."""
    x, w, bias, g = arguments.conv_arguments(1, x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    return passes.forward(x, w, bias, g)


def conv1d_input_grad(
    input_size: tuple[int, int, int], w: np.ndarray, grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv1d` in its input, of shape `input_size`; see `ops.reference.conv1d_input_grad`."""
    w, grad_output, g = arguments.conv_input_grad_arguments(
        1, input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    return passes.to_input(w, grad_output, g)


def conv1d_weight_grad(
    x: np.ndarray, weight_size: tuple[int, int, int], grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv1d` in its kernels, of shape `weight_size`; see `ops.reference.conv1d_weight_grad`."""
    x, grad_output, g = arguments.conv_weight_grad_arguments(
        1, x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    return passes.to_weights(x, grad_output, g)


def conv1d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv1d` in its bias: the sum of grad_output over all axes but m."""
    grad_output = arguments.bias_grad_argument(1, grad_output)
    return grad_output.sum(axis=(0, *range(2, grad_output.ndim)))


def conv2d(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Cross-correlation of images x (n, c, h, w) with kernels w (m, c/groups, r, s); see `ops.reference.conv2d`."""
    x, w, bias, g = arguments.conv_arguments(2, x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    return passes.forward(x, w, bias, g)


def conv2d_input_grad(
    input_size: tuple[int, int, int, int], w: np.ndarray, grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv2d` in its input, of shape `input_size`; see `ops.reference.conv2d_input_grad`."""
    w, grad_output, g = arguments.conv_input_grad_arguments(
        2, input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    return passes.to_input(w, grad_output, g)


def conv2d_weight_grad(
    x: np.ndarray, weight_size: tuple[int, int, int, int], grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv2d` in its kernels, of shape `weight_size`; see `ops.reference.conv2d_weight_grad`."""
    x, grad_output, g = arguments.conv_weight_grad_arguments(
        2, x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    return passes.to_weights(x, grad_output, g)


def conv2d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv2d` in its bias: the sum of grad_output over all axes but m."""
    grad_output = arguments.bias_grad_argument(2, grad_output)
    return grad_output.sum(axis=(0, *range(2, grad_output.ndim)))


def conv3d(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Cross-correlation of volumes x (n, c, d, h, w) with kernels w (m, c/groups, t, r, s); see
    `ops.reference.conv3d`."""
    x, w, bias, g = arguments.conv_arguments(3, x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    return passes.forward(x, w, bias, g)


def conv3d_input_grad(
    input_size: tuple[int, int, int, int, int], w: np.ndarray, grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv3d` in its input, of shape `input_size`; see `ops.reference.conv3d_input_grad`."""
    w, grad_output, g = arguments.conv_input_grad_arguments(
        3, input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    return passes.to_input(w, grad_output, g)


def conv3d_weight_grad(
    x: np.ndarray, weight_size: tuple[int, int, int, int, int], grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv3d` in its kernels, of shape `weight_size`; see `ops.reference.conv3d_weight_grad`."""
    x, grad_output, g = arguments.conv_weight_grad_arguments(
        3, x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    return passes.to_weights(x, grad_output, g)


def conv3d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv3d` in its bias: the sum of grad_output over all axes but m."""
    grad_output = arguments.bias_grad_argument(3, grad_output)
    return grad_output.sum(axis=(0, *range(2, grad_output.ndim)))


def corr2d(X: ArrayLike, K: ArrayLike) -> np.ndarray:
    """Cross-correlation of one picture X (h, w) with one kernel K (r, s); see `ops.reference.corr2d`."""
    picture, kernel, dtype = arguments.corr2d_arguments(X, K)
    (r, s), (h, w) = kernel.shape, picture.shape
    exact = dtype if dtype.kind == "f" else np.dtype(object)  # Python's integers, which never overflow
    out = np.zeros((h - r + 1, w - s + 1), exact)
    for a in range(r):
        for b in range(s):
            out += picture[a : a + len(out), b : b + out.shape[1]].astype(exact) * kernel[a, b].item()
    try:
        return out.astype(dtype)
    except OverflowError:
        largest = max(out.min(), out.max(), key=abs)
        raise arguments.integer_overflow(largest, dtype) from None
