"""How a picture is described while it is being optimised: by its pixels, or by its frequencies.

A parameterisation maps free numbers to pictures that are valid inputs, whatever the numbers are: for every
picture `noise_shape` standard normal numbers go through `start` into parameters (n, ...), and calling it
makes pictures (n, c, h, w) of them, inside `box`. Both are plain functions of their arguments; the parameters
live with the caller.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.objectives import Bound


@dataclass(frozen=True)
class Box:
    """The range of valid pictures, in the network's own units: one bound for all channels or one for each.

    Free numbers z enter it by "sigmoid", low + (high - low) / (1 + exp(-z)), or by "clip", which holds z
    within 0..1. The sigmoid never quite reaches a bound and slows towards it; clip reaches it, and a penalty
    can empty a picture.

    Raises InputError for a box that is empty and for an unknown way in.
    """

    low: Bound = 0.0
    high: Bound = 1.0
    by: Literal["sigmoid", "clip"] = "sigmoid"

    def __post_init__(self) -> None:
        if not bool((torch.tensor(self.low) < torch.tensor(self.high)).all()):
            raise InputError(
                f"box: low={self.low}, high={self.high}: low must lie below high in every channel"
            )
        if self.by not in ("sigmoid", "clip"):
            raise InputError(f"box: by={self.by!r}; use 'sigmoid' or 'clip'")

    def enter(self, z: Tensor) -> Tensor:
        """Free numbers (n, c, h, w) to pictures in the box."""
        low, high = self._bounds(z)
        share = torch.sigmoid(z) if self.by == "sigmoid" else _Clip.apply(z)
        return low + (high - low) * share

    def free(self, share: float) -> float:
        """The free number of the value that lies at `share` (between 0 and 1) of the way from low to high."""
        return log(share / (1 - share)) if self.by == "sigmoid" else share

    def _bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        low, high = (
            torch.as_tensor(b, dtype=like.dtype, device=like.device).reshape(-1, 1, 1)
            for b in (self.low, self.high)
        )
        for bound in (low, high):
            if len(bound) not in (1, like.shape[1]):
                raise InputError(
                    f"box: {len(bound)} bounds for {like.shape[1]} channels; give one, or one for each"
                )
        return low, high


@dataclass(frozen=True)
class Pixels:
    """A picture described by its pixels. size: (c, h, w).

    The optimisation starts at `start` (share of the way from black to white) with normal noise of deviation
    `spread`.
    """

    size: tuple[int, int, int]
    box: Box = Box()
    start: float = 0.5
    spread: float = 0.1

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.size

    def initial(self, noise: Tensor) -> Tensor:
        return self.box.free(self.start) + self.spread * noise

    def __call__(self, parameters: Tensor) -> Tensor:
        return self.box.enter(parameters)


@dataclass(frozen=True)
class Fourier:
    """A picture described by its frequencies. size: (c, h, w).

    z = start + irfft2(parameters * scale), scale = 1 / max(frequency, 1 / max(h, w)) ** decay, scaled so that
    standard normal parameters give z a deviation of 1. Because a step then changes low frequencies as readily
    as high ones, large forms win over the checkered noise that pixels fall into. decay 1 is the fall-off of
    natural pictures, 0 is pixels turned round. (Olah, Mordvintsev, Schubert: Feature Visualization, 2017,
    "preconditioning".)
    """

    size: tuple[int, int, int]
    box: Box = Box()
    start: float = 0.5
    spread: float = 0.1
    decay: float = 1.0

    @property
    def noise_shape(self) -> tuple[int, ...]:
        c, h, w = self.size
        return (c, h, w // 2 + 1, 2)

    def initial(self, noise: Tensor) -> Tensor:
        return self.spread * noise

    def __call__(self, parameters: Tensor) -> Tensor:
        _, h, w = self.size
        scale = torch.as_tensor(_scale(h, w, self.decay), dtype=parameters.dtype, device=parameters.device)
        spectrum = torch.view_as_complex(parameters.contiguous()) * scale
        z = torch.fft.irfft2(spectrum, s=(h, w), norm="ortho")
        return self.box.enter(self.box.free(self.start) + z)


@lru_cache(maxsize=8)
def _scale(h: int, w: int, decay: float) -> np.ndarray:
    """Fourier's weight of each frequency, (h, w // 2 + 1); kept, since every step asks for it again."""
    frequency = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w))
    scale = np.maximum(frequency, 1 / max(h, w)) ** -decay
    return scale / np.sqrt(2 * np.square(scale).mean())


class _Clip(torch.autograd.Function):
    """Clip to 0..1, with a gradient that still leads back in from outside.

    A plain clamp has no gradient outside, and a pixel that stepped over the edge would be lost for good.
    """

    @staticmethod
    def forward(ctx, z: Tensor) -> Tensor:
        clipped = z.clamp(0, 1)
        ctx.save_for_backward(z - clipped)
        return clipped

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor) -> Tensor:
        (beyond,) = ctx.saved_tensors
        grad = grad_outputs[0]
        # a step goes against the gradient; it is stopped only where it would lead further out
        return grad.masked_fill(beyond * grad < 0, 0)
