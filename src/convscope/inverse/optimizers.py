"""The three ways to go downhill: plain gradient descent, with momentum, and Adam; each in place on one vector."""

from typing import Any, Protocol

import numpy as np

from convscope.errors import InputError
from convscope.nn.optim import SGD
from convscope.ops import values

NAMES = ("gd", "momentum", "adam")


class Optimizer(Protocol):
    def step(self, gradient: np.ndarray, rate: float) -> None:
        """Move the vector once."""
        ...


def optimizer(name: str, vector: np.ndarray, momentum: float = 0.9) -> Optimizer:
    """What moves `vector` downhill by gradients g.

    "gd"        `t -= rate*g`
    "momentum"  `v = momentum*v + g;  t -= rate*v`, the heavy ball (Polyak 1964)
    "adam"      see `Adam`

    Raises InputError for another name, or a momentum outside 0 to below 1.
    """
    if values.choice(name, "optimizer", NAMES) == "adam":
        return Adam(vector)
    kept = float(values.array(momentum, "momentum")) if name == "momentum" else 0.0
    return SGD(vector, kept, nesterov=False)


class Adam:
    """`m = b1*m + (1 - b1)*g;  v = b2*v + (1 - b2)*g**2;  t -= rate*m_hat/(sqrt(v_hat) + 1e-8)`, b1 = 0.9, b2 = 0.999.

    `m_hat = m/(1 - b1**k)` and `v_hat = v/(1 - b2**k)` at step k undo the start from zero.
    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """

    B1, B2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, vector: np.ndarray) -> None:
        self.vector, self.mean, self.square = vector, np.zeros_like(vector), np.zeros_like(vector)
        self.steps = 0

    def step(self, gradient: np.ndarray, rate: float) -> None:
        """Move the vector once."""
        self.steps += 1
        self.mean += (1 - self.B1) * (gradient - self.mean)
        self.square += (1 - self.B2) * (gradient**2 - self.square)
        mean = self.mean / (1 - self.B1**self.steps)
        square = self.square / (1 - self.B2**self.steps)
        self.vector -= rate * mean / (np.sqrt(square) + self.EPSILON)


def adam_reach(steps: int) -> float:
    """How far Adam can move any one unknown in so many steps at most, in units of the rate, whatever the gradients.

    `m_hat` and `v_hat` are averages of g and g**2 with weights a_i and b_i, so by Cauchy and Schwarz
    `m_hat**2 <= v_hat * sum of a_i**2/b_i`, a geometric sum; the reach adds up the roots of these over the steps.

    >>> round(adam_reach(1), 6), round(adam_reach(10), 2)
    (1.0, 10.17)
    """
    b1, b2, k = Adam.B1, Adam.B2, np.arange(1, steps + 1)
    q = b1**2 / b2
    sums = ((1 - b1) / (1 - b1**k)) ** 2 * (1 - b2**k) / (1 - b2) * (1 - q**k) / (1 - q)
    return float(np.sqrt(sums).sum())


def positive_rate(learning_rate: Any) -> float:
    """A learning rate as a number above 0. Raises InputError for anything else."""
    given = values.array(learning_rate, "learning_rate")
    if given.ndim or not 0 < given < np.inf:
        raise InputError(f"learning_rate={learning_rate}: one finite number above 0 is needed; use learning_rate=0.03")
    return float(given)
