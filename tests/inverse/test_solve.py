"""Least squares with constraints, rank and standard errors, beside scipy's solvers and by simulation."""

import numpy as np
import pytest
from scipy import optimize

from convscope.errors import InputError
from convscope.inverse import normal, solve


def problem(seed, noise=0.5, size=(3, 3), shape=(14, 17)):
    """Pictures, the equations between them, and the matrix of windows."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, shape[0], shape[1]))
    windows = np.lib.stride_tricks.sliding_window_view(x[0], size)
    rows = windows.reshape(-1, size[0] * size[1])
    y = rows @ rng.standard_normal(rows.shape[1]) + noise * rng.standard_normal(len(rows))
    return normal.equations(x, y.reshape(1, *windows.shape[:2]), size), rows, y


def test_plain_is_least_squares():
    e, rows, y = problem(0)
    fit = solve.solve(e, solve.model((1, 3, 3)))
    truth, squares = np.linalg.lstsq(rows, y)[:2]
    np.testing.assert_allclose(fit.taps[:, 0], truth, atol=1e-10)
    np.testing.assert_allclose(fit.squares(e), squares, rtol=1e-10)
    assert fit.free == 9
    assert fit.condition == pytest.approx(np.linalg.cond(rows) ** 2)


def test_with_a_bias():
    e, rows, y = problem(1)
    fit = solve.solve(e, solve.model((1, 3, 3), bias=True))
    truth = np.linalg.lstsq(np.column_stack([rows, np.ones(len(y))]), y)[0]
    np.testing.assert_allclose([*fit.taps[:, 0], *fit.bias], truth, atol=1e-10)
    covariance = np.linalg.inv(np.column_stack([rows, np.ones(len(y))]).T @ np.column_stack([rows, np.ones(len(y))]))
    np.testing.assert_allclose(fit.unit_covariance, covariance[:9, :9], atol=1e-12)
    assert fit.bias_spread == pytest.approx(covariance[9, 9])


def test_ridge():
    e, rows, y = problem(2)
    fit = solve.solve(e, solve.model((1, 3, 3), ridge=0.1))
    penalty = 0.1 * np.trace(rows.T @ rows) / 9
    np.testing.assert_allclose(
        fit.taps[:, 0], np.linalg.solve(rows.T @ rows + penalty * np.eye(9), rows.T @ y), atol=1e-10
    )


CONSTRAINTS = [
    ("symmetric",), ("sums to one",), ("nonnegative",), ("symmetric", "sums to one"), ("nonnegative", "sums to one"),
    ("nonnegative", "symmetric"), ("nonnegative", "symmetric", "sums to one"),
]  # fmt: skip


@pytest.mark.parametrize("constraints", CONSTRAINTS, ids=" and ".join)
@pytest.mark.parametrize("seed", range(4))
def test_constrained_optimum_beside_scipy(constraints, seed):
    e, rows, y = problem(seed, size=(2, 3))
    fit = solve.solve(e, solve.model((1, 2, 3), constraints))
    laws = []
    if "sums to one" in constraints:
        laws.append({"type": "eq", "fun": lambda k: k.sum() - 1})
    if "symmetric" in constraints:
        laws.append({"type": "eq", "fun": lambda k: k[:3] - k[:2:-1]})
    bounds = [(0, None)] * 6 if "nonnegative" in constraints else None
    judge = optimize.minimize(
        lambda k: np.mean((rows @ k - y) ** 2), np.full(6, 1 / 6), jac=lambda k: 2 * rows.T @ (rows @ k - y) / len(y),
        method="SLSQP", bounds=bounds, constraints=laws, options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    assert judge.success
    taps = fit.taps[:, 0]
    np.testing.assert_allclose(taps, judge.x, atol=1e-4)
    assert np.mean((rows @ taps - y) ** 2) <= judge.fun + 1e-9
    if "sums to one" in constraints:
        assert taps.sum() == pytest.approx(1)
    if "symmetric" in constraints:
        np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)
    if "nonnegative" in constraints:
        assert taps.min() >= -1e-12


def test_symmetry_is_each_channels_own():
    """Two channels: half a turn exchanges taps within a channel, not between the two."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 20, 23))
    truth = np.array([[[1.0, 0, 1], [2, 3, 2], [1, 0, 1]], [[0, 4, 0], [-5, 1, -5], [0, 4, 0]]])
    y = np.einsum("cijuv,cuv->ij", np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2)), truth)
    fit = solve.solve(normal.equations(x, y[None], (3, 3)), solve.model((2, 3, 3), ("symmetric", "nonnegative")))
    taps = fit.taps.reshape(2, 3, 3)
    np.testing.assert_allclose(taps, taps[:, ::-1, ::-1], atol=1e-12)
    assert taps.min() >= 0
    assert np.abs(taps[0] - taps[1]).max() > 1


@pytest.mark.parametrize("model", [
    solve.model((1, 3, 3)), solve.model((1, 3, 3), bias=True), solve.model((1, 3, 3), ("symmetric",), bias=True),
    solve.model((1, 3, 3), ("sums to one",), ridge=0.2),
])  # fmt: skip
def test_the_quick_way_gives_the_same(model):
    e, _, _ = problem(5)
    fit, quick = solve.solve(e, model), solve.quick(e, model)
    np.testing.assert_allclose(quick.taps, fit.taps, atol=1e-10)
    np.testing.assert_allclose(quick.bias, fit.bias, atol=1e-10)


def test_an_unknown_constraint():
    with pytest.raises(InputError, match=r"'positive' is none of 'nonnegative', 'sums to one', 'symmetric'"):
        solve.model((1, 3, 3), ("positive",))


def test_what_cannot_be_told():
    """All rows alike: only the sums of the kernel's columns are known, not how they fall to its rows."""
    rng = np.random.default_rng(0)
    x = np.tile(rng.integers(0, 256, 20).astype(float), (12, 1))[None]
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 2))
    kernel = rng.standard_normal((3, 2))
    y = np.einsum("ijuv,uv->ij", windows, kernel)[None]
    fit = solve.solve(normal.equations(x, y, (3, 2)), solve.model((1, 3, 2)))
    assert len(fit.null) == 4
    assert fit.condition == np.inf
    np.testing.assert_allclose(fit.null.reshape(-1, 3, 2).sum(1), 0, atol=1e-9)
    np.testing.assert_allclose(fit.taps.reshape(3, 2).sum(0), kernel.sum(0), atol=1e-9)
    np.testing.assert_allclose(fit.null @ fit.null.T, np.eye(4), atol=1e-9)


@pytest.mark.parametrize("where", ["alike", "growing"])
def test_intervals_cover_the_truth_as_often_as_they_say(where):
    """95 % intervals over 300 pictures, with noise that is alike everywhere or differs from place to place."""
    rng = np.random.default_rng(11)
    held = asked = 0
    for _ in range(300):
        x = rng.standard_normal((1, 46, 50)).cumsum(1)
        kernel = rng.standard_normal((3, 2))
        clean = np.einsum("ijuv,uv->ij", np.lib.stride_tricks.sliding_window_view(x[0], (3, 2)), kernel)
        strength = 1.0 if where == "alike" else np.linspace(0.1, 6, 44)[:, None]
        y = clean + strength * rng.standard_normal(clean.shape)
        tiles = [
            normal.equations(x[:, i : i + 13, j : j + 13], y[None, i : i + 11, j : j + 12], (3, 2))
            for i in range(0, 44, 11)
            for j in range(0, 48, 12)
        ]
        law, total = solve.model((1, 3, 2), bias=True), normal.joined(tiles)
        fit = solve.solve(total, law)
        errors = solve.spread(tiles, law, fit, fit.squares(total))
        held += np.count_nonzero(np.abs(fit.taps[:, 0] - kernel.ravel()) <= errors.reach * errors.taps[:, 0])
        asked += kernel.size
    assert 0.93 <= held / asked <= 0.97
