"""What there is to look at in a network."""

from dataclasses import dataclass

from torch import nn

from convscope.geometry import Field
from convscope.lens.fields import trace


@dataclass(frozen=True)
class LayerInfo:
    """One layer, by its dotted name.

    kind: the module's class, such as Conv2d.
    shape: of its output for one picture; units: how many it has (channels of a map, entries of a vector).
    parameters: how many numbers it learns; field: its receptive field, None where it cannot be followed.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    units: int
    parameters: int
    field: Field | None


def layers(model: nn.Module, input_shape: tuple[int, int, int]) -> list[LayerInfo]:
    """The layers that an input (c, h, w) passes through and that hold no others, in running order.

    Raises InputError for an input the model cannot take.

    >>> model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU())
    >>> [(info.kind, info.shape, info.units, info.parameters) for info in layers(model, (1, 28, 28))]
    [('Conv2d', (6, 28, 28), 6, 156), ('ReLU', (6, 28, 28), 6, 0)]
    """
    return [
        LayerInfo(
            name=visit.name,
            kind=type(visit.module).__name__,
            shape=visit.shape,
            units=visit.shape[0] if visit.shape else 1,
            parameters=sum(weight.numel() for weight in visit.module.parameters()),
            field=visit.field,
        )
        for visit in trace(model, input_shape)
    ]
