"""Learning kernels back from pictures: the two classroom experiments, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from convscope import ops
from convscope.errors import InputError
from convscope.inverse.descend import descend, experiment, report
from convscope.inverse.stability import verdict


@pytest.mark.parametrize(
    ("name", "shape", "band", "kernel", "edges"),
    [
        ("4x6", (4, 6), slice(2, 4), [[-1, 1]], [0, -1, 0, 1, 0]),
        ("6x8", (6, 8), slice(2, 6), [[1, -1]], [0, 1, 0, 0, 0, -1, 0]),
    ],
)
def test_the_classroom_experiments(name, shape, band, kernel, edges):
    trial = experiment(name)
    white = np.ones(shape)
    white[:, band] = 0
    np.testing.assert_array_equal(trial.x, white)
    np.testing.assert_array_equal(trial.kernel, kernel)
    np.testing.assert_array_equal(trial.y, np.tile(edges, (shape[0], 1)))
    found = descend(trial.x, trial.y, trial.kernel.shape)
    assert len(found.losses) == 11
    assert list(found.losses) == sorted(found.losses, reverse=True)
    np.testing.assert_allclose(found.kernel, kernel, atol=0.1)
    assert found.bias == 0


@pytest.mark.parametrize(
    ("optimizer", "theirs"),
    [
        ("gd", lambda unknowns: torch.optim.SGD(unknowns, lr=1e-3)),
        ("momentum", lambda unknowns: torch.optim.SGD(unknowns, lr=1e-3, momentum=0.7)),
        ("adam", lambda unknowns: torch.optim.Adam(unknowns, lr=1e-3)),
    ],
)
def test_every_step_is_that_of_pytorch(optimizer, theirs):
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((6, 7)), rng.standard_normal((5, 5))
    kernel = torch.from_numpy(descend(x, y, (2, 3), steps=0).kernel[None, None].copy()).requires_grad_()
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    walk = theirs([kernel, bias])
    losses = []
    for _ in range(5):
        made = torch.nn.functional.conv2d(torch.from_numpy(x)[None, None], kernel, bias)
        loss = ((made[0, 0] - torch.from_numpy(y)) ** 2).sum()
        losses.append(loss.item())
        walk.zero_grad()
        loss.backward()
        walk.step()
    found = descend(x, y, (2, 3), learning_rate=1e-3, steps=5, bias=True, optimizer=optimizer, momentum=0.7)
    np.testing.assert_allclose(found.losses[:5], losses, rtol=1e-12)
    np.testing.assert_allclose(found.kernel, kernel.detach()[0, 0], rtol=1e-12)
    assert found.bias == pytest.approx(bias.item(), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_kernel_and_a_bias_are_found_exactly_in_the_end(dtype):
    x = np.random.default_rng(0).standard_normal((9, 11)).astype(dtype)
    kernel = np.array([[1, -2, 0.5], [0, 3, -1]], dtype)
    found = descend(x, ops.corr2d(x, kernel) + dtype(0.25), (2, 3), learning_rate=3e-3, steps=200, bias=True)
    assert found.kernel.dtype == dtype
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-3)
    assert found.bias == pytest.approx(0.25, abs=1e-3)


def test_one_seed_one_result_another_another():
    trial = experiment("6x8")
    first, again, other = (descend(trial.x, trial.y, seed=seed) for seed in (5, 5, 6))
    assert first.losses == again.losses != other.losses


def test_report_and_module_print_the_same():
    shown = subprocess.run(
        [sys.executable, "-m", "convscope.inverse.descend"], capture_output=True, text=True, check=True
    ).stdout
    for name in ("4x6", "6x8"):
        trial = experiment(name)
        given = trial.x, trial.y, trial.kernel.shape
        text = report(trial, descend(*given), verdict(*given))
        assert text in shown
        assert "the largest stable is 0.0" in text
        assert "step  0   loss" in text
        assert "predicted" not in report(trial, descend(*given))
        assert "step 10   loss" in text
        assert "learned kernel" in text


X, Y = np.ones((4, 6), np.float32), np.ones((4, 5), np.float32)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: experiment("5x5"), r"name='5x5': it must be one of '4x6', '6x8'"),
        (
            lambda: descend(X, Y.T),
            r"y has shape \(5, 4\): x of shape \(4, 6\) under kernel_size=\(1, 2\) asks for \(4, 5\)",
        ),
        (lambda: descend(X, Y[:1]), r"y has shape \(1, 5\)"),
        (lambda: descend(X, Y.astype(float)), r"x is float32 and y is float64"),
        (lambda: descend(X.astype(int), Y), r"x has dtype int64: operators take float32 or float64"),
        (lambda: descend("picture", Y), r"x='picture' has dtype <U7"),
        (lambda: descend(X, Y, (5, 1)), r"the kernel spans 5 x 1 cells, more than the 4 x 6"),
        (lambda: descend(X, Y, 0), r"kernel_size=0: it must be at least 1"),
        (lambda: descend(X, Y, steps=-1), r"steps=-1: it must be at least 0"),
        (
            lambda: descend(X, Y * np.float32(np.nan)),
            r"the loss is nan after 0 steps.*look for NaN in x and y",
        ),
        (
            lambda: descend(X, Y, learning_rate=3.0, steps=60),
            r"learning_rate=3.0: the loss is inf after \d+ steps; each step multiplies the error along "
            r"\(\+0.707 \+0.707\) by -239; the largest stable rate is 0.025, use learning_rate=0.013",
        ),
        (
            lambda: descend(X, Y, learning_rate=1e30, optimizer="adam"),
            r"the loss is inf after 1 steps; it leaves what float32 holds; use a smaller learning_rate",
        ),
        (
            lambda: descend(np.random.default_rng(0).random((9, 9)), np.ones((7, 7)), 3, learning_rate=9, steps=400),
            r"along the steepest direction by -\d+",
        ),
        (lambda: descend(X, Y, learning_rate=-1), r"learning_rate=-1: one finite number above 0 is needed"),
        (lambda: descend(X, Y, learning_rate=np.inf), r"learning_rate=inf: one finite number above 0"),
        (lambda: descend(X, Y, learning_rate=np.nan), r"learning_rate=nan: one finite number above 0"),
        (lambda: descend(X, Y, optimizer="newton"), r"optimizer='newton': it must be one of 'gd', 'momentum', 'adam'"),
        (lambda: descend(X, Y, optimizer="momentum", momentum=1), r"momentum=1.0: it is the part of the last step"),
    ],
)
def test_errors(call, text):
    with pytest.raises(InputError, match=text):
        call()


def test_a_descent_can_be_watched_and_ended():
    trial, seen = experiment("6x8", np.float64), []
    found = descend(trial.x, trial.y, steps=6, bias=True, watch=lambda *told: seen.append(told))
    assert [step for step, _, _ in seen] == list(range(7))
    assert tuple(loss for _, loss, _ in seen) == found.losses
    np.testing.assert_array_equal(seen[-1][2], found.kernel)
    assert (seen[0][2] != seen[1][2]).all()  # each is a copy of its own

    def enough(step: int, loss: float, kernel: np.ndarray) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        descend(trial.x, trial.y, watch=enough)
