"""Which real pictures excite a unit most, and which least: one pass over any number of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.probe import probe, to_model

BATCH = 256  # pictures of one array that go through the network at a time


@dataclass(frozen=True)
class Extremes:
    """For each unit, the pictures at one end, the most extreme first; k of them, or as many as there were.

    index: which picture of the stream, from 0. value: the unit's largest activation over all positions of
    that picture.
    row, column: where it is, the first such place; 0 for a unit of a vector layer.
    """

    index: Int[np.ndarray, "units k"]
    value: Float[np.ndarray, "units k"]
    row: Int[np.ndarray, "units k"]
    column: Int[np.ndarray, "units k"]


@dataclass(frozen=True)
class Examples:
    """The pictures that excite each unit of a layer most (top) and least (bottom)."""

    top: Extremes
    bottom: Extremes


def examples(
    model: nn.Module,
    layers: Sequence[str],
    images: np.ndarray | Tensor | Iterable[np.ndarray | Tensor],
    k: int = 9,
) -> dict[str, Examples]:
    """The k pictures of largest and of smallest maximum activation, for every unit of the named layers.

    images: an array (n, c, h, w), or anything that gives such batches one after the other; it is gone through
    once, and what is kept grows with units and k, not with n. Of equal activations the earlier picture comes
    first.

    Raises InputError for an unknown layer, no pictures, k below 1 and activations that are not finite.
    """
    if k < 1:
        raise InputError(f"k={k}: at least 1 example is needed")
    if isinstance(layers, str):
        layers = [layers]
    best: dict[str, Tensor] = {}
    worst: dict[str, Tensor] = {}
    start = 0
    with torch.no_grad(), probe(model, layers) as look:
        for batch in _batches(images):
            for name, activation in look(to_model(model, batch)).items():
                records = _records(name, activation, start)
                best[name] = _merge(best.get(name), records, k, largest=True)
                worst[name] = _merge(worst.get(name), records, k, largest=False)
            start += len(batch)
    if not start:
        raise InputError(
            "images: there are none; give an array (n, c, h, w) with n at least 1, or batches of them"
        )
    return {name: Examples(_extremes(best[name]), _extremes(worst[name])) for name in layers}


def _batches(images: np.ndarray | Tensor | Iterable[np.ndarray | Tensor]) -> Iterator[np.ndarray | Tensor]:
    if isinstance(images, np.ndarray | Tensor):
        if images.ndim != 4:
            raise InputError(f"images of shape {tuple(images.shape)}: give an array (n, c, h, w)")
        yield from (images[i : i + BATCH] for i in range(0, len(images), BATCH))
    else:
        yield from (batch for batch in images if len(batch))


def _records(name: str, activation: Tensor, start: int) -> Tensor:
    """(value, index, row, column) of each unit in each picture: (4, units, n), float64, exact to 2^53."""
    if activation.ndim not in (2, 4):
        raise InputError(
            f"layer {name!r}: its output has shape {tuple(activation.shape)}; examples are found for maps "
            "(n, units, rows, columns) and vectors (n, units)"
        )
    if not bool(torch.isfinite(activation).all()):
        raise InputError(f"layer {name!r}: an activation is not finite; check weights and pictures for NaN")
    flat = activation.detach().flatten(2) if activation.ndim == 4 else activation.detach()[:, :, None]
    value = flat.amax(2)
    place = flat.argmax(2)
    width = activation.shape[3] if activation.ndim == 4 else 1
    index = torch.arange(start, start + len(flat), device=flat.device)[:, None].expand_as(place)
    return torch.stack([part.double().T for part in (value, index, place // width, place % width)]).cpu()


def _merge(kept: Tensor | None, fresh: Tensor, k: int, largest: bool) -> Tensor:
    """The k most extreme of both, (4, units, k); the sort is stable, so that earlier pictures win ties."""
    both = fresh if kept is None else torch.cat([kept, fresh], 2)
    order = torch.sort(both[0], dim=1, descending=largest, stable=True).indices[:, :k]
    return both.gather(2, order.expand(4, *order.shape))


def _extremes(records: Tensor) -> Extremes:
    value, index, row, column = records.numpy()
    places = {"index": index, "row": row, "column": column}
    return Extremes(
        value=value.astype(np.float32), **{key: part.astype(np.int64) for key, part in places.items()}
    )
