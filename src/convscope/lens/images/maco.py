"""Pictures described by their phases alone."""

from dataclasses import dataclass, field
from functools import lru_cache
from math import pi, sqrt

import numpy as np
import torch
from torch import Tensor

from convscope.lens.images.box import Box
from convscope.lens.images.priors import Prior
from convscope.lens.images.spectra import at_edges, half_shape, to_pictures


@dataclass(frozen=True)
class Maco:
    """A picture described by its phases. size: (c, *positions), such as (c, h, w).

    shares mean + L y, y = irfftn(amplitude * exp(i phase)): every frequency is as strong as in the prior's pictures,
    whatever the parameters, so that no picture can win by high frequencies that natural ones have not. Only the
    frequency 0 stands for the prior's mean itself. Of a real picture phase(-f) = -phase(f); where half a spectrum
    holds both, the parameters' difference is taken, which makes the phase of a frequency that is its own opposite 0.
    The amplitude holds before the box; what leaves it is cut. (Fel et al.: Unlocking feature visualization for
    deeper networks with magnitude constrained optimization, 2023, equation 4.)

    Raises InputError for a prior of another number of channels or of axes than the size.
    """

    size: tuple[int, ...]
    prior: Prior
    box: Box = field(default_factory=lambda: Box(by="clip"))

    def __post_init__(self) -> None:
        self.prior.check(self.size)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.size[0], *half_shape(self.size[1:]))

    def initial(self, noise: Tensor) -> Tensor:
        """Phases that are uniform over the circle: 2 pi times the normal distribution function of the noise."""
        return pi * torch.erf(noise / sqrt(2))

    def __call__(self, parameters: Tensor) -> Tensor:
        shape = self.size[1:]
        wide = parameters.to(torch.promote_types(parameters.dtype, torch.float32))
        edges, others = torch.from_numpy(at_edges(shape)).to(wide.device), tuple(range(2, wide.ndim - 1))
        edge = wide.index_select(-1, edges)
        opposite = edge.flip(others).roll((1,) * len(others), others) if others else edge
        phase = wide.index_copy(-1, edges, edge - opposite)
        amplitude = torch.as_tensor(_magnitude(self.prior, shape), dtype=wide.dtype, device=wide.device)
        y = to_pictures(torch.polar(amplitude.expand_as(phase), phase), shape)
        return self.prior.enter(self.box, y).to(parameters)


@lru_cache(maxsize=8)
def _magnitude(prior: Prior, shape: tuple[int, ...]) -> np.ndarray:
    magnitude = prior.amplitude(shape)
    magnitude[(slice(None), *(0,) * len(shape))] = 0
    return magnitude
