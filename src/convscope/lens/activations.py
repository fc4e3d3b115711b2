"""What a layer says about given pictures: its feature maps, as numbers and as pictures on one stated scale."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, SupportsFloat

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope import pictures as drawing
from convscope.errors import InputError
from convscope.lens.fields import trace
from convscope.lens.models import AnyModel, Network, network
from convscope.lens.probe import probe, to_model
from convscope.lens.shown import Card, Shown, recipe_of

SMALLEST = 24
"""Sides of a map are drawn at least this long, every cell as a square."""


class Maps(dict[str, Float[np.ndarray, "n units ..."]], Shown):
    """Activations (n, units, *positions) by layer, float32, in the order asked for. recipe: how they were made."""

    recipe: Mapping[str, Any] = MappingProxyType({})

    def cards(self) -> Iterator[Card]:
        """A page of maps with its scale for each layer and picture."""
        for layer, values in self.items():
            for i in range(len(values)):
                yield Card(figure(self, layer, i), f"{layer}, picture {i}", f"{i}-{layer}")

    def limit(self, layer: str, i: int | None = None) -> float:
        """The largest magnitude in a layer, for picture i or for all: the end of its signed scale."""
        values = self._layer(layer)
        return float(np.abs(values if i is None else values[self._picture(layer, i)]).max()) or 1.0

    def picture(
        self,
        layer: str,
        i: int = 0,
        *,
        units: Iterable[int] | None = None,
        columns: int | None = None,
        limit: SupportsFloat | None = None,
    ) -> drawing.Picture:
        """All units' maps (or those named) for picture i on one sheet, blue negative, white zero, red positive.

        A map (rows, columns) is a tile; a unit of tokens or of a 1-D signal is a row of one tile, one of a vector a
        cell; a volume is a tile with its slices side by side. limit: the scale's end, by default `limit(layer, i)`.

        Raises InputError for an unknown layer, picture or unit, and values that are not finite.
        """
        values = self._layer(layer)[self._picture(layer, i)]
        chosen = range(len(values)) if units is None else list(units)
        strange = next((u for u in chosen if not 0 <= u < len(values)), None)
        if strange is not None:
            raise InputError(
                f"unit {strange} of layer {layer!r}, which has {len(values)}: units are 0 to {len(values) - 1}"
            )
        end = self.limit(layer, i) if limit is None else float(limit)
        tiles = [drawing.signed(plane, end) for plane in _planes(values[list(chosen)])]
        tiles = [drawing.enlarge(tile, max(1, -(-SMALLEST // min(max(tile.shape[:2]), SMALLEST)))) for tile in tiles]
        wide = columns or max(1, round((len(tiles) * tiles[0].shape[0] / tiles[0].shape[1]) ** 0.5))
        return drawing.sheet(tiles, wide)

    def _layer(self, layer: str) -> np.ndarray:
        if layer not in self:
            raise InputError(f"layer {layer!r}: not among those looked at, {', '.join(self)}")
        return self[layer]

    def _picture(self, layer: str, i: int) -> int:
        if not 0 <= i < len(self[layer]):
            raise InputError(f"picture {i}: there are {len(self[layer])}, 0 to {len(self[layer]) - 1}")
        return i


def maps(model: AnyModel, pictures: np.ndarray | Tensor, layers: str | Sequence[str] | None = None) -> Maps:
    """Activations of the named layers (default: all that hold no others) for pictures (n, c, h, w).

    Each is (n, units, *positions), (n, units) for a vector, float32. uint8 pictures (n, h, w, c) are taken as people
    see them where the network's preprocessing is known.

    Raises InputError for a layer the model has not and for pictures it cannot take.

    >>> model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU())
    >>> maps(model, np.zeros((2, 1, 8, 8), np.float32), ["1"])["1"].shape
    (2, 6, 4, 4)
    """
    known = network(model) if isinstance(model, str) else model
    module, taken = (known.model, known.preprocessing) if isinstance(known, Network) else (known, None)
    if taken is not None and isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8:
        pictures = taken.to_inputs(pictures)
    x = laid_for(module, pictures)
    if x.ndim < 2:
        raise InputError(f"pictures of shape {tuple(x.shape)}: give an array (n, c, h, w)")
    if layers is None:
        layers = [visit.name for visit in trace(module, tuple(x.shape[1:])) if not visit.is_block]
    names = [layers] if isinstance(layers, str) else list(layers)
    with torch.no_grad(), probe(module, names) as look:
        seen = look(x)
    found = Maps({name: seen[name].float().cpu().contiguous().numpy() for name in names})
    found.recipe = recipe_of(network(known, tuple(x.shape[1:])), "maps", ["PICTURES"], {"layers": names})
    return found


def figure(
    maps: Mapping[str, np.ndarray],
    layer: str,
    i: int = 0,
    *,
    units: Iterable[int] | None = None,
    columns: int | None = None,
    limit: SupportsFloat | None = None,
) -> drawing.Picture:
    """`Maps.picture` with the scale under it."""
    own = maps if isinstance(maps, Maps) else Maps(maps)
    end = own.limit(layer, i) if limit is None else float(limit)
    page = own.picture(layer, i, units=units, columns=columns, limit=end)
    return drawing.sheet([page, drawing.legend(end)], columns=1, gap=4)


def laid_for(model: nn.Module, pictures: np.ndarray | Tensor) -> Tensor:
    """Pictures as a tensor for the model; 2-D ones with the channels innermost, in which convolutions run fastest."""
    x = to_model(model, pictures)
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _planes(values: Float[np.ndarray, "units ..."]) -> list[np.ndarray]:
    """Units (units, *positions) as planes (rows, columns) to draw."""
    if values.ndim == 1:
        side = -(-len(values) // max(1, round(len(values) ** 0.5)))
        return [np.pad(values, (0, -len(values) % side)).reshape(-1, side)]
    if values.ndim == 2:
        return [values]
    if values.ndim == 3:
        return list(values)
    deep = values.reshape(len(values), -1, *values.shape[-2:])
    return [np.concatenate(list(np.pad(volume, ((0, 0), (0, 0), (0, 1)))), 1)[:, :-1] for volume in deep]
