"""Transposed convolutions: the adjoints of `conv1d`, `conv2d` and `conv3d` in their input, as operators of their own.

So each of their passes is one of a convolution's: forward is its way back to the input, and the way back to their input
is its way forward. What `fast.conv` says of NaN in kernels holds for forward here.
"""

from typing import Any

import numpy as np

from convscope.ops import arguments
from convscope.ops.fast import passes
from convscope.ops.fast.conv import conv1d_bias_grad, conv2d_bias_grad, conv3d_bias_grad
from convscope.ops.shapes import ConvGeometry


def conv_transpose1d(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Signals x (n, c, w) spread by kernels w (c, m/groups, s); see `ops.reference.conv_transpose1d`."""
    x, w, bias, g = arguments.conv_transpose_arguments(
        1, x, w, bias, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _forward(x, w, bias, g)


def conv_transpose1d_input_grad(
    input_size: tuple[int, int, int], w: np.ndarray, grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv_transpose1d` in x, of shape `input_size`; see `ops.reference.conv_transpose1d_input_grad`."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(
        1, input_size, w, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _to_input(w, grad_output, g)


def conv_transpose1d_weight_grad(
    x: np.ndarray, weight_size: tuple[int, int, int], grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv_transpose1d` in w, of that shape; see `ops.reference.conv_transpose1d_weight_grad`."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(
        1, x, weight_size, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _to_weights(x, grad_output, g)


def conv_transpose1d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv_transpose1d` in its bias: the sum of grad_output over all axes but m."""
    return conv1d_bias_grad(grad_output)


def conv_transpose2d(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Images x (n, c, h, w) spread by kernels w (c, m/groups, r, s); see `ops.reference.conv_transpose2d`."""
    x, w, bias, g = arguments.conv_transpose_arguments(
        2, x, w, bias, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _forward(x, w, bias, g)


def conv_transpose2d_input_grad(
    input_size: tuple[int, int, int, int], w: np.ndarray, grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv_transpose2d` in x, of shape `input_size`; see `ops.reference.conv_transpose2d_input_grad`."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(
        2, input_size, w, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _to_input(w, grad_output, g)


def conv_transpose2d_weight_grad(
    x: np.ndarray, weight_size: tuple[int, int, int, int], grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv_transpose2d` in w, of that shape; see `ops.reference.conv_transpose2d_weight_grad`."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(
        2, x, weight_size, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _to_weights(x, grad_output, g)


def conv_transpose2d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv_transpose2d` in its bias: the sum of grad_output over all axes but m."""
    return conv2d_bias_grad(grad_output)


def conv_transpose3d(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Volumes x (n, c, d, h, w) spread by kernels w (c, m/groups, t, r, s); see `ops.reference.conv_transpose3d`."""
    x, w, bias, g = arguments.conv_transpose_arguments(
        3, x, w, bias, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _forward(x, w, bias, g)


def conv_transpose3d_input_grad(
    input_size: tuple[int, int, int, int, int], w: np.ndarray, grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv_transpose3d` in x, of shape `input_size`; see `ops.reference.conv_transpose3d_input_grad`."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(
        3, input_size, w, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _to_input(w, grad_output, g)


def conv_transpose3d_weight_grad(
    x: np.ndarray, weight_size: tuple[int, int, int, int, int], grad_output: np.ndarray,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    padding_mode: str = "zeros", flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv_transpose3d` in w, of that shape; see `ops.reference.conv_transpose3d_weight_grad`."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(
        3, x, weight_size, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return _to_weights(x, grad_output, g)


def conv_transpose3d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv_transpose3d` in its bias: the sum of grad_output over all axes but m."""
    return conv3d_bias_grad(grad_output)


def _forward(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, g: ConvGeometry) -> np.ndarray:
    y = passes.to_input(w, x, g)
    if bias is not None:
        y += bias.reshape(-1, *[1] * len(g.size))
    return y


def _to_input(w: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    return passes.forward(grad_output, w, None, g)


def _to_weights(x: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    return passes.to_weights(grad_output, x, g)
