import numpy as np
import pytest
import torch
from torch import nn

from convscope import lens
from convscope.errors import InputError
from convscope.lens import kernels, maps, weights_hash


def test_kernels_are_a_copy_with_pytorchs_axes(network):
    found = kernels(network, "conv2")
    assert found.shape == (4, 3, 3, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, network.conv2.weight.detach().numpy())
    found[:] = 0
    assert float(network.conv2.weight.detach().abs().sum()) > 0


def test_only_convolutions_have_kernels(network):
    with pytest.raises(InputError, match=r"layer 'fc1' is a Linear: only Conv2d layers have kernels"):
        kernels(network, "fc1")
    with pytest.raises(InputError, match="layer 'conv0': the model has no such layer; did you mean"):
        kernels(network, "conv0")


def test_the_hash_knows_every_number_and_name(network):
    before = weights_hash(network)
    assert before == weights_hash(network)
    assert len(before) == 64
    network.fc2.bias.data[3] += 1e-6
    assert weights_hash(network) != before
    assert weights_hash(nn.Sequential(nn.Conv2d(1, 1, 1))) != weights_hash(nn.Sequential())
    assert weights_hash(nn.Sequential(nn.Linear(2, 2).to(torch.bfloat16)))


def test_maps_are_what_pytorch_computes(network):
    x = np.random.default_rng(0).normal(size=(2, 1, 12, 10)).astype(np.float32)
    found = maps(network, x)
    assert list(found) == [name for name, _ in network.named_children()]
    y = torch.from_numpy(x)
    with torch.no_grad():
        for name, module in network.named_children():
            y = module(y)
            np.testing.assert_array_equal(found[name], y.numpy())
    assert list(maps(network, x, ["relu2"])) == ["relu2"]


def test_functions_are_not_hidden_by_modules_of_their_name():
    for name in lens.__all__:
        assert callable(getattr(lens, name)), name
