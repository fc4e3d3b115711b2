"""Units that only repeat a unit of an earlier layer: behind a ReLU, or joined to others by a concatenation.

What excites the one excites the other, so one drawing serves both.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from convscope.lens.models import Network
from convscope.lens.probe import probe, to_model

NOISE = (1, 3, 8, 20, 56, 112)
"""Cells along a side of inputs of noise, coarse and fine, on which units are compared at every position, bit for bit:
hardly a unit of a deep layer stays dark on all of them."""

Copies = dict[str, dict[int, tuple[str, int]]]


def copies(network: Network, layers: Sequence[str]) -> Copies:
    """For each of the layers (in running order) its units that repeat an earlier one: which layer and unit that is.

    A unit repeats another if both maps are equal where they are above 0. One that is nowhere above 0 on noise is
    taken to repeat none.
    """
    inputs = torch.cat([_noise(network, cells) for cells in NOISE])
    with torch.no_grad(), probe(network.model, layers, each=_above_zero) as look:
        seen: dict[str, Any] = {**look(to_model(network.model, inputs))}  # what `_above_zero` gives of each
    first: dict[bytes, tuple[str, int]] = {}
    found: Copies = {}
    for layer in layers:
        own = seen[layer]
        found[layer] = {unit: first[map_] for unit, map_ in enumerate(own) if map_ is not None and map_ in first}
        for unit, map_ in enumerate(own):
            if map_ is not None:
                first.setdefault(map_, (layer, unit))
    return found


def _noise(network: Network, cells: int) -> torch.Tensor:
    """One input of random cells, blurred where they are large; of what is no picture, of random numbers."""
    taken, random = network.preprocessing, np.random.default_rng(cells)
    if taken is None or taken.channels not in (1, 3):
        return torch.from_numpy(random.standard_normal((1, *network.input_shape), dtype=np.float32))
    levels = torch.from_numpy(random.random((1, taken.channels, cells, cells), dtype=np.float32))
    smooth = functional.interpolate(levels, taken.size, mode="bilinear").permute(0, 2, 3, 1)
    return taken.to_inputs((255 * smooth).round().to(torch.uint8).numpy())


def _above_zero(layer: str, activation: torch.Tensor) -> list[bytes | None]:
    """Each unit's map as bytes, what is below 0 set to 0; None for a map of nothing else."""
    clipped = activation.float().clamp(min=0).movedim(1, 0).contiguous().cpu().numpy() + np.float32(0)  # no -0
    where = str(activation.shape[2:]).encode()
    return [where + one.tobytes() if one.any() else None for one in clipped]
