"""The loss of the experiments: the summed squared error of a kernel, its gradient and its curvature."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope import ops
from convscope.ops import values


@dataclass(frozen=True)
class Squares:
    """`loss = sum of (corr2d(x, K) + bias - y)**2`, of a vector t: the taps of K row by row, then the bias, if learned.

    x  image (1, 1, h, w), y  (1, 1, h - r + 1, w - s + 1); `squares` makes one from planes, checked.
    """

    x: np.ndarray
    y: np.ndarray
    kernel_size: tuple[int, int]
    has_bias: bool

    @property
    def unknowns(self) -> int:
        return self.kernel_size[0] * self.kernel_size[1] + self.has_bias

    def start(self, seed: int) -> np.ndarray:
        """Where a descent starts: taps uniform within `1/sqrt(r*s)`, bias 0."""
        taps = self.kernel_size[0] * self.kernel_size[1]
        start = np.zeros(self.unknowns, self.x.dtype)
        start[:taps] = np.random.default_rng(seed).uniform(-1 / np.sqrt(taps), 1 / np.sqrt(taps), taps)
        return start

    def split(self, t: np.ndarray) -> tuple[np.ndarray, float]:
        """The vector as kernel (r, s) and bias."""
        r, s = self.kernel_size
        return t[: r * s].reshape(r, s).copy(), float(t[-1]) if self.has_bias else 0.0

    def made(self, t: np.ndarray) -> np.ndarray:
        """What kernel and bias make of x: linear in t."""
        kernel, bias = self.split(t)
        return ops.conv2d(self.x, kernel[None, None], np.array([bias], t.dtype))

    def pulled_back(self, change: np.ndarray) -> np.ndarray:
        """The adjoint of `made`: what a change asked of every output cell asks of every unknown, added up."""
        taps = ops.conv2d_weight_grad(self.x, (1, 1, *self.kernel_size), change).ravel()
        return np.append(taps, ops.conv2d_bias_grad(change)) if self.has_bias else taps

    def loss_and_gradient(self, t: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and `2 * pulled_back(made(t) - y)`, as the derivative of error**2 is 2*error."""
        error = self.made(t) - self.y
        return float(np.sum(error**2)), self.pulled_back(2 * error)

    def hessian(self) -> np.ndarray:
        """Second derivatives (unknowns, unknowns), the same at every t: `2 X'X`, a row of X for each window of x.

        Row k is what the k-th unknown alone makes, pulled back: no X is ever stored.

        >>> x = np.ones((6, 8)); x[:, 2:6] = 0
        >>> squares(x, np.zeros((6, 7)), (1, 2)).hessian()
        array([[36., 24.],
               [24., 36.]])
        """
        return np.array([self.pulled_back(2 * self.made(unit)) for unit in np.eye(self.unknowns, dtype=self.x.dtype)])


def squares(x: Any, y: Any, kernel_size: Any, bias: bool = False) -> Squares:
    """The loss for a picture x (h, w) and its result y (h - r + 1, w - s + 1), both float32 or both float64.

    Raises InputError when shapes or dtypes do not go together.
    """
    x, y = values.floats(x, "x", "h w"), values.floats(y, "y", "h w")
    values.same_dtype(x, "x", y, "y")
    size = values.pair(kernel_size, "kernel_size")
    made = ops.conv2d(x[None, None], np.zeros((1, 1, *size), x.dtype)).shape[2:]
    values.same_shape(y, "y", made, f"x of shape {x.shape} under kernel_size={size}")
    return Squares(x[None, None], y[None, None], size, bool(bias))
