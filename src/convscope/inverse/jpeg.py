"""A kernel from a picture that was stored as JPEG, whose fine detail is known by bounds only.

JPEG rounds every coefficient of an 8 x 8 block's cosine transform to a multiple of its quantum (ITU-T T.81, A.3). Most
fine ones become 0, so that least squares finds a blurrier kernel than the true one, surely and by far more than its
standard error. But a rounded coefficient says between which bounds the true one lay, and the coefficients of what a
kernel makes are linear in its taps: this is regression on grouped data (Stewart 1983). With the bounds a..b and the
noise `sigma` of rounding to whole levels before, the taps maximise

    sum over coefficients of log(Phi((b - phi @ k)/sigma) - Phi((a - phi @ k)/sigma))

which is concave; Newton's steps find its one top, and its curvature there gives the standard errors.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import fft, linalg, special

SIGMA = 0.4
"""Of a coefficient before it is rounded: whole grey levels have 1/sqrt(12), whole colours and their luma some more."""

EARLY = 1 / 16
"""Encoders of the Independent JPEG Group's kind hold eight times the coefficient as a whole number when they divide it
by the quantum: what is so much short of half a quantum is rounded away from zero already."""

MOST_NUMBERS = 24_000_000
"""Coefficients times taps that are looked at; of a larger picture, blocks evenly spread over it."""

STEPS = 60


@dataclass(frozen=True, eq=False)
class Bounded:
    """Taps (p,) and bias with standard errors; `outside`: how far beyond its bounds a coefficient is, in sigmas."""

    taps: Float64[np.ndarray, " p"]
    bias: float
    stderr: Float64[np.ndarray, " p"]
    bias_stderr: float
    outside: float


def refine(
    before: Float64[np.ndarray, "h w"],
    after: Float64[np.ndarray, "p q"],
    table: np.ndarray,
    first: tuple[int, int],
    start: Float64[np.ndarray, "r s"],
    bias: float | None,
    sound: np.ndarray,
) -> Bounded | None:
    """The taps that best agree with every coefficient's bounds, from those of least squares; None without blocks.

    after  what a decoder made of the file, levels 0 to 255, blocks counted from its first cell
    table  (8, 8) quanta, row by row     first  cell of `before` under the first tap for the first cell of `after`
    bias   None for a model without one  sound  (p, q) of bool: blocks with any other cell are left out
    """
    blocks = _blocks(before.shape, after.shape, first, start.shape, sound, start.size)
    if len(blocks) * 64 < 4 * start.size:
        return None
    rows, bounds = _rows(before, blocks, first, start.shape), _bounds(after, table, blocks)
    if bias is not None:
        rows = np.hstack([rows, np.tile(_cosines(np.ones((1, 8, 8))).ravel(), len(blocks))[:, None]])
    unknown = np.append(start.ravel(), bias) if bias is not None else start.ravel().copy()
    value = _log_likelihood(rows @ unknown, bounds)[0].sum()
    for _ in range(STEPS):
        _, slope, curvature = _log_likelihood(rows @ unknown, bounds)
        hessian = (rows * curvature[:, None]).T @ rows
        step = linalg.solve(hessian + 1e-9 * np.trace(hessian) / len(hessian) * np.eye(len(hessian)), rows.T @ slope)
        size = 1.0
        while size > 1e-3 and (new := _log_likelihood(rows @ (unknown + size * step), bounds)[0].sum()) < value:
            size /= 2
        if size <= 1e-3:
            break
        done, value = new - value < 1e-7 * abs(value), new
        unknown = unknown + size * step
        if done:
            break
    return _judged(rows, bounds, unknown, start.size)


def _judged(rows: np.ndarray, bounds: np.ndarray, unknown: np.ndarray, taps: int) -> Bounded:
    """With standard errors that hold if the noise is not quite as said, or alike within a block (White 1980)."""
    _, slope, curvature = _log_likelihood(rows @ unknown, bounds)
    inverse = linalg.pinvh((rows * curvature[:, None]).T @ rows)
    scores = (rows * slope[:, None]).reshape(-1, 64, rows.shape[1]).sum(1)
    variance = np.diag(inverse @ (scores.T @ scores) @ inverse)
    errors = np.sqrt(np.maximum(variance, np.diag(inverse)))
    beyond = np.maximum(bounds[:, 0] - rows @ unknown, rows @ unknown - bounds[:, 1])
    outside = float(np.sqrt(np.mean(np.maximum(beyond / SIGMA, 0) ** 2)))
    has_bias = len(unknown) > taps
    return Bounded(
        unknown[:taps], float(unknown[-1]) if has_bias else 0.0, errors[:taps],
        float(errors[-1]) if has_bias else 0.0, outside,
    )  # fmt: skip


def _log_likelihood(made: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each coefficient, with its first derivative in `made` and minus its second."""
    low, high = (bounds - made[:, None]).T / SIGMA
    turn = low > 0  # by symmetry on the side where the normal distribution's tail keeps its digits
    low, high = np.where(turn, -high, low), np.where(turn, -low, high)
    upper, lower = special.log_ndtr(high), special.log_ndtr(low)
    total = upper + np.log1p(-np.exp(np.minimum(lower - upper, -1e-12)))
    at_low, at_high = (np.exp(-(z**2) / 2 - 0.5 * np.log(2 * np.pi) - total) for z in (low, high))
    slope = np.where(turn, -1, 1) * (at_low - at_high) / SIGMA
    bend = (np.where(np.abs(low) < 1e9, low, 0) * at_low - high * at_high) / SIGMA**2
    return total, slope, np.maximum(slope**2 - bend, 1e-12)


def _blocks(
    before: tuple[int, ...], after: tuple[int, ...], first: tuple[int, int], kernel: tuple[int, ...],
    sound: np.ndarray, taps: int,
) -> np.ndarray:  # fmt: skip
    """(n, 2): first cells of whole blocks of `after` whose windows lie inside `before`, without any unsound cell."""
    axes = []
    for have, made, at, count in zip(before, after, first, kernel):
        starts = np.arange(0, made - 7, 8)
        axes.append(starts[(starts + at >= 0) & (starts + 7 + at + count <= have)])
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    p, q = (n // 8 * 8 for n in after)
    whole = np.asarray(sound[:p, :q].reshape(p // 8, 8, q // 8, 8).all((1, 3)))
    corners = corners[whole[corners[:, 0] // 8, corners[:, 1] // 8]] if len(corners) else corners
    most = max(MOST_NUMBERS // (64 * (taps + 1)), 1)
    # evenly spread, by a step that no picture's width is likely to share
    return corners[np.linspace(0, len(corners) - 1, most).astype(int)] if len(corners) > most else corners


def _cosines(blocks: np.ndarray) -> np.ndarray:
    return np.asarray(fft.dctn(blocks, axes=(-2, -1), norm="ortho"))


def _rows(before: np.ndarray, blocks: np.ndarray, first: tuple[int, int], kernel: tuple[int, ...]) -> np.ndarray:
    """(n*64, r*s): the coefficients that each tap alone makes of each block."""
    r, s = kernel
    rows = np.empty((len(blocks), 64, r * s))
    i = blocks[:, 0, None] + np.arange(8) + first[0]
    j = blocks[:, 1, None] + np.arange(8) + first[1]
    for u in range(r):
        for v in range(s):
            seen = before[(i + u)[:, :, None], (j + v)[:, None, :]]
            rows[:, :, u * s + v] = _cosines(seen).reshape(-1, 64)
    return rows.reshape(-1, r * s)


def _bounds(after: np.ndarray, table: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """(n*64, 2): between which values each coefficient lay before it was rounded."""
    i, j = blocks[:, 0, None] + np.arange(8), blocks[:, 1, None] + np.arange(8)
    level = _cosines(np.full((8, 8), 128.0))
    stored = _cosines(after[i[:, :, None], j[:, None, :]]) - level
    quanta = np.broadcast_to(np.asarray(table, float).reshape(8, 8), stored.shape)
    multiple = np.round(stored / quanta)
    # of coarse quanta the multiple is known for sure; of fine ones decoding to whole levels blurs which it was
    centre = np.where(quanta >= 3, quanta * multiple, stored) + level
    low = centre - quanta / 2 + np.where(multiple > 0, -EARLY, EARLY)
    high = centre + quanta / 2 + np.where(multiple < 0, EARLY, -EARLY)
    return np.stack([low, high], -1).reshape(-1, 2)
