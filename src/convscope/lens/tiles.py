"""An objective and its gradient on pictures too large for one pass, piece by piece.

A tile is a piece of each layer's map, not of the picture: it owns some positions of every map, and the network runs
on a window of the picture that holds all that those positions see. Every position is owned once, so what is added up
over the tiles is the whole, and there are no seams to be hidden.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from math import lcm, pi, prod

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.geometry import Field, Field1D
from convscope.lens.fields.trace import Visit, visited
from convscope.lens.models.network import Network
from convscope.lens.objectives import Objective, Scene
from convscope.lens.probe import Look

Place = tuple[slice, slice]

SMALL = (32, 64, 256)
"""Sides of the inputs on which fields are looked at first; some networks take none as small."""


@dataclass(frozen=True)
class Tile:
    """A window (top, left, bottom, right) of the picture, and what it is looked at for.

    own: for each layer the positions that belong to this tile: where they lie in the window's map, and where in the
    picture's. Empty where tiles are pictures of their own.
    """

    window: tuple[int, int, int, int]
    own: Mapping[str, tuple[Place, Place]] = field(default_factory=dict)

    def of(self, x: Tensor) -> Tensor:
        """The window's part of pictures (n, c, h, w): a view."""
        top, left, bottom, right = self.window
        return x[:, :, top:bottom, left:right]


@dataclass(frozen=True)
class Tiling:
    """All tiles of a picture of `size` (rows, columns), row by row.

    shapes: the rows and columns of each layer's map. exact: whether tiles own positions, so that values and gradients
    are those of one pass; if not, `shapes` is empty.
    """

    size: tuple[int, int]
    tiles: tuple[Tile, ...]
    shapes: Mapping[str, tuple[int, int]]
    exact: bool


def tile(model: nn.Module, layers: Sequence[str], input_shape: tuple[int, int, int], side: int) -> Tiling | None:
    """Tiles of about `side` x `side` cells for an input (c, h, w); None where one pass takes no more than they would.

    A position i of a map with stride t belongs to the tile in which cell i*t of the picture lies. The tile's window
    is larger than `side` by what the layers see, their receptive field. Windows begin at multiples of the strides and
    leave the same remainder as the picture, so that paddings and strides fall as in one pass; no padding but the
    picture's own reaches a position that is kept. Memory is that of one window.

    Where a layer sees the whole picture, or what it sees does not follow from one size, stride and offset, that cannot
    be done. Then tiles are pictures of their own, which overlap by a quarter of a side or more (`exact` is False).
    A network that knows where in the picture it is, by numbers of its own for each place, is not found out.

    Raises InputError for a side below 1, an unknown layer and a network that takes no input of that side.

    >>> model = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.MaxPool2d(2))
    >>> [each.window for each in tile(model, ["1"], (3, 200, 90), side=100).tiles]
    [(0, 0, 102, 90), (98, 0, 200, 90)]
    """
    if side < 1:
        raise InputError(f"side={side}: a tile has at least 1 row and column; use side=512")
    channels, *size = input_shape
    h, w = size
    if max(size) <= side:
        return None
    met = _even(model, layers, channels, (h, w), side)
    if met is None:
        windows = product(*(_overlapping(cells, side) for cells in size))
        tiles = tuple(Tile((top, left, bottom, right)) for (top, bottom), (left, right) in windows)
        return Tiling((h, w), tiles, {}, exact=False)
    fields, shapes, least = met
    spans = []
    for k, cells in enumerate(size):
        axes = {name: (of.axis(k), shapes[name][k]) for name, of in fields.items()}
        spans.append(_owning(cells, side, axes, least[k]))
    tiles = tuple(_joined(rows, columns) for rows, columns in product(*spans))
    if any(each.window == (0, 0, h, w) for each in tiles):
        return None
    return Tiling((h, w), tiles, shapes, exact=True)


def tiled(
    look: Look,
    tiling: Tiling,
    objective: Objective,
    pictures: Tensor,
    moved: Tensor,
    which: Tensor,
    groups: Tensor | None = None,
    *,
    gradient: bool = True,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The objective's values (n,), and the gradients of their sum with respect to `pictures` and `moved`.

    look: from inputs to {layer: activation}, for any part of `moved`. pictures: (n, c, h, w) what the objective's own
    terms of pictures see; moved: the same after transforms, of that shape, what the network sees. A gradient is None
    where none is asked for, or where the objective takes no notice.

    Exact tilings give what one pass gives, but for rounding. Terms of the objective that are `local` need one pass
    over the tiles and the memory of one tile. For all others the whole maps of their layers are put together first;
    the objective's gradient with respect to those is then handed down tile by tile.

    In other tilings a term with layers is the mean of its values on the tiles, each a picture of its own. Their
    gradients are blended: near its edges a tile's weight falls off smoothly, and weights add up to 1 everywhere. A
    target as large as a layer's map does not fit the tiles there.
    """
    by_tile = [term for term in objective.terms if term.layers and (term.local or not tiling.exact)]
    at_once = [term for term in objective.terms if term not in by_tile]
    value, d_pictures, upstream = _at_once(look, tiling, at_once, Scene(pictures, {}, which, groups), moved, gradient)
    if not by_tile and not upstream:
        return value, d_pictures, None
    d_moved = torch.zeros_like(moved) if gradient else None
    blend = None if tiling.exact else _blend(tiling, moved)
    for each in tiling.tiles:
        x, p = (each.of(whole).detach().requires_grad_(gradient) for whole in (moved, pictures))
        with torch.set_grad_enabled(gradient):
            seen = look(x)
            if tiling.exact:
                seen = {name: seen[name][:, :, *place] for name, (place, _) in each.own.items()}
            scene = Scene(p, seen, which, groups)
            terms = [term(scene) * _share(term, each, tiling) for term in by_tile if term.layers <= seen.keys()]
            score = sum(terms, start=torch.zeros_like(value))
            above = {name: whole[:, :, *each.own[name][1]] for name, whole in upstream.items() if name in each.own}
            handed = score.sum() + sum((seen[name] * weight).sum() for name, weight in above.items())
        value = value + score.detach()
        if d_moved is None:
            continue
        d_x, d_p = _gradients(handed, [x, p])
        if d_x is not None:
            each.of(d_moved).add_(d_x if blend is None else d_x * blend(each))
        if d_p is not None:
            d_pictures = torch.zeros_like(pictures) if d_pictures is None else d_pictures
            each.of(d_pictures).add_(d_p if blend is None else d_p * blend(each))
    return value, d_pictures, d_moved


def _at_once(
    look: Look, tiling: Tiling, terms: Sequence[Objective], scene: Scene, moved: Tensor, gradient: bool
) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
    """The value of terms that need whole maps or none, and their gradients: of the pictures, and of each map."""
    names = sorted(frozenset[str]().union(*(term.layers for term in terms)))
    maps = _stitched(look, tiling, names, moved) if names else {}
    maps = {name: whole.requires_grad_(gradient) for name, whole in maps.items()}
    pictures = scene.pictures.detach().requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        seen = replace(scene, pictures=pictures, activations=maps)
        value = sum((term(seen) for term in terms), start=pictures.new_zeros(len(pictures)))
    if not gradient:
        return value, None, {}
    d_pictures, *above = _gradients(value.sum(), [pictures, *maps.values()])
    return value.detach(), d_pictures, {name: up for name, up in zip(maps, above) if up is not None}


def _stitched(look: Look, tiling: Tiling, names: Sequence[str], moved: Tensor) -> dict[str, Tensor]:
    """The layers' maps for the whole picture (n, units, rows, columns), without gradients."""
    maps: dict[str, Tensor] = {}
    with torch.no_grad():
        for each in tiling.tiles:
            seen = look(each.of(moved))
            for name in names:
                if name not in each.own:
                    continue
                mine, whole = each.own[name]
                if name not in maps:
                    maps[name] = seen[name].new_empty(*seen[name].shape[:2], *tiling.shapes[name])
                maps[name][:, :, *whole] = seen[name][:, :, *mine]
    return maps


def _share(term: Objective, each: Tile, tiling: Tiling) -> float:
    """What a tile's mean counts for in the mean over all: its share of the positions, or one of as many tiles."""
    if not tiling.exact:
        return 1 / len(tiling.tiles)
    (layer,) = term.layers
    _, whole = each.own[layer]
    return prod(cells.stop - cells.start for cells in whole) / prod(tiling.shapes[layer])


def _gradients(value: Tensor, of: Sequence[Tensor]) -> Sequence[Tensor | None]:
    if not value.requires_grad:  # a model of constants, or an objective of numbers only
        return [None] * len(of)
    return torch.autograd.grad(value, of, allow_unused=True)


def _even(
    model: nn.Module, layers: Sequence[str], channels: int, size: tuple[int, int], side: int
) -> tuple[dict[str, Field], dict[str, tuple[int, int]], tuple[int, int]] | None:
    """The layers' fields, the shapes of their maps for a picture of that size, and the size they were read off at.

    None where some field is not even, or changes with the size of the picture. Nothing is run at the full size: a map
    grows by one position for each stride, which is tried.
    """
    small, met = _smallest(model, layers, channels, side)
    first = [visit.field for visit in met]
    if not all(of is not None and of.even and len(of.size) == 2 and min(of.stride) > 0 for of in first):
        return None
    steps = [lcm(*(of.stride[k] for of in first if of)) for k in range(2)]
    least = [small + (cells - small) % step for cells, step in zip(size, steps)]
    more = [max(3, -(-small // step)) * step for step in steps]
    try:
        met = _visits(model, layers, (channels, *least))
        others = _visits(model, layers, (channels, *(cells + extra for cells, extra in zip(least, more))))
    except InputError:  # it takes one size only
        return None
    fields, shapes = {}, {}
    for name, visit, other in zip(layers, met, others):
        of = visit.field
        if of is None or not of.even or min(of.stride) <= 0 or other.field != of or len(visit.shape) != 3:
            return None
        if any(other.shape[1 + k] - visit.shape[1 + k] != more[k] // of.stride[k] for k in range(2)):
            return None
        fields[name] = of
        shapes[name] = tuple(visit.shape[1 + k] + (size[k] - least[k]) // of.stride[k] for k in range(2))
    return fields, shapes, (least[0], least[1])


def _smallest(model: nn.Module, layers: Sequence[str], channels: int, side: int) -> tuple[int, list[Visit]]:
    """The smallest side that is tried and taken, and the layers as an input of that side meets them."""
    for small in SMALL:
        with suppress(InputError):
            return small, _visits(model, layers, (channels, small, small))
    return side, _visits(model, layers, (channels, side, side))


def _visits(model: nn.Module, layers: Sequence[str], input_shape: tuple[int, ...]) -> list[Visit]:
    return [visited(Network(model, input_shape), layer) for layer in layers]


@dataclass(frozen=True)
class _Span:
    """A tile along one axis; own as in `Tile`."""

    start: int
    stop: int
    own: dict[str, tuple[slice, slice]]


def _owning(cells: int, side: int, axes: Mapping[str, tuple[Field1D, int]], least: int) -> list[_Span]:
    """Cut an axis: layer -> (its field, the length of its map); windows no smaller than `least` while there is room."""
    step = lcm(*(of.stride for of, _ in axes.values()))
    core = -(-cells // -(-cells // side))
    core = -(-core // step) * step
    spans = []
    for start in range(0, cells, core):
        stop = start + core if start + core < cells else None
        whole = {
            name: (start // of.stride, min(stop // of.stride, count) if stop else count)
            for name, (of, count) in axes.items()
        }
        whole = {name: (i, j) for name, (i, j) in whole.items() if i < j}
        if not whole:
            continue
        low = min(axes[name][0].interval(i)[0] for name, (i, _) in whole.items())
        high = max(axes[name][0].interval(j - 1)[1] for name, (_, j) in whole.items())
        low = max(min(low, high - least, cells - least), 0) // step * step
        high = cells - max(cells - max(high, low + least), 0) // step * step
        own = {}
        for name, (i, j) in whole.items():
            first = low // axes[name][0].stride
            own[name] = slice(i - first, j - first), slice(i, j)
        spans.append(_Span(low, high, own))
    return spans


def _joined(rows: _Span, columns: _Span) -> Tile:
    own = {
        name: ((rows.own[name][0], columns.own[name][0]), (rows.own[name][1], columns.own[name][1]))
        for name in rows.own
        if name in columns.own
    }
    return Tile((rows.start, columns.start, rows.stop, columns.stop), own)


def _overlapping(cells: int, side: int) -> list[tuple[int, int]]:
    """Windows of one length that overlap by a quarter of it, or a little more."""
    if cells <= side:
        return [(0, cells)]
    count = -(-(cells - side // 4) // (side - side // 4))
    starts = [round(k * (cells - side) / (count - 1)) for k in range(count)]
    return [(start, start + side) for start in starts]


def _blend(tiling: Tiling, like: Tensor) -> Callable[[Tile], Tensor]:
    """The weights (rows, columns) of each tile: sin^2 over a quarter of it at inner edges; 1 together, everywhere."""
    axes = []
    for k, cells in enumerate(tiling.size):
        raw: dict[tuple[int, int], Tensor] = {}
        for start, stop in dict.fromkeys((each.window[k], each.window[k + 2]) for each in tiling.tiles):
            places = torch.arange(start, stop, device=like.device) + 0.5
            edge = torch.full_like(places, float("inf"))
            if start > 0:
                edge = torch.minimum(edge, places - start)
            if stop < cells:
                edge = torch.minimum(edge, stop - places)
            raw[start, stop] = ((edge / max((stop - start) // 4, 1)).clamp(max=1) * pi / 2).sin().square()
        whole = torch.zeros(cells, device=like.device)
        for (start, stop), own in raw.items():
            whole[start:stop] += own
        axes.append({(start, stop): (w / whole[start:stop]).to(like) for (start, stop), w in raw.items()})

    def weights(each: Tile) -> Tensor:
        top, left, bottom, right = each.window
        return axes[0][top, bottom][:, None] * axes[1][left, right]

    return weights
