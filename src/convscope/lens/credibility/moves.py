"""Moves that no drawing was trained to withstand: small shifts, noise, blur and changes of scale, all fixed."""

import torch
from torch import Tensor, nn

NOISE = 0.05  # standard deviation, as a share of the way from black to white
SHARE = 14  # shifts of a fourteenth of the canvas, at least one cell
SCALES = (0.93, 1.07)


def moved(pictures: Tensor, span: Tensor, seed: int) -> list[Tensor]:
    """The pictures (n, c, ...), each under eight moves; span: white less black, one number or one for each channel.

    Shifts to and fro along every axis repeat the border; blur weighs neighbours along each axis by 1, 2, 1; scale is
    about the middle, bilinear (maps of rows and columns only).
    """
    axes = range(2, pictures.ndim)
    found = []
    for axis in axes:
        by = max(round(pictures.shape[axis] / SHARE), 1)
        found += [_shift(pictures, axis, by), _shift(pictures, axis, -by)]
    dice = torch.Generator().manual_seed(seed)
    for _ in range(2):
        noise = torch.randn(pictures.shape, generator=dice)
        found.append(pictures + NOISE * span.abs().reshape(-1, *[1] * (pictures.ndim - 2)) * noise)
    blurred = pictures
    for axis in axes:
        blurred = (_shift(blurred, axis, 1) + 2 * blurred + _shift(blurred, axis, -1)) / 4
    found.append(blurred)
    if pictures.ndim == 4:
        found += [_scale(pictures, factor) for factor in SCALES]
    return found


def _shift(pictures: Tensor, axis: int, by: int) -> Tensor:
    cells = torch.arange(pictures.shape[axis]) - by
    return pictures.index_select(axis, cells.clamp(0, pictures.shape[axis] - 1))


def _scale(pictures: Tensor, factor: float) -> Tensor:
    theta = torch.tensor([[1 / factor, 0, 0], [0, 1 / factor, 0]], dtype=pictures.dtype).expand(len(pictures), 2, 3)
    grid = nn.functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    return nn.functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
