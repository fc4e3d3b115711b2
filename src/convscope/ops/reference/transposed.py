"""Transposed convolutions, each the adjoint of a convolution, and their gradients.

A convolution reads a window and writes one cell; the transposed convolution reads one cell and writes a window. The
loops run as in `conv3d`: `place` is a cell of x, `tap` a cell of the kernel, of one, two or three numbers.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.ops import arguments
from convscope.ops.reference.conv import conv2d_bias_grad, first_channel
from convscope.ops.reference.conv1d import conv1d_bias_grad
from convscope.ops.reference.conv3d import cell, conv3d_bias_grad
from convscope.ops.reference.padding import folded, padded
from convscope.ops.shapes import ConvGeometry


def spread(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, g: ConvGeometry) -> np.ndarray:
    """x (n, c, ...) by w (c, m/groups, ...); `g` is the convolution that takes the result's shape back to that of x."""
    kernel = np.flip(w, tuple(range(2, w.ndim))) if g.flip else w
    whole = np.zeros(g.padded_size, x.dtype)
    for n, c, *place in np.ndindex(x.shape):
        first = first_channel(c, g)
        for m, *tap in np.ndindex(w.shape[1:]):
            # windows overlap where the stride is smaller than the kernel, hence +=
            whole[n, first + m, *cell(place, tap, g)] += x[n, c, *place] * kernel[c, m, *tap]
    y = folded(g.input_size, whole, g.pads, g.padding_mode)
    if bias is not None:
        for m in range(g.c):
            y[:, m] += bias[m]
    return y


def spread_input_grad(w: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """Gradient of `spread` in x: what was spread is gathered, each share times the factor it was spread by."""
    kernel = np.flip(w, tuple(range(2, w.ndim))) if g.flip else w
    whole = padded(grad_output, g.pads, g.padding_mode)
    grad_x = np.zeros(g.output_size, w.dtype)
    for n, c, *place in np.ndindex(grad_x.shape):
        first = first_channel(c, g)
        for m, *tap in np.ndindex(w.shape[1:]):
            grad_x[n, c, *place] += whole[n, first + m, *cell(place, tap, g)] * kernel[c, m, *tap]
    return grad_x


def spread_weight_grad(x: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """Gradient of `spread` in w: every weight spread every cell of its channel, so it sums over all of them."""
    whole = padded(grad_output, g.pads, g.padding_mode)
    grad_kernel = np.zeros(g.weight_size, x.dtype)
    for n, c, *place in np.ndindex(x.shape):
        first = first_channel(c, g)
        for m, *tap in np.ndindex(grad_kernel.shape[1:]):
            grad_kernel[c, m, *tap] += x[n, c, *place] * whole[n, first + m, *cell(place, tap, g)]
    return np.flip(grad_kernel, tuple(range(2, grad_kernel.ndim))).copy() if g.flip else grad_kernel


def conv_transpose2d(
    x: Float[np.ndarray, "n c h w"],
    w: Float[np.ndarray, "c m_per_group r s"],
    bias: Float[np.ndarray, " m"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n m out_h out_w"]:
    """Spread every cell of the images by a kernel, as `torch.nn.functional.conv_transpose2d` does.

    `padded_y[n, m, row, column] = sum over c, i, j, u, v of x[n, c, i, j] * w[c, m, u, v]`, over all that have
    `row = i*stride + u*dilation` and `column = j*stride + v*dilation`; then the padding is taken off again, and
    bias[m] added. It is the adjoint of the `conv2d` with the same w and options that takes y's shape to x's:
    `<conv_transpose2d(x, w), y> = <x, conv2d(y, w)>`. So
    `out_h = (h - 1)*stride + dilation*(r - 1) + 1 - top - bottom + output_padding`, likewise out_w.

    stride, dilation, flip  as for `conv2d`
    padding         as for `conv2d`, but taken off, not added; "same" gives h*stride rows
    output_padding  one number or (rows, columns), smaller than the stride: which of the sizes that this conv2d
                    takes to h rows; the cells at the end that no window reaches get 0, and bias
    groups          channels fall into so many groups; each output channel sees those of its own group only
    padding_mode    that of this conv2d; unless it is "zeros" (all that PyTorch has), what is taken off is added
                    to the cells it was copied from

    Raises InputError when shapes, dtypes or numbers do not go together. Source: Dumoulin and Visin 2016, "A guide
    to convolution arithmetic for deep learning", chapter 4.

    >>> conv_transpose2d(np.array([[[[1.0, 0.0, 2.0]]]]), np.array([[[[5.0, 7.0]]]]), stride=(1, 2))
    array([[[[ 5.,  7.,  0.,  0., 10., 14.]]]])
    """
    x, w, bias, g = arguments.conv_transpose_arguments(
        2, x, w, bias, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread(x, w, bias, g)


def conv_transpose2d_input_grad(
    input_size: tuple[int, int, int, int],
    w: Float[np.ndarray, "c m_per_group r s"],
    grad_output: Float[np.ndarray, "n m out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n c h w"]:
    """Gradient of `conv_transpose2d` with respect to x: the convolution `conv2d(grad_output, w)`."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(
        2, input_size, w, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread_input_grad(w, grad_output, g)


def conv_transpose2d_weight_grad(
    x: Float[np.ndarray, "n c h w"],
    weight_size: tuple[int, int, int, int],
    grad_output: Float[np.ndarray, "n m out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "c m_per_group r s"]:
    """Gradient of `conv_transpose2d` with respect to w: `conv2d_weight_grad(grad_output, w.shape, x)`."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(
        2, x, weight_size, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread_weight_grad(x, grad_output, g)


def conv_transpose2d_bias_grad(
    grad_output: Float[np.ndarray, "n m out_h out_w"],
) -> Float[np.ndarray, " m"]:
    """Gradient of `conv_transpose2d` with respect to bias: the sum over its channel."""
    return conv2d_bias_grad(grad_output)


def conv_transpose1d(
    x: Float[np.ndarray, "n c w"],
    w: Float[np.ndarray, "c m_per_group s"],
    bias: Float[np.ndarray, " m"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n m out_w"]:
    """Spread every cell of the signals by a kernel, as `torch.nn.functional.conv_transpose1d` does.

    The adjoint of `conv1d`; the arguments are those of `conv_transpose2d`, for one axis.

    >>> conv_transpose1d(np.array([[[1.0, 2.0]]]), np.array([[[5.0, 7.0, 1.0]]]))
    array([[[ 5., 17., 15.,  2.]]])
    """
    x, w, bias, g = arguments.conv_transpose_arguments(
        1, x, w, bias, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread(x, w, bias, g)


def conv_transpose1d_input_grad(
    input_size: tuple[int, int, int],
    w: Float[np.ndarray, "c m_per_group s"],
    grad_output: Float[np.ndarray, "n m out_w"],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n c w"]:
    """Gradient of `conv_transpose1d` with respect to x: the convolution `conv1d(grad_output, w)`."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(
        1, input_size, w, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread_input_grad(w, grad_output, g)


def conv_transpose1d_weight_grad(
    x: Float[np.ndarray, "n c w"],
    weight_size: tuple[int, int, int],
    grad_output: Float[np.ndarray, "n m out_w"],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "c m_per_group s"]:
    """Gradient of `conv_transpose1d` with respect to w: `conv1d_weight_grad(grad_output, w.shape, x)`."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(
        1, x, weight_size, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread_weight_grad(x, grad_output, g)


def conv_transpose1d_bias_grad(
    grad_output: Float[np.ndarray, "n m out_w"],
) -> Float[np.ndarray, " m"]:
    """Gradient of `conv_transpose1d` with respect to bias: the sum over its channel."""
    return conv1d_bias_grad(grad_output)


def conv_transpose3d(
    x: Float[np.ndarray, "n c d h w"],
    w: Float[np.ndarray, "c m_per_group t r s"],
    bias: Float[np.ndarray, " m"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n m out_d out_h out_w"]:
    """Spread every cell of the volumes by a kernel, as `torch.nn.functional.conv_transpose3d` does.

    The adjoint of `conv3d`; the arguments are those of `conv_transpose2d`, for three axes.

    >>> conv_transpose3d(np.ones((1, 1, 2, 2, 2)), np.ones((1, 1, 2, 1, 1)))[0, 0, :, 0, 0]
    array([1., 2., 1.])
    """
    x, w, bias, g = arguments.conv_transpose_arguments(
        3, x, w, bias, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread(x, w, bias, g)


def conv_transpose3d_input_grad(
    input_size: tuple[int, int, int, int, int],
    w: Float[np.ndarray, "c m_per_group t r s"],
    grad_output: Float[np.ndarray, "n m out_d out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n c d h w"]:
    """Gradient of `conv_transpose3d` with respect to x: the convolution `conv3d(grad_output, w)`."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(
        3, input_size, w, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread_input_grad(w, grad_output, g)


def conv_transpose3d_weight_grad(
    x: Float[np.ndarray, "n c d h w"],
    weight_size: tuple[int, int, int, int, int],
    grad_output: Float[np.ndarray, "n m out_d out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "c m_per_group t r s"]:
    """Gradient of `conv_transpose3d` with respect to w: `conv3d_weight_grad(grad_output, w.shape, x)`."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(
        3, x, weight_size, grad_output, stride, padding, output_padding, groups, dilation, padding_mode, flip
    )
    return spread_weight_grad(x, grad_output, g)


def conv_transpose3d_bias_grad(
    grad_output: Float[np.ndarray, "n m out_d out_h out_w"],
) -> Float[np.ndarray, " m"]:
    """Gradient of `conv_transpose3d` with respect to bias: the sum over its channel."""
    return conv3d_bias_grad(grad_output)
