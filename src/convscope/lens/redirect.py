"""Layers that, for a while, compute what they ever did but hand down their gradient another way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class open_relus(TorchFunctionMode):  # used as a with-block, as functions of contextlib are
    """Inside, a ReLU that would swallow all of an image's gradient hands it down unchanged instead.

    A unit behind a ReLU that is 0 has gradient 0 and would never move; this way it climbs until it is awake.
    Where some of the gradient passes by itself, it stays what it is: redirecting it everywhere, as Lucid does at
    first (`redirected_relu_grad`), leads deep units astray. Nothing else changes. Modules, functions and methods
    alike, in place or not: max(x, 0), and ReLU6's min(max(x, 0), 6). TorchScript is not reached: it calls no
    Python.

    which: (n,) truth values, the images of the batch it is meant for; default: all.
    rescued: (n,) for which of them that happened in the backward passes so far.

    >>> x = torch.tensor([[-2.0, -1.0], [3.0, -1.0]], requires_grad=True)
    >>> with open_relus(torch.tensor([True, True])) as opened:
    ...     y = F.relu(x)
    >>> torch.autograd.grad(y.sum(), x)[0].tolist(), opened.rescued.tolist()
    ([[1.0, 1.0], [1.0, 0.0]], [True, False])
    """

    def __init__(self, which: Tensor) -> None:
        super().__init__()
        self.which = which
        self.rescued = torch.zeros_like(which)

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in _BOUNDS:
            x, low, high, in_place = _BOUNDS[func](*args, **kwargs)
            if isinstance(low, int | float) and low == 0 and (high is None or isinstance(high, int | float)):
                high, ends = None if high is None else float(high), _BOUNDS[func] is _clamp
                return _Open.apply(x, high, ends, in_place or func in _IN_PLACE, self)
        return func(*args, **kwargs)


def _relu(input: Tensor, inplace: bool = False) -> "_Clamp":
    return input, 0.0, None, inplace


def _relu6(input: Tensor, inplace: bool = False) -> "_Clamp":
    return input, 0.0, 6.0, inplace


def _clamp(input: Tensor, min: Any = None, max: Any = None) -> "_Clamp":
    return input, min, max, False


def _hardtanh(input: Tensor, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> "_Clamp":
    return input, min_val, max_val, inplace


_Clamp = tuple[Tensor, Any, Any, bool]
_BOUNDS: dict[Callable, Callable[..., _Clamp]] = {
    **dict.fromkeys([F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_], _relu),
    **dict.fromkeys([torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_], _clamp),
    **dict.fromkeys([torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_], _clamp),
    **dict.fromkeys([F.hardtanh, F.hardtanh_], _hardtanh),
    torch.ops.aten.relu.default: _relu,  # an exported program calls operators by these names
    torch.ops.aten.clamp_min.default: _clamp,
    torch.ops.aten.hardtanh.default: _hardtanh,
    F.relu6: _relu6,
}
"""How each function that may be a ReLU takes its arguments: (input, low, high, whether the input is overwritten)."""

# after these the caller may go on with the input instead of the result
_IN_PLACE = {F.relu_, torch.relu_, Tensor.relu_, torch.clamp_, Tensor.clamp_, torch.clamp_min_, Tensor.clamp_min_}


class _Open(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, high: float | None, ends: bool, in_place: bool, opened: open_relus) -> Tensor:
        ctx.opened = opened
        if ends:  # a clamp has a gradient at its ends, a ReLU has none
            ctx.inside = x >= 0 if high is None else (x >= 0) & (x <= high)
        else:
            ctx.inside = x > 0 if high is None else (x > 0) & (x < high)
        if not in_place:
            return x.clamp(0, high)
        ctx.mark_dirty(x)
        return x.clamp_(0, high)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None, None]:
        gradient, opened = grad_outputs[0], ctx.opened
        passed = gradient * ctx.inside
        n = len(opened.which)
        if passed.ndim and len(passed) % n == 0:  # else it has no axis of images
            # windows of an image that became images of their own follow one another
            swallowed = (passed == 0).reshape(n, -1).all(1) & (gradient != 0).reshape(n, -1).any(1) & opened.which
            opened.rescued |= swallowed
            shape = (-1, *[1] * (passed.ndim - 1))
            passed = torch.where(swallowed.repeat_interleave(len(passed) // n).reshape(shape), gradient, passed)
        return passed, None, None, None, None


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
