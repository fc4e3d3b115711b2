"""What the one loop makes pictures of, what it says on the way, and what it gives."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class Image(Protocol):
    """How pictures are described; see lens.images."""

    @property
    def noise_shape(self) -> tuple[int, ...]: ...

    def initial(self, noise: Tensor) -> Tensor: ...

    def __call__(self, parameters: Tensor) -> Tensor: ...


@runtime_checkable
class Held(Protocol):
    """An image whose parameters are brought back, in place, to where they are valid after every step."""

    def hold(self, parameters: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Rendering:
    """Pictures made for units, and how they were made.

    pictures: (k, c, ...) in the network's own units.
    values: (k,) what was measured on each finished picture, without transforms and penalties.
    dead: (k,) True where the measure does not react to any change of the picture, whatever noise it started
    from, and is no higher than it was there.
    steps: (k,) how many each took until it was settled.
    history: (k, steps) the objective that each step saw; NaN after the last one.
    recipe: everything that it takes to make them again, as plain numbers and text.
    """

    pictures: Float[np.ndarray, "k c ..."]
    values: Float[np.ndarray, " k"]
    dead: Bool[np.ndarray, " k"]
    steps: Int[np.ndarray, " k"]
    history: Float[np.ndarray, "k steps"]
    recipe: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """A step that is about to be taken.

    step: (n,) how many steps each picture has made. which: (n,) the pictures' places in the whole list. values: (n,)
    their objective.
    """

    step: Tensor
    which: Tensor
    values: Tensor
    _image: Image
    _parameters: Tensor

    @property
    def pictures(self) -> Tensor:
        """(n, c, ...) as they are when this is asked: later, after the step."""
        with torch.no_grad():
            return self._image(self._parameters)


class Stopped(KeyboardInterrupt):
    """Ctrl-C came while pictures were made. `done`: places in `keys` of those that are finished, in `rendering`."""

    def __init__(self, done: list[int], rendering: Rendering | None) -> None:
        super().__init__("stopped")
        self.done, self.rendering = done, rendering
