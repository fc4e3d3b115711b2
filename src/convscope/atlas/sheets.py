"""Planes of numbers and crops of pictures, laid out as the pages show them: in sheets, strips and rows."""

import math

import numpy as np

from convscope import pictures
from convscope.atlas.plan import Layer

SIDE = 28
"""Small planes are enlarged to about so many pixels, so that the lines between them stay thin."""


def crop(image: np.ndarray, layer: Layer, row: int, column: int) -> np.ndarray:
    """What the cell (row, column) of a layer sees of a picture; black where it looks beyond the edge."""
    if layer.sees != "part":
        return image
    top, left = (o + s * i for o, s, i in zip(layer.offset, layer.stride, (row, column), strict=True))
    return pictures.crop(image, (top, left, top + layer.size[0], left + layer.size[1]))


def strip(crops: list[np.ndarray]) -> np.ndarray:
    """Pictures of one size side by side, of which the pages show one at a time.

    Each is brought to about `SIDE` pixels and has a rim that repeats its edge, so that where a browser cuts
    it out between two screen pixels no neighbour shows.
    """
    factor = _factor(crops[0])
    return np.concatenate(
        [
            np.pad(pictures.enlarge(pictures.grey(c, 0, 255), factor), ((1, 1), (1, 1), (0, 0)), "edge")
            for c in crops
        ],
        axis=1,
    )


def sheet(planes: np.ndarray, limit: float, columns: int) -> np.ndarray:
    """Planes (k h w) in signed colours on one scale, a thin grey line around each."""
    tiles = [pictures.enlarge(pictures.signed(plane, limit), _factor(plane)) for plane in planes]
    return pictures.sheet(tiles, columns, gap=1, paper=(205, 203, 198)) if len(tiles) > 1 else tiles[0]


def rows(values: np.ndarray) -> np.ndarray:
    """Single units as a sheet of one pixel each, row after row; what is left over of the last row is 0."""
    columns = columns_for(len(values)) if len(values) > 10 else len(values)
    rows = -(-len(values) // columns)
    return np.pad(values, (0, rows * columns - len(values))).reshape(rows, columns)


def columns_for(count: int) -> int:
    """Columns of a sheet of `count` pictures: about as many as rows, and full rows where that can be.

    >>> [columns_for(n) for n in (1, 6, 16, 120)]
    [1, 3, 4, 12]
    """
    least = math.ceil(math.sqrt(count))
    return next((columns for columns in range(least, 2 * least) if count % columns == 0), least)


def _factor(plane: np.ndarray) -> int:
    return max(1, round(SIDE / max(plane.shape[:2])))
