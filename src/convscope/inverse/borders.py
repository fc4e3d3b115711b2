"""What a program put beyond the edge of the picture: found out from the cells that windows made partly of it."""

from typing import Literal

import numpy as np
from scipy import signal

from convscope.inverse.pairs import Pair
from convscope.inverse.tiles import Taps

MODES: dict[str, Literal["constant", "reflect", "symmetric", "edge", "wrap"]] = {
    "zeros": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}
"""The names used here, and NumPy's. "symmetric" mirrors and shows the edge twice, "reflect" once."""

OTHERS = ("copied", "renormalised")
"""Cells near the edge left as they were; windows cut short, and weighed by the taps that are left."""


def border(pair: Pair, taps: Taps, kernel: np.ndarray, bias: np.ndarray, tolerance: float) -> tuple[str, ...]:
    """The modes that explain the cells along the edge within `tolerance` (root mean square); none, one or several.

    kernel (m, c, r, s), bias (m,). Several, where they come to the same here: "symmetric" and "replicate" for a kernel
    that reaches one cell beyond. Empty also where no border was needed.
    """
    h, w = pair.before.shape[1:]
    top, left = -taps.first_row - pair.centre[0], -taps.first_column - pair.centre[1]
    bottom, right = taps.rows - 1 - top, taps.columns - 1 - left
    pads = (top, bottom), (left, right)
    if not pair.same_size() or min(top, bottom, left, right) < 0 or top + bottom + left + right == 0:
        return ()
    if max(top, bottom) >= h or max(left, right) >= w:
        return ()
    errors, count = {}, 0
    for name in (*MODES, *OTHERS):
        squares, count = 0.0, 0
        for rows, columns in _strips(h, w, pads):
            made = _made(name, pair, kernel, bias, pads, rows, columns)
            goal = pair.after[:, rows, columns].astype(np.float64)
            if pair.range:
                made = np.clip(made, *pair.range)
            squares += ((made - goal) ** 2).sum()
            count += goal.size
        errors[name] = np.sqrt(squares / max(count, 1))
    least = min(errors.values())
    if least > tolerance:
        return ()
    alike = least * (1 + 3 / np.sqrt(2 * count)) + 1e-9  # what chance alone does to a root mean square
    return tuple(name for name, error in errors.items() if error <= alike)


def _strips(h: int, w: int, pads: tuple[tuple[int, int], tuple[int, int]]) -> list[tuple[slice, slice]]:
    (top, bottom), (left, right) = pads
    inner = slice(top, h - bottom)
    strips = [
        (slice(0, top), slice(0, w)), (slice(h - bottom, h), slice(0, w)),
        (inner, slice(0, left)), (inner, slice(w - right, w)),
    ]  # fmt: skip
    return [(rows, columns) for rows, columns in strips if rows.start < rows.stop and columns.start < columns.stop]


def _made(
    name: str, pair: Pair, kernel: np.ndarray, bias: np.ndarray, pads: tuple, rows: slice, columns: slice
) -> np.ndarray:
    """(m, rows, columns): what the kernel gives there if that is what lies beyond the edge."""
    if name == "copied":
        return np.broadcast_to(
            pair.before[:, rows, columns].astype(np.float64),
            (len(kernel), rows.stop - rows.start, columns.stop - columns.start),
        )
    seen, there = [], []
    for size, pad, part, taps in zip(pair.before.shape[1:], pads, (rows, columns), kernel.shape[2:]):
        cells = np.pad(np.arange(size), pad, MODES.get(name, "constant"))
        inside = np.pad(np.ones(size, bool), pad, mode="constant", constant_values=name not in ("zeros", *OTHERS))
        window = slice(part.start, part.stop + taps - 1)
        seen.append(cells[window])
        there.append(inside[window])
    mask = np.logical_and.outer(*there)
    cells = pair.before[:, seen[0][:, None], seen[1]].astype(np.float64) * mask
    made = np.stack([sum(signal.correlate2d(x, k, "valid") for x, k in zip(cells, one)) for one in kernel])
    if name == "renormalised":
        total = kernel.sum((1, 2, 3))[:, None, None]
        held = np.stack([signal.correlate2d(mask.astype(float), one.sum(0), "valid") for one in kernel])
        made = made * total / np.where(np.abs(held) > 1e-9, held, np.inf)
    return made + bias[:, None, None]
