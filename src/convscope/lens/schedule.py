"""Pictures that are being made, each on its own clock: how far a step goes, and when a picture has settled."""

from dataclasses import dataclass, fields
from math import pi

import torch
from torch import Tensor, nn

from convscope.errors import InputError

B1, B2 = 0.9, 0.999  # what Adam keeps of its two moments at each step
WINDOW = 16  # steps whose mean objective is compared with that of the steps before
COOL = 16  # steps over which a picture that has settled comes to rest


@dataclass(frozen=True)
class Schedule:
    """How long a picture is worked on, and in what steps.

    The step size falls from `rate` to 0 along half a cosine over `steps`. A picture whose objective gained
    less than `settled` of all it has gained so far, comparing the last WINDOW steps with those before, comes
    to rest within COOL more steps. 0 lets every picture take all its steps.
    """

    steps: int = 256
    rate: float = 0.05
    settled: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps={self.steps}: it must be at least 1")
        if not self.rate > 0:
            raise InputError(f"rate={self.rate}: the step size must lie above 0, such as 0.05")
        if not 0 <= self.settled < 1:
            raise InputError(f"settled={self.settled}: a share of the gain, from 0 (never) to below 1, such as 0.02")

    def factor(self, step: Tensor) -> Tensor:
        return self.rate * (1 + torch.cos(pi * step / self.steps)) / 2


@dataclass
class Batch:
    """Pictures being made, one entry of each tensor a picture.

    step: how many steps it has made; settled_at: the step from which on it comes to rest; end: the step at
    which it is done. asleep: whether its objective did not react to it at the last step, but for opened ReLUs.
    history: its objective at every step so far.
    """

    which: Tensor
    moves: Tensor
    parameters: Tensor
    mean: Tensor
    square: Tensor
    step: Tensor
    end: Tensor
    settled_at: Tensor
    asleep: Tensor
    history: Tensor

    def keep(self, chosen: Tensor) -> "Batch":
        return Batch(*(getattr(self, part.name)[chosen] for part in fields(self)))

    def join(self, other: "Batch") -> "Batch":
        return Batch(
            *(torch.cat([getattr(self, part.name), getattr(other, part.name)]) for part in fields(self))
        )

    def __len__(self) -> int:
        return len(self.which)


def walk(batch: Batch, gradient: Tensor, schedule: Schedule, share: float = 1.0) -> None:
    """One step of Adam for every picture of the batch, in place, of `share` of its usual size."""
    now, since = batch.step, batch.settled_at
    resting = ((since + COOL - now).clamp(min=0) / COOL).clamp(max=1)
    rate = schedule.factor(torch.minimum(now, since)) * torch.where(now >= since, resting, 1.0) * share
    batch.step += 1
    adam(batch.parameters, gradient, batch.mean, batch.square, batch.step, rate)


def adam(parameters: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: Tensor, rate: Tensor) -> None:
    """Step 1, 2, ... of Adam, in place, each picture at its own; mean and square are its moments, 0 at first.

    parameters -= rate * (mean / (1 - b1^t)) / (sqrt(square / (1 - b2^t)) + 1e-8) (Kingma and Ba 2015,
    algorithm 1). Written out, since torch.optim knows one clock for all.
    """
    shape = (-1, *[1] * (parameters.ndim - 1))
    mean.lerp_(gradient, 1 - B1)
    square.mul_(B2).addcmul_(gradient, gradient, value=1 - B2)
    t = step.to(parameters.dtype)
    root = square.sqrt().div_((1 - B2**t).sqrt().reshape(shape)).add_(1e-8)
    parameters.sub_(mean.div(root).mul_((rate / (1 - B1**t)).to(parameters.dtype).reshape(shape)))


def rest(batch: Batch, schedule: Schedule, facets: int = 1) -> Tensor:
    """Notice which pictures have settled; (n,) True for those that are done. Facets of one unit settle together."""
    if schedule.settled:
        due = (batch.step % WINDOW == 0) & (batch.step >= 3 * WINDOW) & (batch.step + COOL < schedule.steps)
        due &= ~batch.asleep & (batch.settled_at == schedule.steps)
        if bool(due.any()):
            sums = nn.functional.pad(batch.history[:, : int(batch.step.max())].cumsum(1), (1, 0))
            rows = torch.arange(len(batch), device=due.device)
            at = [sums[rows, (batch.step - k * WINDOW).clamp(min=0)] for k in (0, 1, 2)]
            last, before = (at[0] - at[1]) / WINDOW, (at[1] - at[2]) / WINDOW
            gained = (last - batch.history[:, 0]).abs()
            calm = due & (last - before <= schedule.settled * gained)
            calm = calm.reshape(-1, facets).all(1).repeat_interleave(facets)
            batch.settled_at[calm] = batch.step[calm]
            batch.end[calm] = batch.step[calm] + COOL
    return batch.step >= batch.end
