"""How two pictures lie on each other: moved, mirrored, cut out, scaled, by the filter between them, whatever it is.

The picture of a filter: dividing the spectra, `conj(F(before)) * F(after) / (|F(before)|^2 + noise)` (Wiener 1949),
gives the response of any filter at all shifts at once. Of pictures that belong together it is one compact spot, whose
place is the shift; of others it is spread over everything.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage
from scipy.signal import windows

SIDE = 1024
"""Cells along a side of the middle part that is looked at: enough, and quick for pictures of any size."""

ORIENTATIONS = {
    "mirrored": lambda a: a[:, ::-1],
    "flipped": lambda a: a[::-1],
    "half a turn": lambda a: a[::-1, ::-1],
    "turned left": lambda a: a.T[:, ::-1],
    "turned right": lambda a: a.T[::-1],
    "transposed": lambda a: a.T,
}
"""What was done to `after`, as `reasons` names it, and what undoes it."""


@dataclass(frozen=True)
class Spot:
    """`after[i, j]` is made of what lies about `before[i + row, j + column]`; `share` of the response is there."""

    row: int
    column: int
    share: float


def spot(before: np.ndarray, after: np.ndarray, size: tuple[int, int] = (7, 7)) -> Spot:
    """Where the filter's response lies, of two pictures (h, w) of any sizes; the middle of the `size` cells with most.

    Where there is no response, the share is near 0.
    """
    x, y = (_tapered(picture) for picture in (before, after))
    sizes = [int(fft.next_fast_len(a + b, real=True) or a + b) for a, b in zip(x.shape, y.shape)]
    x_spectrum, y_spectrum = np.fft.rfft2(x, sizes), np.fft.rfft2(y, sizes)
    power = np.abs(x_spectrum) ** 2
    response = np.fft.irfft2(x_spectrum * y_spectrum.conj() / (power + 1e-3 * power.mean() + 1e-30), sizes)
    # of an even number of cells the first of the two in the middle, as Taps.around has it
    energy = response**2
    for axis, n in enumerate(size):
        energy = n * ndimage.uniform_filter1d(energy, n, axis, mode="wrap", origin=-((n + 1) % 2))
    row, column = (int(k) for k in np.unravel_index(energy.argmax(), energy.shape))
    share = float(energy[row, column] / max((response**2).sum(), 1e-300))
    row, column = (k - n if k > n - made else k for k, n, made in zip((row, column), sizes, y.shape))
    return Spot(row, column, share)


def orientation(before: np.ndarray, after: np.ndarray) -> str | None:
    """How `after` was mirrored or turned, by its name in ORIENTATIONS, where that fits far better than as it lies."""
    before, after = (middle(picture) for picture in (before, after))
    if before.shape != after.shape:
        return None
    upright = spot(before, after).share
    shares = {
        name: spot(before, undo(after)).share
        for name, undo in ORIENTATIONS.items()
        if undo(after).shape == before.shape
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > max(0.05, 2 * upright) else None


def middle(picture: np.ndarray) -> np.ndarray:
    """The middle part, at most SIDE x SIDE."""
    top, left = (max(n - SIDE, 0) // 2 for n in picture.shape)
    return picture[top : top + SIDE, left : left + SIDE]


def sizes_that_fit(before: np.ndarray, after: np.ndarray, stride: tuple[int, int]) -> str:
    """Of two pictures (c, h, w) whose sizes do not go together, what explains them, and what to do."""
    x, y = before.astype(np.float64).mean(0), after.astype(np.float64).mean(0)
    (h, w), (p, q) = x.shape, y.shape
    if (h, w) == (p, q):
        rows, columns = (-(-n // step) for n, step in zip((h, w), stride))
        return f"with stride={stride} after would have {rows} x {columns} cells; use stride=1"
    if (h, w) == (q, p):
        return "one lies on its side; turn it, as in np.rot90(after)"
    if p <= h and q <= w:
        at = spot(x, y, (3, 3))
        if at.share > 0.02 and 0 <= at.row <= h - p and 0 <= at.column <= w - q:
            row, column = _best_cut(x, y, at)
            rows, columns = f"{row}:{row + p}", f"{column}:{column + q}"
            return f"after was cut out of it; give before[..., {rows}, {columns}]"
    if abs(p / h - q / w) < 0.02 * p / h + 1 / h and _alike(x, y) > 0.8:
        step = round(h / p)
        hint = f"if the window moves {step} cells at a time, say stride={step}; otherwise " if step > 1 else ""
        return f"it was scaled by {p / h:.3g}; {hint}give both at one size"
    return (
        f"neither a cut nor a scaling fits (stride={stride}); give pictures of one size, or after smaller by the "
        f"kernel's size less one"
    )


def _best_cut(x: np.ndarray, y: np.ndarray, near: Spot) -> tuple[int, int]:
    """First cell of the cut of x that goes best with y, at most one cell from where the filter's response lies."""
    (h, w), (p, q) = x.shape, y.shape
    cuts = {
        (i, j): abs(np.corrcoef(x[i : i + p, j : j + q].ravel(), y.ravel())[0, 1])
        for i in range(max(near.row - 1, 0), min(near.row + 2, h - p + 1))
        for j in range(max(near.column - 1, 0), min(near.column + 2, w - q + 1))
    }
    return max(cuts, key=lambda cut: cuts[cut])


def _alike(x: np.ndarray, y: np.ndarray) -> float:
    """Correlation of two pictures, the larger one brought to the size of the smaller."""
    if x.size < y.size:
        x, y = y, x
    for axis, (a, b) in enumerate(zip(x.shape, y.shape)):
        x = ndimage.uniform_filter1d(x, max(round(a / b), 1), axis)
    rows, columns = (np.arange(b) * a // b for a, b in zip(x.shape, y.shape))
    return float(abs(np.corrcoef(x[np.ix_(rows, columns)].ravel(), y.ravel())[0, 1]))


def _tapered(picture: np.ndarray) -> np.ndarray:
    """Faded towards its edges, so that they are not taken for detail."""
    fade = [windows.tukey(n, 0.25) for n in picture.shape]
    return (picture - picture.mean()) * np.outer(*fade)
