"""One convolution, checked and made plain, as every form of it takes it; and the result in the dtype it came in.

Floats are computed in their own dtype. Integers are computed in 64 bits and are exact: where a sum does not fit, that
is an error, nothing wraps around.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.ops import values
from convscope.ops.arguments import conv2d_arguments
from convscope.ops.reference.padding import source
from convscope.ops.shapes import ConvGeometry

# Every form adds and multiplies in 64 bits, where steps that wrap around cancel as long as the last number fits. That
# is the sum itself, but for Winograd's, which is four times the sum until its last step.
LARGEST_SUM = 2**61


@dataclass(frozen=True)
class Problem:
    """What the arguments of `ops.conv2d` say.

    x      (n, c, h, w), integers as int64
    w      (m, c/groups, r, s), likewise
    g      the geometry
    bias   (m,), likewise, or None
    dtype  what the result is to have
    """

    x: np.ndarray
    w: np.ndarray
    g: ConvGeometry
    bias: np.ndarray | None
    dtype: np.dtype

    @property
    def exact(self) -> bool:
        """Whether these are integers."""
        return self.x.dtype.kind == "i"

    @property
    def largest_sum(self) -> float:
        """No output cell is larger: `max |x| * max over m of sum |w| + max |bias|`. An exact int on integers."""
        reach = np.abs(self.w.astype(object) if self.exact else self.w).sum(axis=(1, 2, 3)).max()
        offset = 0 if self.bias is None else _magnitude(self.bias)
        return _magnitude(self.x) * reach + offset

    def padded(self) -> np.ndarray:
        """x with its padding written out, channels by group: (n, groups, c/groups, padded_h, padded_w)."""
        rows, columns = sources(self.g)
        with_zero = np.pad(self.x, ((0, 0), (0, 0), (0, 1), (0, 1)))  # the last row and column, where -1 points
        padded = with_zero[:, :, rows[:, None], columns]
        return padded.reshape(self.g.n, self.g.groups, self.g.c // self.g.groups, len(rows), len(columns))

    def kernels(self) -> np.ndarray:
        """What cross-correlation takes: w, turned by 180 degrees where asked, (groups, m/groups, c/groups, r, s)."""
        kernel = self.w[:, :, ::-1, ::-1] if self.g.flip else self.w
        return kernel.reshape(self.g.groups, -1, *kernel.shape[1:])


def sources(g: ConvGeometry) -> tuple[np.ndarray, np.ndarray]:
    """For each padded row, and each padded column, the row or column of x that stands there; -1 where a zero does."""

    def axis(size: int, before: int, after: int) -> np.ndarray:
        places = (source(i, size, g.padding_mode) for i in range(-before, size + after))
        return np.array([-1 if place is None else place for place in places])

    top, bottom, left, right = g.pads
    return axis(g.h, top, bottom), axis(g.w, left, right)


def problem(
    x: Any,
    w: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    padding_mode: Any = "zeros",
    flip: Any = False,
) -> Problem:
    """The arguments of `ops.conv2d`, which here may be integers too, checked. Raises InputError as it does.

    >>> problem(np.ones((1, 1, 2, 3), int), np.ones((1, 1, 2, 2), int), padding=1).g.output_size
    (1, 1, 3, 4)
    """
    x, w = _numbers(x, "x"), _numbers(w, "w")
    values.same_dtype(x, "x", w, "w")
    if bias is not None:
        bias = _numbers(bias, "bias")
        values.same_dtype(x, "x", bias, "bias")
    like_x, like_w, like_bias = (None if array is None else _zeros(array.shape) for array in (x, w, bias))
    *_, g = conv2d_arguments(like_x, like_w, like_bias, stride, padding, dilation, groups, padding_mode, flip)
    dtype = x.dtype
    if dtype.kind in "iu":
        for array, name in ((x, "x"), (w, "w"), (bias, "bias")):
            if array is not None and _magnitude(array) >= 2**63:
                raise InputError(f"{name} holds {_magnitude(array)} or its negative: use numbers within 63 bits")
        x, w, bias = (None if array is None else array.astype(np.int64) for array in (x, w, bias))
    made = Problem(x, w, g, bias, dtype)
    if made.exact and made.largest_sum > LARGEST_SUM:
        raise InputError(
            f"x and w are {dtype} and their sums may reach {made.largest_sum}: exact sums are kept up to "
            f"{LARGEST_SUM} (2**61); use smaller numbers, or floats"
        )
    return made


def geometry_of(
    input_size: Any,
    weight_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    padding_mode: Any = "zeros",
    flip: Any = False,
) -> ConvGeometry:
    """The geometry of a layer of which only the shapes are known. Raises InputError as `ops.conv2d` does."""
    x = _zeros(values.size(input_size, "input_size", "n c h w"))
    w = _zeros(values.size(weight_size, "weight_size", "m c r s"))
    return conv2d_arguments(x, w, None, stride, padding, dilation, groups, padding_mode, flip)[-1]


def form(compute: Callable[[Problem], np.ndarray]) -> Callable[..., np.ndarray]:
    """A way to compute the (n, m, out_h, out_w) of a `Problem`, as a function with the arguments of `ops.conv2d`."""

    @wraps(compute, assigned=("__module__", "__name__", "__qualname__", "__doc__"))
    def conv2d(
        x: Any,
        w: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
        flip: bool = False,
    ) -> np.ndarray:
        p = problem(x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
        return _result(p, compute(p))

    del conv2d.__wrapped__  # its signature is this one, not that of `compute`
    return conv2d


def _result(p: Problem, y: np.ndarray) -> np.ndarray:
    y = y.reshape(p.g.output_size)
    if p.bias is not None:
        y = y + p.bias[:, None, None]
    if p.exact and y.size:
        span = np.iinfo(p.dtype)
        for total in (int(y.min()), int(y.max())):
            if not span.min <= total <= span.max:
                raise InputError(
                    f"x and w are {p.dtype}, which cannot hold the sum {total}; use x.astype(np.int64), "
                    f"w.astype(np.int64)"
                )
    return np.ascontiguousarray(y, p.dtype)


def _numbers(value: Any, name: str) -> np.ndarray:
    made = values.array(value, name)
    return made if made.dtype.kind in "iu" else values.floats(made, name)


def _zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Floats that take no memory: what goes together depends on the shapes alone."""
    return np.broadcast_to(np.float32(0), shape)


def _magnitude(array: np.ndarray) -> Any:
    return max(array.max(initial=0).item(), -array.min(initial=0).item())
