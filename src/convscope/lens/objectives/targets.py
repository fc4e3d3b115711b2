"""Numbers that activations are compared with: one set for all pictures or one for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.objectives.algebra import Scene

Numbers = np.ndarray | Tensor | Sequence


@dataclass(frozen=True)
class Target:
    """values: (1 or k, ...) for one picture's target each; a first axis of 1 serves all pictures.

    Raises InputError for what is no array of numbers, is empty or holds numbers that are not finite.
    """

    name: str
    values: Tensor = field(repr=False)

    @classmethod
    def of(cls, name: str, numbers: Numbers) -> "Target":
        try:
            values = torch.as_tensor(numbers).detach()
        except (TypeError, ValueError, RuntimeError):
            raise InputError(f"{name}: the target is no array of numbers; give an array or a tensor") from None
        if not values.is_floating_point():
            values = values.to(torch.get_default_dtype())
        if values.ndim < 2 or not values.numel() or not bool(values.isfinite().all()):
            raise InputError(
                f"{name}: the target of shape {tuple(values.shape)} must be (1 or pictures, units, ...), "
                "finite and not empty"
            )
        return cls(name, values)

    @property
    def count(self) -> int | None:
        return len(self.values) if len(self.values) > 1 else None

    @property
    def text(self) -> str:
        """Its shape and the start of its SHA-256: too long to write down, yet told from any other."""
        data = self.values.cpu().contiguous()
        digest = sha256(data.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()[:8]
        return f"{'x'.join(map(str, data.shape))}:{digest}"

    def rows(self, scene: Scene, like: Tensor) -> Tensor:
        """The target of each picture (n, ...), of the type of `like`, whose shape (n, ...) it must have."""
        if self.values.shape[1:] != like.shape[1:]:
            raise InputError(
                f"{self.name}: a target of shape {tuple(self.values.shape[1:])} for a layer that gives "
                f"{tuple(like.shape[1:])} here; take the target from a picture of the canvas's size"
            )
        values = self.values.to(like)
        return values.expand(len(like), *like.shape[1:]) if self.count is None else values[scene.which]
