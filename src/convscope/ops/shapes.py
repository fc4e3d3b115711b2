"""All integers of one convolution or one pooling, worked out once for each set of shapes.

A geometry depends on integers alone, so it is remembered (`lru_cache`): asking again with the same shapes
costs a microsecond. The arguments are already in their one form (pairs, pads, words), as `arguments` and
`values` make them.
"""

from dataclasses import dataclass
from functools import lru_cache

from convscope import geometry
from convscope.errors import InputError

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

Pads = tuple[int, int, int, int]
"""Cells added at (top, bottom, left, right)."""


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """Integers of one convolution: x (n, c, h, w), w (m, c/groups, r, s), out (n, m, out_h, out_w)."""

    n: int
    c: int
    h: int
    w: int
    m: int
    r: int
    s: int
    out_h: int
    out_w: int
    pads: Pads
    stride: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    padding_mode: str
    flip: bool

    @property
    def input_size(self) -> tuple[int, int, int, int]:
        return self.n, self.c, self.h, self.w

    @property
    def padded_size(self) -> tuple[int, int, int, int]:
        top, bottom, left, right = self.pads
        return self.n, self.c, top + self.h + bottom, left + self.w + right

    @property
    def weight_size(self) -> tuple[int, int, int, int]:
        return self.m, self.c // self.groups, self.r, self.s

    @property
    def output_size(self) -> tuple[int, int, int, int]:
        return self.n, self.m, self.out_h, self.out_w


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
    stride: tuple[int, int],
    padding: str | Pads,
    dilation: tuple[int, int],
    groups: int,
    padding_mode: str,
    flip: bool,
) -> ConvGeometry:
    """The geometry of a convolution, or an `InputError` where shapes do not go together."""
    (n, c, h, w), (m, per_group, r, s) = x_shape, w_shape
    if 0 in x_shape[1:] or 0 in w_shape:
        raise InputError(
            f"x has shape {x_shape} and w has shape {w_shape}: every axis but the batch has at least one cell"
        )
    if c % groups or m % groups:
        raise InputError(
            f"groups={groups} with x of shape {x_shape} and w of shape {w_shape}: the {c} input and the {m} "
            f"output channels must both divide into the groups; use groups=1"
        )
    if per_group != c // groups:
        raise InputError(
            f"x has shape {x_shape} and w has shape {w_shape} with groups={groups}: w needs channels/groups "
            f"= {c // groups} on its second axis, not {per_group}; give w of shape {(m, c // groups, r, s)} "
            f"or x with {per_group * groups} channels"
        )
    pads = _pads_of(padding, (h, w), (r, s), stride, dilation)
    check_mode(padding_mode, "padding_mode", pads, h, w)
    out_h, out_w = _output(f"w has shape {w_shape}", (h, w), (r, s), stride, pads, dilation, False)
    return ConvGeometry(n, c, h, w, m, r, s, out_h, out_w, pads, stride, dilation, groups, padding_mode, flip)


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


def check_mode(mode: str, name: str, pads: Pads, h: int, w: int) -> None:
    """Reflect and circular padding copy cells of the image, so there must be as many."""
    most = {"reflect": (h - 1, w - 1), "circular": (h, w)}.get(mode)
    if most and (max(pads[:2]) > most[0] or max(pads[2:]) > most[1]):
        rule = "smaller than the image" if mode == "reflect" else "at most the image's size"
        raise InputError(
            f"padding={pads} (top, bottom, left, right) with {name}={mode!r} on an image of {h} x {w}: the "
            f"padding must be {rule}; use "
            f"padding={(min(max(pads[:2]), most[0]), min(max(pads[2:]), most[1]))} or {name}='replicate'"
        )


def _pads_of(
    padding: str | Pads,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> Pads:
    if not isinstance(padding, str):
        return padding
    if padding == "same":
        rows, columns = (geometry.same_padding(size[k], kernel[k], stride[k], dilation[k]) for k in (0, 1))
        return *rows, *columns
    return 0, 0, 0, 0  # "valid"


def _output(
    kernel_given: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: Pads,
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> tuple[int, int]:
    try:
        out_h = geometry.output_size(size[0], kernel[0], stride[0], pads[:2], dilation[0], ceil_mode)
        out_w = geometry.output_size(size[1], kernel[1], stride[1], pads[2:], dilation[1], ceil_mode)
    except InputError:
        spans = " x ".join(str(geometry.span(kernel[k], dilation[k])) for k in (0, 1))
        padded = f"{size[0] + sum(pads[:2])} x {size[1] + sum(pads[2:])}"
        raise InputError(
            f"{kernel_given}, so with dilation={dilation} the kernel spans {spans} cells, more than the "
            f"{padded} of the {size[0]} x {size[1]} image with padding={pads}; use a smaller kernel or more "
            f"padding"
        ) from None
    return out_h, out_w
