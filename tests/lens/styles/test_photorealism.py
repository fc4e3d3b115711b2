"""Photorealistic style: what the weight of the matting Laplacian does to a grid of straight lines."""

from functools import cache

import numpy as np
import skimage.data
import torch

from convscope.lens.anysize import resized
from convscope.lens.styles import Styled, style
from convscope.lens.styles.matting import Affinity

ROWS, COLUMNS = 120, 136


def grid() -> np.ndarray:
    """Dark straight lines, three pixels wide, on a light ground that changes slowly."""
    ground = np.linspace(150, 230, COLUMNS)[None, :, None] + np.array([0.0, 10.0, 20.0])
    page = np.broadcast_to(ground, (ROWS, COLUMNS, 3)).copy()
    for k in range(12, COLUMNS, 24):
        page[:, k : k + 3] = 40
    for k in range(12, ROWS, 24):
        page[k : k + 3] = 40
    return page.clip(0, 255).round().astype(np.uint8)


@cache
def painted(strictness: float, smooth: bool = False) -> Styled:
    painting = resized(skimage.data.coffee(), 150, 200)
    return style(grid(), painting, size=COLUMNS, steps=40, scales=1, photorealistic=strictness, smooth=smooth)


def residual(picture: np.ndarray) -> float:
    """How far the picture is from a local recolouring of the grid."""
    planes = [torch.from_numpy(each.astype(np.float32) / 255).permute(2, 0, 1) for each in (grid(), picture)]
    return float(Affinity.of(planes[0]).energy(planes[1][None])[0])


def wobble(picture: np.ndarray) -> float:
    """How many pixels the middle of a line moves from row to row, of lines that stand upright."""
    light = picture.mean(2)
    moves = []
    for k in range(12, COLUMNS, 24):
        strip = light[16:32, k - 4 : k + 7]
        dark = (strip.max(1, keepdims=True) - strip) ** 2
        middles = (dark * np.arange(strip.shape[1])).sum(1) / dark.sum(1)
        moves.append(middles.std())
    return float(np.mean(moves))


def test_the_residual_falls_by_an_order():
    free, bound = painted(0.0), painted(1e4)
    assert residual(bound.picture) < residual(free.picture) / 10
    assert bound.losses["photorealism"] < 1


def test_straight_lines_stay_straight():
    assert wobble(grid()) < 0.01
    free, bound = (wobble(each.picture) for each in (painted(0.0), painted(1e4, smooth=True)))
    assert bound < free / 3


def test_and_the_colours_are_still_the_styles():
    # of a brown table: red over blue, where the grid is grey
    warmth = [
        each[..., 0].mean() - each[..., 2].mean() for each in (grid(), painted(1e4).picture, skimage.data.coffee())
    ]
    assert warmth[1] > warmth[0] + (warmth[2] - warmth[0]) / 3
