"""Arrays as the page gets them: numbers, and the colours that stand for them."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from convscope import pictures


def known(value: float | None) -> float | None:
    """A number that JSON can hold; None for infinity and NaN."""
    return float(value) if value is not None and np.isfinite(value) else None


def colours(picture: pictures.Picture) -> str:
    """Bytes r, g, b of each cell, row by row, in base64."""
    return base64.b64encode(picture.tobytes()).decode()


def signed(values: np.ndarray, limit: float) -> dict[str, Any]:
    """Numbers (h, w) with colours from blue at -limit over near-white at 0 to red at limit."""
    return {**_cells(values), "limit": limit, "colours": colours(pictures.signed(values, limit))}


def shade(values: np.ndarray, most: float) -> dict[str, Any]:
    """Numbers from 0 up, the darker the larger; infinite ones are None, and white."""
    told = np.where(np.isfinite(values), values, 0.0)
    dark = 255 - pictures.grey(told, 0, max(1.5 * most, 1e-300))
    return {**_cells(values), "limit": most, "colours": colours(dark)}


def picture(values: np.ndarray) -> dict[str, Any]:
    """A picture to look at, without its numbers: grey from 0 up, or signed where there are negative values."""
    low, high = float(values.min()), float(values.max())
    rows, columns = values.shape
    told = {"rows": rows, "columns": columns}
    if low >= -1e-9:
        high = max(high, 1.0)
        return {**told, "scale": "grey", "limit": high, "colours": colours(pictures.grey(values, 0, high))}
    limit = max(-low, high)
    return {**told, "scale": "signed", "limit": limit, "colours": colours(pictures.signed(values, limit))}


def _cells(values: np.ndarray) -> dict[str, Any]:
    rows, columns = values.shape
    return {"rows": rows, "columns": columns, "values": numbers(values.ravel())}


def numbers(values: Sequence[float] | np.ndarray) -> list[float | None]:
    return [known(value) for value in values]
