"""Training: the step's gradient, the optimiser against PyTorch, the loop, and resume to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from convscope import nn
from convscope.errors import InputError
from convscope.nn.optim import SGD, one_cycle
from convscope.nn.step import Stepper
from convscope.nn.train import Recipe, evaluate, train
from convscope.nn.weights import read_arrays, write_arrays
from convscope.ops.fast.compiled import set_threads, threads


def digits_like(n, seed=0):
    """Bars that lie or stand, with noise: learnable at once."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    x = rng.normal(0, 0.3, (n, 1, 28, 28)).astype(np.float32)
    for image, label, place in zip(x, labels, rng.integers(4, 24, n), strict=True):
        image[0, place, 4:24] += 2 * label
        image[0, 4:24, place] += 2 * (1 - label)
    return x, labels


@pytest.mark.parametrize("n", [1, 32, 50, 150])
def test_gradient_of_the_mean_loss(n):
    net, (x, labels) = nn.LeNet5(seed=1), digits_like(n)
    batch = Stepper(net)(x, labels)
    twin = torch.nn.functional.cross_entropy
    logits = torch.from_numpy(net.predict(x)).requires_grad_()
    loss = twin(logits, torch.from_numpy(labels))
    loss.backward()
    assert batch.loss == pytest.approx(loss.item(), rel=1e-5)
    assert batch.right == (logits.argmax(1).numpy() == labels).sum()
    assert logits.grad is not None
    net(x)
    net.backward(logits.grad.numpy())
    expected = np.concatenate([array.ravel() for array in net.gradients().values()])
    np.testing.assert_allclose(batch.gradient, expected, rtol=1e-3, atol=1e-6)


def test_gradient_by_finite_differences():
    """Float64, a random direction through all parameters at once."""
    net, (x, labels) = nn.LeNet5(seed=2, dtype=np.float64), digits_like(6)
    x = x.astype(np.float64)
    step, direction = Stepper(net), np.random.default_rng(0).normal(size=net.vector.size)
    slope = step(x, labels).gradient @ direction
    start, h = net.vector.copy(), 1e-7
    losses = []
    for sign in (1, -1):
        net.vector[:] = start + sign * h * direction
        losses.append(step(x, labels).loss)
    assert slope == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-4)


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_is_pytorchs(nesterov):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=7), rng.normal(size=(5, 7))
    ours, theirs = start.copy(), torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimiser = SGD(ours, momentum=0.8, weight_decay=0.01, nesterov=nesterov)
    other = torch.optim.SGD([theirs], lr=0.1, momentum=0.8, weight_decay=0.01, nesterov=nesterov)
    for gradient in gradients:
        optimiser.step(gradient, 0.1)
        theirs.grad = torch.from_numpy(gradient)
        other.step()
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)


def test_the_rate_rises_and_falls():
    schedule = one_cycle(warm_up=0.3)
    rates = [schedule(t) for t in np.linspace(0, 1, 101)]
    assert np.argmax(rates) == 30
    assert (np.diff(rates[:31]) > 0).all()
    assert (np.diff(rates[30:]) < 0).all()


def small_training(tmp_path, epochs=4, **more):
    x, labels = digits_like(300)
    net = nn.LeNet5(seed=0, classes=2)
    recipe = Recipe(epochs=epochs, batch=48, rate=0.02, seed=5)

    def draw(places, rng):
        return x[places] + rng.normal(0, 0.1, (len(places), 1, 28, 28)).astype(np.float32)

    history = train(net, draw, labels, digits_like(80, seed=1), recipe, checkpoint=tmp_path / "run", **more)
    return net, history


def test_learns_and_keeps_the_epoch_that_validated_best(tmp_path):
    told = []
    net, history = small_training(tmp_path, tell=told.append)
    assert [row.epoch for row in history] == [1, 2, 3, 4]
    score = evaluate(net, *digits_like(80, seed=1))
    assert score.accuracy == max(row.validation_accuracy for row in history) > 0.95
    assert told[-1].done == told[-1].total == 4 * 300


def test_the_checkpoint_stays_until_the_weights_are_safe(tmp_path):
    net, history = small_training(tmp_path)
    again, kept = small_training(tmp_path)
    np.testing.assert_array_equal(again.vector, net.vector)
    assert kept == history  # nothing was trained anew: even the seconds are those of the first time


@pytest.mark.parametrize("stop", [1, 9, 17, 20])
def test_goes_on_after_a_stop_to_the_same_weights(tmp_path, stop):
    """Stopped in the midst of an epoch, as Ctrl-C or a kill would; epochs have seven steps."""
    whole, history = small_training(tmp_path / "whole")
    steps = 0

    def tell(step):
        nonlocal steps
        steps += 1
        if steps == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_training(tmp_path, tell=tell)
    again, resumed = small_training(tmp_path)
    np.testing.assert_array_equal(again.vector, whole.vector)
    timeless = [replace(row, images_per_second=0.0, seconds=0.0) for row in history]
    assert [replace(row, images_per_second=0.0, seconds=0.0) for row in resumed] == timeless


def test_one_seed_one_result_at_one_thread_count(tmp_path):
    before = threads()
    try:
        set_threads(2)
        (a, _), (b, _) = small_training(tmp_path, 2), small_training(tmp_path, 2)
    finally:
        set_threads(before)
    np.testing.assert_array_equal(a.vector, b.vector)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    (tmp_path / "run").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match=r"no checkpoint, or a damaged one; begin anew with --fresh"):
        small_training(tmp_path)
    write_arrays(tmp_path / "run", {"vector": np.zeros(3)}, {"training": "other"})
    with pytest.raises(InputError, match=r"no checkpoint, or a damaged one; begin anew with --fresh"):
        small_training(tmp_path)
    (tmp_path / "run").unlink()
    small_training(tmp_path, subject="these digits")
    with pytest.raises(InputError, match=r"checkpoint of another training \(its subject differ\).*--fresh"):
        small_training(tmp_path, subject="other digits")
    with pytest.raises(InputError, match=r"its epochs differ"):
        small_training(tmp_path, epochs=5, subject="these digits")


def test_divergence_is_said(tmp_path):
    x, labels = digits_like(64)
    x[3] = np.nan
    with pytest.raises(InputError, match=r"the loss is nan in epoch 1.*use a smaller rate"):
        train(nn.LeNet5(classes=2), lambda places, rng: x[places], labels, (x, labels), Recipe(epochs=1))


@pytest.mark.parametrize(("field", "value"), [("epochs", 0), ("batch", 0), ("rate", 0.0), ("rate", float("nan"))])
def test_a_recipe_that_cannot_be_is_refused(field, value):
    with pytest.raises(InputError, match=f"{field}="):
        Recipe(**{field: value})


def test_weights_come_back_with_their_notes(tmp_path):
    state = nn.LeNet5(seed=0).state()
    file = write_arrays(tmp_path / "w.safetensors", state, {"note": "été"})
    arrays, notes = read_arrays(file)
    assert notes == {"note": "été"}
    assert all(np.array_equal(arrays[name], state[name]) for name in state)
    with pytest.raises(InputError, match="no such file"):
        read_arrays(tmp_path / "none")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match="not a safetensors file"):
        read_arrays(file)
