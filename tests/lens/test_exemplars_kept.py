"""What is kept beside the ends: statistics, a sample of pictures for quantiles, and how units go with classes."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens import examples, maps
from convscope.lens.exemplars.keeping import SAMPLE, Reservoir

PICTURES = np.random.default_rng(8).normal(size=(41, 1, 12, 10)).astype(np.float32)


@pytest.fixture
def values() -> nn.Sequential:
    """A network whose three units say x, 10000 + x and -2 x of a picture that is one number."""
    line = nn.Linear(1, 3)
    line.weight.data[:] = torch.tensor([[1.0], [1.0], [-2.0]])
    line.bias.data[:] = torch.tensor([0.0, 1e4, 0.0])
    return nn.Sequential(line)


@pytest.mark.parametrize("batch", [1, 6, 41])
def test_statistics_are_those_of_all_activations(network, batch):
    layers = ["conv1", "relu2", "fc2"]
    found, everything = examples(network, layers, PICTURES, batch=batch), maps(network, PICTURES, layers)
    for name in layers:
        all_of_a_unit = everything[name].astype(np.float64).swapaxes(0, 1).reshape(everything[name].shape[1], -1)
        np.testing.assert_allclose(found[name].mean, all_of_a_unit.mean(1), atol=1e-6)
        np.testing.assert_allclose(found[name].std, all_of_a_unit.std(1), atol=1e-6)
        np.testing.assert_allclose(found[name].positive, (all_of_a_unit > 0).mean(1), atol=1e-12)


def test_no_digits_are_lost_far_from_zero(values):
    x = np.random.default_rng(0).integers(-32, 33, (3000, 1)).astype(np.float32) / 32
    found = examples(values, "0", x, batch=100)["0"]
    np.testing.assert_allclose(found.std, x.std(dtype=np.float64) * np.array([1, 1, 2]), rtol=1e-6)
    np.testing.assert_allclose(found.mean[1], 1e4 + x.mean(dtype=np.float64), rtol=1e-12)


def test_quantiles_of_few_pictures_are_exact(network):
    found, said = examples(network, ["conv2"], PICTURES, batch=7)["conv2"], maps(network, PICTURES, ["conv2"])["conv2"]
    most = said.max((2, 3))
    np.testing.assert_array_equal(found.sample.index, np.arange(41))
    np.testing.assert_allclose(found.quantiles([0.1, 0.5]), np.quantile(most, [0.1, 0.5], axis=0), atol=1e-6)
    assert found.quantiles(0.5).shape == (4,)
    off = np.abs(most - np.quantile(most, 0.5, axis=0))
    np.testing.assert_array_equal(found.middle.index[:, 1], off.argmin(0))
    np.testing.assert_array_equal(found.near(0.5, 3).index, np.argsort(off, axis=0, kind="stable")[:3].T)
    for unit in range(4):
        row, column = found.middle.row[unit, 2], found.middle.column[unit, 2]
        there = said[found.middle.index[unit, 2], unit, row, column]
        np.testing.assert_allclose(there, found.middle.value[unit, 2], atol=1e-6)
    with pytest.raises(InputError, match=r"q=1\.5: a quantile lies between 0 and 1"):
        found.quantiles(1.5)


def test_percentiles_count_ties_half(values):
    found = examples(values, "0", np.array([[1.0], [2], [2], [3]], np.float32))["0"]
    assert [found.percentile(0, v) for v in (0, 1, 2, 2.5, 9)] == [0, 12.5, 50, 75, 100]
    assert found.percentile(2, -4) == 50


def test_the_sample_is_even_bounded_and_the_same_in_any_batches(values):
    x = np.arange(5000, dtype=np.float32)[:, None]
    found = [examples(values, "0", x, batch=size, seed=3)["0"].sample for size in (7, 1000)]
    np.testing.assert_array_equal(found[0].index, found[1].index)
    np.testing.assert_array_equal(found[0].value[:, 0], found[0].index)  # each row holds its own picture's value
    assert len(np.unique(found[0].index)) == SAMPLE
    # a tenth of a draw without replacement has 100 +- 9
    shares = np.histogram(found[0].index, 10, (0, 5000))[0]
    assert abs(shares - 100).max() < 40
    other = examples(values, "0", x, seed=4)["0"].sample
    assert len(np.intersect1d(other.index, found[0].index)) < 300


def test_every_picture_has_the_same_chance():
    counts = np.zeros(3000)
    for seed in range(200):
        reservoir = Reservoir(seed)
        for size in (1400, 1, 1599):
            reservoir.admit(size)
        counts[reservoir.index] += 1
    assert counts.sum() == 200 * SAMPLE
    assert abs(counts.reshape(30, 100).sum(1) / (200 * SAMPLE / 30) - 1).max() < 0.1


def test_classes(values):
    x = np.array([[1.0], [3], [-1], [5], [0]], np.float32)
    labels = np.array([2, 0, 0, 2, 3])
    whole = examples(values, "0", x, labels=labels)["0"].classes
    assert whole is not None
    np.testing.assert_allclose(whole.mean[0], [1, np.nan, 3, 0])
    np.testing.assert_array_equal(whole.count, [2, 0, 2, 1])
    assert whole.most(0, 2) == [("2", 3.0), ("0", 1.0)]
    assert whole.most(2, 9)[0] == ("3", 0.0)
    assert len(whole.most(0, 9)) == 3
    # means 1, 3, 0 of the classes seen: (3 - 0.5) / (3 + 0.5); of the last unit none lies above 0
    np.testing.assert_allclose(whole.selectivity[[0, 2]], [2.5 / 3.5, 0])
    pairs = ((x[i : i + 2], torch.from_numpy(labels[i : i + 2])) for i in (0, 2, 4))
    streamed = examples(values, "0", pairs)["0"].classes
    assert streamed is not None
    np.testing.assert_array_equal(streamed.mean, whole.mean)
    assert examples(values, "0", x)["0"].classes is None


def test_wrong_labels(values):
    x = np.zeros((4, 1), np.float32)
    with pytest.raises(InputError, match=r"labels of shape \(3,\) for 4 pictures; give one number"):
        examples(values, "0", x, labels=[0, 1, 2])
    with pytest.raises(InputError, match=r"labels of shape .* one number from 0 a picture"):
        examples(values, "0", [(x, np.array([0, 1, -1, 0]))])
