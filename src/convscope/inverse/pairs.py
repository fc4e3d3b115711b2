"""A picture before and after, checked: what goes together, where windows lie, which cells say nothing."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.inverse.alignment import sizes_that_fit
from convscope.ops import values

MOST_LOST = 32
"""Rows or columns by which `after` may be smaller because windows do not hang over the edge; the largest kernel."""


@dataclass(frozen=True, eq=False)
class Pair:
    """before (c, h, w) and after (m, p, q), as given, of one dtype.

    centre  the cell of `before`, (row, column), on which the kernel's middle tap lies for the first cell of `after`
    stride  cells from one window to the next
    step    difference of two neighbouring grey levels: 1 for whole numbers, 0 where they are finer than can be told
    range   the least and the greatest number that `after` can hold; None for floats
    """

    before: np.ndarray
    after: np.ndarray
    centre: tuple[int, int] = (0, 0)
    stride: tuple[int, int] = (1, 1)

    @property
    def step(self) -> float:
        return 1.0 if self.after.dtype.kind in "iu" else 0.0

    @property
    def range(self) -> tuple[int, int] | None:
        """Of signed and wide integers too much is free to be hit by clipping."""
        return (0, np.iinfo(self.after.dtype).max) if self.after.dtype in (np.uint8, np.uint16) else None

    def same_size(self) -> bool:
        """Whether `after` has a cell for each of `before`, so that there was a border to fill."""
        return self.before.shape[1:] == self.after.shape[1:] and self.stride == (1, 1)

    def sound(self, made: np.ndarray | None = None, margin: float = 0.0) -> np.ndarray | None:
        """(p, q) of bool: cells that are not cut off at the end of the range in any output; None where nothing is.

        Judged by `after`, or by what a kernel foretells, `made` (m, p, q), with a margin: choosing cells by their own
        noisy value would favour the noise of one sign near black and white.
        """
        if self.range is None:
            return None
        low, high = self.range
        values = self.after if made is None else made
        return np.all((values > low + margin) & (values < high - margin), axis=0)

    def channel(self, k: int) -> "Pair":
        """One channel's pair."""
        return replace(self, before=self.before[k : k + 1], after=self.after[k : k + 1])


def read_pairs(before: Any, after: Any, stride: Any, mixed: bool) -> list[Pair]:
    """One pair, or several from two equally long lists of arrays, all of one kind. Raises InputError; see `_pair`."""
    stride = values.pair(stride, "stride")
    if not isinstance(before, list | tuple) or not all(getattr(one, "ndim", 0) >= 2 for one in before):
        return [_pair(before, after, stride, mixed, "")]
    if not isinstance(after, list | tuple) or len(before) != len(after) or not before:
        raise InputError(
            f"before is a list of {len(before)} pictures and after {_what(after)}; give as many of one as of the other"
        )
    pairs = [_pair(b, a, stride, mixed, f"[{k}]") for k, (b, a) in enumerate(zip(before, after))]
    kinds = {(len(pair.before), len(pair.after), pair.after.dtype) for pair in pairs}
    if len(kinds) > 1:
        raise InputError(
            f"the pairs are of {len(kinds)} kinds (channels before, after, dtype: "
            f"{'; '.join(', '.join(map(str, kind)) for kind in sorted(kinds, key=str))}); make them alike"
        )
    return pairs


def _pair(before: Any, after: Any, stride: tuple[int, int], mixed: bool, which: str) -> Pair:
    x, y = _channels(before, f"before{which}"), _channels(after, f"after{which}")
    if x.dtype != y.dtype:
        raise InputError(
            f"before{which} is {x.dtype} ({_span(x)}) and after{which} is {y.dtype} ({_span(y)}): both must count "
            f"grey in one unit; convert one, as in before.astype(float)/255"
        )
    if len(x) != len(y) and not mixed:
        raise InputError(
            f"before{which} has {len(x)} channels and after{which} has {len(y)}: a kernel works channel by channel; "
            f"make both grey, or let channels mix with channels='mixed'"
        )
    if x.min() == x.max():
        raise InputError(
            f"before{which} is constant ({x.flat[0]}): all kernels of one sum give the same picture; "
            f"give a picture with detail in all directions"
        )
    if x.shape == y.shape and np.array_equal(x, y):
        raise InputError(f"before{which} and after{which} are the same picture; give the filtered one as after{which}")
    return Pair(x, y, _centre(x, y, stride, which), stride)


def _channels(picture: Any, name: str) -> np.ndarray:
    """(c, h, w); a picture (h, w, 3) as image files are read elsewhere is turned."""
    picture = np.asarray(picture)
    if picture.dtype.kind not in "iuf":
        raise InputError(f"{name} holds {picture.dtype}: give grey values as whole numbers or floats")
    if picture.ndim == 2:
        picture = picture[None]
    elif picture.ndim == 3 and picture.shape[2] in (1, 2, 3, 4) and picture.shape[0] > 4:
        picture = picture.transpose(2, 0, 1)
    if picture.ndim != 3 or 0 in picture.shape:
        raise InputError(f"{name} has shape {picture.shape}: give (h, w), (channels, h, w) or (h, w, 3)")
    if len(picture) in (2, 4) and picture.dtype in (np.uint8, np.uint16):  # as picture files are read
        raise InputError(
            f"{name} has {len(picture)} channels, the last one transparency: lay it on a background, or cut it off "
            f"with {name}[..., :{len(picture) - 1}]"
        )
    if not np.isfinite(picture).all():
        raise InputError(f"{name} holds NaN or infinite values ({np.count_nonzero(~np.isfinite(picture))}); mend them")
    return picture


def _centre(x: np.ndarray, y: np.ndarray, stride: tuple[int, int], which: str) -> tuple[int, int]:
    """Where the first window's middle lies, by the sizes: at the first cell, or further in where cells were lost."""
    sizes, made = x.shape[1:], y.shape[1:]
    if all(-(-have // step) == out for have, out, step in zip(sizes, made, stride)):
        return 0, 0
    lost = [have - ((out - 1) * step + 1) for have, out, step in zip(sizes, made, stride)]
    if all(0 <= miss < MOST_LOST for miss in lost):
        return lost[0] // 2, lost[1] // 2
    raise InputError(
        f"before{which} is {sizes[0]} x {sizes[1]} and after{which} is {made[0]} x {made[1]}: "
        f"{sizes_that_fit(x, y, stride)}"
    )


def _what(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list | tuple) else f"one of shape {np.shape(value)}"


def _span(picture: np.ndarray) -> str:
    return f"{picture.min():.4g} to {picture.max():.4g}"
