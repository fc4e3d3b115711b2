"""What the lens knows of a network beside its module."""

import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing, guess_input_shape, network, preprocessing_of


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Conv2d(3, 4, 5), (3, 224, 224)),
        (nn.Conv2d(7, 4, 5), (7, 224, 224)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 26 * 26, 3)), (1, 28, 28)),
        (nn.Sequential(nn.Conv1d(2, 3, 5), nn.ReLU()), (2, 224)),
        (nn.Sequential(nn.Conv3d(1, 1, 3), nn.Flatten(), nn.Linear(30**3, 2)), (1, 32, 32, 32)),
        (nn.Linear(6, 2), (6,)),
    ],
)
def test_the_shape_of_an_undescribed_input_is_found(model: nn.Module, shape: tuple[int, ...]):
    assert guess_input_shape(model) == shape
    assert model.training


def test_what_a_module_tells_comes_first():
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 38 * 48, 2))
    with pytest.raises(InputError, match=r"input_shape: not found by trying \(3, 224, 224\), .*give the shape"):
        network(model)
    model.default_cfg = {"input_size": (3, 40, 50)}  # type: ignore[assignment]
    assert network(model).input_shape == (3, 40, 50)


def test_a_size_in_the_preprocessing_needs_no_trying():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 38 * 48, 2))
    found = network(model, preprocessing="mean=0.2;std=0.3;size=40x50")
    assert found.input_shape == (1, 40, 50)
    assert found.preprocessing == Preprocessing((40, 50), (0.2,), (0.3,), order="grey")
    assert network(model, preprocessing=found.preprocessing).input_shape == (1, 40, 50)


def test_the_shape_says_the_size():
    known = Network(nn.Conv2d(3, 1, 3), (3, 8, 9), Preprocessing((8, 9), order="BGR"), ("a",), "somewhere")
    found = network(known, (3, 10, 12))
    assert found.preprocessing == Preprocessing((10, 12), order="BGR")
    assert (found.classes, found.source, found.input_shape) == (("a",), "somewhere", (3, 10, 12))
    assert network(known) == known
    assert network(known, preprocessing="inception").preprocessing == Preprocessing.parse("inception", (3, 8, 9))


def test_other_channels_than_the_inputs_are_named():
    with pytest.raises(InputError, match=r"preprocessing: makes 3 channels \(RGB\) for inputs of shape \(6, 8, 9\)"):
        network(nn.Conv2d(6, 1, 3), (6, 8, 9), Preprocessing((8, 9)))


def test_a_preprocessing_nobody_said_is_asked_for():
    found = network(nn.Conv2d(3, 1, 3))
    with pytest.raises(InputError, match=r"not known for Conv2d; give preprocessing=imagenet\|.*order=RGB or BGR"):
        preprocessing_of(found)
    assert preprocessing_of(network(found, preprocessing="unit")).white == 1


@pytest.mark.parametrize("given", [(), (3, 0, 4), (-3, 4, 4)])
def test_a_shape_is_whole_numbers_from_one(given: tuple[int, ...]):
    with pytest.raises(InputError, match=r"input_shape=.*each at least 1"):
        network(nn.Conv2d(3, 1, 3), given)


def test_modules_in_half_precision_and_train_mode_are_taken_as_they_are():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).bfloat16()
    model.eval()[1].train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert network(model).input_shape == (3, 224, 224)
    assert [module.training for module in model.modules()] == [False, False, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
