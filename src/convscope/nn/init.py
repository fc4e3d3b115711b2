"""How weights start, so that signals keep their size from layer to layer.

Weights are (out, in) or (m, c, r, s); the fan-in of an output is the number of inputs it sums: in, or c*r*s.
"""

from math import prod, sqrt

import numpy as np


def kaiming_uniform(size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Uniform within `sqrt(6/fan_in)`: variance 2/fan_in, for layers before a ReLU (He et al. 2015, equation 10)."""
    bound = sqrt(6 / prod(size[1:]))
    return rng.uniform(-bound, bound, size)


def kaiming_normal(size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Normal with variance 2/fan_in, for layers followed by a ReLU (He et al. 2015, equation 10)."""
    return rng.normal(0, sqrt(2 / prod(size[1:])), size)


def lecun_normal(size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Normal with variance 1/fan_in, without a ReLU after it (LeCun et al. 1998, "Efficient BackProp", eq. 16)."""
    return rng.normal(0, sqrt(1 / prod(size[1:])), size)
