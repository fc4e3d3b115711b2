"""Pictures described by their frequencies."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from convscope.lens.images.box import Box
from convscope.lens.images.priors import Prior
from convscope.lens.images.spectra import at_edges, half_shape, to_pictures


@dataclass(frozen=True)
class Fourier:
    """A picture described by its frequencies. size: (c, *positions), such as (c, h, w).

    z = start + irfftn(parameters * scale), scale = 1 / max(frequency, 1 / max(h, w)) ** decay, scaled so that
    standard normal parameters give z a deviation of 1. Because a step then changes low frequencies as readily
    as high ones, large forms win over the checkered noise that pixels fall into. decay 1 is the fall-off of
    natural pictures, 0 is pixels turned round. (Olah, Mordvintsev, Schubert: Feature Visualization, 2017,
    "preconditioning".)

    prior: what pictures look like, in place of `start` and `decay`. Standard normal parameters then have the
    prior's mean, colours and spectrum: shares mean + L y, where L L^T is the covariance of the channels and the
    decorrelated y = irfftn(parameters * the prior's amplitudes). (The same, "decorrelated colour".)

    Raises InputError for a prior of another number of channels or of axes than the size.
    """

    size: tuple[int, ...]
    box: Box = field(default_factory=Box)
    start: float = 0.5
    spread: float = 0.1
    decay: float = 1.0
    prior: Prior | None = None

    def __post_init__(self) -> None:
        if self.prior is not None:
            self.prior.check(self.size)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.size[0], *half_shape(self.size[1:]), 2)

    def initial(self, noise: Tensor) -> Tensor:
        return self.spread * noise

    def __call__(self, parameters: Tensor) -> Tensor:
        shape = self.size[1:]
        # no Fourier transform in half precision
        wide = parameters.to(torch.promote_types(parameters.dtype, torch.float32)).contiguous()
        scale = _scale(shape, self.decay) if self.prior is None else _amplitude(self.prior, shape)
        scale = torch.as_tensor(scale, dtype=wide.dtype, device=wide.device)
        z = to_pictures(torch.view_as_complex(wide) * scale, shape)
        if self.prior is None:
            return self.box.enter(self.box.free(self.start) + z).to(parameters)
        return self.prior.enter(self.box, z).to(parameters)


@lru_cache(maxsize=8)
def _scale(shape: tuple[int, ...], decay: float) -> np.ndarray:
    """The weight of each frequency, (*half); kept, since every step asks for it again."""
    axes = [np.fft.fftfreq(cells) for cells in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    frequency = np.sqrt(sum(np.square(axis) for axis in np.ix_(*axes)))
    scale = np.maximum(frequency, 1 / max(shape)) ** -decay
    return scale / np.sqrt(2 * np.square(scale).mean())


@lru_cache(maxsize=8)
def _amplitude(prior: Prior, shape: tuple[int, ...]) -> np.ndarray:
    """The prior's amplitude for parameters of variance 2 (real and imaginary), (c, *half).

    At the edges of half a spectrum +f and -f are both there and the transform takes their mean, which has half the
    variance.
    """
    amplitude = prior.amplitude(shape) / np.sqrt(2)
    amplitude[..., at_edges(shape)] *= np.sqrt(2)
    return amplitude
