"""Feature maps of any network, as numbers and as pictures."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens import maps
from convscope.lens.activations import Maps, figure
from convscope.lens.models import Network, Preprocessing
from convscope.pictures import signed

RNG = np.random.default_rng(1)


def test_maps_are_the_activations_themselves(network):
    x = RNG.normal(size=(3, 1, 12, 10)).astype(np.float32)
    said = maps(network, x)
    assert list(said) == ["conv1", "relu1", "pool1", "conv2", "relu2", "flatten", "fc1", "relu3", "fc2"]
    y = torch.from_numpy(x)
    for name, layer in network.named_children():
        y = layer(y)
        np.testing.assert_allclose(said[name], y.detach().numpy(), atol=1e-6)
        assert said[name].dtype == np.float32
        assert said[name].flags.c_contiguous
    assert all(weight.grad is None and weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize(
    ("model", "shape", "positions"),
    [
        (nn.Conv1d(2, 5, 3), (2, 9), (7,)),
        (nn.Conv3d(1, 5, (1, 2, 3)), (1, 3, 5, 7), (3, 4, 5)),
        (nn.Linear(6, 5), (6,), ()),
    ],
)
def test_any_rank_and_its_picture(model, shape, positions):
    said = maps(nn.Sequential(model), RNG.normal(size=(2, *shape)).astype(np.float32), "0")
    assert said["0"].shape == (2, 5, *positions)
    page = figure(said, "0", 1)
    assert page.shape[2] == 3
    assert page.dtype == np.uint8


def test_pictures_as_people_see_them():
    taken = Preprocessing((8, 9), mean=(0.5,), std=(0.25,))
    net = Network(nn.Sequential(nn.Conv2d(3, 2, 3)), taken.shape, taken)
    pictures = RNG.integers(0, 256, (2, 8, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(maps(net, pictures)["0"], maps(net, taken.to_inputs(pictures))["0"])


def test_a_sheet_has_one_signed_scale_for_all_units():
    values = RNG.normal(size=(2, 5, 24, 30)).astype(np.float32)
    said = Maps(layer=values)
    limit = float(np.abs(values[1]).max())
    page = said.picture("layer", 1, columns=2)
    assert page.shape == (2 + 3 * (24 + 2), 2 + 2 * (30 + 2), 3)
    np.testing.assert_array_equal(page[28:52, 34:64], signed(values[1, 3], limit))
    chosen = said.picture("layer", 1, units=[3], limit=2.5)
    np.testing.assert_array_equal(chosen[2:-2, 2:-2], signed(values[1, 3], 2.5))
    assert said.limit("layer") == np.abs(values).max()
    small = Maps(layer=values[:, :, :5, :4]).picture("layer", 0, units=[0, 1, 2])
    assert small.shape == (2 + 2 * (25 + 2), 2 + 2 * (20 + 2), 3)  # cells as squares of 5


def test_the_figure_says_its_scale():
    said = Maps(layer=np.full((1, 2, 30, 200), -3, np.float32))
    page, alone = figure(said, "layer"), said.picture("layer")
    assert page.shape[0] > alone.shape[0] + 34
    assert (page == (33, 102, 172)).all(2).sum() >= 2 * 30 * 200


def test_a_volume_lies_slice_beside_slice():
    values = RNG.normal(size=(1, 1, 3, 24, 25)).astype(np.float32)
    page = Maps(layer=values).picture("layer")
    assert page.shape == (28, 4 + 3 * 25 + 2, 3)
    np.testing.assert_array_equal(page[2:-2, 54:79], signed(values[0, 0, 2], np.abs(values).max()))


def test_bad_requests(network):
    x = np.zeros((2, 1, 12, 10), np.float32)
    with pytest.raises(InputError, match="layer 'conv9': the model has no such layer"):
        maps(network, x, "conv9")
    with pytest.raises(InputError, match=r"pictures of shape \(12,\): give an array"):
        maps(network, x[0, 0, :, 0])
    said = maps(network, x, ["conv1"])
    with pytest.raises(InputError, match="layer 'fc1': not among those looked at, conv1"):
        said.picture("fc1")
    with pytest.raises(InputError, match="picture 2: there are 2, 0 to 1"):
        said.picture("conv1", 2)
    with pytest.raises(InputError, match="unit 3 of layer 'conv1', which has 3: units are 0 to 2"):
        said.picture("conv1", 0, units=[0, 3])
