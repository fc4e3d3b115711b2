"""What a network takes, whatever its shape, as a picture for people."""

from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convscope import pictures
from convscope.errors import InputError
from convscope.lens.models.preprocessing import Preprocessing
from convscope.pictures import Picture

Box = Sequence[Any]  # (black, white): numbers, or one number for each channel
MOST_SLICES = 9
"""Of a volume, so many slices are shown, evenly spread."""
LINES = ((33, 102, 172), (178, 24, 43), (90, 90, 90), (27, 120, 55), (118, 42, 131), (191, 129, 45))
PLOT = (160, 112)
"""Columns (at least) and rows of a plot."""


def as_picture(values: np.ndarray, preprocessing: Preprocessing | None = None, box: Box | None = None) -> Picture:
    """One input of a network as a picture (h, w, 3).

    values: (c, rows, columns), in the network's units. With a preprocessing of c channels they are turned back by it;
    else `box` says what black and white are, one number or one for each channel; by default the least and the
    greatest value. One channel is grey and three are red, green and blue; of another number each is a grey plane
    of its own, in one sheet. A volume (c, depth, rows, columns) is shown in slices; signals (c, length) and
    vectors (features,) are drawn as lines.

    Raises InputError for values that are not finite and for other shapes.

    >>> as_picture(np.array([[[-1.0, 1.0]]]), box=(-1, 1)).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    values = np.asarray(values)
    if not np.isfinite(values).all() or not values.size:
        raise InputError(f"values of shape {values.shape}: a picture needs numbers, all of them finite")
    if values.ndim == 4:
        wanted = np.unique(np.linspace(0, values.shape[1] - 1, MOST_SLICES).round().astype(int))
        return _grid([as_picture(values[:, k], preprocessing, box) for k in wanted])
    if values.ndim <= 2:
        low, high = (values.min(), values.max()) if box is None else (np.min(box[0]), np.max(box[1]))
        return plot(np.atleast_2d(values), low, high)
    if values.ndim != 3:
        raise InputError(f"values of shape {values.shape}: give one input, (c, rows, columns)")
    if preprocessing is not None and preprocessing.channels == len(values):
        levels = preprocessing.to_pictures(values[None].astype(np.float32))[0]
    else:
        black, white = (values.min(), values.max()) if box is None else (np.asarray(end, float) for end in box)
        reach = np.where(white == black, 1, np.subtract(white, black))  # one value only: black
        shares = (values.transpose(1, 2, 0) - black) / reach
        levels = (np.clip(shares, 0, 1) * 255).round().astype(np.uint8)
    if levels.shape[2] in (1, 3):
        return np.ascontiguousarray(levels.repeat(3 // levels.shape[2], 2))
    return _grid([levels[..., k : k + 1].repeat(3, 2) for k in range(levels.shape[2])])


def plot(lines: np.ndarray, low: SupportsFloat | None = None, high: SupportsFloat | None = None) -> Picture:
    """Lines (k, n) of n values each, from low to high (by default all of them); 0 is marked where it lies between."""
    low, high = float(lines.min() if low is None else low), float(lines.max() if high is None else high)
    count = lines.shape[1]
    width, height = max(PLOT[0], min(count, 4 * PLOT[0])), PLOT[1]
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)

    def line(values: np.ndarray, ink: tuple[int, int, int]) -> None:
        shares = (np.clip(values, low, high) - low) / (high - low) if high > low else np.full(len(values), 0.5)
        columns = np.linspace(1, width - 2, len(values))
        pen.line([(x, height - 3 - share * (height - 5)) for x, share in zip(columns, shares, strict=True)], ink)

    if low < 0 < high:
        line(np.zeros(2), (200, 200, 200))
    for k, values in enumerate(lines):
        line(values if count > 1 else values.repeat(2), LINES[k % len(LINES)])
    for value, place, anchor in ((high, 1, "rt"), (low, height - 2, "rb")):
        pen.text((width - 1, place), f"{value:.3g}", (120, 120, 120), ImageFont.load_default(10), anchor)
    return np.asarray(page)


def framed(picture: Picture, box: Sequence[int]) -> Picture:
    """The picture with a thin frame around the cells (top, left, bottom, right), half open; what lies beyond is cut."""
    top, left, bottom, right = box
    page = Image.fromarray(picture)
    last_row, last_column = picture.shape[0] - 1, picture.shape[1] - 1
    corners = max(left, 0), max(top, 0), min(right - 1, last_column), min(bottom - 1, last_row)
    if corners[0] <= corners[2] and corners[1] <= corners[3]:
        ImageDraw.Draw(page).rectangle(corners, None, (230, 159, 0))
    return np.asarray(page)


def heat(picture: Picture, shares: np.ndarray, limit: SupportsFloat) -> Picture:
    """Signed numbers laid over a picture made pale and grey: red raises, blue lowers, as `pictures.signed` has it.

    shares: one number for each cell of the picture; limit: the number that gets the full colour.
    """
    faint = 255 - (255 - picture.mean(2, keepdims=True)) * 0.45
    strength = np.clip(np.abs(shares) / (float(limit) or 1.0), 0, 1)[..., None] * 0.85
    return (faint * (1 - strength) + pictures.signed(shares, limit) * strength).round().astype(np.uint8)


def _grid(planes: Sequence[Picture]) -> Picture:
    return pictures.sheet(planes, columns=int(np.ceil(len(planes) ** 0.5)), gap=1)
