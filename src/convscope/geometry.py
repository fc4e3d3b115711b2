"""Where windows land: output sizes, padding and receptive fields, in integers only.

A kernel of `kernel` cells with `dilation` spans `dilation*(kernel - 1) + 1` cells and steps `stride` cells at
a time over an axis of `size` cells with `pad = (before, after)` cells added at its ends. Everything here is
about one axis, but for `Field`, which joins those of a picture, a signal or a volume.
"""

from dataclasses import dataclass, field
from typing import Any

from convscope.errors import InputError


def span(kernel: int, dilation: int = 1) -> int:
    """Cells from the first to the last tap of a kernel: `dilation*(kernel - 1) + 1`.

    >>> span(3), span(3, dilation=2)
    (3, 5)
    """
    return dilation * (kernel - 1) + 1


def output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    pad: tuple[int, ...] = (0, 0),
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Number of windows along one axis: `floor((size + before + after - span)/stride) + 1`.

    With `ceil_mode` the division rounds up, so that a last window may hang over the end; as in PyTorch it is
    dropped when it would start beyond the input, in the padding after it. What `floor` leaves over,
    `remainder` tells.

    Raises InputError when an argument is out of range or the kernel spans more than the padded axis.
    Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", relationship 6.

    >>> output_size(28, 5, pad=(2, 2)), output_size(7, 2, stride=2)
    (28, 3)
    >>> output_size(7, 2, stride=2, ceil_mode=True)
    4
    """
    free = _free_cells(size, kernel, stride, pad, dilation)
    windows = (-(-free // stride) if ceil_mode else free // stride) + 1
    if windows < 1:
        raise _too_large(size, kernel, pad, dilation)
    if ceil_mode and (windows - 1) * stride >= size + pad[0]:
        windows -= 1
    return windows


def remainder(size: int, kernel: int, stride: int = 1, pad: tuple[int, ...] = (0, 0), dilation: int = 1) -> int:
    """Cells at the end that the last window does not reach: `(size + before + after - span) % stride`.

    >>> remainder(7, 2, stride=2)
    1
    """
    free = _free_cells(size, kernel, stride, pad, dilation)
    if free < 0:
        raise _too_large(size, kernel, pad, dilation)
    return free % stride


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Padding (before, after) that gives `ceil(size/stride)` windows; an odd cell goes after (bottom, right).

    >>> same_padding(5, 3), same_padding(5, 2), same_padding(5, 3, stride=2)
    ((1, 1), (0, 1), (1, 1))
    """
    _check(size=size, kernel=kernel, stride=stride, dilation=dilation)
    windows = -(-size // stride)
    total = max((windows - 1) * stride + span(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def transposed_size(
    size: int,
    kernel: int,
    stride: int = 1,
    pad: tuple[int, ...] = (0, 0),
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """The size whose `output_size` is `size`: `(size - 1)*stride + span - before - after + output_padding`.

    Several axes share one output size when `stride > 1`; `output_padding`, the `remainder` of the one meant,
    chooses. Source: Dumoulin and Visin 2016, relationship 14.

    >>> transposed_size(3, 2, stride=2), transposed_size(3, 2, stride=2, output_padding=1)
    (6, 7)
    """
    _check(size=size, kernel=kernel, stride=stride, dilation=dilation)
    if not 0 <= output_padding < stride:
        raise InputError(
            f"output_padding={output_padding} with stride={stride}: a remainder is 0 to {stride - 1}; use 0"
        )
    whole = (size - 1) * stride + span(kernel, dilation) - sum(pad) + output_padding
    if whole < 1:
        raise InputError(
            f"size={size}, kernel={kernel}, stride={stride}, pad={pad}, dilation={dilation}: the transposed "
            f"size would be {whole}, and a size is at least 1; use less pad"
        )
    return whole


def transposed_padding(kernel: int, pad: tuple[int, ...] = (0, 0), dilation: int = 1) -> tuple[int, int]:
    """Padding with which the flipped kernel, at stride 1, runs back over what the forward pass gave.

    The forward output is first spread out, `stride - 1` zeros between its cells and `remainder` zeros after
    the last. A negative number, where the forward padding was wider than the kernel, means cells to cut off.

    >>> transposed_padding(3), transposed_padding(3, pad=(1, 0))
    ((2, 2), (1, 2))
    """
    reach = span(kernel, dilation) - 1
    return reach - pad[0], reach - pad[1]


@dataclass(frozen=True, slots=True)
class Field1D:
    """What the units of a later axis see of the input: unit `i` sees `size` cells from `offset + i*stride`.

    size    cells seen by one unit
    stride  cells from one unit's field to its neighbour's (the "jump")
    offset  first cell seen by unit 0; negative where that lies in the padding

    The input itself is `Field1D()`: every cell sees itself. Source: Araujo, Norris and Sim 2019, "Computing
    receptive fields of convolutional neural networks", Distill, equations 2 to 6.

    >>> Field1D().through(5, pad=2).through(2, stride=2).through(5)
    Field1D(size=14, stride=2, offset=-2)
    """

    size: int = 1
    stride: int = 1
    offset: int = 0

    def through(self, kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> "Field1D":
        """The field after one more sliding window; `pad` is the padding before the axis."""
        _check(kernel=kernel, stride=stride, dilation=dilation)
        return Field1D(
            size=self.size + (span(kernel, dilation) - 1) * self.stride,
            stride=self.stride * stride,
            offset=self.offset - pad * self.stride,
        )

    def interval(self, i: int) -> tuple[int, int]:
        """Cells that unit `i` sees, half open, not clipped to the input: `(start, stop)`."""
        start = self.offset + i * self.stride
        return start, start + self.size


@dataclass(frozen=True, slots=True)
class Field:
    """Receptive field of a layer's units in the input, one entry an axis: (rows, columns) of a picture. See `Field1D`.

    `whole` says that every unit sees the whole input (but for what strides leave unread at its end), as after flatten
    and linear layers: one place, so stride 0; `Field.of_everything` makes it. `even` says that all boxes follow from
    size, stride and offset, one axis of positions for each axis of the input; `convscope.lens` also tells of fields
    that are not. `exact=False` says that the true field may be smaller.

    >>> field = Field().through((5, 5), pad=(2, 2)).through((2, 2), stride=(2, 2))
    >>> field, field.box(0, 3)
    (Field(size=(6, 6), stride=(2, 2), offset=(-2, -2), whole=False), (-2, 4, 4, 10))
    """

    size: tuple[int, ...] = (1, 1)
    stride: tuple[Any, ...] = (1, 1)  # whole numbers in an even field; after upsampling also fractions
    offset: tuple[int, ...] = (0, 0)
    whole: bool = False
    exact: bool = field(default=True, repr=False)

    @classmethod
    def of_input(cls, axes: int) -> "Field":
        """The field of the input's own cells, along that many axes."""
        return cls((1,) * axes, (1,) * axes, (0,) * axes)

    @classmethod
    def of_everything(cls, *sizes: int) -> "Field":
        """The field of units that see all cells of an input of these sizes; at one place, so their stride is 0."""
        return cls(size=sizes, stride=(0,) * len(sizes), offset=(0,) * len(sizes), whole=True)

    @property
    def even(self) -> bool:
        """Whether the box of every unit follows from size, stride and offset."""
        return True

    def axis(self, k: int) -> Field1D:
        """One axis alone: of a picture, rows are axis 0, columns axis 1."""
        return Field1D(self.size[k], self.stride[k], self.offset[k])

    def through(
        self,
        kernel: tuple[int, ...],
        stride: tuple[int, ...] = (),
        pad: tuple[int, ...] = (),
        dilation: tuple[int, ...] = (),
    ) -> "Field":
        """The field after one more sliding window; `pad` is that at (top, left). Whole stays whole."""
        if self.whole:
            return self
        axes = range(len(self.size))
        ones, zeros = (1,) * len(self.size), (0,) * len(self.size)
        stride, pad, dilation = stride or ones, pad or zeros, dilation or ones
        after = [self.axis(k).through(kernel[k], stride[k], pad[k], dilation[k]) for k in axes]
        size, moved, offset = (tuple(getattr(axis, name) for axis in after) for name in ("size", "stride", "offset"))
        return Field(size, moved, offset, exact=self.exact)

    def box(self, *place: int) -> tuple[int, ...]:
        """Cells that the unit at `place` sees, half open, not clipped: the starts of all axes, then the stops.

        Of a picture: `field.box(row, column)` is (top, left, bottom, right).
        """
        if self.whole:
            place = (0,) * len(self.size)
        intervals = [self.axis(k).interval(i) for k, i in enumerate(place)]
        return tuple(start for start, _ in intervals) + tuple(stop for _, stop in intervals)


def _free_cells(size: int, kernel: int, stride: int, pad: tuple[int, ...], dilation: int) -> int:
    """Cells by which a window can move on from its first place; negative when it does not fit even there."""
    _check(size=size, kernel=kernel, stride=stride, dilation=dilation)
    if min(pad) < 0:
        raise InputError(f"pad={pad}: padding is at least 0; to cut cells off, slice the array")
    return size + sum(pad) - span(kernel, dilation)


def _too_large(size: int, kernel: int, pad: tuple[int, ...], dilation: int) -> InputError:
    return InputError(
        f"kernel={kernel} with dilation={dilation} spans {span(kernel, dilation)} cells, more than the "
        f"{size + sum(pad)} of size={size} with pad={pad}; use a smaller kernel or more padding"
    )


def _check(**at_least_one: int) -> None:
    for name, value in at_least_one.items():
        if value < 1:
            raise InputError(f"{name}={value}: it counts cells, so it is at least 1; use {name}=1")
