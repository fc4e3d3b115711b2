"""Short recipes over the one loop: draw what a unit looks for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import SupportsFloat

from torch import nn

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.fields import Visit, trace
from convscope.lens.images import Box, Fourier
from convscope.lens.objectives import Units, as_list, channel, neuron, total_variation
from convscope.lens.objectives import l1 as ink
from convscope.lens.probe import find_layer
from convscope.lens.render import Rendering, render
from convscope.lens.transforms import Affine, Transform
from convscope.lens.weights import weights_hash


def draw(
    model: nn.Module,
    layer: str,
    units: Units | None = None,
    *,
    size: tuple[int, int, int],
    box: Sequence[SupportsFloat | Sequence[SupportsFloat]] = (0.0, 1.0),
    l1: SupportsFloat = 0,
    tv: SupportsFloat = 0,
    whole: bool = False,
    transforms: Sequence[Transform] | None = None,
    steps: int = 256,
    rate: SupportsFloat = 0.3,
    seed: int = 0,
    batch: int = 64,
) -> Rendering:
    """Draw, for each unit of a layer, a picture that excites it as much as can be found.

    units: which (default: all). size: (c, h, w) of the model's input. box: its values for (black, white).
    Of a map (n, units, h, w) the picture raises one position in the middle, on a canvas just as large as that
    position sees; with `whole`, or where the receptive field is not known, the channel's mean on a canvas of
    the full size. Of a vector (n, units) it raises the unit itself, on the full size.
    l1: weight of the ink, mean |picture - black|; it leaves only the strokes that pay. tv: weight of
    roughness.
    transforms: what the picture must withstand. By default a full canvas is shifted by up to a seventh of its
    size, scaled by 0.75 to 1.25 and turned by up to 20 degrees; a receptive field by a fourteenth, 0.9 to
    1.1, 10 degrees.

    The picture starts as faint noise on middle grey and is described by its frequencies
    (lens.images.Fourier), clipped to the box. Unit u's picture depends on (seed, u), not on the other units
    drawn with it.

    Raises InputError for an unknown layer or unit, a size the model cannot take, settings out of range.

    >>> edge = nn.Conv2d(1, 1, (1, 2), bias=False)
    >>> edge.weight.data = edge.weight.data.new_tensor([[[[-1.0, 1.0]]]])
    >>> draw(nn.Sequential(edge), "0", size=(1, 8, 8)).pictures.round(1).tolist()
    [[[[0.0, 1.0]]]]
    """
    find_layer(model, layer)
    target = next((visit for visit in trace(model, size) if visit.name == layer), None)
    if target is None:
        raise InputError(
            f"layer {layer!r}: it holds other layers or takes no part in the forward pass; name one inside"
        )
    wanted = _wanted(units, target)
    black, white = (tuple(map(float, end)) if isinstance(end, Sequence) else float(end) for end in box)
    spatial, unseen = len(target.shape) > 1, (0, 0)
    if spatial and not whole and target.field is not None and not target.field.whole:
        canvas, (row, column) = _canvas(target.field, size, target.shape)
        unit, unseen = neuron(layer, wanted, row, column), target.field.box(row, column)[:2]
        moves = Affine(round(min(canvas[1:]) / 14), (0.9, 1.1), 10.0, black)
    else:
        canvas, unit = size, channel(layer, wanted) if spatial else neuron(layer, wanted)
        moves = Affine(round(min(size[1:]) / 7), (0.75, 1.25), 20.0, black)
    objective = unit
    if float(l1):
        objective = objective - float(l1) * ink(black)
    if float(tv):
        objective = objective - float(tv) * total_variation()
    rendering = render(
        model,
        objective,
        Fourier(canvas, Box(black, white, by="clip")),
        wanted,
        measure=unit,
        transforms=[moves] if transforms is None else transforms,
        steps=steps,
        rate=float(rate),
        seed=seed,
        batch=batch,
    )
    top, left = (max(cells, 0) for cells in unseen)
    return replace(
        rendering,
        pictures=rendering.pictures[:, :, top:, left:],
        recipe={"layer": layer, **rendering.recipe, "weights": weights_hash(model)},
    )


def _wanted(units: Units | None, target: Visit) -> list[int]:
    count = target.shape[0] if target.shape else 0
    wanted = list(range(count)) if units is None else as_list(units)
    for unit in wanted:
        if not 0 <= unit < count:
            raise InputError(
                f"units: {unit} of layer {target.name!r}, which has {count}; units are 0 to {count - 1}"
            )
    return wanted


def _canvas(
    field: Field, size: tuple[int, int, int], shape: tuple[int, ...]
) -> tuple[tuple[int, int, int], tuple[int, int]]:
    """The smallest canvas with a unit that sees no padding, and that unit's place.

    Units start in the padding until `offset + i * stride >= 0`; the first beyond it needs a canvas up to its
    field's end. (Cells before its start stay unseen; `draw` cuts them off.) No axis becomes longer than the
    model's input: there the field reaches over the border on both sides, and the middle unit is taken.
    """
    lengths, places = [], []
    for k in (0, 1):
        axis = field.axis(k)
        place = -(axis.offset // axis.stride)
        length = axis.interval(place)[1]
        if length > size[1 + k]:
            length = size[1 + k]
            place = shape[1 + k] // 2
        lengths.append(length)
        places.append(place)
    return (size[0], lengths[0], lengths[1]), (places[0], places[1])
