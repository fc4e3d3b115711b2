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
    taps = (taps / taps.sum(1, keepdim=True))[:, None]
    for axis in range(2, pictures.ndim):
        lines = pictures.movedim((0, axis), (-2, -1))  # (..., n, length): one group of the convolution a picture
        flat = lines.reshape(-1, *lines.shape[-2:])
        wide = nn.functional.pad(flat, (reach, reach), mode="replicate")
        blurred = nn.functional.conv1d(wide, taps, groups=len(pictures)).reshape(lines.shape)
        pictures = blurred.movedim((-2, -1), (0, axis))
    return pictures
