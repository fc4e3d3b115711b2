"""What a layer says to natural pictures: each unit's rest, spread and largest values, and where they are."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.fields import receptive_field
from convscope.lens.probe import probe, to_model

BATCH = 32  # pictures that go through a network at a time


@dataclass(frozen=True)
class Natural:
    """A layer's answers to n natural pictures.

    value: of each unit in each picture, its largest over all positions, or its mean where `place` is None.
    where: the position of that largest value, (row, column, ...); empty for vectors and means.
    mean, std: of each unit over all positions and pictures (of means: over pictures).
    """

    pictures: Tensor
    value: Float[np.ndarray, "n units"]
    where: Int[np.ndarray, "n units axes"]
    mean: Float[np.ndarray, " units"]
    std: Float[np.ndarray, " units"]

    @property
    def order(self) -> Int[np.ndarray, "n units"]:
        """For each unit, the pictures from the least exciting to the most; of equals the earlier first."""
        return np.argsort(self.value, axis=0, kind="stable")


def reading(activation: Tensor, place: tuple[int, ...] | None) -> Tensor:
    """What is said to a picture, (n, units): the value at a place of a map, or the mean over all (vectors: itself)."""
    flat = activation.flatten(2) if activation.ndim > 2 else activation[:, :, None]
    if place is None or activation.ndim == 2:
        return flat.mean(2)
    return activation[(slice(None), slice(None), *place)]


def read(
    model: nn.Module, layer: str, pictures: Tensor, place: tuple[int, ...] | None
) -> Float[np.ndarray, "n units"]:
    """All units of a layer on all pictures, read at `place`."""
    with torch.no_grad(), probe(model, [layer]) as look:
        said = [reading(look(to_model(model, batch))[layer], place) for batch in batches(pictures)]
    return torch.cat(said).double().cpu().numpy()


def natural(model: nn.Module, layer: str, pictures: Tensor, place: tuple[int, ...] | None) -> Natural:
    """Run natural pictures through the network, once, and keep what is asked about each unit of the layer."""
    values, places, sums, squares, count = [], [], torch.zeros(()), torch.zeros(()), 0
    with torch.no_grad(), probe(model, [layer]) as look:
        for batch in batches(pictures):
            said = look(to_model(model, batch))[layer].float()
            at_places = place is not None and said.ndim > 2
            flat = said.flatten(2) if at_places else reading(said, None)[:, :, None]
            values.append(flat.amax(2))
            shape = tuple(said.shape[2:]) if at_places else ()
            places.append(torch.stack(torch.unravel_index(flat.argmax(2), shape), -1) if shape else None)
            sums = sums + flat.double().sum((0, 2))
            squares = squares + flat.double().square().sum((0, 2))
            count += flat.shape[0] * flat.shape[2]
    value = torch.cat(values)
    if not bool(torch.isfinite(value).all()):
        raise InputError(f"layer {layer!r}: an activation is not finite; check weights and pictures for NaN")
    mean = sums / count
    where = torch.cat(places) if places[0] is not None else value.new_zeros((*value.shape, 0))
    return Natural(
        pictures=pictures,
        value=value.double().cpu().numpy(),
        where=where.long().cpu().numpy(),
        mean=mean.cpu().numpy(),
        std=(squares / count - mean.square()).clamp(min=0).sqrt().cpu().numpy(),
    )


@dataclass(frozen=True)
class Window:
    """What the network gets of a drawing: its sides, where in the layer's map the unit sits, and the map's stride.

    place: None where the whole map counts, and for vectors; then the window is a whole input.
    """

    sides: tuple[int, ...]
    place: tuple[int, ...] | None
    stride: tuple[int, ...]

    def of(self, pictures: Tensor) -> Tensor:
        """The middle of drawings (k, c, ...), without their margin; what misses at the start repeats the border."""
        for axis, cells in enumerate(self.sides, 2):
            length = pictures.shape[axis]
            start = (length - cells) // 2 if length > cells else length - cells
            where = torch.arange(start, start + cells).clamp(0, length - 1)
            pictures = pictures.index_select(axis, where)
        return pictures


def window(model: nn.Module, layer: str, input_shape: tuple[int, ...], place: tuple[int, ...] | None) -> Window:
    """The smallest input in which the unit at `place` sees all that it can see, or a whole input."""
    sides = tuple(input_shape[1:])
    if place is None:
        return Window(sides, None, (0,) * len(sides))
    field = receptive_field(model, layer, input_shape)
    ends = [int(field.axis(k).interval(p)[1]) for k, p in enumerate(place)]
    cut = tuple(min(end, side) for end, side in zip(ends, sides, strict=True))
    return Window(cut, place, tuple(int(step) for step in field.stride))


def excerpts(seen: Natural, unit: int, which: Int[np.ndarray, " k"], window: Window) -> Tensor:
    """Of the named pictures, the excerpts as large as the window in which the unit is most excited.

    The unit stands in the excerpt where it stands in the window; excerpts that would reach over the picture's border
    are moved inside.
    """
    if window.place is None:
        return seen.pictures[torch.from_numpy(which.copy())]
    found = []
    for n in which:
        cut: list[slice] = [slice(None)]
        for axis, cells in enumerate(window.sides):
            start = (int(seen.where[n, unit, axis]) - window.place[axis]) * window.stride[axis]
            start = min(max(start, 0), seen.pictures.shape[2 + axis] - cells)
            cut.append(slice(start, start + cells))
        found.append(seen.pictures[int(n)][tuple(cut)])
    return torch.stack(found)


def batches(pictures: Tensor) -> list[Tensor]:
    return [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
