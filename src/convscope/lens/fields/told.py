"""From a layer's shadow to its receptive field: size, stride and offset, and the box of each unit."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from convscope.geometry import Field
from convscope.lens.axes import Axes, canonical, plain
from convscope.lens.fields.shadows import Shadow


@dataclass(frozen=True, slots=True)
class UnevenField(Field):
    """A field whose boxes do not lie in even steps: after upsampling, across windows, where border cells are repeated.

    size: of the largest; stride: on average; offset: where even steps through the middle unit would start. `box` is
    that of each unit itself, all zeros where it sees nothing.
    """

    bounds: tuple[Tensor, ...] = field(default=(), repr=False, compare=False)

    @property
    def even(self) -> bool:
        return False

    def box(self, *place: int) -> tuple[int, ...]:
        ends = [
            sign * float(bound[tuple(min(i, size - 1) for i, size in zip(place, bound.shape))])
            for bound, sign in zip(self.bounds, (1, -1) * len(self.size))
        ]
        if not all(map(isfinite, ends)):
            return (0,) * len(ends)
        return tuple(int(end) for end in (*ends[::2], *ends[1::2]))


def field_of(shadow: Shadow, shape: tuple[int, ...], axes: Axes, sizes: tuple[int, ...]) -> Field | None:
    """The field of a tensor's units in an input of these sizes; None where nothing of the input reaches them.

    Units of one position are taken together; so is all of a vector.
    """
    if not sizes:
        return Field.of_everything()
    bounds = [
        (bound if axes == plain(shape) else canonical(bound.expand(shape), axes)).amin((0, 1))
        for bound in shadow.bounds
    ]
    if not any(bool(bound.isfinite().any()) for bound in bounds):
        return None
    told = [_axis(bounds[2 * k], bounds[2 * k + 1], k, shadow.steps[k], sizes[k]) for k in range(len(sizes))]
    size, stride, offset, even = zip(*told, strict=True)
    # strides may leave cells at the end unread
    whole = not any(stride) and all(even) and all(2 * seen > cells for seen, cells in zip(size, sizes))
    if whole or (all(even) and all(stride) and bounds[0].ndim == len(sizes)):
        return Field(size, stride, offset, whole, shadow.exact)
    return UnevenField(size, stride, offset, whole, shadow.exact, tuple(bounds))


def _axis(low: Tensor, high: Tensor, k: int, step: int | float, cells: int) -> tuple[int, Any, int, bool]:
    """(size, stride, offset, whether all units lie evenly) along input axis k."""
    seen = low.isfinite() & high.isfinite()
    start, stop = int(low[seen].min()), -int(high[seen].min())
    same = bool(seen.all() and (low == start).all() and (-high == stop).all())
    if low.ndim == 0 or (same and step == 0):
        start, stop = max(start, 0), min(stop, cells)
        return stop - start, 0, start, True
    sizes = -high - low
    largest = int(sizes[seen].max())
    if low.ndim > k:
        middle = tuple(size // 2 for size in low.shape)
        places = torch.arange(low.shape[k], dtype=low.dtype).reshape([-1 if d == k else 1 for d in range(low.ndim)])
        if float(step).is_integer() and bool(seen.all()):
            offset = int(low[middle] - step * middle[k])
            if bool((low == offset + step * places).all() and (sizes == largest).all()):
                return largest, int(step), offset, True
        if bool(seen[middle]):
            centre = float(low[middle] - high[middle]) / 2
            return largest, _plain(step), round(centre - largest / 2 - step * middle[k]), False
    return largest, _plain(step), start, False


def _plain(step: int | float) -> int | float:
    return int(step) if float(step).is_integer() else step
