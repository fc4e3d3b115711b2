"""The three passes of a convolution along one, two or three axes: all become passes along two.

Padding other than zeros is added first, and the kernel turned if it is to be. One axis is a picture of one row. Of
three axes the first, depth, goes into the channels: the planes of all windows at one depth are stacked,

    stacked[n*out_d + o, c*t + u] = x[n, c, o*stride + u*dilation - front],

and a convolution along rows and columns then sums over channels and depth at once.
"""

from dataclasses import replace

import numpy as np

from convscope.ops.fast import planes
from convscope.ops.fast.compiled import share
from convscope.ops.fast.padding import folded, padded
from convscope.ops.shapes import ConvGeometry


def forward(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, g: ConvGeometry) -> np.ndarray:
    """x (n, c, ...) under w (m, c/groups, ...), plus bias (m,)."""
    start = np.zeros(g.m, x.dtype) if bias is None else np.ascontiguousarray(bias)
    w = _as_correlation(g, w)
    if g.padding_mode != "zeros":
        x, g = padded(x, g.pads, g.padding_mode), _padded(g)
    if len(g.size) == 3:
        return _unstacked(planes.forward(_stacked(x, g), _stacked_weights(w), start, _flat(g)), g)
    return planes.forward(_picture(x), _picture(w), start, _flat(g)).reshape(g.output_size)


def to_input(w: np.ndarray, grad_output: np.ndarray, full: ConvGeometry) -> np.ndarray:
    """The adjoint of `forward` in x."""
    g = full if full.padding_mode == "zeros" else _padded(full)
    w = _as_correlation(g, w)
    if len(g.size) == 3:
        dx = _adjoint_of_stacked(planes.to_input(_stacked_weights(w), _stacked_results(grad_output), _flat(g)), g)
    else:
        dx = planes.to_input(_picture(w), _picture(grad_output), _flat(g)).reshape(g.input_size)
    return dx if g is full else folded(full.input_size, dx, full.pads, full.padding_mode)


def to_weights(x: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The adjoint of `forward` in w."""
    if g.padding_mode != "zeros":
        x, g = padded(x, g.pads, g.padding_mode), _padded(g)
    if len(g.size) == 3:
        dw = planes.to_weights(_stacked(x, g), _stacked_results(grad_output), _flat(g))
    else:
        dw = planes.to_weights(_picture(x), _picture(grad_output), _flat(g))
    return np.ascontiguousarray(_as_correlation(g, dw.reshape(g.weight_size)))


def _as_correlation(g: ConvGeometry, w: np.ndarray) -> np.ndarray:
    return np.flip(w, tuple(range(2, w.ndim))) if g.flip else w


def _padded(g: ConvGeometry) -> ConvGeometry:
    """The same convolution with its padding already part of the input."""
    return replace(g, size=g.padded_size[2:], pads=(0,) * len(g.pads), padding_mode="zeros")


def _flat(g: ConvGeometry) -> ConvGeometry:
    """The convolution along two axes that computes it."""
    if len(g.size) == 1:
        return replace(
            g, size=(1, *g.size), kernel=(1, *g.kernel), out=(1, *g.out), pads=(0, 0, *g.pads), stride=(1, *g.stride),
            dilation=(1, *g.dilation),
        )
    if len(g.size) == 3:
        return replace(
            g, n=g.n * g.out[0], c=g.c * g.kernel[0], size=g.size[1:], kernel=g.kernel[1:], out=g.out[1:],
            pads=g.pads[2:], stride=g.stride[1:], dilation=g.dilation[1:],
        )
    return g


def _picture(a: np.ndarray) -> np.ndarray:
    """(n, c, w) -> (n, c, 1, w)."""
    return a[:, :, None] if a.ndim == 3 else a


def _stacked(x: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """(n, c, d, h, w) -> (n*out_d, c*t, h, w)."""
    depths, taps = g.out[0], g.kernel[0]
    stacked = np.empty((g.n, depths, g.c, taps, *g.size[1:]), x.dtype)

    def fill(first: int, last: int) -> None:
        for o in range(first, last):
            for u in range(taps):
                depth = o * g.stride[0] + u * g.dilation[0] - g.pads[0]
                stacked[:, o, :, u] = x[:, :, depth] if 0 <= depth < g.size[0] else 0

    share(fill, depths)
    return stacked.reshape(g.n * depths, g.c * taps, *g.size[1:])


def _adjoint_of_stacked(stacked: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """(n*out_d, c*t, h, w) -> (n, c, d, h, w): each plane sums what its copies received."""
    depths, taps = g.out[0], g.kernel[0]
    parts, sums = stacked.reshape(g.n, depths, g.c, taps, *g.size[1:]), np.zeros(g.input_size, stacked.dtype)

    def fill(first: int, last: int) -> None:
        for depth in range(first, last):
            for u in range(taps):
                o, beside = divmod(depth + g.pads[0] - u * g.dilation[0], g.stride[0])
                if 0 <= o < depths and not beside:
                    sums[:, :, depth] += parts[:, o, :, u]

    share(fill, g.size[0])
    return sums


def _stacked_weights(w: np.ndarray) -> np.ndarray:
    """(m, c, t, r, s) -> (m, c*t, r, s)."""
    return w.reshape(len(w), -1, *w.shape[3:])


def _stacked_results(y: np.ndarray) -> np.ndarray:
    """(n, m, out_d, out_h, out_w) -> (n*out_d, m, out_h, out_w)."""
    n, m, depths, *plane = y.shape
    return y.swapaxes(1, 2).reshape(n * depths, m, *plane)


def _unstacked(y: np.ndarray, g: ConvGeometry) -> np.ndarray:
    return np.ascontiguousarray(y.reshape(g.n, g.out[0], g.m, *g.out[1:]).swapaxes(1, 2))
