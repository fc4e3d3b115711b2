"""Our networks and PyTorch's: equal outputs and gradients, both ways."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn as theirs

from convscope import nn as ours
from convscope.bridge import from_torch, to_torch
from convscope.errors import InputError


def odd(dtype=np.float32) -> ours.Sequential:
    """Every kind of layer and option that both sides have, at awkward sizes; for inputs (n, 4, 17, 14)."""
    g = np.random.default_rng(5)
    net = ours.Sequential(
        {
            "conv1": ours.Conv2D(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), groups=2, dtype=dtype),
            "relu1": ours.ReLU(),
            "pool1": ours.MaxPool2D((3, 2), stride=(1, 2), padding=1, ceil_mode=True),
            "conv2": ours.Conv2D(6, 5, (2, 3), dilation=(2, 1), bias=False, dtype=dtype),
            "conv3": ours.Conv2D(5, 5, 3, padding="same", dtype=dtype),
            "pool2": ours.AvgPool2D(
                2, stride=(2, 3), padding=(1, 0), ceil_mode=True, count_include_pad=False
            ),
            "pool3": ours.AvgPool2D((1, 2), stride=1),
            "flatten": ours.Flatten(),
            "fc1": ours.Linear(40, 7, dtype=dtype),
            "relu2": ours.ReLU(),
            "fc2": ours.Linear(7, 3, bias=False, dtype=dtype),
        }
    )
    net.load_state({name: g.normal(0, 0.5, a.shape).astype(a.dtype) for name, a in net.state().items()})
    return net


def agree(net: ours.Sequential, module: theirs.Module, x: np.ndarray) -> None:
    grad = np.random.default_rng(1).normal(size=net(x).shape).astype(x.dtype)
    y, leaf = net(x), torch.from_numpy(x).requires_grad_()
    dx = net.backward(grad)
    module.zero_grad()
    out = module(leaf)
    out.backward(torch.from_numpy(grad))
    off = 2e-5 if x.dtype == np.float32 else 1e-12

    def same(mine: np.ndarray, other: torch.Tensor | None) -> None:
        assert other is not None
        assert mine.dtype == x.dtype
        size = max(1.0, float(np.abs(mine).max()))
        np.testing.assert_allclose(mine / size, other.detach().numpy() / size, rtol=off, atol=off)

    same(y, out)
    same(dx, leaf.grad)
    gradients = net.gradients()
    for name, weight in module.named_parameters():
        same(gradients[name], weight.grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 37])
def test_outputs_and_gradients_are_equal_both_ways(dtype, n):
    net = odd(dtype)
    module = to_torch(net)
    x = np.random.default_rng(0).normal(size=(n, 4, 17, 14)).astype(dtype)
    agree(net, module, x)
    agree(from_torch(module), module, x)


def test_lenet_goes_over_and_comes_back():
    net = ours.LeNet5(seed=3)
    module = to_torch(net)
    assert [name for name, _ in module.named_children()] == list(net.layers)
    assert sum(weight.numel() for weight in module.parameters()) == 61_706
    agree(net, module, np.random.default_rng(0).normal(size=(33, 1, 28, 28)).astype(np.float32))
    back = from_torch(module)
    assert back.state().keys() == net.state().keys()
    for name, array in back.state().items():
        np.testing.assert_array_equal(array, net.state()[name])


def test_weights_are_copies():
    net = odd()
    module = to_torch(net)
    back = from_torch(module)
    before = net.state()["fc1.weight"]
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    np.testing.assert_array_equal(net.state()["fc1.weight"], before)
    np.testing.assert_array_equal(back.state()["fc1.weight"], before)


def test_pytorchs_random_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    to_torch(odd())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_half_precision_becomes_float32():
    net = from_torch(theirs.Sequential(theirs.Linear(3, 2)).to(torch.bfloat16))
    assert {array.dtype for array in net.state().values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            theirs.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
            "padding_mode='reflect'; convscope.nn has only",
        ),
        (theirs.MaxPool2d(2, dilation=2), r"dilation=\(2, 2\); convscope.nn has only dilation=\(1, 1\)"),
        (theirs.MaxPool2d(2, return_indices=True), "return_indices=True"),
        (theirs.AvgPool2d(2, divisor_override=3), "divisor_override=3"),
        (theirs.Flatten(2), "start_dim=2"),
        (
            theirs.Dropout(0.5),
            "layer 'odd' is a Dropout, which convscope.nn has not; use Conv2d, Linear, MaxPool2d",
        ),
        (theirs.Sequential(theirs.ReLU()), "layer 'odd' is a Sequential"),
    ],
)
def test_what_our_side_has_not_is_said(layer, text):
    with pytest.raises(InputError, match=text):
        from_torch(theirs.Sequential(OrderedDict(odd=layer)))


def test_only_a_sequential_can_be_taken_over():
    with pytest.raises(InputError, match=r"a Linear: only a torch\.nn\.Sequential"):
        from_torch(theirs.Linear(1, 1))


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ({"c": ours.Conv2D(1, 1, 3, padding=(1, 0, 2, 2))}, r"layer 'c': padding=\(1, 0, 2, 2\)"),
        ({"c": ours.Conv2D(1, 1, 3, stride=2, padding="same")}, 'padding="same" with stride 1 only'),
        ({"a.b": ours.ReLU()}, "layer 'a.b': PyTorch allows no dot"),
        (
            {"inner": ours.Sequential({"relu": ours.ReLU()})},
            "layer 'inner' is a Sequential, which PyTorch has not",
        ),
    ],
)
def test_what_pytorch_has_not_is_said(layers, text):
    with pytest.raises(InputError, match=text):
        to_torch(ours.Sequential(layers))
