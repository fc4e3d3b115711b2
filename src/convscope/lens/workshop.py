"""A copy of a network, made ready to be run forwards and backwards thousands of times.

The original is not touched at all. The copy is in eval mode, its weights want no gradient, half precision is
widened where the processor has no fast arithmetic for it, batch norms are folded into the convolutions before
them, and images run channels last where that is faster. What comes out of the layers of interest is compared
before and after; where a step makes a difference or the network cannot run that way, it is left out.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from convscope.errors import InputError
from convscope.lens.probe import at_rest, check_finite, probe

AGREE = 1e-3
"""How far an activation may lie from the original's, as a share of the layer's largest: rounding stays below a
hundredth of this, a wrong fold far above."""


@dataclass(frozen=True)
class Workshop:
    """The copy, and how it runs.

    dtype: what its inputs are to be. channels_last: whether images should come in that memory format. folded: how
    many norms were folded away.
    """

    model: nn.Module
    dtype: torch.dtype
    channels_last: bool = False
    folded: int = 0

    def __str__(self) -> str:
        order = "channels last" if self.channels_last else "channels first"
        return f"{str(self.dtype).removeprefix('torch.')}, {order}, {self.folded} norms folded"

    def arrange(self, x: Tensor) -> Tensor:
        """Inputs in the precision and memory format of the plan."""
        x = x.to(self.dtype)
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last else x


def workshop(model: nn.Module, layers: Sequence[str], example: Tensor) -> Workshop:
    """The fastest copy of `model` that gives the same at `layers` for `example` (n, ...).

    A module that cannot be copied is used itself, as it is (`probe` leaves it as found).

    The choice depends on the module and the kind of device only, never on timings, so that one seed gives one
    result.

    Raises InputError for an input that the model cannot take, and for weights that are not finite where that
    shows.
    """
    try:
        copy = deepcopy(model).eval().requires_grad_(False)
    except Exception:  # whatever a strange module raises: then it is run in place
        return Workshop(model, example.dtype)
    plan, truth = Workshop(copy, example.dtype), None
    if example.device.type == "cpu" and example.dtype in (torch.float16, torch.bfloat16):
        plan = Workshop(copy.float(), torch.float32)  # half precision has no fast path there
        try:
            truth = _seen(plan, layers, example)
        except InputError:  # it asks for half precision by itself somewhere
            plan = Workshop(deepcopy(model).eval().requires_grad_(False), example.dtype)
    truth = truth or _seen(plan, layers, example)
    if not all(bool(true.isfinite().all()) for true in truth.values()):
        check_finite(plan.model)
    if example.ndim == 4 and _runs_faster_channels_last(plan.model):
        last = replace(plan, model=_convolutions_in(deepcopy(plan.model), torch.channels_last), channels_last=True)
        plan = last if _same(last, layers, example, truth) else plan
    folded = fold_norms(deepcopy(plan.model), layers, plan.arrange(example))
    fast = replace(plan, model=folded[0], folded=folded[1])
    return fast if folded[1] and _same(fast, layers, example, truth) else plan


def fold_norms(model: nn.Module, layers: Sequence[str], example: Tensor) -> tuple[nn.Module, int]:
    """Fold, in place, every batch norm that gets a convolution's output as it is; the model and their number.

    weight' = weight * g, bias' = (bias - mean) * g + shift, with g = scale / sqrt(variance + eps). A
    convolution among `layers` is left alone, and so are what runs more than once, norms of a class of their own,
    parametrised weights, and what has hooks that might change it.
    """
    made_by: dict[int, tuple[nn.Module, Tensor]] = {}
    pairs: list[tuple[str, nn.Module, nn.Module]] = []
    calls: dict[nn.Module, int] = {}
    modules = {name: module for name, module in model.named_modules() if _is_plain(module)}
    kept = {id(module) for name, module in model.named_modules() if name in layers}

    def record(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            calls[module] = calls.get(module, 0) + 1
            if isinstance(module, _CONV):
                made_by[id(output)] = module, output  # held, so that no other tensor takes its place
            elif inputs and id(inputs[0]) in made_by:
                pairs.append((name, made_by[id(inputs[0])][0], module))

        return hook

    handles = [module.register_forward_hook(record(name)) for name, module in modules.items()]
    try:
        with at_rest(model), torch.no_grad(), probe(model, layers) as look:
            look(example)
    finally:
        for handle in handles:
            handle.remove()
    count = 0
    for name, conv, norm in pairs:
        if calls[conv] == calls[norm] == 1 and id(conv) not in kept and norm.running_mean is not None:
            _fold(conv, norm)
            model.set_submodule(name, nn.Identity())
            count += 1
    return model, count


_CONV = nn.Conv1d | nn.Conv2d | nn.Conv3d
_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def _is_plain(module: nn.Module) -> bool:
    ours = isinstance(module, _CONV) or type(module) in _NORM
    return ours and not (is_parametrized(module) or module._forward_hooks or module._forward_pre_hooks)


def _fold(conv: Any, norm: Any) -> None:
    weight, bias = conv.weight, conv.bias
    gain = (norm.running_var + norm.eps).rsqrt()
    if norm.weight is not None:
        gain = gain * norm.weight
    offset = -norm.running_mean if bias is None else bias - norm.running_mean
    shift = 0 if norm.bias is None else norm.bias
    folded = (weight * gain.reshape(-1, *[1] * (weight.ndim - 1))).detach()
    conv.weight = nn.Parameter(folded, requires_grad=False)
    conv.bias = nn.Parameter((offset * gain + shift).detach(), requires_grad=False)


def _runs_faster_channels_last(model: nn.Module) -> bool:
    """Convolutions over several channels do, on CPUs and GPUs alike; those over one gain nothing."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    return first is not None and first.in_channels > 1


def _convolutions_in(model: nn.Module, memory_format: torch.memory_format) -> nn.Module:
    """Their weights alone: a buffer of five axes, which some networks have, cannot be laid out so."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=memory_format)  # type: ignore[call-overload]
    return model


def _seen(plan: Workshop, layers: Sequence[str], example: Tensor) -> dict[str, Tensor]:
    with torch.no_grad(), probe(plan.model, layers) as look:
        return {name: seen.double() for name, seen in look(plan.arrange(example)).items()}


def _same(plan: Workshop, layers: Sequence[str], example: Tensor, truth: dict[str, Tensor]) -> bool:
    try:
        seen = _seen(plan, layers, example)
    except Exception:  # a view that asks for one memory format, a look at a norm that is gone
        return False
    return all(bool((seen[name] - true).abs().max() <= AGREE * true.abs().max()) for name, true in truth.items())
