"""The three passes of a convolution along two axes with zeros around: tiles of one picture, or of many small ones."""

from collections.abc import Callable

import numpy as np

from convscope.ops.fast import tiles
from convscope.ops.fast.compiled import share
from convscope.ops.fast.layout import Layout, Window, layout
from convscope.ops.fast.registers import VECTOR_BYTES
from convscope.ops.shapes import ConvGeometry


def forward(x: np.ndarray, w: np.ndarray, start: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (n, c, h, w) under w (m, c/groups, r, s), plus `start` (m,): (n, m, out_h, out_w)."""
    pictures = _pictures(g, x.itemsize)
    at, tiled, w = _layout(g, pictures, x.itemsize), _tiled(pictures, x), np.ascontiguousarray(w)
    out = np.empty((len(tiled), g.m, *g.out, pictures), x.dtype)
    _spread(
        _work(g), len(tiled), len(at.panels), lambda: tiles.Part(planes=tiles.laid_out(at, tiled)),
        lambda part: tiles.forward(at, tiled, w, start, out, part=part),
    )
    return _untiled(g.n, out)


def to_input(w: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The adjoint in x: grad_output (n, m, out_h, out_w) back to (n, c, h, w)."""
    pictures = _pictures(g, w.itemsize)
    at, dy, w = _layout(g, pictures, w.itemsize), _tiled(pictures, grad_output), np.ascontiguousarray(w)
    dx = np.zeros((len(dy), g.c, *g.size, pictures), w.dtype)  # cells that no window reaches keep their zero
    for phase in at.phases:
        _spread(
            _work(g), len(dy), len(phase.panels), lambda: tiles.Part(gradient=tiles.laid_out_gradient(at, dy)),
            lambda part, phase=phase: tiles.backward(at, dy, phase, w, dx, part=part),
        )
    return _untiled(g.n, dx)


def to_weights(x: np.ndarray, grad_output: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The adjoint in w: (m, c/groups, r, s)."""
    grad_w = _to_weights(x, grad_output, g, _pictures(g, x.itemsize))
    if np.isfinite(grad_w).all():
        return grad_w
    # Between the rows of a picture lie cells of no window, times a gradient of zero; but zero times infinity is NaN.
    # With many pictures a tile there are no such cells.
    return _to_weights(x, grad_output, g, VECTOR_BYTES // x.itemsize)


def _to_weights(x: np.ndarray, grad_output: np.ndarray, g: ConvGeometry, pictures: int) -> np.ndarray:
    at, tiled, dy = _layout(g, pictures, x.itemsize), _tiled(pictures, x), _tiled(pictures, grad_output)
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
    return total


def _layout(g: ConvGeometry, pictures: int, itemsize: int) -> Layout:
    window = Window(g.size, g.kernel, g.pads, g.stride, g.dilation, g.out)
    return layout(window, g.c, g.m, g.groups, pictures, itemsize)


def _pictures(g: ConvGeometry, itemsize: int) -> int:
    """Pictures a tile. Many, where the cells thrown away between the rows of a small picture would cost more than to
    bring the picture index innermost."""
    lanes = VECTOR_BYTES // itemsize
    wide = g.out_w + (g.dilation[1] * (g.s - 1)) // g.stride[1]
    return lanes if g.n >= lanes and wide * 10 > g.out_w * 12 else 1


def _tiled(v: int, images: np.ndarray) -> np.ndarray:
    """(n, c, h, w) -> (t, c, h, w, v), filled up with blank pictures."""
    images = np.ascontiguousarray(images)
    if v == 1:
        return images[..., None]
    tiled = np.zeros((-(-len(images) // v), *images.shape[1:], v), images.dtype)
    share(lambda first, last: tiles.interleave(images, tiled, first, last), len(tiled))
    return tiled


def _untiled(n: int, tiled: np.ndarray) -> np.ndarray:
    t, c, h, w, v = tiled.shape
    if v == 1:
        return tiled.reshape(t, c, h, w)
    images = np.empty((n, c, h, w), tiled.dtype)
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
