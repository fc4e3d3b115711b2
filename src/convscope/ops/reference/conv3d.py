"""Convolution along three axes, as of films and scans, and its three gradients.

Eight loops stand in `conv2d`; ten would be here. `np.ndindex` runs through several at once: `place` is a window,
`tap` a cell of the kernel, each (planes, rows, columns).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.ops import arguments
from convscope.ops.reference.conv import first_channel
from convscope.ops.reference.padding import folded, padded
from convscope.ops.shapes import ConvGeometry


def cell(place: Sequence[int], tap: Sequence[int], g: ConvGeometry) -> tuple[int, ...]:
    """Where a tap of the window at a place lies in the padded input: `place*stride + tap*dilation` on every axis."""
    return tuple(i * step + u * gap for i, u, step, gap in zip(place, tap, g.stride, g.dilation))


def conv3d(
    x: Float[np.ndarray, "n c d h w"],
    w: Float[np.ndarray, "m c_per_group t r s"],
    bias: Float[np.ndarray, " m"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n m out_d out_h out_w"]:
    """Cross-correlate volumes with kernels, as `torch.nn.functional.conv3d` does.

    `y[n, m, place] = bias[m] + sum over c, tap of padded[n, c, place*stride + tap*dilation] * w[m, c, tap]`,
    where a place and a tap are three numbers each, and the sizes follow as in `conv2d`.

    stride, dilation  one number or (planes, rows, columns)
    padding           one number, (planes, rows, columns), (front, back, top, bottom, left, right), "valid" or
                      "same"; the other arguments are those of `conv2d`

    Raises InputError when shapes, dtypes or numbers do not go together.

    >>> film = np.zeros((1, 1, 3, 1, 2)); film[0, 0, 1:] = 7
    >>> conv3d(film, np.array([-1.0, 1.0]).reshape(1, 1, 2, 1, 1))[0, 0, :, 0]
    array([[7., 7.],
           [0., 0.]])
    """
    x, w, bias, g = arguments.conv_arguments(3, x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    kernel = np.flip(w, (2, 3, 4)) if flip else w
    cells = padded(x, g.pads, padding_mode)
    y = np.zeros(g.output_size, x.dtype)
    for n, m, *place in np.ndindex(g.output_size):
        total = x.dtype.type(0) if bias is None else bias[m]
        for c, *tap in np.ndindex(g.weight_size[1:]):
            total += cells[n, first_channel(m, g) + c, *cell(place, tap, g)] * kernel[m, c, *tap]
        y[n, m, *place] = total
    return y


def conv3d_input_grad(
    input_size: tuple[int, int, int, int, int],
    w: Float[np.ndarray, "m c_per_group t r s"],
    grad_output: Float[np.ndarray, "n m out_d out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n c d h w"]:
    """Gradient of `conv3d` with respect to x; the arguments are ordered as in `torch.nn.grad.conv3d_input`.

    `grad_padded[n, c, place*stride + tap*dilation] += grad_output[n, m, place] * w[m, c, tap]`, and what lands
    in the padding is folded back.
    """
    w, grad_output, g = arguments.conv_input_grad_arguments(
        3, input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    kernel = np.flip(w, (2, 3, 4)) if flip else w
    grad_padded = np.zeros(g.padded_size, w.dtype)
    for n, m, *place in np.ndindex(g.output_size):
        for c, *tap in np.ndindex(g.weight_size[1:]):
            share = grad_output[n, m, *place] * kernel[m, c, *tap]
            grad_padded[n, first_channel(m, g) + c, *cell(place, tap, g)] += share
    return folded(g.input_size, grad_padded, g.pads, padding_mode)


def conv3d_weight_grad(
    x: Float[np.ndarray, "n c d h w"],
    weight_size: tuple[int, int, int, int, int],
    grad_output: Float[np.ndarray, "n m out_d out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "m c_per_group t r s"]:
    """Gradient of `conv3d` with respect to w; the arguments are ordered as in `torch.nn.grad.conv3d_weight`.

    `grad_w[m, c, tap] = sum over n, place of grad_output[n, m, place] * padded[n, c, place*stride + tap*dilation]`.
    """
    x, grad_output, g = arguments.conv_weight_grad_arguments(
        3, x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    cells = padded(x, g.pads, padding_mode)
    grad_kernel = np.zeros(g.weight_size, x.dtype)
    for n, m, *place in np.ndindex(g.output_size):
        for c, *tap in np.ndindex(g.weight_size[1:]):
            read = cells[n, first_channel(m, g) + c, *cell(place, tap, g)]
            grad_kernel[m, c, *tap] += grad_output[n, m, *place] * read
    return np.flip(grad_kernel, (2, 3, 4)).copy() if flip else grad_kernel


def conv3d_bias_grad(grad_output: Float[np.ndarray, "n m out_d out_h out_w"]) -> Float[np.ndarray, " m"]:
    """Gradient of `conv3d` with respect to bias, which is added to every cell of its channel: their sum."""
    grad_output = arguments.bias_grad_argument(3, grad_output)
    grad_bias = np.zeros(grad_output.shape[1], grad_output.dtype)
    for n, m, *place in np.ndindex(grad_output.shape):
        grad_bias[m] += grad_output[n, m, *place]
    return grad_bias
