"""Shared weights and their copies, and the picture of who holds which. test_forms has the laws for any convolution."""

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.ops import proofs


def integers(seed, *shape):
    return np.random.default_rng(seed).integers(-9, 10, shape)


def test_untied_copies_give_the_loss_that_slope():
    """Moving one copy alone changes the loss at the rate of that copy's gradient; the loss is linear, so exactly."""
    layer = proofs.connections((2, 2, 4, 5), (2, 1, 3, 2), stride=(2, 1), padding=1, groups=2, padding_mode="reflect")
    x, grad = integers(1, 2, 2, 4, 5), integers(2, 2, 2, 2, 6)
    copies = proofs.copy_gradients(layer, x, grad)

    def loss(weights):  # sum of grad * y, y by a fully connected layer with one weight for each connection
        y = np.zeros((2, layer.shape[0]), int)
        for k, weight in enumerate(weights):
            y[:, layer.output[k]] += weight * x.reshape(2, -1)[:, layer.input[k]]
        return (y * grad.reshape(2, -1)).sum()

    weights = integers(3, 2 * 3 * 2)[layer.weight]
    for k in (0, 7, len(weights) // 2, len(weights) - 1):
        moved = weights.copy()
        moved[k] += 1
        assert loss(moved) - loss(weights) == copies[k]


def test_the_mean_divides_each_weight_by_its_own_count():
    x, grad = integers(1, 2, 2, 5, 6), integers(2, 2, 3, 5, 6)
    layer = proofs.connections(x.shape, (3, 2, 3, 3), padding=1)
    assert layer.copies[2, 1].tolist() == [[20, 24, 20], [25, 30, 25], [20, 24, 20]]
    copies = proofs.copy_gradients(layer, x, grad)
    total, mean = proofs.summed(layer, copies), proofs.averaged(layer, copies)
    np.testing.assert_allclose(mean * layer.copies, total, rtol=1e-14)
    assert np.vdot(total, mean) < 0.9999 * np.linalg.norm(total) * np.linalg.norm(mean)  # turned


def test_a_weight_without_copies_has_gradient_zero():
    layer = proofs.connections((1, 1, 1, 3), (1, 1, 3, 1), padding=(1, 0))
    assert layer.copies.ravel().tolist() == [0, 3, 0]
    copies = proofs.copy_gradients(layer, np.ones((1, 1, 1, 3), np.float32), np.ones((1, 1, 1, 3), np.float32))
    mean = proofs.averaged(layer, copies)
    assert mean.ravel().tolist() == [0, 1, 0]
    assert mean.dtype == np.float32


def test_what_does_not_fit_the_layer_is_refused():
    layer = proofs.connections((1, 1, 3, 4), (1, 1, 2, 2))
    x, grad = np.ones((2, 1, 3, 4)), np.ones((2, 1, 2, 3))
    with pytest.raises(InputError, match=r"grad_output has shape \(2, 1, 2, 2\): the layer with 2 images asks for"):
        proofs.copy_gradients(layer, x, grad[..., 1:])
    with pytest.raises(InputError, match=r"x has shape \(2, 1, 3, 3\): the layer asks for \(2, 1, 3, 4\)"):
        proofs.copy_gradients(layer, x[..., 1:], grad)
    with pytest.raises(InputError, match=r"copies has shape \(3,\): the layer with 24 connections asks for \(24,\)"):
        proofs.summed(layer, np.ones(3))


def test_the_picture_shows_each_weight_where_it_sits():
    layer = proofs.connections((1, 2, 4, 5), (3, 2, 2, 3), padding=(1, 0), stride=(1, 2))
    picture = proofs.pattern(layer)
    taps = np.array([[-1]]).repeat(layer.shape[0], 0).repeat(layer.shape[1], 1)
    for number in range(6):  # one weight at a time, through the operator itself
        w = np.zeros((3, 2, 2, 3), int)
        w.reshape(6, 6)[:, number] = 1
        taps[proofs.matrix((1, 2, 4, 5), w, padding=(1, 0), stride=(1, 2)).toarray() == 1] = number
    colours = {tap: np.unique(picture[taps == tap], axis=0) for tap in range(-1, 6)}
    assert all(len(colour) == 1 for colour in colours.values())
    assert colours[-1].tolist() == [[255, 255, 255]]
    assert len({tuple(colour[0]) for colour in colours.values()}) == 7


def test_the_picture_is_grey_where_taps_meet():
    layer = proofs.connections((1, 1, 1, 2), (1, 1, 1, 3), padding=(0, 1), padding_mode="replicate")
    grey = (proofs.pattern(layer) == 110).all(axis=2)
    assert grey.tolist() == [[True, False], [False, True]]
