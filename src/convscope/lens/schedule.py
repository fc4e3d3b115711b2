"""Pictures that are being made, each on its own clock: how far a step goes, and when a picture has settled."""

from dataclasses import dataclass, fields
from math import pi

import torch
from torch import Tensor, nn

from convscope.errors import InputError

WINDOW = 16  # steps whose mean objective is compared with that of the steps before
COOL = 16  # steps over which a picture that has settled comes to rest


@dataclass(frozen=True)
class Schedule:
    """How long a picture is worked on, and in what steps.

    The step size falls from `rate` to 0 along half a cosine over `steps`. A picture whose objective gained
    less than `settled` of all it has gained so far, comparing the last WINDOW steps with those before, comes
    to rest within COOL more steps. 0 lets every picture take all its steps. With cools=False the step size stays.
    """

    steps: int = 256
    rate: float = 0.05
    settled: float = 0.0
    cools: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps={self.steps}: it must be at least 1")
        if not self.rate > 0:
            raise InputError(f"rate={self.rate}: the step size must lie above 0, such as 0.05")
        if not 0 <= self.settled < 1:
            raise InputError(f"settled={self.settled}: a share of the gain, from 0 (never) to below 1, such as 0.02")

    def factor(self, step: Tensor) -> Tensor:
        return self.rate * (1 + torch.cos(pi * step / self.steps)) / 2 if self.cools else step * 0 + self.rate


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


def pace(batch: Batch, schedule: Schedule, share: float = 1.0) -> Tensor:
    """Move every clock on by one step; (n,) how long that step is to be, as `share` of the usual."""
    now, since = batch.step, batch.settled_at
    resting = ((since + COOL - now).clamp(min=0) / COOL).clamp(max=1)
    rate = schedule.factor(torch.minimum(now, since)) * torch.where(now >= since, resting, 1.0) * share
    batch.step += 1
    return rate


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
