"""Linear, relu, softmax and cross-entropy against PyTorch, forward and backward; finite differences."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F


def numbers(dtype, *shapes):
    rng = np.random.default_rng(3)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize(
    ("n", "inputs", "outputs"), [(1, 1, 1), (5, 7, 3), (2, 1, 4), (17, 12, 10), (0, 3, 2)]
)
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_against_pytorch(impl, n, inputs, outputs, with_bias, dtype, agree):
    x, w, bias, upstream = numbers(dtype, (n, inputs), (outputs, inputs), (outputs,), (n, outputs))
    tensors = [torch.from_numpy(a).requires_grad_() for a in ((x, w, bias) if with_bias else (x, w))]
    theirs = F.linear(*tensors)
    agree(impl.linear(x, w, bias if with_bias else None), theirs)
    grads = torch.autograd.grad(theirs, tensors, torch.from_numpy(upstream))
    agree(impl.linear_input_grad(w, upstream), grads[0])
    agree(impl.linear_weight_grad(x, upstream), grads[1])
    if with_bias:
        agree(impl.linear_bias_grad(upstream), grads[2])


@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (2, 3, 5, 4)])
def test_relu_against_pytorch(impl, shape, dtype, agree):
    x, upstream = numbers(dtype, shape, shape)
    if shape:
        x.flat[:4] = 0, -0.0, np.nan, np.inf
    tensor = torch.from_numpy(np.asarray(x)).requires_grad_()
    theirs = F.relu(tensor)
    agree(impl.relu(x), theirs)
    (grad,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(np.asarray(upstream)))
    agree(impl.relu_input_grad(x, upstream), grad)


@pytest.mark.parametrize("shape", [(5,), (4, 10), (2, 3, 6), (3, 1), (0, 4)])
def test_softmax_against_pytorch(impl, shape, dtype, agree):
    (x,) = numbers(dtype, shape)
    x = 5 * x
    agree(impl.softmax(x), F.softmax(torch.from_numpy(x), dim=-1))
    agree(impl.log_softmax(x), F.log_softmax(torch.from_numpy(x), dim=-1))


def test_softmax_of_large_scores_stays_finite(impl, dtype):
    x = np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4]], dtype)
    np.testing.assert_allclose(impl.softmax(x), [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)
    np.testing.assert_allclose(impl.log_softmax(x)[0], [0, -1e4, -2e4])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("n", "k"), [(1, 2), (6, 10), (33, 5)])
def test_cross_entropy_against_pytorch(impl, n, k, reduction, dtype, agree):
    (logits,) = numbers(dtype, (n, k))
    logits = 4 * logits
    target = np.random.default_rng(0).integers(0, k, n)
    tensor = torch.from_numpy(logits).requires_grad_()
    theirs = F.cross_entropy(tensor, torch.from_numpy(target), reduction=reduction)
    agree(impl.cross_entropy(logits, target, reduction), theirs)
    if reduction != "none":
        (grad,) = torch.autograd.grad(theirs, tensor)
        agree(impl.cross_entropy_input_grad(logits, target, reduction), grad)


def test_cross_entropy_takes_any_whole_numbers_as_classes(impl):
    (logits,) = numbers(np.float64, (3, 4))
    wanted = impl.cross_entropy(logits, np.array([3, 0, 1]))
    assert (
        impl.cross_entropy(logits, [3, 0, 1])
        == impl.cross_entropy(logits, np.array([3, 0, 1], np.uint8))
        == wanted
    )


def test_finite_differences(impl):
    x, w, bias, dx, dw, db = numbers(np.float64, (4, 5), (3, 5), (3,), (4, 5), (3, 5), (3,))
    target = np.array([0, 2, 1, 1])

    def loss(step):
        hidden = impl.relu(x + step * dx)
        return impl.cross_entropy(impl.linear(hidden, w + step * dw, bias + step * db), target)

    hidden = impl.relu(x)
    upstream = impl.cross_entropy_input_grad(impl.linear(hidden, w, bias), target)
    slope = (
        np.vdot(dx, impl.relu_input_grad(x, impl.linear_input_grad(w, upstream)))
        + np.vdot(dw, impl.linear_weight_grad(hidden, upstream))
        + np.vdot(db, impl.linear_bias_grad(upstream))
    )
    step = 1e-6
    assert (loss(step) - loss(-step)) / (2 * step) == pytest.approx(slope, rel=1e-7)


def test_arguments_left_alone(impl):
    x, w, bias = numbers(np.float32, (4, 5), (3, 5), (3,))
    x, w = np.asfortranarray(x), w[:, ::-1]
    for given in (x, w, bias):
        given.flags.writeable = False
    before = x.copy()
    impl.linear(x, w, bias)
    impl.relu(x)
    impl.softmax(x)
    impl.cross_entropy_input_grad(x, np.zeros(4, np.int64))
    np.testing.assert_array_equal(x, before)
