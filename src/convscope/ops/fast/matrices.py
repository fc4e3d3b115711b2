"""The weight gradient of a fully connected layer over a tile, by the same innermost loop as the convolutions."""

import numpy as np

from convscope.ops.fast.compiled import compiled
from convscope.ops.fast.registers import ROWS, VECTOR_BYTES
from convscope.ops.fast.shifts import Taps, panel_table, shifted_sum


def outer_sums(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Add `a @ b.T` to out (p, q), for a (p, v) and b (q, v) with few columns v and many rows.

    A shifted sum: the v rows of b.T are the shifted inputs, a holds their weights.
    """
    _outer_sums(a, b, np.arange(a.shape[1]), panel_table(1, len(a), 0, a.shape[1]), out)


@compiled
def _outer_sums(a, b, columns, panels, out):
    lanes = VECTOR_BYTES // b.itemsize
    q, v = b.shape
    pitch = (q + lanes - 1) // lanes * lanes
    rows = np.zeros(v * pitch, b.dtype)
    for j in range(q):
        for n in range(v):
            rows[n * pitch + j] = b[j, n]
    taps = Taps(columns * pitch, columns, v, np.array([[0, 1]]), np.array([[0, v]]), pitch)
    start, sums, flat = np.zeros(a.shape[0], b.dtype), np.empty(ROWS * pitch, b.dtype), a.reshape(a.size)
    for n in range(panels.shape[0]):
        first = panels[n, 1]
        shifted_sum(rows, 0, 0, taps, 0, flat, v, start, sums, -first * pitch, pitch, panels[n : n + 1], pitch)
        for m in range(panels[n, 2]):
            for j in range(q):
                out[first + m, j] += sums[m * pitch + j]
