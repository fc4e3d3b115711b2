"""Pictures described by their pixels."""

from dataclasses import dataclass, field

from torch import Tensor

from convscope.lens.images.box import Box


@dataclass(frozen=True)
class Pixels:
    """A picture described by its pixels. size: (c, *positions), such as (c, h, w).

    The optimisation starts at `start` (share of the way from black to white) with normal noise of deviation
    `spread`.
    """

    size: tuple[int, ...]
    box: Box = field(default_factory=Box)
    start: float = 0.5
    spread: float = 0.1

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.size

    def initial(self, noise: Tensor) -> Tensor:
        return self.box.free(self.start) + self.spread * noise

    def __call__(self, parameters: Tensor) -> Tensor:
        return self.box.enter(parameters)
