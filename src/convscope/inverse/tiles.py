"""The equations of a pair, part by part: regions of the picture whose sums can be left out, compared, added up."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import signal

from convscope.errors import InputError
from convscope.inverse.normal import Equations, equations
from convscope.inverse.pairs import Pair

SIDE = 4
"""Regions along a side: sixteen a picture, enough to see how much they differ."""

MOST_LEFT_OUT = 250_000
"""Windows written out one by one, at most; where more are cut short by clipping, so many of the sound ones do."""


@dataclass(frozen=True)
class Taps:
    """A kernel's rectangle, rows x columns, and where its first tap lies from the cell its middle is meant to be on."""

    rows: int
    columns: int
    first_row: int
    first_column: int

    @classmethod
    def around(cls, rows: int, columns: int, shift: tuple[int, int] = (0, 0)) -> "Taps":
        """The middle tap, of an even number the first of both, on the cell itself, or `shift` cells from there."""
        return cls(rows, columns, shift[0] - (rows - 1) // 2, shift[1] - (columns - 1) // 2)

    @property
    def size(self) -> tuple[int, int]:
        return self.rows, self.columns

    def shrunk(self, top: int, bottom: int, left: int, right: int) -> "Taps | None":
        """Without so many rows and columns at each side; None where nothing would be left."""
        rows, columns = self.rows - top - bottom, self.columns - left - right
        if rows < 1 or columns < 1:
            return None
        return Taps(rows, columns, self.first_row + top, self.first_column + left)

    def inside(self, other: "Taps") -> np.ndarray:
        """(other.rows, other.columns) of bool: the taps of `other` that are also here."""
        rows = np.arange(other.rows) + other.first_row - self.first_row
        columns = np.arange(other.columns) + other.first_column - self.first_column
        return np.logical_and.outer((rows >= 0) & (rows < self.rows), (columns >= 0) & (columns < self.columns))


@dataclass(frozen=True)
class Region:
    """Cells (top, bottom, left, right) of `after`, half open, whose windows lie inside `before`."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def cells(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def area(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    def middle(self, side: int = 1024) -> "Region":
        """Its middle part, at most `side` x `side`: enough to judge by, and quick for pictures of any size."""
        top, left = (max(b - a - side, 0) // 2 for a, b in ((self.top, self.bottom), (self.left, self.right)))
        return Region(
            self.top + top, min(self.bottom, self.top + top + side),
            self.left + left, min(self.right, self.left + left + side),
        )  # fmt: skip


def interior(pair: Pair, taps: Taps) -> Region:
    """The cells of `after` that no border was needed for. Raises InputError where there are none."""
    ends = []
    for axis, (first, count) in enumerate(((taps.first_row, taps.rows), (taps.first_column, taps.columns))):
        have, made = pair.before.shape[1 + axis], pair.after.shape[1 + axis]
        at, step = pair.centre[axis] + first, pair.stride[axis]
        low = max(0, -(at // step))  # smallest i with i*step + at >= 0
        high = min(made, (have - count - at) // step + 1)
        ends += [low, high]
    region = Region(*ends)
    if region.top >= region.bottom or region.left >= region.right:
        h, w = pair.before.shape[1:]
        raise InputError(
            f"size={taps.size}: no window of {taps.rows} x {taps.columns} cells lies inside the picture of {h} x {w}; "
            f"use a smaller size or a larger picture"
        )
    return region


def split(region: Region, least: int = 1) -> Iterator[Region]:
    """Up to SIDE x SIDE regions, near equal, of at least `least` cells along each side."""
    cuts = []
    for low, high in ((region.top, region.bottom), (region.left, region.right)):
        parts = max(min(SIDE, (high - low) // least), 1)
        cuts.append([low + (high - low) * k // parts for k in range(parts + 1)])
    for top, bottom in zip(cuts[0], cuts[0][1:]):
        for left, right in zip(cuts[1], cuts[1][1:]):
            yield Region(top, bottom, left, right)


def tile_equations(
    pair: Pair, taps: Taps, region: Region, level: float, sound: np.ndarray | None = None
) -> list[Equations]:
    """The equations of each part of `region`; grey counts from `level`, near the mean, for the sums' accuracy.

    sound  (p, q) of bool, the cells of `after` that count; all by default
    """
    thin = 1
    if sound is not None:
        kept = int(np.count_nonzero(sound[region.cells]))
        thin = -(-min(kept, sound[region.cells].size - kept) // MOST_LEFT_OUT)
    found = []
    for part in split(region):
        keep = None if sound is None else sound[part.cells]
        if keep is not None and thin > 1:
            keep = keep & (np.arange(keep.size).reshape(keep.shape) % (2 * thin) == 0)
        x = _phases(pair, taps, part, level)
        y = pair.after[:, part.top : part.bottom, part.left : part.right].astype(np.float64) - level
        step_i, step_j = pair.stride
        held = -(-taps.rows // step_i), -(-taps.columns // step_j)
        sums = equations(x, y, held, keep)
        found.append(sums if pair.stride == (1, 1) else sums.of_taps(_order(len(pair.before), taps, pair.stride)))
    return found


def predicted(
    pair: Pair, taps: Taps, kernel: np.ndarray, bias: np.ndarray, region: Region
) -> np.ndarray:
    """What the kernel (m, c, r, s) and bias (m,) make of `before` over a region: (m, rows, columns), float64."""
    step_i, step_j = pair.stride
    top = region.top * step_i + pair.centre[0] + taps.first_row
    left = region.left * step_j + pair.centre[1] + taps.first_column
    rows = (region.bottom - region.top - 1) * step_i + taps.rows
    columns = (region.right - region.left - 1) * step_j + taps.columns
    seen = pair.before[:, top : top + rows, left : left + columns].astype(np.float64)
    made = np.stack([sum(signal.oaconvolve(x, k[::-1, ::-1], "valid") for x, k in zip(seen, one)) for one in kernel])
    return made[:, ::step_i, ::step_j] + bias[:, None, None]


def _phases(pair: Pair, taps: Taps, part: Region, level: float) -> np.ndarray:
    """The cells that a part's windows see; under a stride every phase of it as a channel, whose windows step by one.

    Cells beyond the kernel's last tap, up to a whole number of steps, are zero and belong to no tap.
    """
    (step_i, step_j), (h, w) = pair.stride, pair.before.shape[1:]
    top = part.top * step_i + pair.centre[0] + taps.first_row
    left = part.left * step_j + pair.centre[1] + taps.first_column
    rows = (part.bottom - part.top - 1 + -(-taps.rows // step_i)) * step_i
    columns = (part.right - part.left - 1 + -(-taps.columns // step_j)) * step_j
    seen = pair.before[:, top : min(top + rows, h), left : min(left + columns, w)].astype(np.float64) - level
    if pair.stride == (1, 1):
        return seen
    full = np.zeros((len(seen), rows, columns))
    full[:, : seen.shape[1], : seen.shape[2]] = seen
    grid = full.reshape(len(seen), rows // step_i, step_i, columns // step_j, step_j)
    return grid.transpose(0, 2, 4, 1, 3).reshape(-1, rows // step_i, columns // step_j)


def _order(c: int, taps: Taps, stride: tuple[int, int]) -> np.ndarray:
    """For each tap (c, r, s) its place among the phases' taps (c, phase_i, phase_j, row, column)."""
    (step_i, step_j), held_j = stride, -(-taps.columns // stride[1])
    held_i = -(-taps.rows // step_i)
    channel, u, v = np.indices((c, taps.rows, taps.columns))
    phase = (channel * step_i + u % step_i) * step_j + v % step_j
    return ((phase * held_i + u // step_i) * held_j + v // step_j).ravel()
