"""What changes the cells themselves: noise, blur, a background behind what is transparent."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.blurring import gaussian_blur
from convscope.lens.objectives import Bound
from convscope.lens.transforms.base import levels


@dataclass(frozen=True)
class Noise:
    """Normal noise of so much deviation, in the network's own units, added to every cell.

    Raises InputError for a negative deviation.
    """

    deviation: float

    def __post_init__(self) -> None:
        if not self.deviation >= 0:
            raise InputError(f"noise: deviation={self.deviation}; use 0 or more")

    @property
    def draws(self) -> int:
        return 1

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        normal = torch.erfinv(2 * hashed(uniform[:, 0], pictures.shape) - 1) * sqrt(2)
        return pictures + self.deviation * normal.to(pictures)


@dataclass(frozen=True)
class Blur:
    """Gaussian blur, of a width between `least` and `most` pixels (the same along all axes).

    Raises InputError for widths that are no range of 0 or more.
    """

    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise InputError(f"blur: from {self.least} to {self.most} pixels; use 0 <= least <= most")

    @property
    def draws(self) -> int:
        return 1

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        sigma = self.least + (self.most - self.least) * uniform[:, 0]
        return gaussian_blur(pictures, sigma, self.most)


@dataclass(frozen=True)
class Over:
    """Pictures with an alpha channel, (n, c + 1, *positions), laid over a background: (n, c, *positions).

    colour * alpha + background * (1 - alpha). background: one value for all channels or one for each; or "noise",
    uniform between `low` and `high` anew at each step, which nothing can rely on, so that only what matters to the
    unit pays for being there. (Mordvintsev et al.: Differentiable image parameterizations, 2018, section 4.)

    Raises InputError for another word than "noise".
    """

    background: Bound | Literal["noise"] = "noise"
    low: Bound = 0.0
    high: Bound = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.background, str) and self.background != "noise":
            raise InputError(f"over: background={self.background!r}; use 'noise' or a value")

    @property
    def draws(self) -> int:
        return 1

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor:
        colour, alpha = pictures[:, :-1], pictures[:, -1:]
        if isinstance(self.background, str):
            low, high = levels(self.low, colour), levels(self.high, colour)
            behind = low + (high - low) * hashed(uniform[:, 0], colour.shape).to(colour)
        else:
            behind = levels(self.background, colour)
        return behind + (colour - behind) * alpha


def hashed(uniform: Tensor, shape: torch.Size) -> Tensor:
    """Uniform numbers in (0, 1) for every cell of (n, ...), a function of uniform[i] and the cell's number alone.

    Integer arithmetic that wraps at 32 bits: the same numbers on every device and beside any other pictures.
    (Counter-based, as in Salmon et al.: Parallel random numbers: as easy as 1, 2, 3, 2011; the rounds are those of
    the finaliser in MurmurHash3.)

    >>> (100 * hashed(torch.tensor([0.25, 0.75]), torch.Size([2, 1, 3]))).int().tolist()
    [[[14, 46, 64]], [[30, 89, 53]]]
    """
    cells = torch.arange(shape[1:].numel(), dtype=torch.int32, device=uniform.device)
    key = _mix((uniform.float() * 2**24).to(torch.int32))
    # mixed on both sides of the sum, so that pictures with near keys do not share a shifted row
    bits = _mix(_mix(cells ^ 0x5BD1E995) + key[:, None])
    # 23 bits and a half are all that float32 holds; of 24 some would round to 1
    return ((_right(bits, 9) + 0.5) * 2.0**-23).reshape(shape)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _right(x, 16)) * (0x85EBCA6B - 2**32)
    x = (x ^ _right(x, 13)) * (0xC2B2AE35 - 2**32)
    return x ^ _right(x, 16)


def _right(x: Tensor, bits: int) -> Tensor:
    """x >> bits with zeros coming in, which PyTorch's own shift of signed numbers has not."""
    return (x >> bits) & (2 ** (32 - bits) - 1)
