"""The two classroom experiments: a band of black columns, and the kernel that sees where it begins and ends."""

from dataclasses import dataclass

import numpy as np

from convscope import ops
from convscope.errors import InputError


@dataclass(frozen=True)
class Experiment:
    """A picture `x`, the true `kernel`, and `y = corr2d(x, kernel)`, from which it is to be found."""

    name: str
    x: np.ndarray
    kernel: np.ndarray
    y: np.ndarray


BANDS = {"4x6": ((4, 6), slice(2, 4), (-1, 1)), "6x8": ((6, 8), slice(2, 6), (1, -1))}


def experiment(name: str, dtype: type = np.float32) -> Experiment:
    """A white picture with a black band of columns, and a kernel that sees where the band begins and ends.

    "4x6"  columns 2 and 3 black, kernel [-1, 1];   "6x8"  columns 2 to 5 black, kernel [1, -1]

    >>> experiment("6x8").y[0]
    array([ 0.,  1.,  0.,  0.,  0., -1.,  0.], dtype=float32)
    """
    if name not in BANDS:
        raise InputError(f"name={name!r}: it must be one of {', '.join(map(repr, BANDS))}")
    shape, black, taps = BANDS[name]
    x, kernel = np.ones(shape, dtype), np.array([taps], dtype)
    x[:, black] = 0
    return Experiment(name, x, kernel, ops.corr2d(x, kernel))
