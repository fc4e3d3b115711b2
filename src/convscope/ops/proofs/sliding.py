"""The forms that slide: windows of the image, shifted copies of the image, and the windows as columns of a matrix.

All three allow every stride, padding, padding mode, dilation and number of groups.

>>> x, w = np.arange(20).reshape(1, 1, 4, 5), np.array([[[[1, -1], [2, 0]]]])
>>> windows(x, w, stride=(1, 2))[0, 0]
array([[ 9, 13], [19, 23], [29, 33]])
>>> all(np.array_equal(windows(x, w), f(x, w)) for f in (shifts, im2col))
True
"""

import numpy as np

from convscope.ops.proofs.problem import Problem, form


@form
def windows(p: Problem) -> np.ndarray:
    """Sliding windows: every window of the image laid under the kernel, products summed.

    `y[n, m, i, j] = sum over c, u, v of window[n, c, i, j, u, v] * w[m, c, u, v]`

    The windows are a view of the padded image with two more axes: strides say how far apart its cells lie in memory,
    nothing is copied. The arguments are those of `ops.conv2d`; integers are exact.
    """
    return np.einsum("ngcijuv,gmcuv->ngmij", _windows(p), p.kernels())


@form
def shifts(p: Problem) -> np.ndarray:
    """Shifted products: the image once for each tap of the kernel, moved to it, times its weights, all added up.

    `y = sum over u, v of w[:, :, u, v] . padded[:, :, u*dilation :: stride, v*dilation :: stride]`, where the dot sums
    over channels. The arguments are those of `ops.conv2d`; integers are exact.
    """
    shifted, kernels, g = _windows(p), p.kernels(), p.g
    y = np.zeros((g.n, g.groups, g.m // g.groups, g.out_h * g.out_w), p.x.dtype)
    for u in range(g.r):
        for v in range(g.s):
            image = shifted[..., u, v].reshape(g.n, g.groups, g.c // g.groups, g.out_h * g.out_w)
            y += np.ascontiguousarray(kernels[..., u, v]) @ image
    return y


@form
def im2col(p: Problem) -> np.ndarray:
    """im2col + GEMM: the windows copied out as the columns of a matrix, and one product of matrices.

    `Y = K . columns`, K (m, c*r*s) the kernels as rows, columns (c*r*s, out_h*out_w), for each image and group. The
    arguments are those of `ops.conv2d`; integers are exact. Source: Chellapilla, Puri and Simard 2006, "High
    performance convolutional neural networks for document processing".
    """
    kernels = p.kernels()
    return kernels.reshape(*kernels.shape[:2], -1) @ columns(p)


def columns(p: Problem) -> np.ndarray:
    """The im2col matrices (n, groups, c/groups * r * s, out_h * out_w), each window a column."""
    view, g = _windows(p), p.g
    return view.transpose(0, 1, 2, 5, 6, 3, 4).reshape(g.n, g.groups, g.c // g.groups * g.r * g.s, g.out_h * g.out_w)


def _windows(p: Problem) -> np.ndarray:
    """(n, groups, c/groups, out_h, out_w, r, s), a view of the padded image."""
    padded, g = p.padded(), p.g
    (*front, down, right), (step_i, step_j), (gap_u, gap_v) = padded.strides, g.stride, g.dilation
    return np.lib.stride_tricks.as_strided(
        padded,
        (*padded.shape[:3], g.out_h, g.out_w, g.r, g.s),
        (*front, down * step_i, right * step_j, down * gap_u, right * gap_v),
        writeable=False,
    )
