"""Signals and kernels to start with, and the greys that cells are painted with."""

import numpy as np

LEVELS = [round(level * 255 / 9) for level in range(10)]
"""The grey values of the levels 0 to 9."""

LINES: dict[str, list[list[float]]] = {
    "identity": [[0, 1, 0]],
    "difference": [[-1, 0, 1]],
    "second-difference": [[1, -2, 1]],
    "blur": [[1 / 3] * 3],
    "gaussian": [[0.25, 0.5, 0.25]],
    "sharpen": [[-1, 3, -1]],
    "shift": [[1, 0, 0]],
}
"""Kernels for signals, as cross-correlation lays them on."""


def _signal(*levels: int) -> np.ndarray:
    return np.array([[LEVELS[level] for level in levels]], np.uint8)


SIGNALS = {
    "step": _signal(0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9),
    "plateau": _signal(1, 1, 1, 4, 8, 8, 8, 8, 3, 1, 1, 1),
    "spike": _signal(0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0),
    "ramp": _signal(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9),
    "wave": _signal(4, 7, 9, 9, 7, 4, 2, 0, 0, 2, 4, 7, 9, 9, 7, 4),
    "noise": _signal(1, 0, 2, 1, 0, 1, 8, 9, 7, 9, 8, 9, 2, 0, 1, 0),
}
"""Signals as pictures of one row."""
