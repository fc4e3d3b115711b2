"""From normal equations to a kernel: which taps, how sure, and which of them no picture like this could tell.

Least squares in the eigenbasis of the Gram matrix: along a direction of taps that the windows never vary in
(eigenvalue zero) every kernel gives the same picture. Such directions are reported, not guessed.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy import linalg, optimize, stats

from convscope.errors import InputError
from convscope.inverse.normal import Equations, joined

BLIND = 1e-11
"""An eigenvalue below this share of the largest is zero but for rounding: of sums, and of the values themselves."""

CONSTRAINTS = ("nonnegative", "sums to one", "symmetric")


@dataclass(frozen=True, eq=False)
class Model:
    """What is known of a kernel beforehand. Taps are `start + basis @ free`, the free numbers unknown.

    basis (p, q) with orthonormal columns   start (p,)
    ridge         as a share of the mean eigenvalue: minimises |Xk - y|^2 + ridge * (trace(X'X)/q) * |free|^2
    nonnegative   no tap is below zero
    orbits (p, o) taps that are equal by symmetry, as orthonormal columns; None where each is on its own
    bias          a number is added to every output
    """

    basis: Float64[np.ndarray, "p q"]
    start: Float64[np.ndarray, " p"]
    bias: bool = False
    ridge: float = 0.0
    nonnegative: bool = False
    orbits: Float64[np.ndarray, "p o"] | None = None

    @cached_property
    def is_free(self) -> bool:
        """Whether each tap is an unknown of its own, so that no change of basis need be computed."""
        return self.basis.shape[0] == self.basis.shape[1] and bool((np.diag(self.basis) == 1).all())


def model(
    size: tuple[int, int, int], constraints: tuple[str, ...] = (), bias: bool = False, ridge: float = 0.0
) -> Model:
    """The model of kernels (c, r, s) under `constraints`, each one of `CONSTRAINTS`.

    "sums to one"  all taps of an output together    "symmetric"  the same after half a turn, K[-u] = K[u]
    """
    p = int(np.prod(size))
    basis, start, orbits = np.eye(p), np.zeros(p), None
    for name in constraints:
        if name not in CONSTRAINTS:
            raise InputError(f"constraints={constraints!r}: {name!r} is none of {', '.join(map(repr, CONSTRAINTS))}")
    if "symmetric" in constraints:
        turned = np.arange(p).reshape(size)[:, ::-1, ::-1].ravel()
        pairs = np.eye(p) + np.eye(p)[turned]
        basis = np.unique(pairs, axis=0).T
        basis = orbits = basis / np.linalg.norm(basis, axis=0)
    if "sums to one" in constraints:
        start = np.full(p, 1 / p)  # itself symmetric; what is free besides sums to zero
        basis = basis @ linalg.null_space(basis.sum(0)[None])
    return Model(basis, start, bias, ridge, "nonnegative" in constraints, orbits)


@dataclass(frozen=True, eq=False)
class Fit:
    """A kernel as flat taps (p, m), and what the equations say of it.

    bias (m,)           0 where none was asked for
    unit_covariance     (p, p): times the variance of the noise it is the covariance of an output's taps
    bias_spread         likewise the variance of a bias, for unit noise
    null (k, p)         orthonormal directions in which the taps cannot be known
    spectrum (q,)       eigenvalues, per window, falling
    free                numbers estimated per output
    """

    taps: Float64[np.ndarray, "p m"]
    bias: Float64[np.ndarray, " m"]
    unit_covariance: Float64[np.ndarray, "p p"]
    bias_spread: float
    null: Float64[np.ndarray, "k p"]
    spectrum: Float64[np.ndarray, " q"]
    free: int

    @property
    def condition(self) -> float:
        """Largest over least eigenvalue: noise in `after` is enlarged by up to its root."""
        least = self.spectrum[-1] if len(self.spectrum) else 1.0
        return float(self.spectrum[0] / least) if least > self.spectrum[0] * BLIND else np.inf

    def squares(self, e: Equations) -> Float64[np.ndarray, " m"]:
        """Sum of squared errors over the windows of `e`, for each output; at least 0, whatever rounding says."""
        k, b = self.taps, self.bias
        sums = e.energy - 2 * np.einsum("pm,pm->m", k, e.moment) + np.einsum("pm,pm->m", k, e.gram @ k)
        sums += b * (e.count * b - 2 * e.outputs_sum + 2 * (e.taps_sum @ k))
        return np.maximum(sums, 0)


def solve(e: Equations, model: Model) -> Fit:
    """The kernel that minimises the sum of squares of `e` under `model`; of several, the shortest."""
    inner = e.centred if model.bias else e
    fit = _solve_free(inner, model)
    if model.nonnegative and fit.taps.min() < 0:
        fit = _solve_nonnegative(inner, model)
    if not model.bias:
        return fit
    n = max(e.count, 1)
    spread = 1 / n + float(e.taps_sum @ fit.unit_covariance @ e.taps_sum) / n**2
    return _with(fit, bias=(e.outputs_sum - e.taps_sum @ fit.taps) / n, bias_spread=spread)


def quick(e: Equations, model: Model) -> Fit:
    """The same taps and bias, without what is known of them: by Cholesky's factors where nothing is near singular.

    For the many fits of cross-validation, whose kernels are only tried.
    """
    inner, z = (e.centred if model.bias else e), model.basis
    gram = inner.gram.copy() if model.is_free else z.T @ inner.gram @ z
    gram[np.diag_indices_from(gram)] += model.ridge * np.trace(gram) / max(len(gram), 1)
    if model.nonnegative or not len(gram):
        return solve(e, model)
    try:
        factor = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return solve(e, model)
    pivots = np.diag(factor)
    if pivots.min() < 1e-5 * pivots.max():  # its square is still above BLIND
        return solve(e, model)
    if model.is_free:
        taps = linalg.cho_solve((factor, True), inner.moment)
    else:
        rest = z.T @ (inner.moment - (inner.gram @ model.start)[:, None])
        taps = model.start[:, None] + z @ linalg.cho_solve((factor, True), rest)
    bias = (e.outputs_sum - e.taps_sum @ taps) / max(e.count, 1) if model.bias else np.zeros(taps.shape[1])
    nothing = np.empty((0, len(taps)))
    return Fit(taps, bias, np.empty((0, 0)), 0.0, nothing, np.empty(0), len(gram))


def _with(fit: Fit, **changed: Any) -> Fit:
    return Fit(**(vars(fit) | changed))


def _solve_free(e: Equations, model: Model) -> Fit:
    z, start = model.basis, model.start
    rest = z.T @ (e.moment - (e.gram @ start)[:, None])
    # NumPy's: SciPy brings threads of its own, and on a busy machine the two fight for the cores
    values, vectors = np.linalg.eigh(z.T @ e.gram @ z)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    seen = values > BLIND * max(values[0], np.finfo(float).tiny) if len(values) else values > 0
    damped = values + model.ridge * (values.mean() if len(values) else 0)
    inverse = np.zeros_like(values)
    known = seen if not model.ridge else damped > 0
    inverse[known] = 1 / damped[known]
    back = z @ vectors
    return Fit(
        taps=start[:, None] + back @ (inverse[:, None] * (vectors.T @ rest)),
        bias=np.zeros(e.moment.shape[1]),
        # of the ridge estimate: (A + r)^-1 A (A + r)^-1
        unit_covariance=(back * (inverse**2 * values)) @ back.T,
        bias_spread=0.0,
        null=back[:, ~seen].T,
        spectrum=values / max(e.count, 1),
        free=int(seen.sum()),
    )


def _solve_nonnegative(e: Equations, model: Model) -> Fit:
    """Taps below zero are held at zero, as few as optimality asks (Lawson and Hanson 1974, chapter 23).

    Equal sums are weighed in as one heavy equation, which finds who is held; those are then solved for exactly.
    """
    held_sum = bool(model.start.any())
    z = np.eye(len(model.start)) if model.orbits is None else model.orbits
    values, vectors = np.linalg.eigh(z.T @ e.gram @ z)
    root = np.sqrt(np.maximum(values, BLIND * values[-1]))
    rows = root[:, None] * vectors.T
    fits = []
    for m in range(e.moment.shape[1]):
        goal = (vectors.T @ (z.T @ e.moment[:, m])) / root
        heavy = 1e4 * root[-1]
        a = np.vstack([rows, heavy * z.sum(0)]) if held_sum else rows
        free = optimize.nnls(a, np.append(goal, heavy) if held_sum else goal)[0] > 1e-9
        basis = z[:, free]
        start = np.zeros(len(z))
        if held_sum:
            start = basis.sum(1) / basis.sum() if free.any() else model.start
            basis = basis @ linalg.null_space(basis.sum(0)[None])
        one = Equations(e.gram, e.moment[:, [m]], e.energy[[m]], e.taps_sum, e.outputs_sum[[m]], e.count)
        fits.append(_solve_free(one, Model(basis, start, ridge=model.ridge)))
    first = fits[0]
    return _with(first, taps=np.hstack([fit.taps for fit in fits]), bias=np.zeros(len(fits)))


@dataclass(frozen=True, eq=False)
class Spread:
    """Standard errors of taps (p, m) and biases (m,), and the factor that makes of them a 95 % interval's half."""

    taps: Float64[np.ndarray, "p m"]
    bias: Float64[np.ndarray, " m"]
    reach: float = field(default=1.96)


def spread(tiles: list[Equations], model: Model, fit: Fit, squares: np.ndarray) -> Spread:
    """How far the taps may be from the true ones, by the noise that was left over.

    Noise that is alike everywhere and independent from cell to cell: the textbook's `variance * inverse(gram)`.
    Whether it is, the tiles tell: each left out in turn, the kernel moves by as much as the noise between tiles makes
    it (jackknife; Efron 1982). Where that is more than the textbook allows for, the larger one is taken.
    """
    total = joined(tiles)
    blind = (fit.null**2).sum(0) > 1e-9
    # what rounding in the sums themselves may hide
    variance = np.maximum(squares, 1e-15 * total.energy) / max(total.count - fit.free, 1)
    textbook = np.outer(np.diag(fit.unit_covariance), variance)
    offset = fit.bias_spread * variance
    reach = float(stats.t.ppf(0.975, max(total.count - fit.free, 1)))
    full = [tile for tile in tiles if tile.count]
    if len(full) >= 8 and total.count > 20 * max(fit.free, 1):
        without = [quick(total - tile, model) for tile in full]
        share = (len(full) - 1) / len(full)
        moved = share * np.stack([(other.taps - fit.taps) ** 2 for other in without]).sum(0)
        moved_offset = share * np.stack([(other.bias - fit.bias) ** 2 for other in without]).sum(0)
        usual = textbook.sum() + offset.sum()
        if usual > 0 and moved.sum() + moved_offset.sum() > 2 * usual:
            reach = float(stats.t.ppf(0.975, len(full) - 1))
            textbook, offset = np.maximum(textbook, moved), np.maximum(offset, moved_offset)
    errors = np.sqrt(np.maximum(textbook, 0))
    errors[blind] = np.inf
    return Spread(errors, np.sqrt(np.maximum(offset, 0)), reach)
