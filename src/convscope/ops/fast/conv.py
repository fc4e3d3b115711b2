"""`conv2d` and its adjoints on (n, c, h, w) arrays: tiles of one picture each, or of many where pictures are small."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convscope.ops import arguments, values
from convscope.ops.fast import tiles
from convscope.ops.fast.compiled import share
from convscope.ops.fast.layout import Layout, Window, layout
from convscope.ops.fast.padding import pad2d, pad2d_input_grad
from convscope.ops.fast.registers import VECTOR_BYTES
from convscope.ops.shapes import ConvGeometry


def conv2d(
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Cross-correlation of images x (n, c, h, w) with kernels w (m, c/groups, r, s); see `ops.reference.conv2d`."""
    x, w, bias, g = arguments.conv2d_arguments(x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    start = np.zeros(g.m, x.dtype) if bias is None else np.ascontiguousarray(bias)
    if g.padding_mode != "zeros":
        x, g = pad2d(x, g.pads, g.padding_mode), _padded(g)
    at, tiled = _layout(g, x.itemsize), _tiled(g, x)
    w = np.ascontiguousarray(_as_correlation(g, w))
    out = np.empty((len(tiled), g.m, g.out_h, g.out_w, tiled.shape[-1]), x.dtype)
    _spread(
        _work(g), len(tiled), len(at.panels), lambda: tiles.Part(planes=tiles.laid_out(at, tiled)),
        lambda part: tiles.forward(at, tiled, w, start, out, part=part),
    )
    return _untiled(g, out)


def conv2d_input_grad(
    input_size: tuple[int, int, int, int],
    w: np.ndarray,
    grad_output: np.ndarray,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv2d` in its input, of shape `input_size`; see `ops.reference.conv2d_input_grad`."""
    w, grad_output, full = arguments.conv2d_input_grad_arguments(
        input_size, w, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    g = full if full.padding_mode == "zeros" else _padded(full)
    at, dy, w = _layout(g, w.itemsize), _tiled(g, grad_output), np.ascontiguousarray(_as_correlation(g, w))
    dx = np.zeros((len(dy), g.c, g.h, g.w, dy.shape[-1]), w.dtype)  # cells that no window reaches keep their zero
    for phase in at.phases:
        _spread(
            _work(g), len(dy), len(phase.panels), lambda: tiles.Part(gradient=tiles.laid_out_gradient(at, dy)),
            lambda part, phase=phase: tiles.backward(at, dy, phase, w, dx, part=part),
        )
    dx = _untiled(g, dx)
    return dx if g is full else pad2d_input_grad(full.input_size, dx, full.pads, full.padding_mode)


def conv2d_weight_grad(
    x: np.ndarray,
    weight_size: tuple[int, int, int, int],
    grad_output: np.ndarray,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> np.ndarray:
    """Gradient of `conv2d` in its kernels, of shape `weight_size`; see `ops.reference.conv2d_weight_grad`."""
    x, grad_output, g = arguments.conv2d_weight_grad_arguments(
        x, weight_size, grad_output, stride, padding, dilation, groups, padding_mode, flip
    )
    if g.padding_mode != "zeros":
        x, g = pad2d(x, g.pads, g.padding_mode), _padded(g)
    at, tiled, dy = _layout(g, x.itemsize), _tiled(g, x), _tiled(g, grad_output)
    sums: dict[int, np.ndarray] = {}  # one for each share of the tiles; shares of the panels write to one

    def run(part: tiles.Part) -> None:
        dw = sums.setdefault(part.tiles.start or 0, np.zeros(g.weight_size, x.dtype))
        tiles.weights_backward(at, tiled, dy, dw, part=part)

    _spread(
        _work(g), len(tiled), len(at.panels),
        lambda: tiles.Part(planes=tiles.laid_out(at, tiled), gradient=tiles.laid_out_gradient(at, dy)), run,
    )
    total = sums[0]
    for first in sorted(sums)[1:]:
        total += sums[first]
    return np.ascontiguousarray(_as_correlation(g, total))


def conv2d_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `conv2d` in its bias: the sum of grad_output (n, m, h, w) over all but m."""
    return values.floats(grad_output, "grad_output", "n m h w").sum(axis=(0, 2, 3))


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


def _as_correlation(g: ConvGeometry, w: np.ndarray) -> np.ndarray:
    return w[:, :, ::-1, ::-1] if g.flip else w


def _padded(g: ConvGeometry) -> ConvGeometry:
    """The same convolution with its padding already part of the input."""
    return replace(g, h=g.padded_size[2], w=g.padded_size[3], pads=(0, 0, 0, 0), padding_mode="zeros")


def _layout(g: ConvGeometry, itemsize: int) -> Layout:
    window = Window((g.h, g.w), (g.r, g.s), g.pads, g.stride, g.dilation, (g.out_h, g.out_w))
    return layout(window, g.c, g.m, g.groups, _pictures(g, itemsize), itemsize)


def _pictures(g: ConvGeometry, itemsize: int) -> int:
    """Pictures a tile. Many, where the cells thrown away between the rows of a small picture would cost more than to
    bring the picture index innermost."""
    lanes = VECTOR_BYTES // itemsize
    wide = g.out_w + (g.dilation[1] * (g.s - 1)) // g.stride[1]
    return lanes if g.n >= lanes and wide * 10 > g.out_w * 12 else 1


def _tiled(g: ConvGeometry, images: np.ndarray) -> np.ndarray:
    """(n, c, h, w) -> (t, c, h, w, v), filled up with blank pictures."""
    v = _pictures(g, images.itemsize)
    images = np.ascontiguousarray(images)
    if v == 1:
        return images[..., None]
    tiled = np.zeros((-(-len(images) // v), *images.shape[1:], v), images.dtype)
    share(lambda first, last: tiles.interleave(images, tiled, first, last), len(tiled))
    return tiled


def _untiled(g: ConvGeometry, tiled: np.ndarray) -> np.ndarray:
    t, c, h, w, v = tiled.shape
    if v == 1:
        return tiled.reshape(t, c, h, w)
    images = np.empty((g.n, c, h, w), tiled.dtype)
    share(lambda first, last: tiles.separate(tiled, images, first, last), len(tiled))
    return images


def _work(g: ConvGeometry) -> int:
    """Multiplications of one pass."""
    return g.n * g.m * g.out_h * g.out_w * (g.c // g.groups) * g.r * g.s


def _spread(
    work: int, tile_count: int, panel_count: int, lay_out: Callable[[], tiles.Part], run: Callable[[tiles.Part], None]
) -> None:
    """Spread a pass over threads: by tiles, or one tile by panels once it is laid out; not at all where it is tiny."""
    if work < 500_000:  # about what is done in the time that waking a thread takes
        run(tiles.ALL)
    elif tile_count > 1:
        share(lambda first, last: run(tiles.Part(tiles=slice(first, last))), tile_count)
    else:
        part = lay_out()
        share(lambda first, last: run(part._replace(panels=slice(first, last))), panel_count)
