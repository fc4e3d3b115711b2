"""The effective receptive field: how much each cell of real pictures moves a unit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.fields.trace import receptive_field
from convscope.lens.models.network import AnyModel, network
from convscope.lens.probe import check_finite, probe, to_model

SHARE = 0.9545  # of the mass: what lies within two standard deviations of a normal distribution
BATCH = 16


@dataclass(frozen=True)
class EffectiveField:
    """How much the unit in the middle of a layer is moved by each cell of the input, on average over pictures.

    map: mean |d unit / d input| over pictures and channels; its sum is 1. place: the unit's position.
    field: the receptive field, in which all of it lies. size: side of a square with as many cells as it takes, the
    most moving first, to hold `share` of the mass; for signals a length, for volumes the edge of a cube.
    fraction: `size` beside the same side of the part of the receptive field that lies inside the input.
    """

    map: Float[np.ndarray, "..."]
    place: tuple[int, ...]
    field: Field
    size: float
    fraction: float
    share: float
    pictures: int

    def holds(self, share: float) -> int:
        """How many cells hold that share of the mass, the most moving first."""
        return _cells(self.map, share)


def effective_field(
    model: AnyModel,
    layer: str,
    pictures: np.ndarray | Tensor | Iterable[np.ndarray | Tensor],
    unit: int | None = None,
    *,
    share: SupportsFloat = SHARE,
    seed: int = 0,
) -> EffectiveField:
    """Measure which cells of the input move one unit (default: all of the layer, summed with random signs).

    pictures: inputs (n, c, *positions) as the network takes them, or batches of such. The unit is the one in the
    middle of the layer's map; of a vector it is the unit itself.

    Raises InputError for an unknown layer or unit, for no pictures, for gradients that are 0 everywhere and for such as
    are not finite. Source: Luo, Li, Urtasun and Zemel 2016, "Understanding the effective receptive field in deep
    convolutional neural networks"; they count the cells above 1 - 0.9545 of the middle one, here the fewest are counted
    that together hold the share.

    >>> mean = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, bias=False))
    >>> _ = mean[0].weight.data.fill_(1)
    >>> found = effective_field(mean, "0", np.ones((1, 1, 5, 5), np.float32))
    >>> found.map[2].round(2).tolist(), found.size, found.fraction
    ([0.0, 0.11, 0.11, 0.11, 0.0], 3.0, 1.0)
    """
    share = float(share)
    if not 0 < share < 1:
        raise InputError(f"share={share}: a part of the mass, between 0 and 1, such as {SHARE}")
    batches = [pictures] if isinstance(pictures, np.ndarray | Tensor) else pictures
    total: Tensor | None = None
    count, place, shape = 0, (), ()
    given = network(model, pictures.shape[1:] if isinstance(pictures, np.ndarray | Tensor) else None)
    signs = np.random.default_rng(seed)
    with probe(given.model, [layer]) as look, torch.enable_grad():
        for batch in batches:
            for part in torch.as_tensor(batch).split(BATCH):
                if not len(part):
                    continue
                x = to_model(given.model, part).detach().requires_grad_()
                seen = look(x)[layer]
                place, shape = tuple(size // 2 for size in seen.shape[2:]), tuple(x.shape[1:])
                middle = seen[(slice(None), slice(None), *place)]
                moved = torch.autograd.grad(_sum(middle, unit, layer, signs), x)[0].abs().double().sum((0, 1))
                total, count = moved if total is None else total + moved, count + len(x)
    if total is None:
        raise InputError("pictures: there are none; give an array (n, c, h, w) with n at least 1, or batches of them")
    if not bool(total.isfinite().all()):
        check_finite(given.model)
        raise InputError(f"layer {layer!r}: its gradient is not finite; check the pictures for NaN")
    if not bool(total.any()):
        who = "the sum of its units" if unit is None else f"unit {unit}"
        raise InputError(
            f"layer {layer!r}: {who} in the middle is moved by no cell of these {count} pictures; give others"
        )
    mass = (total / total.sum()).cpu().numpy()
    field = receptive_field(given, layer, shape)
    box, axes = field.box(*place), len(mass.shape)
    inside = [min(box[axes + k], cells) - max(box[k], 0) for k, cells in enumerate(mass.shape)]
    size = _cells(mass, share) ** (1 / axes)
    return EffectiveField(mass, place, field, size, size / float(np.prod(inside)) ** (1 / axes), share, count)


def _sum(middle: Tensor, unit: int | None, layer: str, signs: np.random.Generator) -> Tensor:
    if unit is None:  # with signs of their own for each picture, units do not cancel in the same way each time
        return (middle * torch.from_numpy(signs.choice([-1.0, 1.0], tuple(middle.shape))).to(middle)).sum()
    if not 0 <= unit < middle.shape[1]:
        raise InputError(
            f"unit={unit} of layer {layer!r}, which has {middle.shape[1]}; units are 0 to {middle.shape[1] - 1}"
        )
    return middle[:, unit].sum()


def _cells(mass: np.ndarray, share: float) -> int:
    heaped = np.cumsum(np.sort(mass, axis=None)[::-1])
    return int(np.searchsorted(heaped, share * heaped[-1] - 1e-12)) + 1
