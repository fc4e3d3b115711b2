"""The parts of real pictures that units see: cut out again, framed in the whole picture, or kept as they pass."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.exemplars.feed import Batch
from convscope.lens.exemplars.found import Crops, Extremes, Found, places
from convscope.lens.exemplars.keeping import Kept
from convscope.lens.models import Preprocessing
from convscope.lens.photos import Photos
from convscope.pictures import crop

Which = Literal["top", "bottom", "middle"]
Box = tuple[int, int, int, int]
BEYOND = 127  # grey level of what a unit sees beyond the picture's border: neither light nor dark


def crops(
    found: Found,
    layer: str,
    unit: int,
    which: Which = "top",
    pictures: Photos | np.ndarray | Tensor | None = None,
) -> list[UInt8[np.ndarray, "_ _ c"]]:
    """What one unit sees of its examples: their parts in its receptive field, as people see them.

    pictures: those that the examples were found in; None for crops that were kept (`examples(..., keep="crops")`).
    All crops of a layer are of one size: what lies beyond the border is grey. Inputs of a network whose
    preprocessing is not known are stretched from each picture's least to its greatest value.

    Raises InputError for an unknown layer or unit, and for pictures that are not those of the examples.
    """
    if pictures is not None and found.world is not None:
        return [found.world.show(part) for part in _parts(found, layer, unit, which, pictures)]
    if pictures is not None:
        return [_cut(picture, box) for picture, box in framed(found, layer, unit, which, pictures)]
    kept = found.crops.get(layer)
    if kept is None or which == "middle":
        raise InputError(
            f"crops of layer {layer!r}, {which}: they were not kept; give pictures, or use examples(..., keep='crops')"
        )
    return [kept[which, unit, int(index)] for index in _extremes(found, layer, unit, which).index[unit]]


def framed(
    found: Found, layer: str, unit: int, which: Which, pictures: Photos | np.ndarray | Tensor
) -> list[tuple[UInt8[np.ndarray, "h w c"], Box]]:
    """The whole pictures that `crops` cuts from, each with (top, left, bottom, right) of what the unit sees of it.

    The box may reach over the border. It is the whole picture where the unit sees all or its field is not known.
    """
    ends, own = _extremes(found, layer, unit, which), found[layer]
    if int(ends.index[unit].max()) >= len(pictures):
        raise InputError(
            f"pictures: {len(pictures)}, but the examples were found in at least {ends.index[unit].max() + 1}; "
            "give those"
        )
    shown = []
    for index, place in zip(ends.index[unit], ends.place[unit]):
        picture = pictures[int(index)]
        picture = picture if isinstance(pictures, Photos) else as_seen(picture, found.preprocessing)
        shown.append((picture, seen_by(own.field, tuple(place.tolist()), picture.shape[:2])))
    return shown


def _parts(
    found: Found, layer: str, unit: int, which: Which, pictures: Photos | np.ndarray | Tensor
) -> list[Float[np.ndarray, "c ..."]]:
    """What the unit sees of inputs that are no pictures, cut out of them; NaN beyond their border."""
    ends, field = _extremes(found, layer, unit, which), found[layer].field
    return [
        part_of(np.asarray(pictures[int(index)], np.float32), field, tuple(place.tolist()))
        for index, place in zip(ends.index[unit], ends.place[unit])
    ]


def part_of(values: Float[np.ndarray, "c ..."], field: Field | None, place: tuple[int, ...]) -> np.ndarray:
    """What a unit at that place sees of one input, cut out of it; NaN beyond its border. All where it sees all."""
    if field is None or field.whole or len(field.size) != values.ndim - 1:
        return values
    spans = [field.axis(k).interval(int(cell)) for k, cell in enumerate(place)]
    beyond = [(max(-start, 0), max(stop - side, 0)) for (start, stop), side in zip(spans, values.shape[1:])]
    values = np.pad(values, [(0, 0), *beyond], constant_values=np.nan)
    cuts = (slice(start + low, stop + low) for (start, stop), (low, _) in zip(spans, beyond))
    return values[(slice(None), *cuts)]


def as_seen(picture: np.ndarray | Tensor, preprocessing: Preprocessing | None) -> UInt8[np.ndarray, "h w c"]:
    """One picture as people see it: uint8 (h, w, c) as it is, an input (c, h, w) turned back.

    Raises InputError for inputs that are no pictures of one or three channels.
    """
    values = np.asarray(picture.detach().cpu() if isinstance(picture, Tensor) else picture)
    if values.dtype == np.uint8 and values.ndim == 3 and values.shape[2] in (1, 3):
        return values
    if values.ndim != 3 or len(values) not in (1, 3):
        raise InputError(f"a picture of shape {values.shape}: crops are cut from (1, h, w) and (3, h, w)")
    if preprocessing is not None:
        return preprocessing.to_pictures(values[None].astype(np.float32))[0]
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / (high - low or 1.0))).round().astype(np.uint8).transpose(1, 2, 0)


def seen_by(field: Field | None, place: tuple[int, ...], size: tuple[int, int]) -> Box:
    """(top, left, bottom, right) of what a unit at that place sees of a picture of that size."""
    if field is None or field.whole or len(field.size) != 2:
        return 0, 0, *size
    top, left, bottom, right = field.box(*place)
    return top, left, bottom, right


class Cutter:
    """Cuts crops from the batches as they pass, of those pictures only that are at an end just then."""

    def __init__(self, fields: Mapping[str, Field | None], preprocessing: Preprocessing | None):
        self._fields = fields
        self._preprocessing = preprocessing
        self._cut: dict[str, dict[tuple[str, int, int], np.ndarray]] = {name: {} for name in fields}

    def cut(self, batch: Batch, kept: Mapping[str, Kept], start: int) -> None:
        """From a batch whose first picture is number `start`, after `kept` has taken it in."""
        pictures: dict[int, np.ndarray] = {}
        for name, layer in kept.items():
            own, newest = self._cut[name], layer.newest(start)
            for end, unit, index, place in newest:
                if index not in pictures:
                    source = batch.inputs if batch.pictures is None else batch.pictures
                    pictures[index] = as_seen(source[index - start], self._preprocessing)
                spot = tuple(places(np.array([[place]]), layer.shape)[0, 0].tolist())
                box = seen_by(self._fields[name], spot, pictures[index].shape[:2])
                own[end, unit, index] = _cut(pictures[index], box)
            if newest and len(own) > 2 * layer.places:
                self._cut[name] = _still(own, layer)

    def crops(self, kept: Mapping[str, Kept]) -> dict[str, Crops]:
        """All that are at an end still."""
        return {name: _still(own, kept[name]) for name, own in self._cut.items()}


def _still(own: dict[tuple[str, int, int], np.ndarray], layer: Kept) -> dict[tuple[str, int, int], np.ndarray]:
    return {key: part for key, part in own.items() if layer.holds(*key)}


def _cut(picture: UInt8[np.ndarray, "h w c"], box: Box) -> np.ndarray:
    return np.ascontiguousarray(crop(picture.transpose(2, 0, 1), box, BEYOND).transpose(1, 2, 0))


def _extremes(found: Found, layer: str, unit: int, which: Which) -> Extremes:
    if layer not in found:
        raise InputError(f"layer {layer!r}: no examples were found for it, but for {', '.join(found)}")
    if which not in ("top", "bottom", "middle"):
        raise InputError(f"which={which!r}: use 'top', 'bottom' or 'middle'")
    ends: Extremes = getattr(found[layer], which)
    if not 0 <= unit < len(ends.index):
        last = len(ends.index) - 1
        raise InputError(f"unit {unit} of layer {layer!r}, which has {last + 1}; units are 0 to {last}")
    return ends
