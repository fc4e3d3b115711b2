"""Which part of the picture a layer's units see, worked out from kernel sizes, strides and padding.

The picture is followed through the network as it runs: each layer is met with the tensor that another one
made, so that the order of layers is the real one. What can be followed so far are chains of convolutions,
pooling and layers that work on every position by itself; flatten and linear layers see the whole input.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.geometry import Field, same_padding
from convscope.lens.probe import at_rest, find_layer, first_line, leaves, to_model

_POINTWISE = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU,
    nn.Mish, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish,
    nn.LogSigmoid, nn.Threshold, nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.BatchNorm2d,
)  # fmt: skip  # each output cell sees its own position only (batch norm: in eval mode)


@dataclass(frozen=True)
class Visit:
    """One layer as the picture met it.

    shape: of its output, without the batch axis. field: None where it is not known.
    """

    name: str
    module: nn.Module
    shape: tuple[int, ...]
    field: Field | None


def receptive_field(model: nn.Module, layer: str, input_shape: tuple[int, int, int]) -> Field:
    """The receptive field of one layer's units in an input of shape (c, h, w).

    size and stride in input cells (rows, columns); offset the first row and column that unit (0, 0) sees,
    negative where that is padding. The field holds every cell that can reach the unit through some weight;
    after flatten or a linear layer it is the whole input.

    Raises InputError for a layer the model has not or never runs, and for one whose field cannot be followed.

    >>> model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5))
    >>> field = receptive_field(model, "3", (1, 28, 28))
    >>> field.size, field.stride, field.offset
    ((14, 14), (2, 2), (-2, -2))
    """
    find_layer(model, layer)
    for visit in trace(model, input_shape):
        if visit.name == layer:
            if visit.field is None:
                raise InputError(
                    f"layer {layer!r} ({type(visit.module).__name__}): its receptive field is not known; it "
                    "can be told for chains of Conv2d, pooling, pointwise layers, Flatten and Linear"
                )
            return visit.field
    raise InputError(
        f"layer {layer!r}: it holds other layers or takes no part in the forward pass; name a layer inside it"
    )


def trace(model: nn.Module, input_shape: tuple[int, int, int]) -> list[Visit]:
    """Run one blank picture of shape (c, h, w) through the model; its leaf layers as they first run.

    A layer whose output is no tensor is left out. Raises InputError for an input the model cannot take.
    """
    sizes = tuple(input_shape) if isinstance(input_shape, Iterable) else ()
    if len(sizes) != 3 or not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise InputError(f"input_shape={input_shape!r}: give (channels, rows, columns), each at least 1")
    visits: dict[str, Visit] = {}
    # by identity of the tensor, which is held so that no other one can take its place
    known: dict[int, tuple[Tensor, Field | None]] = {}
    blank = to_model(model, torch.zeros(1, *input_shape))
    known[id(blank)] = blank, Field()

    def record(name: str):
        def hook(module: nn.Module, inputs: tuple, output: object) -> None:
            if not isinstance(output, Tensor):
                return
            source = inputs[0] if inputs else None
            _, before = known.get(id(source), (None, None))
            after = (
                _through(module, source, output, before, input_shape) if isinstance(source, Tensor) else None
            )
            known[id(output)] = output, after
            visits.setdefault(name, Visit(name, module, tuple(output.shape[1:]), after))

        return hook

    handles = []
    with at_rest(model), torch.no_grad():
        try:
            for name, module in leaves(model).items():
                handles.append(module.register_forward_hook(record(name)))
            model(blank)
        except (RuntimeError, ValueError) as problem:
            if isinstance(problem, InputError):
                raise
            raise InputError(
                f"input_shape={tuple(input_shape)}: the model cannot take it ({first_line(problem)}); "
                "give the shape it was built for"
            ) from problem
        finally:
            for handle in handles:
                handle.remove()
    return list(visits.values())


def _through(
    module: nn.Module, source: Tensor, output: Tensor, before: Field | None, input_shape: tuple[int, int, int]
) -> Field | None:
    """The field after one layer, None where this module's is not known."""
    everything = Field.of_everything(*input_shape[1:])
    if isinstance(module, nn.Flatten | nn.Linear):
        return everything if output.ndim == 2 else None  # (n, units); others may mix some axes only
    if before is None or before.whole:
        return before
    if isinstance(module, nn.Conv2d) and module.padding_mode != "circular":
        return before.through(
            _pair(module.kernel_size),
            _pair(module.stride),
            _pad_before(module, source),
            _pair(module.dilation),
        )
    if isinstance(module, nn.MaxPool2d):
        return before.through(
            *map(_pair, (module.kernel_size, module.stride, module.padding, module.dilation))
        )
    if isinstance(module, nn.AvgPool2d):
        return before.through(*map(_pair, (module.kernel_size, module.stride, module.padding)))
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d) and output.shape[2:] == (1, 1):
        return everything
    return before if isinstance(module, _POINTWISE) else None


def _pad_before(module: nn.Conv2d, source: Tensor) -> tuple[int, int]:
    """Cells added above and to the left."""
    if module.padding == "valid":
        return 0, 0
    if module.padding == "same":  # PyTorch has it at stride 1 only
        sides = [
            same_padding(source.shape[2 + k], module.kernel_size[k], 1, module.dilation[k])[0] for k in (0, 1)
        ]
        return sides[0], sides[1]
    return _pair(module.padding)


def _pair(value: object) -> tuple[int, int]:
    if isinstance(value, tuple | list):
        return int(value[0]), int(value[1])
    return int(value), int(value)  # type: ignore[arg-type]
