"""All integers of one convolution or one pooling, worked out once for each set of shapes.

A geometry depends on integers alone, so it is remembered (`lru_cache`): asking again with the same shapes
costs a microsecond. The arguments are already in their one form (a number an axis, pads, words), as
`arguments` and `values` make them.
"""

import operator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from convscope import geometry
from convscope.errors import InputError
from convscope.ops.values import SIDES

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

Pads = tuple[int, ...]
"""Cells added before and after each axis: (left, right), (top, bottom, left, right) or (front, back, top, ...)."""

_WHAT = {1: "a signal", 2: "an image", 3: "a volume"}


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """Integers of one convolution along one, two or three axes, rows (or planes) first.

    x (n, c, *size), w (m, c/groups, *kernel), out (n, m, *out); `size`, `kernel`, `out`, `stride` and `dilation`
    have one number an axis, `pads` two. Of two axes the sizes are also h, w, r, s, out_h and out_w.
    """

    n: int
    c: int
    m: int
    groups: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    out: tuple[int, ...]
    pads: Pads
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding_mode: str
    flip: bool

    @property
    def input_size(self) -> tuple[int, ...]:
        return self.n, self.c, *self.size

    @property
    def padded_size(self) -> tuple[int, ...]:
        return self.n, self.c, *_padded(self.size, self.pads)

    @property
    def weight_size(self) -> tuple[int, ...]:
        return self.m, self.c // self.groups, *self.kernel

    @property
    def output_size(self) -> tuple[int, ...]:
        return self.n, self.m, *self.out

    @property
    def h(self) -> int:
        return self.size[-2]

    @property
    def w(self) -> int:
        return self.size[-1]

    @property
    def r(self) -> int:
        return self.kernel[-2]

    @property
    def s(self) -> int:
        return self.kernel[-1]

    @property
    def out_h(self) -> int:
        return self.out[-2]

    @property
    def out_w(self) -> int:
        return self.out[-1]


@dataclass(frozen=True, slots=True)
class PoolGeometry:
    """Integers of one pooling: x (n, c, h, w), windows of r x s cells, out (n, c, out_h, out_w)."""

    n: int
    c: int
    h: int
    w: int
    r: int
    s: int
    out_h: int
    out_w: int
    pads: Pads
    stride: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def input_size(self) -> tuple[int, int, int, int]:
        return self.n, self.c, self.h, self.w

    @property
    def output_size(self) -> tuple[int, int, int, int]:
        return self.n, self.c, self.out_h, self.out_w


@lru_cache(maxsize=1024)
def conv_geometry(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Pads,
    dilation: tuple[int, ...],
    groups: int,
    padding_mode: str,
    flip: bool,
) -> ConvGeometry:
    """The geometry of a convolution, or an `InputError` where shapes do not go together."""
    (n, c, *size), (m, per_group, *kernel) = x_shape, w_shape
    size, kernel = tuple(size), tuple(kernel)
    _check_cells(x_shape, w_shape)
    if c % groups or m % groups:
        raise InputError(
            f"groups={groups} with x of shape {x_shape} and w of shape {w_shape}: the {c} input and the {m} "
            f"output channels must both divide into the groups; use groups=1"
        )
    if per_group != c // groups:
        raise InputError(
            f"x has shape {x_shape} and w has shape {w_shape} with groups={groups}: w needs channels/groups "
            f"= {c // groups} on its second axis, not {per_group}; give w of shape {(m, c // groups, *kernel)} "
            f"or x with {per_group * groups} channels"
        )
    pads = _pads_of(padding, size, kernel, stride, dilation)
    check_mode(padding_mode, "padding_mode", pads, size)
    out = _output(f"w has shape {w_shape}", size, kernel, stride, pads, dilation, False)
    return ConvGeometry(n, c, m, groups, size, kernel, out, pads, stride, dilation, padding_mode, flip)


@lru_cache(maxsize=1024)
def transposed_geometry(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Pads,
    dilation: tuple[int, ...],
    output_padding: tuple[int, ...],
    groups: int,
    padding_mode: str,
    flip: bool,
) -> ConvGeometry:
    """The geometry of the convolution whose adjoint takes x (n, c, ...) by w (c, m/groups, ...) to its input.

    So `output_size` is the shape of x, and `input_size` that of the result.
    """
    (n, c, *out), (channels, per_group, *kernel) = x_shape, w_shape
    out, kernel = tuple(out), tuple(kernel)
    _check_cells(x_shape, w_shape)
    if channels != c:
        raise InputError(
            f"x has shape {x_shape} and w has shape {w_shape}: w needs the {c} channels of x on its first axis, not "
            f"{channels}; give w of shape {(c, per_group, *kernel)} or x with {channels} channels"
        )
    if c % groups:
        raise InputError(
            f"groups={groups} with x of shape {x_shape}: its {c} channels must divide into the groups; use groups=1"
        )
    if any(map(operator.ge, output_padding, stride)):
        raise InputError(
            f"output_padding={_each(output_padding)} with stride={_each(stride)}: it chooses among results that a "
            f"convolution takes to one size, so it must be smaller than the stride; use output_padding=0"
        )
    if padding == "same" and any(output_padding):
        raise InputError(
            f"output_padding={_each(output_padding)} with padding='same': the result has size*stride cells; use "
            f"output_padding=0"
        )
    if padding == "same":
        size = tuple(map(operator.mul, out, stride))
        pads = _pads_of(padding, size, kernel, stride, dilation)
    else:
        pads = _pads_of(padding, out, kernel, stride, dilation)
        nothing = [(0, 0)] * len(out)
        whole = tuple(map(geometry.transposed_size, out, kernel, stride, nothing, dilation, output_padding))
        size = tuple(cells - before - after for cells, before, after in zip(whole, pads[::2], pads[1::2]))
        if min(size) < 1:
            raise InputError(
                f"padding={pads} ({SIDES[len(size)]}) takes all of the {_times(whole)} cells that x of shape {x_shape} "
                f"makes under w of shape {w_shape}; use less padding"
            )
    check_mode(padding_mode, "padding_mode", pads, size)
    return ConvGeometry(
        n, per_group * groups, c, groups, size, kernel, out, pads, stride, dilation, padding_mode, flip
    )


@lru_cache(maxsize=1024)
def pool_geometry(
    x_shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str | Pads,
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> PoolGeometry:
    """The geometry of a pooling, or an `InputError` where shapes do not go together."""
    n, c, h, w = x_shape
    if 0 in x_shape[1:]:
        raise InputError(f"x has shape {x_shape}: every axis but the batch has at least one cell")
    pads = _pads_of(padding, (h, w), kernel, stride, dilation)
    if padding != "same" and (2 * max(pads[:2]) > kernel[0] or 2 * max(pads[2:]) > kernel[1]):
        raise InputError(
            f"padding={pads} (top, bottom, left, right) with kernel_size={kernel}: padding is at most half "
            f"the kernel, or windows would see padding alone; use padding={(kernel[0] // 2, kernel[1] // 2)}"
        )
    out_h, out_w = _output(f"kernel_size={kernel}", (h, w), kernel, stride, pads, dilation, ceil_mode)
    for size, taps, step, before, reach, windows in zip(
        (h, w), kernel, stride, pads[::2], dilation, (out_h, out_w), strict=True
    ):
        starts = (i * step - before for i in range(windows))
        if not all(any(0 <= start + u * reach < size for u in range(taps)) for start in starts):
            raise InputError(
                f"kernel_size={kernel}, padding={pads}, dilation={dilation} on x of shape {x_shape}: a "
                f"window lies with all its cells in the padding; use padding=0 or dilation=1"
            )
    return PoolGeometry(n, c, h, w, *kernel, out_h, out_w, pads, stride, dilation)


def check_mode(mode: str, name: str, pads: Pads, size: tuple[int, ...]) -> None:
    """Reflect and circular padding copy cells of the picture, so there must be as many."""
    if mode not in ("reflect", "circular"):
        return
    most = tuple(cells - (mode == "reflect") for cells in size)
    wanted = tuple(max(pads[2 * k : 2 * k + 2]) for k in range(len(size)))
    if any(map(operator.gt, wanted, most)):
        what = _WHAT[len(size)]
        rule = f"smaller than the {what.split()[1]}" if mode == "reflect" else f"at most the {what.split()[1]}'s size"
        raise InputError(
            f"padding={pads} ({SIDES[len(size)]}) with {name}={mode!r} on {what} of {_times(size)}: the "
            f"padding must be {rule}; use padding={_each(tuple(map(min, wanted, most)))} or {name}='replicate'"
        )


def _check_cells(x_shape: tuple[int, ...], w_shape: tuple[int, ...]) -> None:
    if 0 in x_shape[1:] or 0 in w_shape:
        raise InputError(
            f"x has shape {x_shape} and w has shape {w_shape}: every axis but the batch has at least one cell"
        )


def _padded(size: tuple[int, ...], pads: Pads) -> tuple[int, ...]:
    return tuple(before + cells + after for cells, before, after in zip(size, pads[::2], pads[1::2]))


def _times(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, numbers))


def _each(numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number an axis, as a user writes it: along one axis without brackets."""
    return numbers[0] if len(numbers) == 1 else numbers


def _pads_of(
    padding: str | Pads,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pads:
    if not isinstance(padding, str):
        return padding
    if padding == "same":
        return tuple(chain(*map(geometry.same_padding, size, kernel, stride, dilation)))
    return (0, 0) * len(size)  # "valid"


def _output(
    kernel_given: str,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    dilation: tuple[int, ...],
    ceil_mode: bool,
) -> tuple[int, ...]:
    pairs = zip(pads[::2], pads[1::2])
    try:
        return tuple(
            geometry.output_size(cells, taps, step, pad, reach, ceil_mode)
            for cells, taps, step, pad, reach in zip(size, kernel, stride, pairs, dilation)
        )
    except InputError:
        spans = tuple(map(geometry.span, kernel, dilation))
        raise InputError(
            f"{kernel_given}, so with dilation={_each(dilation)} the kernel spans {_times(spans)} cells, more than the "
            f"{_times(_padded(size, pads))} of {_WHAT[len(size)]} of {_times(size)} with padding={pads}; use a smaller "
            f"kernel or more padding"
        ) from None
