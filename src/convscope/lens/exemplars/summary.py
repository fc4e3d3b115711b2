"""What one layer says about one batch, at once reduced to a few numbers for each picture and unit."""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.exemplars.loops import summarise


@dataclass(frozen=True)
class Summary:
    """value: each picture's largest activation over all positions; place: the first position that has it, counted
    along `positions` in C order. total, squares: of activation - shift and of its square, over pictures and
    positions; positive: how many activations lie above 0."""

    value: Float[np.ndarray, "n units"]
    place: Int[np.ndarray, "n units"]
    shift: Float[np.ndarray, " units"]
    total: Float[np.ndarray, " units"]
    squares: Float[np.ndarray, " units"]
    positive: Float[np.ndarray, " units"]
    positions: tuple[int, ...]

    @classmethod
    def of(cls, layer: str, activation: Tensor, shift: Float[np.ndarray, " units"] | None = None) -> "Summary":
        """Of activations (n, units, *positions). shift: a number near each unit's mean, so that no digits are lost
        in the sums of squares; by default the mean over the first picture.

        Raises InputError for activations that are not finite and for layers without units or positions.
        """
        if activation.ndim < 2 or not activation.numel():
            raise InputError(
                f"layer {layer!r}: its output has shape {tuple(activation.shape)}; examples are found for "
                "activations (n, units, ...) with at least one unit and one position"
            )
        activation = activation.detach()
        if activation.dtype not in (torch.float32, torch.float64):
            activation = activation.float()
        flat = activation.flatten(2) if activation.ndim > 2 else activation[..., None]
        if shift is None:
            shift = flat[0].mean(1).cpu().numpy()
        compute = _on_processor if activation.device.type == "cpu" else _on_device
        summary = cls(*compute(activation, shift), positions=tuple(activation.shape[2:]))
        if not np.isfinite(summary.total).all() and not bool(torch.isfinite(activation).all()):
            raise InputError(f"layer {layer!r}: an activation is not finite; check weights and pictures for NaN")
        return summary


def _on_processor(activation: Tensor, shift: np.ndarray) -> tuple[np.ndarray, ...]:
    rows = activation.movedim(1, -1).contiguous()  # no copy for channels_last, tokens and vectors
    x = rows.reshape(len(rows), -1, rows.shape[-1]).numpy()
    n, _, units = x.shape
    value, place = np.empty((n, units), x.dtype), np.empty((n, units), np.int32)
    sums = [np.zeros(units) for _ in range(3)]
    summarise(x, shift, value, place, *sums)
    return value, place, shift, *sums


def _on_device(activation: Tensor, shift: np.ndarray) -> tuple[np.ndarray, ...]:
    x = activation.reshape(*activation.shape[:2], prod(activation.shape[2:]))
    value = x.amax(2)
    numbers = torch.arange(x.shape[2], device=x.device, dtype=torch.int32)
    # not argmax, which may take any of several equal places
    place = torch.where(x == value[..., None], numbers, x.shape[2] - 1).amin(2)
    off = x - torch.from_numpy(shift).to(x)[:, None]
    # one sum a picture in the activations' own type, all pictures in float64
    sums = [part.sum(2).cpu().double().sum(0).numpy() for part in (off, off.square(), (x > 0).to(x.dtype))]
    return value.cpu().numpy(), place.int().cpu().numpy(), shift, *sums
