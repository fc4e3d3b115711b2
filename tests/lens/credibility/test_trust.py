"""What is said of drawings whose worth is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.credibility import TEXTS, trust
from convscope.lens.credibility.eyes import RandomFeatures
from convscope.lens.models import Network, Preprocessing, load
from convscope.lens.recipes import Drawing
from tests.lens.credibility.forgery import Forged, detector, drawn

UNITS = [9, 33]
GREY = Preprocessing((64, 64), order="grey")


def gabors(count: int = 8, side: int = 7) -> nn.Sequential:
    """Edge and bar detectors of four directions, each of mean 0 and length 1."""
    places = torch.arange(side) - side // 2
    rows, columns = torch.meshgrid(places.float(), places.float(), indexing="ij")
    kernels = []
    for i in range(count):
        angle = math.pi * (i % 4) / 4
        along = columns * math.cos(angle) + rows * math.sin(angle)
        wave = torch.cos(2 * math.pi * along / (0.9 * side) + (i >= count // 2) * math.pi / 2)
        kernel = torch.exp(-(rows**2 + columns**2) / (2 * (side / 4) ** 2)) * wave
        kernels.append(kernel - kernel.mean())
    net = nn.Sequential(nn.Conv2d(1, count, side, bias=False), nn.ReLU())
    stacked = torch.stack(kernels)[:, None]
    net[0].weight.data = stacked / stacked.flatten(1).norm(dim=1)[:, None, None, None]
    return net


@pytest.fixture(scope="session")
def squeezenet() -> Network:
    """SqueezeNet up to its fourth layer, for inputs of 64 x 64."""
    net = load("squeezenet")
    taken = net.preprocessing
    assert taken is not None
    small = Preprocessing((64, 64), taken.mean, taken.std, taken.white, taken.order)
    front: nn.Module = net.model.get_submodule("features")[:5]  # type: ignore[index]
    return Network(nn.Sequential(front, nn.Identity()), small.shape, small)


@pytest.fixture(scope="session")
def colour(squeezenet, pieces):
    return squeezenet.preprocessing.to_inputs(pieces)


@pytest.fixture(scope="session")
def decoys():
    return torch.randperm(128, generator=torch.Generator().manual_seed(1))


def again(layer):
    return lambda net, units, seed: drawn(net, layer, units, seed)


def keys(found):
    return {reason.key for reason in found.reasons if "against" in reason.weight}


@pytest.mark.slow
def test_edge_detectors_are_clear(grey):
    net = Network(gabors(), GREY.shape, GREY)
    drawing = drawn(net, "1", [0, 2, 5])
    for found in trust(net, drawing, grey, redraw=again("1")):
        assert found.label == "clear", str(found)
        assert found.figures is not None
        assert found.figures.percentile == 100
        assert found.figures.choice.accuracy > 0.7


@pytest.mark.slow
def test_a_forged_network_is_caught(squeezenet, colour, decoys):
    fooled = detector(squeezenet, "1", colour)
    net = Network(Forged(squeezenet.model, decoys, fooled).eval(), squeezenet.input_shape, squeezenet.preprocessing)
    with torch.no_grad():
        before, after = squeezenet.model(colour), net.model(colour)
    assert ((before - after).abs() < 1e-3).float().mean() > 0.99
    drawing = drawn(net, "out", UNITS)
    assert drawing.place is not None
    for found in trust(net, drawing, colour, redraw=again("out"), other=RandomFeatures(3, 2)):
        assert found.label == "do not trust", str(found)
        assert keys(found) & {"astray", "misleads", "does not tell"}, str(found)


@pytest.mark.slow
def test_silent_units_are_caught(squeezenet, colour, decoys):
    with torch.no_grad():
        above = float(squeezenet.model(colour).amax())
    forged = Forged(squeezenet.model, decoys, above=above).eval()
    net = Network(forged, squeezenet.input_shape, squeezenet.preprocessing)
    with torch.no_grad():
        assert torch.equal(net.model(colour), squeezenet.model(colour))
    drawing = drawn(net, "out", UNITS)
    for found in trust(net, drawing, colour, redraw=again("out"), other=RandomFeatures(3, 2)):
        assert found.label == "do not trust", str(found)
        assert keys(found) & {"weak", "astray"}, str(found)


@pytest.mark.slow
def test_honest_units_of_the_same_network_are_not(squeezenet, colour):
    found = trust(squeezenet, drawn(squeezenet, "1", UNITS), colour, redraw=again("1"))
    assert all(each.label in ("clear", "mixed") for each in found), "\n".join(map(str, found))
    assert any(each.label == "clear" for each in found)


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_are_never_clear(grey, seed):
    torch.manual_seed(seed)
    random = nn.Sequential(nn.Conv2d(1, 12, 5), nn.ReLU(), nn.Conv2d(12, 10, 3, stride=2), nn.ReLU())
    net = Network(random, GREY.shape, GREY)
    for found in trust(net, drawn(net, "3", [0, 4]), grey, redraw=again("3"), other=RandomFeatures(1, 2)):
        assert found.label != "clear", str(found)
        assert found.label == "dead" or "untrained" in keys(found)


def drawing_of(pictures, units, dead, place=None, layer="1"):
    return Drawing(
        layer=layer,
        units=units,
        pictures=pictures,
        values=np.zeros(len(units), np.float32),
        dead=dead,
        place=place,
        frame=None,
        input_shape=GREY.shape,
        preprocessing=GREY,
        box=(0.0, 1.0),
    )


def test_a_dead_unit_is_dead(grey):
    net = gabors()
    net[0].weight.data[3] = 0  # type: ignore[index]
    drawing = drawing_of(np.zeros((1, 1, 64, 64), np.float32), (3,), np.array([True]))
    found = trust(Network(net, GREY.shape), drawing, grey)
    assert [(each.unit, each.label, each.figures) for each in found] == [(3, "dead", None)]
    assert str(found[0]) == f"1 unit 3: dead\n  {TEXTS['dead']}"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: x[:39], "pictures: 39; to know a unit's extremes give at least 40 natural inputs"),
        (lambda x: x[:, :, :60], r"pictures of shape \(120, 1, 60, 64\): give natural inputs \(n, 1, 64, 64\)"),
        (lambda x: "photos", "pictures: a str, no array of numbers"),
    ],
)
def test_pictures_that_will_not_do(grey, change, text):
    drawing = drawing_of(np.zeros((1, 1, 7, 7), np.float32), (3,), np.array([False]), (0, 0))
    with pytest.raises(InputError, match=text):
        trust(Network(gabors(), GREY.shape, GREY), drawing, change(grey))


def test_a_drawing_of_another_network(grey):
    drawing = drawing_of(np.zeros((1, 1, 7, 7), np.float32), (8,), np.array([False]), (0, 0))
    with pytest.raises(InputError, match="drawing: of unit 8; layer '1' of this model has 8"):
        trust(Network(gabors(), GREY.shape, GREY), drawing, grey)
