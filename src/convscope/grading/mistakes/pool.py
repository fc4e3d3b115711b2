"""Known mistakes in max and average pooling and their gradients."""

from functools import partial

import numpy as np

from convscope.grading.cases import Case, right
from convscope.grading.mistakes.slip import ONE_IMAGE, WINDOW, Change, Slip, misplaced, pad_of


def _pool_spread(case: Case, part: str, *, kind: str, last: bool = False) -> np.ndarray:
    """Gradient of a pooling, window by window.

    kind  "max": to the largest, "ties": to all of the largest, "split": shared among them, "late": to the last
          of them, "mean": to all cells, a share each, "sum": to all cells, whole
    last  assign instead of add
    """
    p, (r, s) = pad_of(case), case.kernel
    fill = 0.0 if kind in ("mean", "sum", "zeros") else -np.inf
    x = np.pad(case.x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=fill)
    out = np.zeros_like(x)
    for place in np.ndindex(case.upstream.shape):
        n, c, i, j = place
        rows, columns = (slice(k * case.stride, k * case.stride + size) for k, size in ((i, r), (j, s)))
        window, dy = x[n, c, rows, columns], case.upstream[place]
        largest = window == window.max()
        if kind in ("max", "zeros", "late"):
            where = np.flatnonzero(largest)[-1 if kind == "late" else 0]
            share = dy * (np.arange(window.size) == where).reshape(window.shape)
        elif kind in ("ties", "split"):
            share = dy * largest / (largest.sum() if kind == "split" else 1)
        else:
            share = np.full(window.shape, dy / (window.size if kind == "mean" else 1))
        old = out[n, c, rows, columns]
        if last:
            out[n, c, rows, columns] = np.where(share != 0, share, old) if kind == "max" else share
        else:
            out[n, c, rows, columns] += share
    return out[:, :, p : p + case.x.shape[2], p : p + case.x.shape[3]]


def _pool_slip(name: str, **how: object) -> Slip:
    return Slip(name, compute=lambda case, part: _pool_spread(case, part, **how))  # pyright: ignore


def _zero_padded(case: Case) -> Case:
    p = pad_of(case)
    return case.but(x=np.pad(case.x, ((0, 0), (0, 0), (p, p), (p, p))), padding=0)


def _as(op: str, **changes: object) -> Change:
    return lambda case: case.but(op=op, **changes)


def _real_cells(case: Case) -> np.ndarray:
    """How many cells of each window are of the picture, not of the padding, as a share of all."""
    return right(case.but(x=np.ones_like(case.x)), "forward")


def _only_real(case: Case, part: str) -> np.ndarray:
    """The mean of the cells that are there, without the padding (count_include_pad=False)."""
    counted = _real_cells(case)
    if part == "forward":
        return right(case, part) / counted
    return right(case.but(dy=case.upstream / counted), part)


def _negated(case: Case, part: str) -> np.ndarray:
    return -right(case.but(x=-case.x), part)


MAX_FORWARD = (
    Slip("padded_with_zeros", change=_zero_padded),
    Slip("maximum_from_zero", compute=lambda case, part: np.maximum(right(case, part), 0)),
    *WINDOW,
    Slip("mean_for_max", change=_as("avg_pool2d")),
    Slip("min_for_max", compute=_negated),
)
MAX_DX = (
    *misplaced(partial(_pool_spread, kind="max")),
    _pool_slip("padded_with_zeros", kind="zeros"),
    _pool_slip("ties_all", kind="ties"),
    _pool_slip("overwritten", kind="max", last=True),
    Slip("overwritten", compute=partial(_pool_spread, kind="ties", last=True)),
    _pool_slip("mean_for_max", kind="mean"),
    _pool_slip("window_whole", kind="sum"),
    Slip("mask_without_gradient", change=lambda case: case.but(dy=np.ones_like(case.upstream))),
    *ONE_IMAGE,
    Slip("gradient_missing", after=lambda case, y: 0 * y),
)
AVG_FORWARD = (
    Slip("padding_not_counted", compute=_only_real),
    *WINDOW,
    Slip("max_for_mean", change=_as("max_pool2d")),
    Slip("max_for_mean", change=lambda case: _zero_padded(case.but(op="max_pool2d"))),
    Slip("not_divided", after=lambda case, y: y * np.prod(case.kernel)),
    Slip("divided_by_one_side", after=lambda case, y: y * case.kernel[1]),
)
AVG_DX = (
    *misplaced(partial(_pool_spread, kind="mean")),
    Slip("padding_not_counted", compute=_only_real),
    _pool_slip("overwritten", kind="mean", last=True),
    _pool_slip("not_divided", kind="sum"),
    _pool_slip("max_for_mean", kind="max"),
    Slip("divided_by_one_side", after=lambda case, y: y * case.kernel[1]),
    *ONE_IMAGE,
    Slip("gradient_missing", after=lambda case, y: 0 * y),
)
CHOICES = tuple(_pool_slip("ties_otherwise", kind=kind) for kind in ("late", "split"))
"""Other right answers: of equal cells any may win, or all share. Said, not held against anybody."""
