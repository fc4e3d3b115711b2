"""A picture under a kernel: the numbers, the geometry, and which part of them is in view."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from convscope import geometry, ops
from convscope.errors import InputError
from convscope.ops.arguments import conv_arguments
from convscope.ops.reference import padding
from convscope.ops.shapes import ConvGeometry
from convscope.web.lab import Lab
from convscope.web.rooms.kernel.asked import Asked
from convscope.web.sources import Source

LONGEST = 128
"""Cells a side of a picture; larger ones are scaled down."""
WHOLE = 26
"""Padded cells a side that are shown one by one all at once."""
PART = 16
"""... and a side of the part that is shown of more."""

Cell = tuple[int, int]


def longest(source: Source) -> int | None:
    """What the sides of a picture are scaled down to; painted cells stay as they are."""
    return None if source.kind == "cells" else LONGEST


@dataclass(frozen=True, eq=False)
class Case:
    """`x` and `w` are planes, those of a signal of one row; `whole` makes indices as the operator counts, `plane` reads
    them."""

    picture: UInt8[np.ndarray, "h w"]
    x: Float64[np.ndarray, "h w"]
    w: Float64[np.ndarray, "r s"]
    bias: float
    axes: int
    how: dict[str, Any]
    g: ConvGeometry
    asked_view: Cell

    @staticmethod
    def of(asked: Asked, lab: Lab) -> "Case":
        """Raises InputError for a picture that cannot be had, and for a kernel that does not fit."""
        source = Source.parse(asked.picture)
        picture = source.grey(lab, longest(source))
        if asked.axes == 1:
            picture = picture[len(picture) // 2][np.newaxis]
            if len(asked.kernel) > 1:
                raise InputError(f"kernel: {len(asked.kernel)} rows for a signal; give one row, or axes=2")
        x, w = np.round(picture * (asked.greys / 255)), np.array(asked.kernel, np.float64)
        how = asked.model_dump(include={"stride", "padding", "dilation", "padding_mode", "flip"})
        lead = (np.newaxis, np.newaxis)
        arrays = (x[lead], w[lead]) if asked.axes == 2 else (x[0][lead], w[0][lead])
        *_, g = conv_arguments(asked.axes, *arrays, None, groups=1, **how)
        return Case(picture, x, w, asked.bias, asked.axes, how, g, asked.view)

    @property
    def op(self) -> str:
        return f"conv{self.axes}d"

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """The arguments of the operator, by name."""
        lead = (np.newaxis, np.newaxis)
        arrays = (self.x[lead], self.w[lead]) if self.axes == 2 else (self.x[0][lead], self.w[0][lead])
        bias = {"bias": np.array([self.bias])} if self.bias else {}
        return {"x": arrays[0], "w": arrays[1], **bias, **self.how}

    @cached_property
    def out(self) -> Float64[np.ndarray, "p q"]:
        return getattr(ops, self.op)(**self.inputs).reshape(self.out_size)

    @property
    def out_size(self) -> Cell:
        return (self.g.out[0], self.g.out[1]) if self.axes == 2 else (1, self.g.out[0])

    @property
    def pads(self) -> tuple[int, ...]:
        """(top, bottom, left, right)"""
        return self.g.pads if self.axes == 2 else (0, 0, *self.g.pads)

    @property
    def padded_size(self) -> Cell:
        top, bottom, left, right = self.pads
        return self.x.shape[0] + top + bottom, self.x.shape[1] + left + right

    @property
    def strides(self) -> Cell:
        """Of a signal there is no step to a next row."""
        return (self.how["stride"] if self.axes == 2 else 1), self.how["stride"]

    @property
    def spans(self) -> Cell:
        rows, columns = self.w.shape
        return geometry.span(rows, self.how["dilation"]), geometry.span(columns, self.how["dilation"])

    @cached_property
    def left_over(self) -> Cell:
        """Rows at the bottom and columns at the right that no window reaches."""
        sizes = zip(self.padded_size, self.spans, self.strides)
        rows, columns = (geometry.remainder(size, span, stride) for size, span, stride in sizes)
        return rows, columns

    @cached_property
    def is_whole(self) -> bool:
        """Whether all cells are in view."""
        return max(self.padded_size) <= WHOLE

    @cached_property
    def view(self) -> tuple[range, range]:
        """Rows and columns of the output that are in view."""
        if self.is_whole:
            return range(self.out_size[0]), range(self.out_size[1])
        ranges = []
        for first, size, span, stride in zip(self.asked_view, self.out_size, self.spans, self.strides):
            most = min(size, max(1, (PART - span) // stride + 1))
            first = min(first, size - most)
            ranges.append(range(first, first + most))
        return ranges[0], ranges[1]

    @cached_property
    def region(self) -> tuple[range, range]:
        """Rows and columns of the input that the outputs in view read, with what is left over after the last; places
        below 0 or beyond the end lie in the padding."""
        ranges = []
        for k, seen in enumerate(self.view):
            before, stride = self.pads[2 * k], self.strides[k]
            stop = seen[-1] * stride + self.spans[k] + (self.left_over[k] if seen[-1] == self.out_size[k] - 1 else 0)
            ranges.append(range(seen[0] * stride - before, stop - before))
        return ranges[0], ranges[1]

    def sources(self, rows: range, columns: range) -> list[Cell | None]:
        """The input cells that stand at places, row by row; None for a zero of the padding."""
        (h, w), mode = self.x.shape, self.how["padding_mode"]
        down = [padding.source(row, h, mode) for row in rows]
        across = [padding.source(column, w, mode) for column in columns]
        return [None if row is None or column is None else (row, column) for row in down for column in across]

    def values(self, rows: range, columns: range) -> Float64[np.ndarray, "rows columns"]:
        """The padded input there."""
        cells = self.sources(rows, columns)
        return np.array([0.0 if cell is None else self.x[cell] for cell in cells]).reshape(len(rows), len(columns))

    def whole(self, cell: Cell) -> tuple[int, ...]:
        """A cell (row, column) as the operator counts."""
        return (0, 0, *cell[-self.axes :])

    def plane(self, index: tuple[int, ...]) -> Cell:
        """... and back."""
        return (index[2], index[3]) if self.axes == 2 else (0, index[2])
