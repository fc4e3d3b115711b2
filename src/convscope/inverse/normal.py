"""The normal equations of a kernel, exact, without the matrix of windows that they come from.

Which kernel K turns x into y is a least squares problem with one row for each output cell and one column for
each tap. That matrix is never needed, only its products: Gram, moments, energy. Over a rectangle of windows

    gram[u, u'] = sum over p of x[p + u] * x[p + u']        moment[u] = sum over p of x[p + u] * y[p]

and each is a cross-correlation, which the FFT gives for all lags at once at N log N. A Gram entry depends on
more than its lag `u' - u` only by what its window leaves out at the edges: from one entry to its diagonal
neighbour one row of cells leaves and one enters (the covariance method of linear prediction, in two
dimensions). So the picture's correlation with itself comes from the FFT, and narrow strips along its edges make of
it all entries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from jaxtyping import Float64
from scipy import fft

MOST_GATHERED = 1_000_000
"""Numbers up to which windows are written out: small pictures, whose integer sums then stay exact."""


@dataclass(frozen=True, eq=False)
class Equations:
    """Sums over `count` windows, for `p` taps (c, r, s flattened) and `m` outputs; sums of sums are sums.

    gram (p, p)  moment (p, m)  energy (m,) sums of y*y  taps_sum (p,)  outputs_sum (m,)
    """

    gram: Float64[np.ndarray, "p p"]
    moment: Float64[np.ndarray, "p m"]
    energy: Float64[np.ndarray, " m"]
    taps_sum: Float64[np.ndarray, " p"]
    outputs_sum: Float64[np.ndarray, " m"]
    count: int

    def __add__(self, other: "Equations") -> "Equations":
        return self._joined(other, 1)

    def __sub__(self, other: "Equations") -> "Equations":
        return self._joined(other, -1)

    def _joined(self, other: "Equations", sign: int) -> "Equations":
        return Equations(
            self.gram + sign * other.gram, self.moment + sign * other.moment, self.energy + sign * other.energy,
            self.taps_sum + sign * other.taps_sum, self.outputs_sum + sign * other.outputs_sum,
            self.count + sign * other.count,
        )  # fmt: skip

    def of_taps(self, chosen: np.ndarray) -> "Equations":
        """The same for some of the taps only (indices): every smaller kernel's equations are inside a larger one's."""
        return Equations(
            self.gram[np.ix_(chosen, chosen)], self.moment[chosen], self.energy,
            self.taps_sum[chosen], self.outputs_sum, self.count,
        )  # fmt: skip

    @cached_property
    def centred(self) -> "Equations":
        """The same of values less their mean: what is left when a bias has taken what it can."""
        n = max(self.count, 1)
        taps, outputs = self.taps_sum, self.outputs_sum
        return Equations(
            self.gram - np.outer(taps, taps) / n, self.moment - np.outer(taps, outputs) / n,
            self.energy - outputs**2 / n, np.zeros_like(taps), np.zeros_like(outputs), self.count,
        )  # fmt: skip

    def moved(self, level: float) -> "Equations":
        """The equations of x + level and y + level, from those of x and y."""
        taps, outputs, n = self.taps_sum, self.outputs_sum, self.count
        return Equations(
            self.gram + level * np.add.outer(taps, taps) + n * level**2,
            self.moment + level * np.add.outer(taps, outputs) + n * level**2,
            self.energy + 2 * level * outputs + n * level**2,
            taps + n * level, outputs + n * level, n,
        )  # fmt: skip


def joined(parts: Iterable[Equations]) -> Equations:
    """The equations of all windows of some parts together."""
    return reduce(Equations.__add__, parts)


def equations(
    x: Float64[np.ndarray, "c padded_h padded_w"],
    y: Float64[np.ndarray, "m h w"],
    kernel: tuple[int, int],
    keep: np.ndarray | None = None,
) -> Equations:
    """The equations of all kernels of that size (r, s) between x and y, where y[:, i, j] belongs to x[:, i:i+r, j:j+s].

    keep  (h, w) of bool: the windows that count; all by default

    Exact but for rounding of the sums. Costs N log N, and for each window left out (or, if those are fewer,
    each one kept) the square of the number of taps.
    """
    taps = len(x) * kernel[0] * kernel[1]
    count = y[0].size if keep is None else int(np.count_nonzero(keep))
    if count * taps <= MOST_GATHERED or 2 * count <= y[0].size:
        return _gathered(x, y, kernel, np.ones(y.shape[1:], bool) if keep is None else keep)
    every = _by_fft(x, y, kernel)
    return every if keep is None or count == y[0].size else every - _gathered(x, y, kernel, ~keep)


def _gathered(x: np.ndarray, y: np.ndarray, kernel: tuple[int, int], keep: np.ndarray) -> Equations:
    """Window by window: some thousand at a time are written out as rows and multiplied."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))  # (c, h, w, r, s), a view
    rows, columns = np.nonzero(keep)
    taps = len(x) * kernel[0] * kernel[1]
    total = Equations(
        np.zeros((taps, taps)), np.zeros((taps, len(y))), np.zeros(len(y)), np.zeros(taps), np.zeros(len(y)), 0
    )
    step = max(MOST_GATHERED // taps, 1)
    for first in range(0, len(rows), step):
        i, j = rows[first : first + step], columns[first : first + step]
        seen = windows[:, i, j].transpose(1, 0, 2, 3).reshape(len(i), taps)
        made = y[:, i, j].T
        total += Equations(
            seen.T @ seen, seen.T @ made, (made**2).sum(0), seen.sum(0), made.sum(0), len(i)
        )  # fmt: skip
    return total


def _by_fft(x: np.ndarray, y: np.ndarray, kernel: tuple[int, int]) -> Equations:
    (c, padded_h, padded_w), (m, h, w), (r, s) = x.shape, y.shape, kernel
    taps = c * r * s
    # zeros beyond the edge, so that no lag wraps round
    sizes = [fft.next_fast_len(n + k - 1, real=True) for n, k in ((padded_h, r), (padded_w, s))]

    def spectrum(images: np.ndarray) -> np.ndarray:
        return np.asarray(fft.rfft2(images, sizes, workers=-1))

    def correlated(one: np.ndarray, other: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """sum over p of one[p] * other[p + lag] for those lags: (images of one, of the other, rows, columns)."""
        lines = np.asarray(fft.ifft(one.conj()[:, None] * other, axis=2, overwrite_x=True, workers=-1))
        return np.asarray(fft.irfft(lines[:, :, rows], sizes[1]))[..., columns]

    pixels = spectrum(x)
    lags = correlated(pixels, pixels, np.arange(1 - r, r), np.arange(1 - s, s))
    moment = correlated(spectrum(y), pixels, np.arange(r), np.arange(s))  # (m, c, r, s)
    return Equations(
        _gram(x, lags, h, w).reshape(taps, taps), np.ascontiguousarray(moment.reshape(m, taps).T),
        np.einsum("mhw,mhw->m", y, y), _window_sums(x, h, w, r, s).reshape(taps), y.sum((1, 2)), h * w,
    )  # fmt: skip


def _gram(x: np.ndarray, lags: np.ndarray, h: int, w: int) -> np.ndarray:
    """(c, r, s, c, r, s): the picture's correlation with itself (c, c, 2r - 1, 2s - 1), less what windows leave out.

    First rows of cells above and below a window, then columns left and right of it.
    """
    r, s = x.shape[1] - h + 1, x.shape[2] - w + 1
    outer = [_lagged(strip, s - 1).transpose(2, 4, 0, 1, 3) for strip in (x[:, : r - 1], x[:, h:])]
    inner = _windowed(lags.transpose(2, 3, 0, 1), *outer)  # r r lag c c
    sides = []
    for strip in (x[:, :, : s - 1], x[:, :, w:]):
        ends = strip[:, : r - 1], strip[:, h:]
        corners = [np.multiply.outer(end, end).transpose(1, 4, 0, 2, 3, 5) for end in ends]
        side = _windowed(_lagged(strip.transpose(0, 2, 1), r - 1), *corners)  # r r c s c s
        sides.append(side.transpose(3, 5, 2, 0, 4, 1))
    return _windowed(inner.transpose(2, 3, 0, 4, 1), *sides).transpose(2, 3, 0, 4, 5, 1)


def _lagged(lines: np.ndarray, most: int) -> np.ndarray:
    """sum over j of lines[c, a, j] * lines[c', b, j + lag], -most <= lag <= most: (lag, c, a, c', b)."""
    c, count, n = lines.shape
    flat = np.ascontiguousarray(lines.reshape(c * count, n))
    wide = np.pad(flat, ((0, 0), (most, most)))
    sums = [flat @ wide[:, k : k + n].T for k in range(2 * most + 1)]
    return np.reshape(sums, (2 * most + 1, c, count, c, count))


def _windowed(lags: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Sums of products of window u with window u', cell by cell, for all n windows along a line: (n, n, ...).

    lags   (2n - 1, ...)  the same sums over the whole line, by u' - u
    first  (n - 1, n - 1, ...)  products of the line's first n - 1 cells, each with each; `last` of its last ones

    Window u leaves out u cells at the start and n - 1 - u at the end: so many pairs of each lag are taken off.
    """
    n = len(first) + 1
    out = lags[np.arange(n) - np.arange(n)[:, None] + n - 1]
    before, behind = np.zeros(out.shape[1:]), np.zeros(out.shape[1:])
    for u in range(1, n):
        before[1:] = before[:-1] + first[u - 1]
        out[u] -= before
    for u in reversed(range(n - 1)):
        behind[:-1] = behind[1:] + last[u]
        out[u] -= behind
    return out


def _window_sums(x: np.ndarray, h: int, w: int, r: int, s: int) -> np.ndarray:
    """Sums of the cells that each tap sees: (c, r, s)."""
    rows = np.concatenate([x[:, :h].sum(1, keepdims=True), x[:, h:] - x[:, : r - 1]], 1).cumsum(1)
    return np.lib.stride_tricks.sliding_window_view(rows, w, axis=2).sum(-1)
