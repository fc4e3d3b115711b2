"""The range of valid pictures, and two ways to stay in it."""

from dataclasses import dataclass
from math import log
from typing import Literal

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
            raise InputError(f"box: low={self.low}, high={self.high}: low must lie below high in every channel")
        if self.by not in ("sigmoid", "clip"):
            raise InputError(f"box: by={self.by!r}; use 'sigmoid' or 'clip'")

    def enter(self, z: Tensor) -> Tensor:
        """Free numbers (n, c, *positions) to pictures in the box."""
        low, high = self.bounds(z)
        share = torch.sigmoid(z) if self.by == "sigmoid" else _Clip.apply(z)
        return low + (high - low) * share

    def enter_around(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """Shares mean + deviation to pictures in the box; the sigmoid bends only what goes far from the mean.

        mean: (c,) shares of the way from low to high. deviation: (n, c, *positions).
        """
        mean = mean.to(deviation).reshape(-1, *(1,) * (deviation.ndim - 2))
        if self.by == "clip":
            return self.enter(mean + deviation)
        mean = mean.clamp(0.01, 0.99)  # at the bounds themselves the sigmoid is flat
        return self.enter(torch.logit(mean) + deviation / (mean * (1 - mean)))

    def free(self, share: float) -> float:
        """The free number of the value that lies at `share` (between 0 and 1) of the way from low to high."""
        return log(share / (1 - share)) if self.by == "sigmoid" else share

    def shares(self, pictures: Tensor) -> Tensor:
        """The way back: where each value (n, c, *positions) lies between low (0) and high (1)."""
        low, high = self.bounds(pictures)
        return (pictures - low).div_(high - low)

    def with_alpha(self, channels: int) -> "Box":
        """The same for pictures of so many channels and one more, from 0 (not there) to 1."""
        low, high = (
            (*bound, end) if isinstance(bound, tuple) else (bound,) * channels + (end,)
            for bound, end in ((self.low, 0.0), (self.high, 1.0))
        )
        return Box(low, high, self.by)

    def bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs for low and high, to be combined with pictures (n, c, *positions)."""
        low, high = (
            torch.as_tensor(b, dtype=like.dtype, device=like.device).reshape(-1, *(1,) * (like.ndim - 2))
            for b in (self.low, self.high)
        )
        for bound in (low, high):
            if len(bound) not in (1, like.shape[1]):
                raise InputError(f"box: {len(bound)} bounds for {like.shape[1]} channels; give one, or one for each")
        return low, high


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
