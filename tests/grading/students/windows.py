"""Stride tricks and einsum, each gradient a function of its own."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view


def convolve(images, kernels, bias=None, stride=1, pad=0):
    padded = np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(padded, kernels.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    result = np.einsum("ncijuv,mcuv->nmij", windows, kernels)
    return result if bias is None else result + bias[None, :, None, None]


def convolve_dw(grad_out, images, kernel_shape, stride=1, pad=0):
    padded = np.ascontiguousarray(np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad))))
    sn, sc, sh, sw = padded.strides
    _, _, r, s = kernel_shape
    shape = (*padded.shape[:2], *grad_out.shape[2:], r, s)
    windows = as_strided(padded, shape, (sn, sc, sh * stride, sw * stride, sh, sw), writeable=False)
    return np.einsum("nmij,ncijuv->mcuv", grad_out, windows)


def convolve_dx(grad_out, kernels, input_shape, stride=1, pad=0):
    n, _, h, w = input_shape
    _, _, r, s = kernels.shape
    spread = np.zeros((n, len(kernels), h + 2 * pad - r + 1, w + 2 * pad - s + 1), grad_out.dtype)
    spread[:, :, : grad_out.shape[2] * stride : stride, : grad_out.shape[3] * stride : stride] = grad_out
    spread = np.pad(spread, ((0, 0), (0, 0), (r - 1, r - 1), (s - 1, s - 1)))
    windows = sliding_window_view(spread, (r, s), (2, 3))
    full = np.einsum("nmijuv,mcuv->ncij", windows, kernels[:, :, ::-1, ::-1])
    return full[:, :, pad : pad + h, pad : pad + w]


def convolve_db(grad_out):
    return np.einsum("nmij->m", grad_out)


def avg_pool(x, size, stride):
    return sliding_window_view(x, (size, size), (2, 3))[:, :, ::stride, ::stride].mean((4, 5)).astype(x.dtype)
