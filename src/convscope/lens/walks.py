"""How a gradient becomes a step: Adam, plain steps of one size, L-BFGS. Each goes downhill, in place."""

from dataclasses import dataclass
from functools import reduce
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.errors import InputError
from convscope.lens.blurring import gaussian_blur
from convscope.lens.schedule import Batch

B1, B2 = 0.9, 0.999  # what Adam keeps of its two moments at each step


@runtime_checkable
class Walk(Protocol):
    """Moves the parameters of a batch by one step against `gradient`, picture i as far as rate[i] says.

    The gradient may be overwritten.

    moments: whether it needs the two moments of the batch. alone: whether it takes one picture at a time. cools:
    whether its steps are to become smaller towards the end.
    """

    @property
    def moments(self) -> bool: ...
    @property
    def alone(self) -> bool: ...
    @property
    def cools(self) -> bool: ...

    def begin(self) -> None:
        """Forget what was learned of the picture before."""

    def __call__(self, batch: Batch, value: Tensor, gradient: Tensor, rate: Tensor) -> None: ...


@dataclass(frozen=True)
class Adam:
    """Every number at a pace of its own (Kingma and Ba 2015). cools: whether the steps become smaller to the end."""

    cools: bool = True

    moments, alone = True, False

    def begin(self) -> None:
        pass

    def __call__(self, batch: Batch, value: Tensor, gradient: Tensor, rate: Tensor) -> None:
        adam(batch.parameters, gradient, batch.mean, batch.square, batch.step, rate)


@dataclass(frozen=True)
class Normalised:
    """The gradient itself, scaled so that its mean magnitude is 1: parameters -= rate * g / mean|g|.

    blurs: g is the mean of the gradient blurred by each of so many cells, each scaled so, in place of the gradient
    itself: single cells count for less, what is coarser for more.
    evening: the share (0 to 1) of the scale that is taken from the neighbourhood, a Gaussian of `reach` cells, and not
    from the whole picture; so plain regions change too, and the strongest one does not take all.
    For pictures (n, c, h, w). (Mordvintsev, Olah, Tyka 2015, "Inceptionism", and the notebook on Deep Dream of 2016,
    which evens out a Laplacian pyramid.)

    Raises InputError for settings out of range.
    """

    blurs: tuple[float, ...] = ()
    evening: float = 0.0
    reach: float = 32.0

    moments, alone, cools = False, False, True

    def __post_init__(self) -> None:
        if not 0 <= self.evening <= 1 or not self.reach >= 1 or min(self.blurs, default=1) <= 0:
            raise InputError(
                f"evening={self.evening}, reach={self.reach}, blurs={self.blurs}: a share from 0 to 1, at least 1 "
                "cell, and widths above 0"
            )

    def begin(self) -> None:
        pass

    def __call__(self, batch: Batch, value: Tensor, gradient: Tensor, rate: Tensor) -> None:
        if self.blurs:
            *first, last = self.blurs
            parts = [self._blurred(gradient, width, torch.empty_like(gradient)) for width in first]
            gradient = reduce(Tensor.add_, parts, self._blurred(gradient, last, gradient))
        scale = _mean_size(gradient)
        if self.evening:
            scale = scale ** (1 - self.evening) * self._nearby(gradient) ** self.evening
        pace = rate.to(gradient).reshape(-1, 1, 1, 1) / scale.clamp(min=torch.finfo(scale.dtype).tiny)
        batch.parameters.addcmul_(gradient, pace, value=-1)

    def _blurred(self, gradient: Tensor, width: float, blurred: Tensor) -> Tensor:
        widths = gradient.new_full((len(gradient),), width)
        for k in range(gradient.shape[1]):  # of a large picture one channel is enough to blur at a time
            blurred[:, k : k + 1] = gaussian_blur(gradient[:, k : k + 1], widths, width)
        return blurred.div_(_mean_size(blurred).clamp(min=torch.finfo(blurred.dtype).tiny))

    def _nearby(self, gradient: Tensor) -> Tensor:
        """The mean magnitude (n, 1, h, w) around each cell, found on cells four of which are one reach."""
        cells = max(int(self.reach / 4), 1)
        size = torch.linalg.vector_norm(gradient, 1, 1, keepdim=True) / gradient.shape[1]
        coarse = F.avg_pool2d(size, cells, ceil_mode=True, count_include_pad=False)
        width = self.reach / cells
        coarse = gaussian_blur(coarse, coarse.new_full((len(coarse),), width), width)
        return F.interpolate(coarse, size=size.shape[2:], mode="bilinear", align_corners=False)


class LBFGS:
    """Quasi-Newton steps from the last `history` gradients (Liu and Nocedal 1989); a rate of 1 is the Newton step.

    By torch.optim.LBFGS without line search, one evaluation a step.
    """

    moments, alone, cools = False, True, False

    def __init__(self, history: int = 20) -> None:
        self.history = history
        self._optimiser: torch.optim.LBFGS | None = None

    def __repr__(self) -> str:
        return f"LBFGS(history={self.history})"

    def begin(self) -> None:
        self._optimiser = None

    def __call__(self, batch: Batch, value: Tensor, gradient: Tensor, rate: Tensor) -> None:
        if self._optimiser is None:
            self._optimiser = torch.optim.LBFGS(
                [batch.parameters], max_iter=1, history_size=self.history, tolerance_grad=0, tolerance_change=0
            )
        self._optimiser.param_groups[0]["lr"] = float(rate[0])
        batch.parameters.grad = gradient.contiguous()
        loss = -value.detach().sum()
        self._optimiser.step(lambda: loss)  # type: ignore[arg-type]
        batch.parameters.grad = None


def _mean_size(gradient: Tensor) -> Tensor:
    return torch.linalg.vector_norm(gradient, 1, (1, 2, 3), keepdim=True) / gradient[0].numel()


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
