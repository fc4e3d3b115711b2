"""The verdict before training is what then happens: rates, losses, and what stays where the start had it."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from convscope.errors import InputError
from convscope.inverse.descend import descend
from convscope.inverse.experiments import experiment
from convscope.inverse.optimizers import Adam, adam_reach
from convscope.inverse.squares import squares
from convscope.inverse.stability import Verdict, verdict


def pair(dtype: type = np.float64):
    """A picture, and something that no kernel of 2 x 3 made of it."""
    rng = np.random.default_rng(7)
    return rng.standard_normal((6, 9)).astype(dtype), rng.standard_normal((5, 7)).astype(dtype)


def foreseen_losses(v: Verdict) -> tuple[float, ...]:
    assert v.losses is not None
    return v.losses


def largest(v: Verdict) -> float:
    assert v.largest_rate is not None
    return v.largest_rate


@pytest.mark.parametrize("bias", [False, True])
def test_the_hessian_is_twice_the_windows_squared(bias):
    x, y = pair()
    windows = sliding_window_view(x, (2, 3)).reshape(35, 6)
    if bias:
        windows = np.column_stack([windows, np.ones(35)])
    np.testing.assert_allclose(squares(x, y, (2, 3), bias).hessian(), 2 * windows.T @ windows, rtol=1e-12, atol=1e-12)


def test_the_classroom_rates():
    small, large = experiment("4x6"), experiment("6x8")
    without = verdict(large.x, large.y)
    np.testing.assert_allclose(without.curvatures, [60, 12])
    assert largest(without) == pytest.approx(1 / 30)
    assert without.stable
    with_bias = verdict(large.x, large.y, bias=True)
    assert round(largest(with_bias), 4) == 0.0161
    assert not with_bias.stable
    np.testing.assert_allclose(verdict(small.x, small.y).curvatures, [40, 8])
    assert largest(verdict(small.x, small.y)) == pytest.approx(0.05)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rate", [1e-3, 0.012, 0.08])
@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_the_predicted_losses_are_those_that_come(optimizer, rate, bias):
    x, y = pair()
    asked = {"learning_rate": rate, "steps": 25, "bias": bias, "seed": 3, "optimizer": optimizer, "momentum": 0.8}
    v = verdict(x, y, (2, 3), **asked)
    np.testing.assert_allclose(foreseen_losses(v), descend(x, y, (2, 3), **asked).losses, rtol=1e-9)
    assert v.stable == (rate < 0.08)
    assert min(foreseen_losses(v)) > v.floor > 1  # what no kernel explains


def test_the_predicted_losses_hold_in_float32():
    trial = experiment("6x8")
    losses = descend(trial.x, trial.y, optimizer="momentum", learning_rate=0.02).losses
    foreseen = foreseen_losses(verdict(trial.x, trial.y, optimizer="momentum", learning_rate=0.02))
    np.testing.assert_allclose(foreseen, losses, rtol=1e-4)


def test_the_losses_of_plain_descent_in_closed_form():
    x, y = pair()
    v = verdict(x, y, (2, 3), learning_rate=0.01, steps=4)
    best = np.linalg.lstsq(sliding_window_view(x, (2, 3)).reshape(35, 6), y.ravel())[0]
    errors = v.directions @ (descend(x, y, (2, 3), steps=0).kernel.ravel() - best)
    for k, loss in enumerate(foreseen_losses(v)):
        shrunk = (1 - 0.01 * v.curvatures) ** k * errors
        assert loss == pytest.approx(v.floor + np.sum(v.curvatures * shrunk**2) / 2, rel=1e-10)
    assert v.distance == pytest.approx(np.abs(descend(x, y, (2, 3), steps=0).kernel.ravel() - best).max())


@pytest.mark.parametrize(("optimizer", "factor"), [("gd", 2.0), ("momentum", 2 * 1.6)])
def test_the_largest_rate_is_the_border(optimizer, factor):
    x, y = pair()
    asked = {"optimizer": optimizer, "momentum": 0.6}
    border = largest(verdict(x, y, (2, 3), **asked))
    assert border == pytest.approx(factor / np.linalg.eigvalsh(squares(x, y, (2, 3)).hessian())[-1])
    for part, grows in ((0.98, False), (1.02, True)):
        v = verdict(x, y, (2, 3), learning_rate=part * border, **asked)
        losses = np.array(descend(x, y, (2, 3), learning_rate=part * border, steps=400, **asked).losses)
        assert v.factors is not None
        assert (np.abs(v.factors).max() > 1) == grows == (not v.stable)
        assert (losses[-1] > 1e3 * losses[0]) == grows
        assert (losses[-1] < v.floor + 1e-3) != grows


def test_at_the_border_the_error_stays_as_large():
    trial = experiment("4x6", np.float64)
    v = verdict(trial.x, trial.y, learning_rate=0.05)
    assert v.at_the_border
    assert not v.stable
    assert "learning rate 0.05 is at the border" in str(v)
    assert not verdict(trial.x, trial.y, learning_rate=0.05 * (1 - 1e-12)).stable
    start, found = (descend(trial.x, trial.y, learning_rate=0.05, steps=steps).kernel for steps in (0, 10))
    assert (found - trial.kernel).sum() == pytest.approx((start - trial.kernel).sum(), rel=1e-9)


def test_what_the_picture_does_not_show_stays_as_it_started():
    trial = experiment("6x8", np.float64)  # every row alike: the two rows of a 2 x 2 kernel cannot be told apart
    y = trial.y[:5]
    v = verdict(trial.x, y, 2, steps=60)
    assert v.unreachable.shape == (2, 4)
    np.testing.assert_allclose(v.unreachable.reshape(2, 2, 2).sum(axis=1), 0, atol=1e-12)
    start, found = descend(trial.x, y, 2, steps=0), descend(trial.x, y, 2, steps=60, learning_rate=0.015)
    np.testing.assert_allclose(v.unreachable @ found.kernel.ravel(), v.unreachable @ start.kernel.ravel(), atol=1e-12)
    np.testing.assert_allclose(found.kernel.sum(axis=0), [1, -1], atol=1e-3)
    assert np.abs(found.kernel - [[0.5, -0.5], [0.5, -0.5]]).max() > 0.05
    assert found.losses[-1] < 1e-5
    assert foreseen_losses(v)[-1] == pytest.approx(descend(trial.x, y, 2, steps=60).losses[-1], rel=1e-6)


def test_a_black_picture_teaches_nothing():
    v = verdict(np.zeros((3, 4)), np.ones((3, 3)), steps=2)
    assert v.largest_rate == np.inf
    assert len(v.unreachable) == 2
    assert v.losses == (9.0, 9.0, 9.0) == descend(np.zeros((3, 4)), np.ones((3, 3)), steps=2).losses


def test_adam_never_goes_beyond_its_reach():
    rng = np.random.default_rng(2)
    ages = np.arange(12)
    worst = (Adam.B1 / Adam.B2) ** ages[::-1]  # where Cauchy and Schwarz hold with equality at the last step
    for gradients in (rng.standard_cauchy((12, 5)), worst[:, None] * np.ones(5), np.eye(12, 5)):
        vector = np.zeros(5)
        walk, before, bound = Adam(vector), np.zeros(5), 0.0
        for k, gradient in enumerate(gradients, 1):
            walk.step(gradient, 0.1)
            bound = 0.1 * (adam_reach(k) - adam_reach(k - 1))
            assert np.abs(vector - before).max() <= bound * (1 + 1e-12)
            before = vector.copy()
        assert np.abs(vector).max() <= 0.1 * adam_reach(12)
    vector = np.zeros(1)
    walk = Adam(vector)
    for gradient in worst[:-1]:
        walk.step(np.array([gradient]), 0.1)
    before = vector.copy()
    walk.step(worst[-1:], 0.1)
    assert abs(vector - before)[0] == pytest.approx(0.1 * (adam_reach(12) - adam_reach(11)), rel=1e-6)


def test_adam_gets_a_bound_and_no_curve():
    trial = experiment("6x8")
    v = verdict(trial.x, trial.y, optimizer="adam")
    assert (v.stable, v.largest_rate, v.losses, v.factors) == (None, None, None, None)
    assert v.reach == pytest.approx(0.03 * adam_reach(10))
    start, found = (descend(trial.x, trial.y, optimizer="adam", steps=steps) for steps in (0, 10))
    assert 0 < np.abs(found.kernel - start.kernel).max() <= v.reach < v.distance
    assert np.abs(found.kernel - trial.kernel).max() >= v.distance - v.reach
    assert "so it cannot arrive" in str(v)
    assert "so nothing forbids" in str(verdict(trial.x, trial.y, optimizer="adam", steps=100))


def test_the_distance_holds_for_every_best_answer():
    x, y = np.tile([1.0, 2.0], (4, 1)), np.full((4, 1), 5.0)  # every kernel with a + 2b = 5 is best
    start = descend(x, y, steps=0).kernel[0]
    missing = abs(start @ [1, 2] - 5)
    assert verdict(x, y).distance == pytest.approx(missing / np.sqrt(5) / np.sqrt(2))
    assert verdict(x, y).distance < missing / 3  # moving both taps alike


def test_a_loss_that_leaves_all_numbers_is_foreseen_as_infinite():
    trial = experiment("6x8", np.float64)
    for optimizer in ("gd", "momentum"):
        losses = foreseen_losses(verdict(trial.x, trial.y, learning_rate=1e30, steps=20, optimizer=optimizer))
        assert losses[-1] == np.inf
        assert not np.isnan(losses).any()


def test_the_verdict_in_words():
    trial = experiment("6x8")
    assert str(verdict(trial.x, trial.y)).splitlines() == [
        "gd: learning rate 0.03 is stable, and the error shrinks; the largest stable is 0.0333",
        "  along (+0.707 +0.707)   curvature   60.000   error times -0.8000 a step",
        "  along (+0.707 -0.707)   curvature   12.000   error times +0.6400 a step",
    ]
    assert "is too large, and the error grows; the largest stable is 0.0161" in str(
        verdict(trial.x, trial.y, bias=True)
    )
    lines = str(verdict(trial.x, trial.y[:5], 2)).splitlines()
    assert lines[-3] == "  2 of 4 directions change nothing: the start decides them"
    assert len(str(verdict(*pair()[:1], np.ones((4, 5)), (3, 5))).splitlines()) == 7  # six directions of fifteen


def test_one_seed_one_verdict():
    x, y = pair(np.float32)
    assert verdict(x, y, (2, 3), seed=1).losses == verdict(x, y, (2, 3), seed=1).losses
    assert verdict(x, y, (2, 3), seed=1).losses != verdict(x, y, (2, 3), seed=2).losses


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"learning_rate": 0}, r"learning_rate=0: one finite number above 0"),
        ({"learning_rate": [1, 2]}, r"learning_rate=\[1, 2\]: one finite number above 0"),
        ({"optimizer": "sgd"}, r"optimizer='sgd': it must be one of"),
        ({"optimizer": "momentum", "momentum": 1.5}, r"momentum=1.5: it is the part"),
        ({"steps": -1}, r"steps=-1: it must be at least 0"),
        ({"kernel_size": 3}, r"y has shape \(5, 7\): x of shape \(6, 9\) under kernel_size=\(3, 3\)"),
    ],
)
def test_refused(asked, text):
    x, y = pair()
    with pytest.raises(InputError, match=text):
        verdict(x, y, **{"kernel_size": (2, 3), **asked})


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_numbers_that_cannot_be_squared_are_refused(bad):
    x, y = pair()
    for given in (x, y):
        before, given[2, 3] = given[2, 3], bad
        with pytest.raises(
            InputError, match=r"x or y holds NaN, infinity or numbers whose squares float64 does not hold"
        ):
            verdict(x, y, (2, 3))
        given[2, 3] = before


def test_the_picture_stays_as_it_was():
    x, y = pair()
    before = x.copy(), y.copy()
    verdict(x, y, (2, 3))
    descend(x, y, (2, 3), optimizer="adam")
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_the_best_answer_is_where_a_descent_ends():
    x, y = pair()
    v = verdict(x, y, (2, 3))
    best = np.linalg.lstsq(sliding_window_view(x, (2, 3)).reshape(35, 6), y.ravel())[0]
    np.testing.assert_allclose(v.best, best, atol=1e-12)
    trial = experiment("6x8", np.float64)  # all rows alike: of many best answers it is the nearest to the start
    given = trial.x, trial.y[:5], 2
    end = descend(*given, steps=400, learning_rate=0.015).kernel
    np.testing.assert_allclose(verdict(*given, steps=0).best.reshape(2, 2), end, atol=1e-9)
