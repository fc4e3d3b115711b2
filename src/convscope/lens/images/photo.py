"""A picture that begins as a given one."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from convscope.lens.images.box import Box


@dataclass(frozen=True)
class Photo:
    """A picture described by its pixels, which starts as `picture` (1, c, *positions) in the network's own units.

    picture: the tensor, or a function that makes it when it is wanted, so that a large one is not kept.

    Its parameters are where each value lies between the box's ends, 0 to 1; noise plays no part. Values beyond are set
    to the ends, at the start and after every step (`hold`). Large pictures are the reason: Box's own ways in keep
    several copies for the gradient, this one none.
    """

    picture: Tensor | Callable[[], Tensor] = field(repr=False)
    box: Box = field(default_factory=Box)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return ()

    def initial(self, noise: Tensor) -> Tensor:
        picture = self.picture if isinstance(self.picture, Tensor) else self.picture()
        shares = self.hold(self.box.shares(picture.to(noise)))
        return shares if len(noise) == 1 else shares.repeat(len(noise), *(1,) * (shares.ndim - 1))

    def __call__(self, parameters: Tensor) -> Tensor:
        low, high = self.box.bounds(parameters)
        return torch.addcmul(low, parameters, high - low)

    def hold(self, parameters: Tensor) -> Tensor:
        """Bring parameters back between 0 and 1, in place."""
        return parameters.clamp_(0, 1)
