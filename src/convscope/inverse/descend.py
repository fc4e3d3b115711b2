"""Learning a kernel from a picture and its result, by gradient descent.

`python -m convscope.inverse.descend` runs the two classroom experiments: a detector of vertical edges is
learned back from one picture of a black band, and the loss of each step was predicted before the first.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from convscope.errors import InputError
from convscope.inverse import optimizers
from convscope.inverse.experiments import BANDS, Experiment, experiment
from convscope.inverse.squares import squares
from convscope.inverse.stability import Verdict, advice, verdict
from convscope.ops import values

__all__ = ["Descent", "Experiment", "descend", "experiment", "report"]


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
    optimizer: str = "gd",
    momentum: float = 0.9,
    watch: Callable[[int, float, np.ndarray], None] | None = None,
) -> Descent:
    """The kernel K that turns x into y, looked for downhill: minimises `sum of (corr2d(x, K) + bias - y)**2`.

    Every step is `K = K - learning_rate * gradient`, from a random start (uniform within `1/sqrt(r*s)`).
    `stability.verdict`, with the same arguments, tells before what this will do.

    x  picture (h, w), y  what the kernel made of it (h - r + 1, w - s + 1): both float32 or both float64
    optimizer  "gd", "momentum" (which keeps the part `momentum` of the last step) or "adam"
    watch  called with (steps done, loss, kernel) at the start and after each step; what it raises ends the descent

    Raises InputError when shapes do not go together, or when the steps lead uphill without end.

    >>> from convscope import ops
    >>> x = np.ones((6, 8)); x[:, 2:6] = 0
    >>> found = descend(x, ops.corr2d(x, [[1.0, -1.0]]), steps=40)
    >>> found.kernel.round(3), round(found.losses[-1], 6)
    (array([[ 1., -1.]]), 0.0)
    """
    rate = optimizers.positive_rate(learning_rate)
    steps, seed = values.integer(steps, "steps", least=0), values.integer(seed, "seed", least=0)
    loss = squares(x, y, kernel_size, bias)
    t = loss.start(seed)
    walk = optimizers.optimizer(optimizer, t, momentum)
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):  # a descent that runs away is told of below
        for step in range(steps + 1):
            now, gradient = loss.loss_and_gradient(t)
            losses.append(now)
            if not np.isfinite(now):
                why = (
                    advice(loss, rate, seed, optimizer, momentum)
                    if step
                    else (f"look for NaN in x and y, or for numbers whose squares {loss.x.dtype} does not hold")
                )
                raise InputError(f"learning_rate={learning_rate}: the loss is {now} after {step} steps; {why}")
            if watch is not None:
                watch(step, now, loss.split(t)[0])
            if step < steps:
                walk.step(gradient, rate)
    return Descent(*loss.split(t), tuple(losses))


def report(trial: Experiment, found: Descent, foreseen: Verdict | None = None) -> str:
    """The loss after each step, beside the predicted one if given, and the learned kernel beside the true one, as text.

    >>> trial = experiment("4x6")
    >>> given = trial.x, trial.y, trial.kernel.shape
    >>> print(report(trial, descend(*given), verdict(*given)))
    picture 4x6
      gd: learning rate 0.03 is stable, and the error shrinks; the largest stable is 0.0500
        along (+0.707 +0.707)   curvature   40.000   error times -0.2000 a step
        along (+0.707 -0.707)   curvature    8.000   error times +0.7600 a step
      step  0   loss 12.8673   predicted 12.8673
      step  1   loss 7.3387   predicted 7.3387
      step  2   loss 4.2351   predicted 4.2351
      step  3   loss 2.4460   predicted 2.4460
      step  4   loss 1.4128   predicted 1.4128
      step  5   loss 0.8160   predicted 0.8160
      step  6   loss 0.4713   predicted 0.4713
      step  7   loss 0.2722   predicted 0.2722
      step  8   loss 0.1573   predicted 0.1573
      step  9   loss 0.0908   predicted 0.0908
      step 10   loss 0.0525   predicted 0.0525
      learned kernel   -0.9190  +0.9190
      true    kernel   -1.0000  +1.0000
    """
    lines = [f"picture {trial.name}"]
    if foreseen is not None:
        lines += [f"  {line}" for line in str(foreseen).splitlines()]
    predicted = (foreseen.losses if foreseen else None) or ()
    for step, loss in enumerate(found.losses):
        beside = f"   predicted {predicted[step]:.4f}" if step < len(predicted) else ""
        lines.append(f"  step {step:2d}   loss {loss:.4f}{beside}")
    for who, kernel in (("learned", found.kernel), ("true", trial.kernel)):
        lines.append(f"  {who:7} kernel   " + "  ".join(f"{value:+.4f}" for value in kernel.ravel()))
    return "\n".join(lines)


if __name__ == "__main__":
    for name in BANDS:
        trial = experiment(name)
        given = trial.x, trial.y, trial.kernel.shape
        print(report(trial, descend(*given), verdict(*given)))
