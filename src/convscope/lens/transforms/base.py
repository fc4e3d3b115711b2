"""What a transform is, and several in a row."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from convscope.lens.objectives import Bound


@runtime_checkable
class Transform(Protocol):
    @property
    def draws(self) -> int:
        """How many uniform numbers a picture needs for one application."""
        ...

    def __call__(self, pictures: Tensor, uniform: Tensor) -> Tensor: ...


def apply(transforms: Sequence[Transform], pictures: Tensor, uniform: Tensor) -> Tensor:
    """All transforms one after the other; `uniform` (n, sum of draws) is dealt out in that order."""
    used = 0
    for transform in transforms:
        pictures = transform(pictures, uniform[:, used : used + transform.draws])
        used += transform.draws
    return pictures


def levels(fill: Bound, like: Tensor) -> Tensor:
    """One value for all channels or one for each, to be added to pictures (n, c, *positions)."""
    return torch.as_tensor(fill).to(like).reshape(-1, *(1,) * (like.ndim - 2))


def whole_numbers(uniform: Tensor, count: int) -> Tensor:
    """Whole numbers from 0 to count - 1, equally likely, of uniform ones in [0, 1)."""
    # half precision may have rounded one up to 1
    return (uniform.float() * count).long().clamp(max=count - 1)
