"""Moves between the cells: shift, scale and turn in one resampling."""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives import Bound
from convscope.lens.transforms.base import levels, whole_numbers


@dataclass(frozen=True)
class Affine:
    """Jitter, scale and rotation at once, so that a picture (n, c, h, w) is resampled (bilinearly) only one time.

    jitter: shifts of up to so many pixels down or up and right or left, whole ones (no blur comes of them).
    scale: the range (least, most) of magnification, uniform.
    rotate: turns of up to so many degrees either way.
    fill: the value of what comes in from beyond the border, one for all channels or one for each.
    out: (h, w) of a window in the middle that alone is made, about whose own middle it scales and turns; default:
    all of it. With a margin around the window as wide as the moves reach, nothing has to be filled in.

    Raises InputError for negative jitter or rotation, for a scale that is no range above 0, and, when it is applied,
    for pictures without rows and columns.
    """

    jitter: int = 0
    scale: tuple[float, float] = (1.0, 1.0)
    rotate: float = 0.0
    fill: Bound = 0.0
    out: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.jitter < 0 or self.rotate < 0:
            raise InputError(f"jitter={self.jitter}, rotate={self.rotate}: how far either way; use 0 or more")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"scale={self.scale}: a range (least, most) with 0 < least <= most, such as (0.9, 1.1)")
        if self.out is not None and min(self.out) < 1:
            raise InputError(f"out={self.out}: the window's rows and columns; use 1 or more")

    def __repr__(self) -> str:
        out = "" if self.out is None else f", out={self.out}"
        return f"Affine(jitter={self.jitter}, scale={self.scale}, rotate={self.rotate}, fill={self.fill}{out})"

    @property
    def draws(self) -> int:
        return 4

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        if pictures.ndim != 4:
            raise InputError(
                f"{self}: pictures of shape {tuple(pictures.shape)} have no rows and columns to turn; use Jitter"
            )
        # half precision has too few digits to say where a cell of a large picture lies
        wide = pictures.to(torch.promote_types(pictures.dtype, torch.float32))
        places, fill = self._places(wide, uniform), levels(self.fill, wide)
        if self.fill != 0:
            wide = wide - fill
        moved = nn.functional.grid_sample(wide, places, padding_mode="zeros", align_corners=False)
        return (moved if self.fill == 0 else moved + fill).to(pictures)

    def _places(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        """Where each cell of the result lies in the picture, (n, *out, 2) as (column, row).

        In units of half the picture's width and half its height: what affine_grid computes, but as an outer sum,
        which takes a tenth of its time.
        """
        height, width = pictures.shape[2:]
        out = self.out or (height, width)
        u = uniform.to(pictures)
        down, along = (whole_numbers(u[:, :2], 2 * self.jitter + 1) - self.jitter).unbind(1)
        angle = (2 * u[:, 2] - 1) * self.rotate * pi / 180
        shrink = 1 / (self.scale[0] + (self.scale[1] - self.scale[0]) * u[:, 3])
        cos, sin = angle.cos() * shrink, angle.sin() * shrink
        # from the middle of the window; where a margin is odd, that is half a cell above the picture's own
        (rows, middle_row), (columns, middle_column) = (
            (
                ((2 * torch.arange(cells, dtype=u.dtype, device=u.device) + 1) / cells - 1) * (cells / whole),
                -((whole - cells) % 2) / whole,
            )
            for cells, whole in zip(out, (height, width))
        )
        shift = torch.stack([middle_column - 2 * along / width, middle_row - 2 * down / height], 1)
        by_row = torch.stack([-sin * height / width, cos], 1)[..., None, None]
        by_column = torch.stack([cos, sin * width / height], 1)[..., None, None]
        return (shift[..., None, None] + by_row * rows[:, None] + by_column * columns).movedim(1, 3)


def scale(least: float, most: float, fill: Bound = 0.0) -> Affine:
    """Magnification by a factor between `least` and `most` about the middle."""
    return Affine(scale=(least, most), fill=fill)


def rotate(degrees: float, fill: Bound = 0.0) -> Affine:
    """Turns about the middle of up to so many degrees either way."""
    return Affine(rotate=degrees, fill=fill)
