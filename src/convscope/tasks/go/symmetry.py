"""The eight symmetries of a board: four rotations, each also mirrored, as tables of points.

Entry `[k, p]` of `tables(size)` is the point that symmetry k brings to the point p: `turned = points[table[k]]`.
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor


@cache
def tables(size: int) -> Int64[np.ndarray, "8 points"]:
    """Where the points of each symmetric board come from; the first symmetry leaves all in place."""
    places = np.arange(size * size).reshape(size, size)
    turned = [np.rot90(side, quarter) for side in (places, places.T) for quarter in range(4)]
    return np.ascontiguousarray([each.ravel() for each in turned])


@cache
def undoing(size: int) -> Int64[np.ndarray, "8 points"]:
    """The opposite tables: entry [k, p] is where symmetry k brings the point p to."""
    return np.argsort(tables(size), axis=1)


def vary(
    inputs: Float[Tensor, "n planes size size"], targets: Int64[Tensor, " n"], generator: torch.Generator
) -> tuple[Float[Tensor, "n planes size size"], Int64[Tensor, " n"]]:
    """Turn each sample, and the point that is its target, by a symmetry drawn for it."""
    size = inputs.shape[-1]
    drawn = torch.randint(8, (len(inputs),), generator=generator)
    sources = torch.from_numpy(tables(size))[drawn].to(inputs.device)
    moved = torch.from_numpy(undoing(size))[drawn].to(targets.device)
    flat = inputs.flatten(2)
    turned = flat.gather(2, sources[:, None].expand_as(flat)).view_as(inputs)
    return turned, moved.gather(1, targets[:, None])[:, 0]


def all_eight(inputs: Float[Tensor, "n planes size size"]) -> Float[Tensor, "8 n planes size size"]:
    """Each sample under every symmetry."""
    sources = torch.from_numpy(tables(inputs.shape[-1])).to(inputs.device)
    return inputs.flatten(2)[:, :, sources].permute(2, 0, 1, 3).unflatten(-1, inputs.shape[-2:])


def all_undone(values: Float[Tensor, "8 n points"]) -> Float[Tensor, "8 n points"]:
    """Bring what was computed for the points of `all_eight`'s boards back to the points of the board itself."""
    size = round(values.shape[-1] ** 0.5)
    back = torch.from_numpy(undoing(size)).to(values.device)
    return values.gather(2, back[:, None].expand_as(values))
