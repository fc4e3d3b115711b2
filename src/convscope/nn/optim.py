"""Stochastic gradient descent with momentum and weight decay, and how its learning rate goes over a training."""

from collections.abc import Callable
from math import cos, pi

import numpy as np

from convscope.errors import InputError
from convscope.ops.fast.loops import sgd_step

Schedule = Callable[[float], float]
"""Factor on the learning rate, from the part of the training that is done (0 to 1)."""


class SGD:
    """`v = momentum*v + gradient + weight_decay*w;  w -= rate*(gradient + weight_decay*w + momentum*v)` (nesterov),
    or `w -= rate*v`; PyTorch's form (Sutskever et al. 2013, with the rate outside v).

    Works in place on one vector of parameters.
    """

    def __init__(
        self, vector: np.ndarray, momentum: float = 0.9, weight_decay: float = 0.0, nesterov: bool = True
    ) -> None:
        if not 0 <= momentum < 1:
            raise InputError(
                f"momentum={momentum}: it is the part of the last step that is kept, 0 to below 1; use 0.9"
            )
        if weight_decay < 0:
            raise InputError(f"weight_decay={weight_decay}: a negative one would let weights grow; use 0")
        self.vector, self.velocity = vector, np.zeros_like(vector)
        self.momentum, self.weight_decay, self.nesterov = momentum, weight_decay, nesterov

    def step(self, gradient: np.ndarray, rate: float) -> None:
        """Move the parameters once."""
        kind = self.vector.dtype.type
        sgd_step(
            self.vector,
            self.velocity,
            gradient,
            kind(rate),
            kind(self.momentum),
            kind(self.weight_decay),
            self.nesterov,
        )


def one_cycle(warm_up: float = 0.2, start: float = 0.04, end: float = 0.0) -> Schedule:
    """Rises on a cosine from `start` to 1 during the part `warm_up`, then falls on a cosine to `end`.

    After Smith and Topin 2018, "Super-convergence", with cosines for straight lines.

    >>> schedule = one_cycle(0.25)
    >>> [round(schedule(t), 2) for t in (0.0, 0.25, 0.625, 1.0)]
    [0.04, 1.0, 0.5, 0.0]
    """

    def factor(done: float) -> float:
        if done < warm_up:
            return start + (1 - start) * (1 - cos(pi * done / warm_up)) / 2
        return end + (1 - end) * (1 + cos(pi * (done - warm_up) / (1 - warm_up))) / 2

    return factor
