"""Moves by whole cells, which copy and never resample: pad, crop, jitter. For pictures with any number of axes."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives import Bound
from convscope.lens.transforms.base import levels, whole_numbers


@dataclass(frozen=True)
class Pad:
    """A margin of `size` cells on all sides, for the moves after it to draw on.

    by: "constant", of value `fill`; "reflect", the picture mirrored in its outermost cells; "circular", the picture
    over again.

    Raises InputError for a negative size, and, when applied, for a margin that the picture is too small for.
    """

    size: int
    fill: Bound = 0.0
    by: Literal["constant", "reflect", "circular"] = "constant"

    def __post_init__(self) -> None:
        if self.size < 0:
            raise InputError(f"pad: size={self.size}; use 0 or more")
        if self.by not in ("constant", "reflect", "circular"):
            raise InputError(f"pad: by={self.by!r}; use 'constant', 'reflect' or 'circular'")

    @property
    def draws(self) -> int:
        return 0

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        margins, shape = (self.size,) * 2 * (pictures.ndim - 2), pictures.shape[2:]
        if self.by != "constant":
            most = min(shape) - (self.by == "reflect")
            if self.size > most:
                raise InputError(f"{self}: pictures of {' x '.join(map(str, shape))} give {most} cells at most")
            return nn.functional.pad(pictures, margins, mode=self.by)
        outside = nn.functional.pad(pictures.new_zeros(1, 1, *shape), margins, value=1)
        return nn.functional.pad(pictures, margins) + levels(self.fill, pictures) * outside


@dataclass(frozen=True)
class Crop:
    """A window of size `size`, one number an axis, somewhere in the picture.

    Raises InputError for a size below 1, and, when applied, for a window that the picture has no room for.
    """

    size: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.size or min(self.size) < 1:
            raise InputError(f"crop: size={self.size}; use 1 or more cells for each axis, such as (224, 224)")

    @property
    def draws(self) -> int:
        return len(self.size)

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        shape = tuple(pictures.shape[2:])
        if len(shape) != len(self.size) or any(cells < window for cells, window in zip(shape, self.size)):
            raise InputError(f"crop: a window of {self.size} in pictures of {shape}; it must have room in them")
        for axis, (cells, window) in enumerate(zip(shape, self.size)):
            if cells > window:
                start = whole_numbers(uniform[:, axis], cells - window + 1)
                pictures = _window(pictures, axis + 2, start, window)
        return pictures


@dataclass(frozen=True)
class Jitter:
    """Shifts of up to `pixels` whole cells either way along each axis (three at most); the size stays.

    by: what comes in at the border. "fill" the value `fill`, "roll" what leaves at the other end.
    (To jitter without a border, draw on a larger canvas and Crop.)

    Raises InputError for negative pixels, and, when applied, for a roll further than the picture is long.
    """

    pixels: int
    fill: Bound = 0.0
    by: Literal["fill", "roll"] = "fill"

    def __post_init__(self) -> None:
        if self.pixels < 0:
            raise InputError(f"jitter={self.pixels}: how far either way; use 0 or more")
        if self.by not in ("fill", "roll"):
            raise InputError(f"jitter: by={self.by!r}; use 'fill' or 'roll'")

    @property
    def draws(self) -> int:
        return 3

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        # the window moves against the picture
        if self.by == "roll":
            return self._rolled(pictures, uniform)
        wide = Pad(self.pixels, self.fill)(pictures, uniform)
        return Crop(tuple(pictures.shape[2:]))(wide, uniform)

    def _rolled(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        axes, shape = range(1, pictures.ndim - 1), pictures.shape[2:]
        if self.pixels > min(shape):
            raise InputError(f"{self}: pictures of {' x '.join(map(str, shape))} can be rolled by {min(shape)} at most")
        steps = self.pixels - whole_numbers(uniform[:, : len(shape)], 2 * self.pixels + 1)
        moved = [picture.roll(by, tuple(axes)) for picture, by in zip(pictures, steps.tolist(), strict=True)]
        return moved[0][None] if len(moved) == 1 else torch.stack(moved)


def jitter(pixels: int, fill: Bound = 0.0) -> Jitter:
    """Shifts of up to so many whole pixels."""
    return Jitter(pixels, fill)


def _window(pictures: Tensor, axis: int, start: Tensor, cells: int) -> Tensor:
    """So many cells of an axis, from start[i] on in picture i; by one gather, which no device waits for."""
    index = start[:, None] + torch.arange(cells, device=pictures.device)
    index = index.reshape(len(start), *(cells if k == axis else 1 for k in range(1, pictures.ndim)))
    return pictures.gather(axis, index.expand(*pictures.shape[:axis], cells, *pictures.shape[axis + 1 :]))
