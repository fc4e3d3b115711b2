"""roi_align as horama calls it: one bilinear sample for each cell, none beyond the picture."""

import torch
from torch import Tensor, nn


def roi_align(pictures: Tensor, boxes: Tensor, output_size: tuple[int, int]) -> Tensor:
    """Boxes (k, 5) of rows (picture, left, top, right, bottom) of the one picture (1, c, h, w), each resampled."""
    _, _, height, width = pictures.shape
    rows, columns = output_size
    _, left, top, right, bottom = boxes.unbind(1)
    if bool((bottom - top > rows).any()) or bool((right - left > columns).any()):
        raise NotImplementedError("roi_align: boxes larger than the output take several samples for each cell")
    y = top[:, None] + (torch.arange(rows) + 0.5) * ((bottom - top) / rows)[:, None]
    x = left[:, None] + (torch.arange(columns) + 0.5) * ((right - left) / columns)[:, None]
    inside = ((y >= -1) & (y <= height))[:, None, :, None] & ((x >= -1) & (x <= width))[:, None, None, :]
    grid = torch.stack(
        torch.broadcast_tensors(2 * x[:, None] / (width - 1) - 1, 2 * y[:, :, None] / (height - 1) - 1), dim=3
    )
    many = pictures.expand(len(boxes), -1, -1, -1)
    return nn.functional.grid_sample(many, grid, padding_mode="border", align_corners=True) * inside
