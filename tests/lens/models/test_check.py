"""A preprocessing that is not the training's is noticed, and the right one passes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing, check_preprocessing

RIGHT = Preprocessing((13, 17), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth, and redder than blue, as photographs are."""
    rng = np.random.default_rng(0)
    small = rng.uniform(0, 1, (24, 4, 5, 1)) * [200, 140, 70] + rng.normal(0, 20, (24, 4, 5, 3))
    return small.clip(0, 255).astype(np.uint8).repeat(4, 1)[:, :13].repeat(4, 2)[:, :, :17]


@pytest.fixture(scope="module")
def normed(pictures) -> Network:
    """Its batch norm has seen these pictures; the convolution before it keeps the colours apart."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6, momentum=1.0), nn.ReLU())
    model(RIGHT.to_inputs(pictures))
    return Network(model, RIGHT.shape, RIGHT)


def told(network: Network, pictures: np.ndarray, **changed: object) -> list[str]:
    assert network.preprocessing is not None
    return check_preprocessing(replace(network, preprocessing=replace(network.preprocessing, **changed)), pictures)


def test_the_right_one_passes_and_leaves_no_trace(normed: Network, pictures):
    before = {name: value.clone() for name, value in normed.model.state_dict().items()}
    assert check_preprocessing(normed, pictures) == []
    assert normed.model.training
    assert all(torch.equal(value, before[name]) for name, value in normed.model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in normed.model.modules())


def test_a_wrong_order_is_noticed_by_the_first_batch_norm(normed: Network, pictures):
    (line,) = told(normed, pictures, order="BGR")
    assert "the first batch norm sees other numbers than in training" in line
    assert "order=RGB fits better" in line


def test_a_wrong_range_is_noticed_twice(normed: Network, pictures):
    numbers, norm = told(normed, pictures, white=255.0)
    assert "far from 1 although std is given; range=1 or 255" in numbers
    assert "range=1 fits better" in norm or "imagenet fits better" in norm


def test_no_normalising_is_noticed(normed: Network, pictures):
    (line,) = told(normed, pictures, mean=(0.0,), std=(1.0,))
    assert "imagenet fits better" in line


def test_pictures_unlike_those_of_the_training_are_not_blamed_on_settings(normed: Network):
    (line,) = check_preprocessing(normed, np.random.default_rng(1).integers(200, 256, (8, 13, 17, 3)).astype(np.uint8))
    assert "none of the usual settings fits" in line


def test_a_mean_of_another_range_is_noticed_without_batch_norm(pictures):
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    taken = Preprocessing((13, 17), (104.0, 117.0, 123.0))
    (line,) = check_preprocessing(Network(model, taken.shape, taken), pictures)
    assert "far from zero for values that reach over 1; range=1 or 255" in line
    assert check_preprocessing(Network(model, taken.shape, replace(taken, white=255.0)), pictures) == []


def test_pictures_that_are_no_bytes_are_noticed(normed: Network, pictures):
    lines = check_preprocessing(normed, (pictures > 128).astype(np.uint8))
    assert "no value is above 1; they are bytes from 0 (black) to 255 (white)" in lines[0]


class Colourful(nn.Module):
    """Surer of its class the redder the first channel is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(x), 12)
        logits[:, 3] = 10 * (x[:, 0].mean((1, 2)) - x[:, 2].mean((1, 2)))
        return logits


def test_surer_answers_in_the_other_order_are_told(pictures):
    taken = Preprocessing((13, 17))
    assert check_preprocessing(Network(Colourful(), taken.shape, taken), pictures) == []
    (line,) = told(Network(Colourful(), taken.shape, taken), pictures, order="BGR")
    assert "the answers are surer with order=RGB (mean entropy" in line


def test_grey_and_other_channels_are_checked_too(pictures):
    for order, channels in (("grey", 1), ("channels:5", 5)):
        some = np.repeat(pictures[..., :1], channels, 3)
        taken = Preprocessing((13, 17), (0.4,), (0.2,), order=order)
        model = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4, momentum=1.0))
        model(taken.to_inputs(some))
        known = Network(model, taken.shape, taken)
        assert check_preprocessing(known, some) == []
        assert any("fits better" in line for line in told(known, some, white=255.0))


def test_without_settings_there_is_nothing_to_check(pictures):
    with pytest.raises(InputError, match=r"preprocessing: not known for Conv2d"):
        check_preprocessing(nn.Conv2d(3, 1, 3), pictures)
