"""The layers that an input passes through, each with what its units see of it: exact, for any network.

The network runs once on a blank input, and beside every tensor goes its shadow: the first and the last input cell that
can reach each of its cells (`shadows`). Nothing is read off the layers' settings; a functional call, a residual or a
slice counts as it happens.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.axes import Axes, FollowAxes, canonical, unit_axis
from convscope.lens.calls import Watched
from convscope.lens.fields.mode import FollowShadows
from convscope.lens.fields.shadows import Shadow
from convscope.lens.fields.told import field_of
from convscope.lens.models.network import AnyModel, Network, network
from convscope.lens.probe import (
    UNFIT,
    at_rest,
    call_number,
    compiled,
    find_layer,
    first_tensor,
    own_randomness,
    probe,
    refusal,
    to_model,
)


@dataclass(frozen=True)
class Visit:
    """One run of one layer, as the input met it.

    name: dotted; `name@2` where the module runs for the second time. shape: (units, *positions) of one input.
    field: None where nothing of the input reaches it. unit_axis: which axis of the module's own output, of that rank,
    holds the units. is_block: whether it holds other layers.
    """

    name: str
    module: nn.Module
    shape: tuple[int, ...]
    field: Field | None
    unit_axis: int = 1
    is_block: bool = False


def receptive_field(model: AnyModel, layer: str, input_shape: Iterable[int] | None = None) -> Field:
    """The receptive field of one layer's units in an input of shape (c, *positions).

    size and stride in input cells along each axis; offset the first row and column that unit (0, 0) sees,
    negative where that is padding; `box(row, column)` the cells of one unit. The field reaches from the first to the
    last cell that can reach the unit through some weight, whatever that weight is; cells beyond the border, which
    padding stands for, count. After global pooling, attention or a linear layer over all positions it is the whole
    input (`whole`). `exact` is False where the network has an operation that is not known here; it is then taken to
    see all that its inputs see.

    Raises InputError for a layer the model has not or never runs, and for one that nothing of the input reaches.
    Source: Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural networks", Distill.

    >>> model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5))
    >>> field = receptive_field(model, "3", (1, 28, 28))
    >>> field.size, field.stride, field.offset
    ((14, 14), (2, 2), (-2, -2))
    """
    field = visited(network(model, input_shape), layer).field
    if field is None:
        raise InputError(f"layer {layer!r}: nothing of the input reaches it, so it has no receptive field")
    return field


def visited(net: Network, layer: str) -> Visit:
    """One layer, as the input meets it; chains too.

    Raises InputError, as `probe` does, for a layer that the model has not or never runs, and for one without units.
    """
    module = find_layer(net.model, layer)
    name = next(name for name, other in net.model.named_modules() if other is module)  # it may have several
    name += layer[layer.index("@") :] if call_number(layer) > 1 else ""
    found = next((visit for visit in trace(net, until=name) if visit.name == name), None)
    if found is None:
        with probe(net.model, [layer]) as look, torch.no_grad():
            look(to_model(net.model, torch.zeros(1, *net.input_shape)))  # says what the matter is
        raise InputError(f"layer {layer!r}: it gives no units for one input; name another layer")
    return found


def trace(model: AnyModel, input_shape: Iterable[int] | None = None, until: str | None = None) -> list[Visit]:
    """Run one blank input through the model; its layers in the order in which they finish, each time they run.

    Listed are layers that hold no others, and blocks: those that hold others and are no mere chain (nn.Sequential).
    One whose output holds no tensor is left out. `until` names a layer, or a chain, to stop at. Raises InputError for
    an input the model cannot take, and for a model compiled to TorchScript.
    """
    net = network(model, input_shape)
    module, shape = net.model, net.input_shape
    if isinstance(module, torch.jit.ScriptModule):
        raise compiled("model")
    last = (until or "").partition("@")[0]
    blank = to_model(module, torch.zeros(1, *shape))
    runs: dict[str, int] = {}
    met: list[tuple[str, nn.Module, tuple[int, ...], Axes, Shadow | None]] = []
    axes, shadows = FollowAxes(blank), FollowShadows(blank)
    handles = []

    def record(name: str, layer: nn.Module, output: object) -> None:
        runs[name] = runs.get(name, 0) + 1
        x = first_tensor(output)
        if x is not None and x.ndim:
            run = name if runs[name] == 1 else f"{name}@{runs[name]}"
            met.append((run, layer, tuple(x.shape), axes.of(x), shadows.of(x)))
            if run == until:
                raise _Reached

    with at_rest(module), own_randomness(), torch.no_grad():
        try:
            for name, layer in module.named_modules():
                chain = isinstance(layer, nn.Sequential) and name != last
                if name and not chain and not isinstance(layer, torch.jit.ScriptModule):
                    handles.append(
                        layer.register_forward_hook(lambda layer, _, output, name=name: record(name, layer, output))
                    )
            with Watched(axes.saw, shadows.saw):
                module(blank)
        except _Reached:
            pass
        except UNFIT as problem:
            if isinstance(problem, InputError | torch.OutOfMemoryError):
                raise
            for handle in handles:
                handle.remove()
            raise refusal(module, (1, *shape), problem, module) from problem
        finally:
            for handle in handles:
                handle.remove()
    return [_visit(*each, shadows.sizes) for each in met]


class _Reached(BaseException):
    """Ends a forward pass early; no Exception, so that a model's own `except Exception` lets it through."""


def _visit(
    name: str, module: nn.Module, shape: tuple[int, ...], axes: Axes, shadow: Shadow | None, sizes: tuple[int, ...]
) -> Visit:
    place = unit_axis(axes)
    form = tuple(canonical(torch.empty(shape, device="meta"), axes).shape[1:])
    field = None if shadow is None else field_of(shadow, shape, axes, sizes)
    return Visit(name, module, form, field, 1 if place is None else place, any(module.children()))
