"""Objectives that look at the picture itself: what it costs."""

from collections.abc import Callable
from typing import SupportsFloat

import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.blurring import gaussian_blur
from convscope.lens.objectives.algebra import Objective

Bound = float | tuple[float, ...]  # one value for all channels, or one for each


def l1(background: Bound = 0.0) -> Objective:
    """Ink: the mean of |picture - background| over channels and positions.

    Subtract it, and only strokes remain that pay for themselves. The background is one value for all channels
    or one for each.
    """
    return _of_pictures(f"l1({_short(background)})", lambda x: _away(x, background).abs().flatten(1).mean(1))


def l2(background: Bound = 0.0) -> Objective:
    """The mean of (picture - background)^2 over channels and positions."""
    return _of_pictures(f"l2({_short(background)})", lambda x: _away(x, background).square().flatten(1).mean(1))


def total_variation() -> Objective:
    """Roughness: the mean of |difference| between neighbours, summed over the axes of the picture.

    A picture of one cell along an axis has no neighbours that way and counts 0 there.
    """

    def roughness(x: Tensor) -> Tensor:
        steps = [x.diff(dim=axis).abs().flatten(1) for axis in range(2, x.ndim)]
        return torch.stack([step.sum(1) / max(step.shape[1], 1) for step in steps]).sum(0)

    return _of_pictures("total_variation()", roughness)


def blur(sigma: SupportsFloat = 1) -> Objective:
    """Fine detail: the mean of (picture - its blurred self)^2, Gaussian of `sigma` pixels.

    Raises InputError for a sigma that is not above 0.
    """
    width = float(sigma)
    if not width > 0:
        raise InputError(f"blur: sigma={width:.4g}; use a width in pixels above 0")
    return _of_pictures(
        f"blur({width:.4g})",
        lambda x: (x - gaussian_blur(x, x.new_full((len(x),), width), width)).square().flatten(1).mean(1),
    )


def opacity() -> Objective:
    """The mean of the last channel: of how much of the picture is there, where that channel is its alpha."""
    return _of_pictures("opacity()", lambda x: x[:, -1].flatten(1).mean(1))


def _away(x: Tensor, background: Bound) -> Tensor:
    levels = torch.as_tensor(background, dtype=x.dtype, device=x.device)
    return x - levels.reshape(-1, *(1,) * (x.ndim - 2))


def _short(background: Bound) -> str:
    return f"{background:.4g}" if isinstance(background, int | float) else ", ".join(f"{b:.4g}" for b in background)


def _of_pictures(text: str, value: Callable[[Tensor], Tensor]) -> Objective:
    return Objective(text, frozenset(), lambda scene: value(scene.pictures))
