"""A way up for units that start silent: for a while, ReLUs pass gradients that they would have stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def open_relus(model: nn.Module) -> Iterator[None]:
    """Inside, every `nn.ReLU` of the model computes max(x, 0) as ever, but its gradient passes everywhere.

    A unit behind a ReLU that is 0 at the start has gradient 0 and would never move; with the gradient
    redirected it climbs until it is awake. (Lucid, `redirected_relu_grad`.)
    """
    relus = [m for m in model.modules() if type(m) is nn.ReLU and "forward" not in m.__dict__]
    try:
        for relu in relus:
            # on the instance, so that an in-place ReLU is also replaced before it overwrites its input
            relu.__dict__["forward"] = _OpenReLU.apply
        yield
    finally:
        for relu in relus:
            relu.__dict__.pop("forward", None)


class _OpenReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0]
