"""A network of `convscope.nn` as one of PyTorch, and back: the same names, weights, outputs and gradients."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn as theirs
from torch.nn.utils import skip_init

from convscope import nn as ours
from convscope.errors import InputError


def to_torch(net: ours.Sequential) -> theirs.Sequential:
    """The network as a `torch.nn.Sequential` with a copy of its weights, in training mode as any new module.

    Outputs and gradients are equal up to rounding; the state_dict is what `net.state()` gives.

    Raises InputError for a layer that PyTorch has not: padding that is not the same on opposite sides, "same"
    padding with a stride, a name with a dot.

    >>> to_torch(ours.Sequential({"conv1": ours.Conv2D(1, 6, 5, padding=2), "relu1": ours.ReLU()}))
    Sequential(
      (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
      (relu1): ReLU()
    )
    """
    layers: OrderedDict[str, theirs.Module] = OrderedDict()
    for name, layer in net.layers.items():
        if "." in name:
            raise InputError(f"layer {name!r}: PyTorch allows no dot in a layer's name; rename it")
        make = _TO_TORCH.get(type(layer))
        if make is None:
            kind, known = type(layer).__name__, _names(_TO_TORCH)
            raise InputError(f"layer {name!r} is a {kind}, which PyTorch has not; use {known}")
        layers[name] = make(layer, name)
    module = theirs.Sequential(layers)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in net.state().items()})
    return module


def from_torch(module: theirs.Module) -> ours.Sequential:
    """A `torch.nn.Sequential` of plain layers as a network of `convscope.nn`, with a copy of its weights.

    float64 stays float64, every other type becomes float32.

    Raises InputError for another module, a layer that `convscope.nn` has not and an option that it has not.

    >>> list(from_torch(theirs.Sequential(theirs.Flatten(), theirs.Linear(4, 2))).state())
    ['1.weight', '1.bias']
    """
    if not isinstance(module, theirs.Sequential):
        raise InputError(
            f"a {type(module).__name__}: only a torch.nn.Sequential of plain layers can be taken over"
        )
    layers: dict[str, ours.Layer] = {}
    for name, layer in module.named_children():
        make = _FROM_TORCH.get(type(layer))
        if make is None:
            kind, known = type(layer).__name__, _names(_FROM_TORCH)
            raise InputError(f"layer {name!r} is a {kind}, which convscope.nn has not; use {known}")
        layers[name] = make(layer, name)
    net = ours.Sequential(layers)
    net.load_state({name: _array(tensor) for name, tensor in module.state_dict().items()})
    return net


def _conv_to_torch(layer: ours.Conv2D, name: str) -> theirs.Module:
    if layer.padding == "same" and layer.stride != (1, 1):
        raise InputError(f'layer {name!r}: PyTorch has padding="same" with stride 1 only, not {layer.stride}')
    return skip_init(
        theirs.Conv2d,
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding if isinstance(layer.padding, str) else _symmetric(layer.padding, name),
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias is not None,
        dtype=_torch_type(layer.weight),
    )


def _conv_from_torch(layer: theirs.Conv2d, name: str) -> ours.Layer:
    _only(name, padding_mode=(layer.padding_mode, "zeros"))
    return ours.Conv2D(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias is not None,
        dtype=_array(layer.weight).dtype,
    )


def _linear_to_torch(layer: ours.Linear, name: str) -> theirs.Module:
    return skip_init(
        theirs.Linear,
        layer.in_features,
        layer.out_features,
        bias=layer.bias is not None,
        dtype=_torch_type(layer.weight),
    )


def _linear_from_torch(layer: theirs.Linear, name: str) -> ours.Layer:
    return ours.Linear(
        layer.in_features, layer.out_features, bias=layer.bias is not None, dtype=_array(layer.weight).dtype
    )


def _max_pool_to_torch(layer: ours.MaxPool2D, name: str) -> theirs.Module:
    padding = _symmetric(layer.padding, name)
    return theirs.MaxPool2d(layer.kernel_size, layer.stride, padding, ceil_mode=layer.ceil_mode)


def _max_pool_from_torch(layer: theirs.MaxPool2d, name: str) -> ours.Layer:
    _only(name, dilation=(_pair(layer.dilation), (1, 1)), return_indices=(layer.return_indices, False))
    return ours.MaxPool2D(
        _pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding), layer.ceil_mode
    )


def _avg_pool_to_torch(layer: ours.AvgPool2D, name: str) -> theirs.Module:
    padding = _symmetric(layer.padding, name)
    return theirs.AvgPool2d(
        layer.kernel_size, layer.stride, padding, layer.ceil_mode, layer.count_include_pad
    )


def _avg_pool_from_torch(layer: theirs.AvgPool2d, name: str) -> ours.Layer:
    _only(name, divisor_override=(layer.divisor_override, None))
    size, stride, padding = _pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding)
    return ours.AvgPool2D(size, stride, padding, layer.ceil_mode, layer.count_include_pad)


def _flatten_from_torch(layer: theirs.Flatten, name: str) -> ours.Layer:
    _only(name, start_dim=(layer.start_dim, 1), end_dim=(layer.end_dim, -1))
    return ours.Flatten()


_TO_TORCH: dict[type, Callable[[Any, str], theirs.Module]] = {
    ours.Conv2D: _conv_to_torch,
    ours.Linear: _linear_to_torch,
    ours.MaxPool2D: _max_pool_to_torch,
    ours.AvgPool2D: _avg_pool_to_torch,
    ours.ReLU: lambda layer, name: theirs.ReLU(),
    ours.Flatten: lambda layer, name: theirs.Flatten(),
}
_FROM_TORCH: dict[type, Callable[[Any, str], ours.Layer]] = {
    theirs.Conv2d: _conv_from_torch,
    theirs.Linear: _linear_from_torch,
    theirs.MaxPool2d: _max_pool_from_torch,
    theirs.AvgPool2d: _avg_pool_from_torch,
    theirs.ReLU: lambda layer, name: ours.ReLU(),
    theirs.Flatten: _flatten_from_torch,
}


def _symmetric(pads: tuple[int, int, int, int], name: str) -> tuple[int, int]:
    """(top, bottom, left, right) as PyTorch's (rows, columns)."""
    top, bottom, left, right = pads
    if top != bottom or left != right:
        raise InputError(
            f"layer {name!r}: padding={pads} (top, bottom, left, right); PyTorch pads opposite sides alike"
        )
    return top, left


def _only(name: str, **options: tuple[Any, Any]) -> None:
    for option, (given, known) in options.items():
        if given != known:
            raise InputError(f"layer {name!r}: {option}={given!r}; convscope.nn has only {option}={known!r}")


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _array(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    return (tensor if tensor.dtype == torch.float64 else tensor.float()).numpy()


def _torch_type(array: np.ndarray) -> torch.dtype:
    return torch.from_numpy(array[:0]).dtype


def _names(known: dict[type, Any]) -> str:
    return ", ".join(kind.__name__ for kind in known)
