"""Convolution as deep learning means it (cross-correlation), and its three gradients."""

from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.ops import arguments
from convscope.ops.reference.padding import pad2d, pad2d_input_grad
from convscope.ops.shapes import ConvGeometry


def corr2d(X: Any, K: Any) -> np.ndarray:
    """Lay the kernel on every place of the picture where it fits, multiply cell by cell, and add up.

    `Y[i, j] = sum over u, v of X[i + u, j + v] * K[u, v]`

    X  picture (h, w), array or nested lists of numbers, integers too
    K  kernel (r, s), likewise
    Y  (h - r + 1, w - s + 1), of their dtype

    Raises InputError when one is not a plane of numbers, K is larger than X, or an integer sum does not fit
    the dtype.

    >>> corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
    array([[19, 25],
           [37, 43]])
    """
    X, K, dtype = arguments.corr2d_arguments(X, K)
    (h, w), (r, s) = X.shape, K.shape
    Y = np.zeros((h - r + 1, w - s + 1), dtype)
    for i in range(h - r + 1):
        for j in range(w - s + 1):
            total = 0
            for u in range(r):
                for v in range(s):
                    # .item() makes plain Python numbers, whose integers never overflow
                    total += X[i + u, j + v].item() * K[u, v].item()
            try:
                Y[i, j] = total
            except OverflowError:
                raise arguments.integer_overflow(total, dtype) from None
    return Y


def first_channel(m: int, g: ConvGeometry) -> int:
    """The first input channel that output channel `m` sees: its group's."""
    group = m // (g.m // g.groups)
    return group * (g.c // g.groups)


def conv2d(
    x: Float[np.ndarray, "n c h w"],
    w: Float[np.ndarray, "m c_per_group r s"],
    bias: Float[np.ndarray, " m"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n m out_h out_w"]:
    """Cross-correlate images with kernels, as `torch.nn.functional.conv2d` does.

    `y[n, m, i, j] = bias[m] + sum over c, u, v of padded[n, c, row, column] * w[m, c, u, v]`, where
    `row = i*stride + u*dilation` and `column = j*stride + v*dilation`; so
    `out_h = floor((h + top + bottom - dilation*(r - 1) - 1)/stride) + 1`, likewise out_w.

    stride, dilation  one number or (rows, columns)
    padding           one number, (rows, columns), (top, bottom, left, right), "valid" (none) or "same" (an
                      output of ceil(h/stride) rows; an odd cell goes to the bottom and the right)
    groups            channels fall into so many groups; each output channel sees those of its own group only
    padding_mode      "zeros", "reflect", "replicate" or "circular"
    flip              True turns every kernel by 180 degrees first: convolution as mathematics defines it

    Raises InputError when shapes, dtypes or numbers do not go together.

    >>> band = np.ones((1, 1, 1, 6)); band[..., 2:4] = 0
    >>> conv2d(band, np.array([[[[1.0, -1.0]]]]))[0, 0]
    array([[ 0.,  1.,  0., -1.,  0.]])
    """
    x, w, bias, g = arguments.conv_arguments(2, x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    (step_i, step_j), (gap_u, gap_v) = g.stride, g.dilation
    kernel = w[:, :, ::-1, ::-1] if flip else w
    padded = pad2d(x, g.pads, padding_mode)
    y = np.zeros(g.output_size, x.dtype)
    for n in range(g.n):
        for m in range(g.m):
            first = first_channel(m, g)
            for i in range(g.out_h):
                for j in range(g.out_w):
                    total = x.dtype.type(0) if bias is None else bias[m]
                    for c in range(g.c // g.groups):
                        for u in range(g.r):
                            for v in range(g.s):
                                row, column = i * step_i + u * gap_u, j * step_j + v * gap_v
                                total += padded[n, first + c, row, column] * kernel[m, c, u, v]
                    y[n, m, i, j] = total
    return y


def conv2d_input_grad(
    input_size: tuple[int, int, int, int],
    w: Float[np.ndarray, "m c_per_group r s"],
    grad_output: Float[np.ndarray, "n m out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "n c h w"]:
    """Gradient of `conv2d` with respect to x; the arguments are ordered as in `torch.nn.grad.conv2d_input`.

    The forward loop reads `padded[n, c, row, column]` and multiplies it by `w[m, c, u, v]`, so that cell gets
    `grad_output[n, m, i, j] * w[m, c, u, v]` from every window it lies in. What lands in the padding is
    folded back. Cells that no window reaches (the remainder of a stride) keep 0. This is also what
    "transposed convolution" computes.
    """
    w, grad_output, g = arguments.conv_input_grad_arguments(
        2, input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    (step_i, step_j), (gap_u, gap_v) = g.stride, g.dilation
    kernel = w[:, :, ::-1, ::-1] if flip else w
    grad_padded = np.zeros(g.padded_size, w.dtype)
    for n in range(g.n):
        for m in range(g.m):
            first = first_channel(m, g)
            for i in range(g.out_h):
                for j in range(g.out_w):
                    for c in range(g.c // g.groups):
                        for u in range(g.r):
                            for v in range(g.s):
                                row, column = i * step_i + u * gap_u, j * step_j + v * gap_v
                                grad_padded[n, first + c, row, column] += grad_output[n, m, i, j] * kernel[m, c, u, v]
    return pad2d_input_grad(g.input_size, grad_padded, g.pads, padding_mode)


def conv2d_weight_grad(
    x: Float[np.ndarray, "n c h w"],
    weight_size: tuple[int, int, int, int],
    grad_output: Float[np.ndarray, "n m out_h out_w"],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Float[np.ndarray, "m c_per_group r s"]:
    """Gradient of `conv2d` with respect to w; the arguments are ordered as in `torch.nn.grad.conv2d_weight`.

    One weight takes part in every output cell of every image (it is shared), so its gradient is a sum over
    all of them:
    `grad_w[m, c, u, v] = sum over n, i, j of grad_output[n, m, i, j] * padded[n, c, row, column]`.
    """
    x, grad_output, g = arguments.conv_weight_grad_arguments(
        2, x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    (step_i, step_j), (gap_u, gap_v) = g.stride, g.dilation
    padded = pad2d(x, g.pads, padding_mode)
    grad_kernel = np.zeros(g.weight_size, x.dtype)
    for n in range(g.n):
        for m in range(g.m):
            first = first_channel(m, g)
            for i in range(g.out_h):
                for j in range(g.out_w):
                    for c in range(g.c // g.groups):
                        for u in range(g.r):
                            for v in range(g.s):
                                row, column = i * step_i + u * gap_u, j * step_j + v * gap_v
                                grad_kernel[m, c, u, v] += grad_output[n, m, i, j] * padded[n, first + c, row, column]
    # the kernel was turned before use, so its gradient is turned back
    return grad_kernel[:, :, ::-1, ::-1].copy() if flip else grad_kernel


def conv2d_bias_grad(grad_output: Float[np.ndarray, "n m out_h out_w"]) -> Float[np.ndarray, " m"]:
    """Gradient of `conv2d` with respect to bias, which is added to every cell of its channel: their sum."""
    grad_output = arguments.bias_grad_argument(2, grad_output)
    n_images, channels, out_h, out_w = grad_output.shape
    grad_bias = np.zeros(channels, grad_output.dtype)
    for n in range(n_images):
        for m in range(channels):
            for i in range(out_h):
                for j in range(out_w):
                    grad_bias[m] += grad_output[n, m, i, j]
    return grad_bias
