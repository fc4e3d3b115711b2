"""How somebody's arrays lie: batches or one picture, channels first or last, weights (out, in) or (in, out)."""

from dataclasses import dataclass

import numpy as np

from convscope.grading.cases import Case


@dataclass(frozen=True)
class Layout:
    """From the arrays of a case to somebody's, and back.

    `x`, `w`, `y` and `b` say, axis by axis, what theirs is made of: the numbers of our axes, those left out being
    of one cell. Images (n, c, h, w) with channels last are (0, 2, 3, 1), one plane is (2, 3). A bias is a number,
    a vector, or a vector with axes of one cell (`None`) beside it.
    """

    name: str
    x: tuple[int, ...]
    w: tuple[int, ...] = ()
    y: tuple[int, ...] = ()
    b: tuple[int | None, ...] = (0,)

    def fits(self, case: Case) -> bool:
        """Whether all axes that are left out have one cell."""
        pairs = [(case.x, self.x), (np.empty(case.output_size), self.y)]
        pairs += [] if case.w is None else [(case.w, self.w)]
        return all(size == 1 or axis in kept for array, kept in pairs for axis, size in enumerate(array.shape))

    def theirs(self, array: np.ndarray, kind: str) -> np.ndarray:
        """Our array (`kind` is "x", "w", "y" or "b") as they have it."""
        if kind == "b":
            return array.reshape([len(array) if axis == 0 else 1 for axis in self.b])
        kept = getattr(self, kind)
        left_out = tuple(axis for axis in range(array.ndim) if axis not in kept)
        order = np.argsort(np.argsort(kept))
        return np.ascontiguousarray(np.squeeze(array, left_out).transpose(order))

    def ours(self, array: np.ndarray, kind: str, ndim: int) -> np.ndarray:
        """Back. An array of another number of axes stays as it is: its shape is wrong, and is shown so."""
        if kind == "b":
            return as_vector(array)
        kept = getattr(self, kind)
        if array.ndim != len(kept):
            return array
        inverse = array.transpose(np.argsort(kept))
        return np.expand_dims(inverse, tuple(axis for axis in range(ndim) if axis not in kept))


def as_vector(array: np.ndarray) -> np.ndarray:
    """Without axes of one cell, where what is left is a vector: (m, 1) and (1, m) are as good as (m,)."""
    return array.reshape(-1) if array.size == max(array.shape, default=1) else array


_NCHW, _NHWC = (0, 1, 2, 3), (0, 2, 3, 1)
_IMAGES = (
    Layout("n c h w", _NCHW, _NCHW, _NCHW),
    Layout("n c h w, bias (m, 1)", _NCHW, _NCHW, _NCHW, (0, None)),
    Layout("h w", (2, 3), (2, 3), (2, 3), ()),
    Layout("c h w", (1, 2, 3), _NCHW, (1, 2, 3)),
    Layout("c h w, one output", (1, 2, 3), (1, 2, 3), (2, 3), ()),
    Layout("h w, outputs last", (2, 3), (0, 2, 3), (2, 3, 1)),
    Layout("h w, outputs first", (2, 3), (0, 2, 3), (1, 2, 3)),
    Layout("n h w c", _NHWC, (2, 3, 1, 0), _NHWC, (None, None, None, 0)),
    Layout("n h w c, bias (m)", _NHWC, (2, 3, 1, 0), _NHWC),
)
_POOLED = tuple(each for each in _IMAGES if each.name in ("n c h w", "h w", "c h w", "n h w c"))
LAYOUTS = {
    "conv2d": _IMAGES,
    "max_pool2d": _POOLED,
    "avg_pool2d": _POOLED,
    "linear": (
        Layout("out in", (0, 1), (0, 1), (0, 1)),
        Layout("in out", (0, 1), (1, 0), (0, 1)),
        Layout("in out, bias (1, out)", (0, 1), (1, 0), (0, 1), (None, 0)),
        Layout("in n", (1, 0), (0, 1), (1, 0), (0, None)),
    ),
    "relu": (Layout("any", (0, 1), (), (0, 1)),),
}
"""Those tried for each operator, in this order. Weights (in, out, r, s) are none of them: they are a mistake."""
