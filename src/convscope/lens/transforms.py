"""What a picture must withstand: small random moves, drawn for every picture on its own.

A transform is a pure function of pictures (n, c, h, w) and of uniform numbers (n, draws) in [0, 1); whoever
owns the seeds draws the numbers, so that a picture's moves are its own and do not depend on its neighbours in
the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives import Bound


@runtime_checkable
class Transform(Protocol):
    @property
    def draws(self) -> int:
        """How many uniform numbers a picture needs for one application."""
        ...

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Affine:
    """Jitter, scale and rotation at once, so that a picture is resampled (bilinearly) only one time.

    jitter: shifts of up to so many pixels down or up and right or left, whole ones (no blur comes of them).
    scale: the range (least, most) of magnification, uniform.
    rotate: turns of up to so many degrees either way.
    fill: the value of what comes in from beyond the border, one for all channels or one for each.

    Raises InputError for negative jitter or rotation and for a scale that is no range above 0.
    """

    jitter: int = 0
    scale: tuple[float, float] = (1.0, 1.0)
    rotate: float = 0.0
    fill: Bound = 0.0

    def __post_init__(self) -> None:
        if self.jitter < 0 or self.rotate < 0:
            raise InputError(f"jitter={self.jitter}, rotate={self.rotate}: how far either way; use 0 or more")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(
                f"scale={self.scale}: a range (least, most) with 0 < least <= most, such as (0.9, 1.1)"
            )

    @property
    def draws(self) -> int:
        return 4

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        u = uniform.to(pictures)
        down, along = ((u[:, :2] * (2 * self.jitter + 1)).floor() - self.jitter).unbind(1)
        angle = (2 * u[:, 2] - 1) * self.rotate * pi / 180
        shrink = 1 / (self.scale[0] + (self.scale[1] - self.scale[0]) * u[:, 3])
        cos, sin = angle.cos() * shrink, angle.sin() * shrink
        # where each cell of the result lies in the picture, (column, row) in units of half its width and half
        # its height: what affine_grid computes, but as an outer sum, which takes a tenth of its time
        rows, columns = (
            (2 * torch.arange(cells, dtype=u.dtype, device=u.device) + 1) / cells - 1
            for cells in (height, width)
        )
        shift = torch.stack([-2 * along / width, -2 * down / height], 1)[..., None, None]
        by_row = torch.stack([-sin * height / width, cos], 1)[..., None, None]
        by_column = torch.stack([cos, sin * width / height], 1)[..., None, None]
        places = (shift + by_row * rows[:, None] + by_column * columns).movedim(1, 3)
        fill = torch.as_tensor(self.fill).to(pictures).reshape(-1, 1, 1)
        moved = nn.functional.grid_sample(pictures - fill, places, padding_mode="zeros", align_corners=False)
        return moved + fill


@dataclass(frozen=True)
class Pad:
    """A margin of `size` cells of value `fill` on all four sides, for the moves after it to draw on."""

    size: int
    fill: Bound = 0.0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise InputError(f"pad: size={self.size}; use 0 or more")

    @property
    def draws(self) -> int:
        return 0

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        fill = torch.as_tensor(self.fill).to(pictures).reshape(-1, 1, 1)
        return nn.functional.pad(pictures - fill, (self.size,) * 4) + fill


def jitter(pixels: int, fill: Bound = 0.0) -> Affine:
    """Shifts of up to so many whole pixels."""
    return Affine(jitter=pixels, fill=fill)


def scale(least: float, most: float, fill: Bound = 0.0) -> Affine:
    """Magnification by a factor between `least` and `most` about the middle."""
    return Affine(scale=(least, most), fill=fill)


def rotate(degrees: float, fill: Bound = 0.0) -> Affine:
    """Turns about the middle of up to so many degrees either way."""
    return Affine(rotate=degrees, fill=fill)


def apply(transforms: Sequence[Transform], pictures: Tensor, uniform: Tensor) -> Tensor:
    """All transforms one after the other; `uniform` (n, sum of draws) is dealt out in that order."""
    used = 0
    for transform in transforms:
        pictures = transform(pictures, uniform[:, used : used + transform.draws])
        used += transform.draws
    return pictures
