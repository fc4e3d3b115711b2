"""One layer, as far as shapes go, read from whatever describes it.

Layers are read by their attributes alone (`kernel_size`, `in_features`, ...), so that those of `convscope.nn` and of
`torch.nn` will do, and plain dicts too, and this room imports neither.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convscope.errors import InputError
from convscope.ops import shapes, values

POINTWISE = ("relu", "leakyrelu", "gelu", "silu", "sigmoid", "tanh", "softmax", "logsoftmax", "dropout", "identity")
"""Layers that leave every shape as it is."""


@dataclass(frozen=True)
class Spec:
    """One layer, as far as shapes go. kind: "conv", "max", "avg", "linear", "flatten" or "pointwise"."""

    name: str
    kind: str
    called: str
    inputs: int = 0
    outputs: int = 0
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: str | shapes.Pads = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bias: bool = False
    ceil_mode: bool = False

    def __str__(self) -> str:
        """As it would be written: `Conv2D(6, 16, 5, padding=2)`."""
        if self.kind in ("flatten", "pointwise"):
            return f"{self.called}()"
        if self.kind == "linear":
            return f"{self.called}({self.inputs}, {self.outputs})"
        told = [f"{self.inputs}, {self.outputs}"] if self.kind == "conv" else []
        told.append(_short(self.kernel))
        if self.stride != (self.kernel if self.kind in ("max", "avg") else (1, 1)):
            told.append(f"stride={_short(self.stride)}")
        if self.padding not in ((0, 0, 0, 0), "valid"):
            told.append(f"padding={_short(self.padding)}")
        if self.dilation != (1, 1):
            told.append(f"dilation={_short(self.dilation)}")
        told += [f"groups={self.groups}"] * (self.groups != 1) + ["ceil_mode=True"] * self.ceil_mode
        return f"{self.called}({', '.join(told)})"

    @property
    def parameters(self) -> int:
        """How many numbers it learns."""
        if self.kind not in ("conv", "linear"):
            return 0
        return self.outputs * (self.inputs // self.groups * math.prod(self.kernel) + self.bias)


def named(layers: Any) -> list[tuple[str, Any]]:
    """Layers with their names, whatever holds them."""
    inside = getattr(layers, "layers", layers)
    if hasattr(inside, "named_children") and (children := list(inside.named_children())):
        return children
    if isinstance(inside, Mapping) and "type" not in inside:
        return [(str(name), layer) for name, layer in inside.items()]
    if isinstance(inside, list | tuple):
        return [(str(k), layer) for k, layer in enumerate(inside)]
    raise InputError(f"layers is a {type(layers).__name__}: give a list or a dict of layers, or a Sequential")


def read(name: str, layer: Any) -> Spec:
    """The layer of that name. Raises InputError for one that is not known and for numbers that are none."""

    def get(key: str, default: Any = None) -> Any:
        return layer.get(key, default) if isinstance(layer, Mapping) else getattr(layer, key, default)

    called = layer if isinstance(layer, str) else get("type") if isinstance(layer, Mapping) else type(layer).__name__
    kind = str(called).lower().removesuffix("2d")
    label = f"layer {name}"
    if kind in POINTWISE or kind == "flatten":
        return Spec(name, "flatten" if kind == "flatten" else "pointwise", str(called))
    if kind == "linear":
        inputs, outputs = (values.integer(get(each), f"{label}: {each}") for each in ("in_features", "out_features"))
        return Spec(name, "linear", str(called), inputs, outputs, bias=_has(get("bias", True)))
    if kind not in ("conv", "maxpool", "avgpool"):
        raise InputError(
            f"{label} is {called!r}: shapes are known through Conv2D, MaxPool2D, AvgPool2D, Linear, Flatten and "
            f"layers that work cell by cell ({', '.join(POINTWISE)}); leave others out"
        )
    kernel = values.pair(get("kernel_size"), f"{label}: kernel_size")
    stride, padding = get("stride"), get("padding", 0)
    windows: dict[str, Any] = {
        "kernel": kernel,
        "stride": (kernel if kind != "conv" else (1, 1)) if stride is None else values.pair(stride, f"{label}: stride"),
        "padding": padding if isinstance(padding, str) else values.pads(padding, f"{label}: padding"),
        "dilation": values.pair(get("dilation", 1), f"{label}: dilation"),
        "ceil_mode": bool(get("ceil_mode", False)),
    }
    if kind != "conv":
        return Spec(name, kind.removesuffix("pool"), str(called), **windows)
    inputs, outputs = (values.integer(get(each), f"{label}: {each}") for each in ("in_channels", "out_channels"))
    groups = values.integer(get("groups", 1), f"{label}: groups")
    return Spec(name, "conv", str(called), inputs, outputs, groups=groups, bias=_has(get("bias", True)), **windows)


def _has(bias: Any) -> bool:
    return bias is not None and bias is not False


def _short(numbers: Any) -> str:
    """One number where all are the same."""
    return str(numbers) if isinstance(numbers, str) or len(set(numbers)) > 1 else str(numbers[0])
