"""The two loops that every picture of a stream goes through, compiled: what a unit says of it, and whether to keep it.

They are written for activations with the units side by side in memory (PyTorch's channels_last), so that the
innermost run is over units and becomes vector instructions.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_RUN = 128  # positions summed in the activations' own type before the sum goes into float64


def _compiled(function: Callable) -> Callable:
    function = inspect.unwrap(function)  # argument checks, where something wrapped them around it, are not compiled
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep machine code in
        return numba.njit(**options)(function)


@_compiled
def summarise(x, shift, value, place, total, squares, positive):
    """Of x (n, positions, units): for each picture and unit the largest value and the first position that has it;
    for each unit, added to what is there, the sums of x - shift and of its square, and how often x > 0."""
    n, positions, units = x.shape
    one, none = x.dtype.type(1), x.dtype.type(0)
    first, second, above = np.empty(units, x.dtype), np.empty(units, x.dtype), np.empty(units, x.dtype)
    for i in range(n):
        best, where = value[i], place[i]
        for u in range(units):
            best[u], where[u] = x[i, 0, u], 0
        for start in range(0, positions, _RUN):
            stop = min(start + _RUN, positions)
            for u in range(units):
                first[u], second[u], above[u] = none, none, none
            fours = start + (stop - start) // 4 * 4
            for p in range(start, fours, 4):  # four at a time: the running values are loaded and stored once
                a, b, c, d = x[i, p], x[i, p + 1], x[i, p + 2], x[i, p + 3]
                p0, p1, p2, p3 = np.int32(p), np.int32(p + 1), np.int32(p + 2), np.int32(p + 3)
                for u in range(units):
                    v0, v1, v2, v3 = a[u], b[u], c[u], d[u]
                    z = shift[u]
                    d0, d1, d2, d3 = v0 - z, v1 - z, v2 - z, v3 - z
                    first[u] += (d0 + d1) + (d2 + d3)
                    second[u] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
                    above[u] += ((one if v0 > 0 else none) + (one if v1 > 0 else none)) + (
                        (one if v2 > 0 else none) + (one if v3 > 0 else none)
                    )
                    m, w = best[u], where[u]
                    w, m = p0 if v0 > m else w, v0 if v0 > m else m
                    w, m = p1 if v1 > m else w, v1 if v1 > m else m
                    w, m = p2 if v2 > m else w, v2 if v2 > m else m
                    w, m = p3 if v3 > m else w, v3 if v3 > m else m
                    best[u], where[u] = m, w
            for p in range(fours, stop):
                a, p0 = x[i, p], np.int32(p)
                for u in range(units):
                    v, m = a[u], best[u]
                    d0 = v - shift[u]
                    first[u] += d0
                    second[u] += d0 * d0
                    above[u] += one if v > 0 else none
                    where[u] = p0 if v > m else where[u]
                    best[u] = v if v > m else m
            for u in range(units):
                total[u] += first[u]
                squares[u] += second[u]
                positive[u] += above[u]


@_compiled
def insert(value, place, start, sign, kept_value, kept_index, kept_place):
    """Put the pictures of a batch (value and place (n, units), numbered from `start`) into sorted lists (units, k).

    sign: 1 for the largest values, -1 for the smallest; kept values carry it, and begin as minus infinity. Of equal
    values the earlier picture stays in front.
    """
    n, units = value.shape
    k = kept_value.shape[1]
    for u in range(units):
        for i in range(n):
            v = sign * value[i, u]
            if v > kept_value[u, k - 1]:
                j = k - 1
                while j > 0 and v > kept_value[u, j - 1]:
                    kept_value[u, j] = kept_value[u, j - 1]
                    kept_index[u, j] = kept_index[u, j - 1]
                    kept_place[u, j] = kept_place[u, j - 1]
                    j -= 1
                kept_value[u, j] = v
                kept_index[u, j] = start + i
                kept_place[u, j] = place[i, u]
