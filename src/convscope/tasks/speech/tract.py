"""Vocal tracts of other lengths: what makes the same word of another speaker lie higher or lower in frequency."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from convscope.errors import InputError
from convscope.tasks.speech.audio import RATE

KNEE = 3200.0
"""Hertz up to which a warp is by a factor; from there it leads straight to half the rate, where nothing moves."""
MOST = 1.25


def tract(frequencies: Float[Tensor, "*n"], factor: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Where sound of these frequencies (hertz) lies when the vocal tract is shorter by `factor`; piecewise linear.

    f * factor up to KNEE * min(factor, 1) / factor, from there straight to half the rate.

    Source: Jaitly and Hinton 2013, "Vocal tract length perturbation (VTLP) improves speech recognition".

    >>> tract(torch.tensor([0.0, 1000.0, 4000.0]), torch.tensor(1.2)).tolist()
    [0.0, 1200.0, 4000.0]
    """
    half = RATE / 2
    knee = KNEE * factor.clamp(max=1)
    above = half - (half - knee) / (half - knee / factor) * (half - frequencies)
    return torch.where(frequencies <= knee / factor, frequencies * factor, above)


@dataclass(frozen=True)
class Tract:
    """For `melspectrogram.logmel`: hears words as if the speaker's vocal tract were shorter by `factor`.

    Raises InputError for factors that no two people differ by.
    """

    factor: float

    def __post_init__(self) -> None:
        if not 1 / MOST <= self.factor <= MOST:
            raise InputError(f"factor={self.factor}: give {1 / MOST:g} to {MOST:g}")

    def __call__(self, edges: np.ndarray) -> np.ndarray:
        """The filters move the other way: what lies at f / factor is heard at f."""
        return tract(torch.from_numpy(edges), torch.tensor(1 / self.factor, dtype=torch.float64)).numpy()
