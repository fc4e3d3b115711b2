"""The chain of shapes beside the layers themselves, ours and PyTorch's; and every fix that is named mends it."""

import json
import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convscope import lens, nn
from convscope.errors import InputError
from convscope.ops.explain import Chain, chain


def test_a_network_that_fits_is_a_table():
    assert str(chain((1, 28, 28), nn.LeNet5())).splitlines()[:4] == [
        "input                                  1 x 28 x 28",
        "conv1     Conv2D(1, 6, 5, padding=2)   6 x 28 x 28       156 parameters   sees 5 x 5",
        "relu1     ReLU()                       6 x 28 x 28                        sees 5 x 5",
        "pool1     MaxPool2D(2)                 6 x 14 x 14                        sees 6 x 6",
    ]
    assert str(chain((1, 28, 28), nn.LeNet5())).splitlines()[-1] == "61,706 parameters in all"


def test_our_networks_come_out_as_they_say():
    net = nn.LeNet5()
    told = chain((1, 28, 28), net)
    assert {step.layer.name: step.shape for step in told.steps} == net.shapes((1, 28, 28))
    assert sum(step.parameters for step in told.steps) == net.vector.size


@st.composite
def stacks(draw: st.DrawFn) -> list[torch.nn.Module]:
    layers: list[torch.nn.Module] = []
    channels = 2
    for _ in range(draw(st.integers(1, 4))):
        kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        stride, kind = draw(st.tuples(st.integers(1, 3), st.integers(1, 3))), draw(st.integers(0, 3))
        padding = draw(st.integers(0, min(kernel) // 2))
        if kind == 0:
            layers.append(torch.nn.MaxPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans())))
        elif kind == 1:
            layers.append(torch.nn.AvgPool2d(kernel, padding=padding))
        else:
            groups, more = draw(st.integers(1, 2)), 2 * draw(st.integers(1, 2))
            options: dict[str, Any] = {"dilation": draw(st.integers(1, 2)), "groups": groups, "bias": kind == 2}
            layers.append(torch.nn.Conv2d(channels, more, kernel, stride, padding, **options))
            channels = more
        layers.append(torch.nn.ReLU())
    return layers


@given(layers=stacks(), height=st.integers(1, 24), width=st.integers(1, 24))
def test_pytorch_agrees_on_shapes_parameters_and_fields(layers: list[torch.nn.Module], height: int, width: int):
    told = chain((2, height, width), layers)
    x = torch.zeros(1, 2, height, width)
    for step, layer in zip(told.steps, layers, strict=False):
        x = layer(x)
        assert step.shape == tuple(x.shape[1:])
        assert step.parameters == sum(each.numel() for each in layer.parameters())
    if told.failed:
        with pytest.raises(RuntimeError):
            layers[len(told.steps)](x)
    else:
        field = lens.receptive_field(torch.nn.Sequential(*layers), str(len(layers) - 1), (2, height, width))
        assert told.steps[-1].sees == field


def test_what_a_stride_leaves_unread_is_said():
    told = chain((1, 27, 28), [nn.Conv2D(1, 6, 5, stride=3), nn.MaxPool2D(2), nn.AvgPool2D(3, ceil_mode=True)])
    assert [step.lost for step in told.steps] == [(1, 2), (0, 0), (0, 0)]
    assert "sees 5 x 5; 1 row and 2 columns lost" in str(told)


def lenet(linear: int = 400, **conv: Any) -> dict[str, Any]:
    return {
        "conv1": nn.Conv2D(1, 6, 5, **conv),
        "pool1": nn.MaxPool2D(2),
        "conv2": nn.Conv2D(6, 16, 5),
        "pool2": nn.MaxPool2D(2),
        "flatten": "flatten",
        "fc1": nn.Linear(linear, 120),
    }


def test_a_linear_layer_that_does_not_fit_shows_the_chain_and_each_way_out():
    told = chain((1, 28, 28), lenet())
    assert str(told).splitlines() == [
        "input                        1 x 28 x 28",
        "conv1     Conv2D(1, 6, 5)    6 x 24 x 24      156 parameters   sees 5 x 5",
        "pool1     MaxPool2D(2)       6 x 12 x 12                       sees 6 x 6",
        "conv2     Conv2D(6, 16, 5)   16 x 8 x 8     2,416 parameters   sees 14 x 14",
        "pool2     MaxPool2D(2)       16 x 4 x 4                        sees 16 x 16",
        "flatten   flatten()          256                               sees all",
        "fc1       Linear(400, 120)   does not fit",
        "fc1: Linear(400, 120) takes 400 inputs, and gets 256",
        "  fix: Linear(256, 120)",
        "  fix: padding=2 in conv1: Conv2D(1, 6, 5, padding=2)",
        "  fix: padding=1 in conv2: Conv2D(6, 16, 5, padding=1)",
        "  fix: pictures of 1 x 32 x 32",
    ]
    for mended, shape in (
        (lenet(256), (1, 28, 28)),
        (lenet(padding=2), (1, 28, 28)),
        (lenet() | {"conv2": nn.Conv2D(6, 16, 5, padding=1)}, (1, 28, 28)),
        (lenet(), (1, 32, 32)),
    ):
        assert chain(shape, mended).failed is None


@pytest.mark.parametrize(
    ("layers", "why", "fixes"),
    [
        ([nn.Conv2D(3, 4, 3)], "takes 3 channels, and gets 1 (1 x 6 x 8)", ["Conv2D(1, 4, 3)"]),
        (
            [nn.Conv2D(1, 2, 9)],
            "Conv2D(1, 2, 9) spans 9 x 9 cells, and gets 6 x 8, padding included",
            ["Conv2D(1, 2, 9, padding=2)", "Conv2D(1, 2, 6)", "pictures of 1 x 9 x 11"],
        ),
        (
            [nn.MaxPool2D((2, 9), stride=(2, 9))],
            "spans 2 x 9 cells, and gets 6 x 8",
            ["MaxPool2D((2, 9), padding=1)", "MaxPool2D((2, 8))", "pictures of 1 x 7 x 9"],
        ),
        (
            ["relu", nn.Linear(48, 5)],
            "Linear(48, 5) takes 48 inputs, and gets 1 x 6 x 8 of 48 numbers, not flattened",
            ["Flatten() before it", "Flatten() before it, and Linear(48, 5)"],
        ),
        (
            [nn.Linear(7, 5)],
            "of 48 numbers, not flattened",
            ["Flatten() before it, and Linear(48, 5)"],
        ),
        (
            ["flatten", nn.Conv2D(1, 2, 3)],
            "takes pictures, and gets 48 numbers, already flattened",
            ["leave out 0: flatten()"],
        ),
        (
            [nn.MaxPool2D(2), {"type": "AvgPool2d", "kernel_size": 2, "padding": 2}],
            "padding is at most half the kernel",
            None,
        ),
    ],
)
def test_what_does_not_fit_is_said_with_the_smallest_fixes(layers: list[Any], why: str, fixes: list[str] | None):
    told = chain((1, 6, 8), layers)
    assert told.failed
    assert why in told.why
    assert fixes is None or list(told.fixes) == fixes


def test_layers_are_told_by_objects_names_and_dicts_alike():
    described: list[Any] = [
        {
            "type": "Conv2d",
            "in_channels": 1,
            "out_channels": 4,
            "kernel_size": (3, 5),
            "padding": "same",
            "bias": False,
        },
        "relu",
        {"type": "MaxPool2D", "kernel_size": 2},
        "flatten",
        {"type": "Linear", "in_features": 48, "out_features": 3},
    ]
    ours = nn.Sequential(
        [
            nn.Conv2D(1, 4, (3, 5), padding="same", bias=False),
            nn.ReLU(),
            nn.MaxPool2D(2),
            nn.Flatten(),
            nn.Linear(48, 3),
        ]
    )
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, (3, 5), padding="same", bias=False),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(48, 3),
    )
    chains: list[Chain] = [chain((1, 6, 8), each) for each in (described, ours, theirs)]
    facts = [[(step.shape, step.parameters, step.lost, step.sees) for step in each.steps] for each in chains]
    assert facts[0] == facts[1] == facts[2]
    assert facts[0][-1][:2] == ((3,), 147)


def test_data_goes_through_json():
    told = json.loads(json.dumps(chain((1, 6, 8), [nn.Conv2D(1, 2, 3, stride=2), nn.Linear(3, 1)]).to_dict()))
    assert told["input"] == [1, 6, 8]
    assert told["layers"] == [
        {
            "name": "0",
            "layer": "Conv2D(1, 2, 3, stride=2)",
            "shape": [2, 2, 3],
            "parameters": 20,
            "lost": [1, 1],
            "sees": [3, 3],
        }
    ]
    assert told["failed"] == "1"
    assert told["fixes"] == ["Flatten() before it, and Linear(12, 1)"]


@pytest.mark.parametrize(
    ("shape", "layers", "message"),
    [
        ((28, 28), [], "shape=(28, 28): it must be the shape (c, h, w) of a picture, or (features,)"),
        ((1, 0, 3), [], "shape=0: it must be at least 1"),
        ((1, 6, 8), nn.Conv2D(1, 2, 3), "layers is a Conv2D: give a list or a dict of layers, or a Sequential"),
        ((1, 6, 8), [torch.nn.LSTM(3, 4)], "layer 0 is 'LSTM': shapes are known through Conv2D, MaxPool2D,"),
        ((1, 6, 8), [{"type": "Conv2D", "kernel_size": 3}], "layer 0: in_channels=None: a whole number is needed"),
        ((1, 6, 8), [{"type": "MaxPool2D", "kernel_size": 0}], "layer 0: kernel_size=0: it must be at least 1"),
        ((1, 6, 8), [None], "layer 0 is 'NoneType'"),
    ],
)
def test_mistakes_are_told_in_one_line(shape: Any, layers: Any, message: str):
    with pytest.raises(InputError, match=re.escape(message)):
        chain(shape, layers)
