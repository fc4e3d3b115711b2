"""Convolution along one axis, as of sounds and texts, and its three gradients."""

from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.ops import arguments
from convscope.ops.reference.conv import first_channel
from convscope.ops.reference.padding import folded, padded


def conv1d(
    x: Float[np.ndarray, "n c w"],
    w: Float[np.ndarray, "m c_per_group s"],
    bias: Float[np.ndarray, " m"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n m out_w"]:
    """Cross-correlate signals with kernels, as `torch.nn.functional.conv1d` does.

    `y[n, m, j] = bias[m] + sum over c, v of padded[n, c, j*stride + v*dilation] * w[m, c, v]`; so
    `out_w = floor((w + left + right - dilation*(s - 1) - 1)/stride) + 1`.

    padding  one number, (left, right), "valid" or "same"; the other arguments are those of `conv2d`

    Raises InputError when shapes, dtypes or numbers do not go together.

    >>> conv1d(np.array([[[0.0, 0.0, 5.0, 5.0]]]), np.array([[[-1.0, 1.0]]]))
    array([[[0., 5., 0.]]])
    """
    x, w, bias, g = arguments.conv_arguments(1, x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    (step,), (gap,), (out_w,), (s,) = g.stride, g.dilation, g.out, g.kernel
    kernel = w[:, :, ::-1] if flip else w
    cells = padded(x, g.pads, padding_mode)
    y = np.zeros(g.output_size, x.dtype)
    for n in range(g.n):
        for m in range(g.m):
            first = first_channel(m, g)
            for j in range(out_w):
                total = x.dtype.type(0) if bias is None else bias[m]
                for c in range(g.c // g.groups):
                    for v in range(s):
                        total += cells[n, first + c, j * step + v * gap] * kernel[m, c, v]
                y[n, m, j] = total
    return y


def conv1d_input_grad(
    input_size: tuple[int, int, int],
    w: Float[np.ndarray, "m c_per_group s"],
    grad_output: Float[np.ndarray, "n m out_w"],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n c w"]:
    """Gradient of `conv1d` with respect to x; the arguments are ordered as in `torch.nn.grad.conv1d_input`.

    `grad_padded[n, c, j*stride + v*dilation] += grad_output[n, m, j] * w[m, c, v]`, and what lands in the
    padding is folded back.
    """
    w, grad_output, g = arguments.conv_input_grad_arguments(
        1, input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    (step,), (gap,), (out_w,), (s,) = g.stride, g.dilation, g.out, g.kernel
    kernel = w[:, :, ::-1] if flip else w
    grad_padded = np.zeros(g.padded_size, w.dtype)
    for n in range(g.n):
        for m in range(g.m):
            first = first_channel(m, g)
            for j in range(out_w):
                for c in range(g.c // g.groups):
                    for v in range(s):
                        grad_padded[n, first + c, j * step + v * gap] += grad_output[n, m, j] * kernel[m, c, v]
    return folded(g.input_size, grad_padded, g.pads, padding_mode)


def conv1d_weight_grad(
    x: Float[np.ndarray, "n c w"],
    weight_size: tuple[int, int, int],
    grad_output: Float[np.ndarray, "n m out_w"],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "m c_per_group s"]:
    """Gradient of `conv1d` with respect to w; the arguments are ordered as in `torch.nn.grad.conv1d_weight`.

    `grad_w[m, c, v] = sum over n, j of grad_output[n, m, j] * padded[n, c, j*stride + v*dilation]`.
    """
    x, grad_output, g = arguments.conv_weight_grad_arguments(
        1, x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    (step,), (gap,), (out_w,), (s,) = g.stride, g.dilation, g.out, g.kernel
    cells = padded(x, g.pads, padding_mode)
    grad_kernel = np.zeros(g.weight_size, x.dtype)
    for n in range(g.n):
        for m in range(g.m):
            first = first_channel(m, g)
            for j in range(out_w):
                for c in range(g.c // g.groups):
                    for v in range(s):
                        grad_kernel[m, c, v] += grad_output[n, m, j] * cells[n, first + c, j * step + v * gap]
    return grad_kernel[:, :, ::-1].copy() if flip else grad_kernel


def conv1d_bias_grad(grad_output: Float[np.ndarray, "n m out_w"]) -> Float[np.ndarray, " m"]:
    """Gradient of `conv1d` with respect to bias, which is added to every cell of its channel: their sum."""
    grad_output = arguments.bias_grad_argument(1, grad_output)
    grad_bias = np.zeros(grad_output.shape[1], grad_output.dtype)
    for n, m, j in np.ndindex(grad_output.shape):
        grad_bias[m] += grad_output[n, m, j]
    return grad_bias
