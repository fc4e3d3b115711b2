"""Gaussian blur of pictures with any number of axes, each by its own width."""

from math import ceil

import torch
from torch import Tensor, nn

REACH = 3  # deviations of the Gaussian that its taps cover: 99.7 %


def gaussian_blur(pictures: Tensor, sigma: Tensor, most: float | None = None) -> Tensor:
    """Pictures (n, c, *positions) blurred along all their positions, picture i by sigma[i] pixels.

    A sigma of 0 leaves its picture as it is. Beyond the border the last cells go on. most: a bound on sigma known
    beforehand, so that the device need not be asked for it.

    >>> (100 * gaussian_blur(torch.eye(3)[None, None, 1], torch.tensor([0.5]))).round().tolist()
    [[[11.0, 79.0, 11.0]]]
    """
    reach = max(1, ceil(REACH * (float(sigma.max()) if most is None else most)))
    offsets = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    taps = torch.exp(-(offsets**2) / (2 * sigma.to(pictures)[:, None] ** 2).clamp(min=1e-4))
    taps = taps / taps.sum(1, keepdim=True)
    for axis in range(2, pictures.ndim):
        cells = pictures.shape[axis]
        margins = [0, 0] * (pictures.ndim - 1 - axis) + [reach, reach] + [0, 0] * (axis - 2)
        wide = _padded(pictures, margins)
        shape = (-1, *(1,) * (pictures.ndim - 1))
        pictures = taps[:, 0].reshape(shape) * wide.narrow(axis, 0, cells)
        for k in range(1, 2 * reach + 1):  # a product a tap: large pictures have no room for their windows
            pictures = pictures.addcmul_(taps[:, k].reshape(shape), wide.narrow(axis, k, cells))
    return pictures


def _padded(pictures: Tensor, margins: list[int]) -> Tensor:
    """The last cells go on along one axis; margins as torch.nn.functional.pad has them."""
    return nn.functional.pad(pictures, margins + [0] * (2 * (pictures.ndim - 2) - len(margins)), mode="replicate")
