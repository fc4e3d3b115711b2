"""How large a picture has to be for one unit, and where on it the unit sits."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, radians, sin

from scipy.fft import next_fast_len
from torch import nn

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.fields import Visit, trace
from convscope.lens.objectives import Bound
from convscope.lens.transforms import Affine, Crop, Jitter, Transform

Frame = tuple[int, int, int, int]
LARGE = 64
"""Cells: on larger windows the same angle moves the corners far, and would ask for wide margins."""


@dataclass(frozen=True)
class Canvas:
    """A picture and the window in its middle that the network gets.

    window: the window's sides. margins: cells around it along each axis, both ends together, for the moves to
    draw on. place: the unit's position in the map of that window; None where the whole map counts, and for
    vectors. seen: for each axis the cells of the window, from and to, that the unit sees. moves: what the
    picture has to withstand.
    """

    window: tuple[int, ...]
    margins: tuple[int, ...]
    place: tuple[int, ...] | None
    seen: tuple[tuple[int, int], ...]
    moves: Transform

    @property
    def size(self) -> tuple[int, ...]:
        """The sides of the picture."""
        return tuple(cells + beyond for cells, beyond in zip(self.window, self.margins, strict=True))

    @property
    def view(self) -> Transform:
        """The window alone, unmoved (at uniform numbers just below 1/2: an odd margin is wider at its end)."""
        return Crop(self.window)

    @property
    def frame(self) -> Frame | None:
        """(top, left, bottom, right) of what the unit sees in the picture, half open; for two axes."""
        if len(self.window) != 2:
            return None
        (top, bottom), (left, right) = (
            (start + beyond // 2, stop + beyond // 2)
            for (start, stop), beyond in zip(self.seen, self.margins, strict=True)
        )
        return top, left, bottom, right


def canvas_for(
    model: nn.Module,
    target: Visit,
    input_shape: Sequence[int],
    whole: bool,
    ground: Bound | None,
    upright: bool = False,
) -> Canvas:
    """The smallest canvas for a unit in the middle of the layer `target`, or, with `whole`, for its whole map.

    ground: what lies beyond the window, in place of a margin. upright: what is seen may be shifted, but not turned.
    """
    sides = tuple(input_shape[1:])
    found = None if whole or not _is_local(target.field) else _window(model, target, input_shape)
    if found is None:
        window, place, seen = sides, None, tuple((0, side) for side in sides)
    else:
        window, place, seen = found
    moves = _moves(window, found is None, ground, upright)
    margins = (0,) * len(window) if ground is not None else _margins(window, moves)
    return Canvas(window, margins, place, seen, moves)


def _window(
    model: nn.Module, target: Visit, input_shape: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]] | None:
    """Sides, the unit's place and what it sees of the smallest window with a unit that sees no padding.

    Units start in the padding until `offset + i * stride >= 0`; the first beyond it needs a window up to its
    field's end. No axis becomes longer than the model's input: there the field reaches over the border on both
    sides, and the middle unit is taken. None where the network does not take so small an input as it is.
    """
    field = target.field
    assert field is not None
    sides, places = [], []
    for k, (length, cells) in enumerate(zip(input_shape[1:], target.shape[1:], strict=True)):
        axis = field.axis(k)
        place = max(-(axis.offset // axis.stride), 0)
        side = axis.interval(place)[1]
        if side > length:
            side, place = length, cells // 2
        sides.append(side)
        places.append(place)
    window, place = tuple(sides), tuple(places)
    here = _field_in(model, target, (input_shape[0], *window))
    if here is None or (window != tuple(input_shape[1:]) and (here.size, here.offset) != (field.size, field.offset)):
        return None  # its padding depends on the size of the input
    seen = tuple(
        (max(start, 0), min(stop, side))
        for (start, stop), side in zip((here.axis(k).interval(p) for k, p in enumerate(place)), window, strict=True)
    )
    return window, place, seen


def _is_local(field: Field | None) -> bool:
    return field is not None and not field.whole and field.even and len(field.size) > 0


def _field_in(model: nn.Module, target: Visit, input_shape: tuple[int, ...]) -> Field | None:
    try:
        visits = trace(model, input_shape, until=target.name)
    except InputError:
        return None
    return next((visit.field for visit in visits if visit.name == target.name), None)


def _moves(window: tuple[int, ...], full: bool, ground: Bound | None, upright: bool) -> Transform:
    shift = round(min(window, default=1) / 14)
    if len(window) != 2 or upright:
        return Crop(window) if ground is None else Jitter(shift, fill=ground)
    if ground is None:
        if max(window) > LARGE:
            return Affine(min(shift, 8), (0.95, 1.05), 5.0, out=window)
        return Affine(shift, (0.9, 1.1), 10.0, out=window)
    if full:
        return Affine(round(min(window) / 7), (0.75, 1.25), 20.0, ground)
    return Affine(shift, (0.9, 1.1), 10.0, ground)


def _margins(window: tuple[int, ...], moves: Transform) -> tuple[int, ...]:
    """As wide as the moves reach, and then up to a side whose Fourier transform is fast; what is only shifted gets
    no more than the shift, or it would move further."""
    if not isinstance(moves, Affine):
        return tuple(2 * (side // 14) for side in window)
    height, width = window
    turn = radians(moves.rotate)
    reach = [
        (a * cos(turn) + b * sin(turn)) / moves.scale[0] / 2 - a / 2 + moves.jitter
        for a, b in ((height, width), (width, height))
    ]
    wide = (side + 2 * ceil(beyond) for side, beyond in zip(window, reach, strict=True))
    return tuple((next_fast_len(cells, real=True) or cells) - side for cells, side in zip(wide, window, strict=True))
