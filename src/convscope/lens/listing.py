"""What there is to look at in a network."""

from collections.abc import Iterable
from dataclasses import dataclass

from convscope.geometry import Field
from convscope.lens.fields import Visit, trace
from convscope.lens.models.network import AnyModel, network
from convscope.lens.shown import Listed


@dataclass(frozen=True)
class LayerInfo:
    """One run of one layer, by its dotted name; `name@2` where its module runs for the second time.

    kind: the module's class, such as Conv2d.
    shape: of its output for one input, (units, *positions) whatever the module's own order is; units: how many it
    has (channels of a map, entries of a vector).
    parameters: how many numbers it learns; field: its receptive field, None where nothing of the input reaches it.
    is_block: whether it holds other layers, whose parameters it then counts too.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    units: int
    parameters: int
    field: Field | None
    is_block: bool = False


class LayerList(list[LayerInfo], Listed):
    """The layers of a network in running order; a table in text and in notebooks."""

    @property
    def leaves(self) -> "LayerList":
        """Those that hold no others."""
        return LayerList(info for info in self if not info.is_block)

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Name, kind, units, shape, parameters and receptive field of each layer."""
        rows = [
            (
                info.name,
                info.kind + (" (block)" if info.is_block else ""),
                str(info.units),
                " x ".join(map(str, info.shape)),
                str(info.parameters),
                _sees(info.field),
            )
            for info in self
        ]
        return ("layer", "kind", "units", "shape", "parameters", "sees"), rows


def layers(model: AnyModel, input_shape: Iterable[int] | None = None) -> LayerList:
    """What an input (c, *positions) passes through: layers that hold no others, and blocks that do, as they finish.

    Chains (nn.Sequential) are left out: what they give is what their last layer gives.

    Raises InputError for an input the model cannot take.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU())
    >>> [(info.kind, info.shape, info.units, info.parameters) for info in layers(model, (1, 28, 28))]
    [('Conv2d', (6, 28, 28), 6, 156), ('ReLU', (6, 28, 28), 6, 0)]
    """
    return LayerList(_told(visit) for visit in trace(network(model, input_shape)))


def _sees(field: Field | None) -> str:
    if field is None:
        return "nothing"
    return "whole input" if field.whole else " x ".join(map(str, field.size))


def _told(visit: Visit) -> LayerInfo:
    return LayerInfo(
        name=visit.name,
        kind=type(visit.module).__name__,
        shape=visit.shape,
        units=visit.shape[0],
        parameters=sum(weight.numel() for weight in visit.module.parameters()),
        field=visit.field,
        is_block=visit.is_block,
    )
