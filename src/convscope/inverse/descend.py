"""Learning a kernel from a picture and its result, by gradient descent.

`python -m convscope.inverse.descend` runs the two classroom experiments: a detector of vertical edges is
learned back from one picture of a black band.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from convscope import ops
from convscope.errors import InputError
from convscope.ops import values


@dataclass(frozen=True)
class Descent:
    """What was learned: `kernel` (r, s), `bias` (a number; 0 unless asked for), and the losses on the way.

    `losses[k]` is the summed squared error after k steps, so there is one more than steps.
    """

    kernel: np.ndarray
    bias: float
    losses: tuple[float, ...]


def descend(
    x: ArrayLike,
    y: ArrayLike,
    kernel_size: int | tuple[int, int] = (1, 2),
    *,
    learning_rate: float = 3e-2,
    steps: int = 10,
    bias: bool = False,
    seed: int = 0,
) -> Descent:
    """The kernel K that turns x into y, looked for downhill: minimises `sum of (corr2d(x, K) + bias - y)**2`.

    Every step is `K = K - learning_rate * gradient`, from a random start (uniform within `1/sqrt(r*s)`).

    x  picture (h, w), y  what the kernel made of it (h - r + 1, w - s + 1): both float32 or both float64

    Raises InputError when shapes do not go together, or when the steps lead uphill without end.

    >>> x = np.ones((6, 8)); x[:, 2:6] = 0
    >>> found = descend(x, ops.corr2d(x, [[1.0, -1.0]]), steps=40)
    >>> found.kernel.round(3), round(found.losses[-1], 6)
    (array([[ 1., -1.]]), 0.0)
    """
    x, y = values.floats(x, "x", "h w"), values.floats(y, "y", "h w")
    values.same_dtype(x, "x", y, "y")
    steps, seed = values.integer(steps, "steps", least=0), values.integer(seed, "seed", least=0)
    r, s = values.pair(kernel_size, "kernel_size")
    rate = x.dtype.type(values.array(learning_rate, "learning_rate"))
    bound = 1 / np.sqrt(r * s)
    image = x[None, None]  # one image of one channel, as conv2d takes it
    kernel = np.random.default_rng(seed).uniform(-bound, bound, (1, 1, r, s)).astype(x.dtype)
    offset = np.zeros(1, x.dtype)
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):  # a descent that runs away is told of below
        for step in range(steps + 1):
            made = ops.conv2d(image, kernel, offset)[0, 0]
            values.same_shape(y, "y", made.shape, f"x of shape {x.shape} under kernel_size={(r, s)}")
            error = made - y
            losses.append(float(np.sum(error**2)))
            if not np.isfinite(losses[-1]):
                raise InputError(
                    f"learning_rate={learning_rate}: the loss is {losses[-1]} after {step} steps, as each "
                    f"leaps over the valley; use learning_rate={learning_rate / 10:g}, or look for NaN in x "
                    f"and y"
                )
            if step < steps:
                # the loss is a sum of squares, and the derivative of error**2 is 2*error
                upstream = 2 * error[None, None]
                kernel = kernel - rate * ops.conv2d_weight_grad(image, kernel.shape, upstream)
                if bias:
                    offset = offset - rate * ops.conv2d_bias_grad(upstream)
    return Descent(kernel[0, 0], float(offset[0]), tuple(losses))


@dataclass(frozen=True)
class Experiment:
    """A picture `x`, the true `kernel`, and `y = corr2d(x, kernel)`, from which it is to be found."""

    name: str
    x: np.ndarray
    kernel: np.ndarray
    y: np.ndarray


_BANDS = {"4x6": ((4, 6), slice(2, 4), (-1, 1)), "6x8": ((6, 8), slice(2, 6), (1, -1))}


def experiment(name: str, dtype: type = np.float32) -> Experiment:
    """A white picture with a black band of columns, and a kernel that sees where the band begins and ends.

    "4x6"  columns 2 and 3 black, kernel [-1, 1];   "6x8"  columns 2 to 5 black, kernel [1, -1]

    >>> experiment("6x8").y[0]
    array([ 0.,  1.,  0.,  0.,  0., -1.,  0.], dtype=float32)
    """
    if name not in _BANDS:
        raise InputError(f"name={name!r}: it must be one of {', '.join(map(repr, _BANDS))}")
    shape, black, taps = _BANDS[name]
    x, kernel = np.ones(shape, dtype), np.array([taps], dtype)
    x[:, black] = 0
    return Experiment(name, x, kernel, ops.corr2d(x, kernel))


def report(trial: Experiment, found: Descent) -> str:
    """The loss after each step, and the learned kernel beside the true one, as text.

    >>> trial = experiment("4x6")
    >>> print(report(trial, descend(trial.x, trial.y, trial.kernel.shape)))
    picture 4x6
      step  0   loss 12.8673
      step  1   loss 7.3387
      step  2   loss 4.2351
      step  3   loss 2.4460
      step  4   loss 1.4128
      step  5   loss 0.8160
      step  6   loss 0.4713
      step  7   loss 0.2722
      step  8   loss 0.1573
      step  9   loss 0.0908
      step 10   loss 0.0525
      learned kernel   -0.9190  +0.9190
      true    kernel   -1.0000  +1.0000
    """
    lines = [f"picture {trial.name}"]
    lines += [f"  step {step:2d}   loss {loss:.4f}" for step, loss in enumerate(found.losses)]
    for who, kernel in (("learned", found.kernel), ("true", trial.kernel)):
        lines.append(f"  {who:7} kernel   " + "  ".join(f"{value:+.4f}" for value in kernel.ravel()))
    return "\n".join(lines)


if __name__ == "__main__":
    for name in _BANDS:
        trial = experiment(name)
        print(report(trial, descend(trial.x, trial.y, trial.kernel.shape)))
