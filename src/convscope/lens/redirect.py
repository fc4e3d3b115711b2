"""Layers that, for a while, compute what they ever did but hand down their gradient another way."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def open_relus(model: nn.Module) -> AbstractContextManager[None]:
    """Inside, every `nn.ReLU` of the model computes max(x, 0) as ever, but its gradient passes everywhere.

    A unit behind a ReLU that is 0 at the start has gradient 0 and would never move; with the gradient
    redirected it climbs until it is awake. (Lucid, `redirected_relu_grad`.)
    """
    # in-place ReLUs too: the input that they would overwrite is left alone
    return _forwards({relu: _OpenReLU.apply for relu in model.modules() if type(relu) is nn.ReLU})


def folded_gradients(model: nn.Module) -> AbstractContextManager[None]:
    """Inside, one-channel convolutions on the CPU find their input's gradient by a product and a fold.

    It is the same gradient, for each image the transposed kernels (r s, m) times the upstream gradient
    (m, rows columns), folded back onto the image. oneDNN's own way is made for many input channels; with one
    it is the dearest step of all, and this one takes a third of its time. The weights get no gradient.
    """

    def thin(module: nn.Module) -> bool:
        return (
            type(module) is nn.Conv2d
            and (module.in_channels, module.padding_mode) == (1, "zeros")
            and not isinstance(module.padding, str)
            and module.weight.device.type == "cpu"
        )

    return _forwards({conv: partial(_folded, conv) for conv in model.modules() if thin(conv)})


@contextmanager
def _forwards(substitutes: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Inside, the modules run these functions; their hooks stay. One that has been given its own is left."""
    ours = {module: forward for module, forward in substitutes.items() if "forward" not in module.__dict__}
    try:
        for module, forward in ours.items():
            module.__dict__["forward"] = forward  # on the instance, so that its class stays as it is
        yield
    finally:
        for module in ours:
            module.__dict__.pop("forward", None)


class _OpenReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0]


def _folded(conv: nn.Module, input: Tensor) -> Tensor:
    if input.ndim != 4:  # one image alone: PyTorch's output is a view, closed to the in-place layers after it
        return nn.Conv2d.forward(conv, input)  # type: ignore[arg-type]
    return _FoldedConv.apply(input, conv)  # type: ignore[no-any-return]


class _FoldedConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: nn.Conv2d) -> Tensor:
        ctx.conv, ctx.size = conv, x.shape[-2:]
        return nn.Conv2d.forward(conv, x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        conv: nn.Conv2d = ctx.conv
        columns = conv.weight.flatten(1).T @ grad_outputs[0].flatten(2)
        shape: Any = (ctx.size, conv.kernel_size, conv.dilation, conv.padding, conv.stride)
        return nn.functional.fold(columns, *shape), None
