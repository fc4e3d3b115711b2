import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.fields import effective_field, receptive_field


def uniform(depth: int, pad: int = 0) -> nn.Sequential:
    """Convolutions of 3 x 3 whose weights are all 1."""
    chain = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=pad, bias=False) for _ in range(depth)))
    for weight in chain.parameters():
        weight.data.fill_(1.0)
    return chain


def test_uniform_kernels_have_the_field_that_can_be_told_in_advance():
    """Luo et al. 2016, section 2: coefficients of (1 + z + z^2)^depth along each axis."""
    depth, x = 4, np.random.default_rng(0).normal(size=(3, 1, 13, 11)).astype(np.float32)
    found = effective_field(uniform(depth), str(depth - 1), x)
    line = np.ones(1)
    for _ in range(depth):
        line = np.convolve(line, np.ones(3))
    expected = np.zeros((13, 11))
    top, left, bottom, right = found.field.box(*found.place)
    expected[top:bottom, left:right] = np.outer(line, line) / line.sum() ** 2
    np.testing.assert_allclose(found.map, expected, atol=1e-7)
    assert (found.place, found.pictures, found.field.size) == ((2, 1), 3, (9, 9))
    heaped = np.sort(expected, axis=None)[::-1].cumsum()
    assert found.size == pytest.approx(np.sqrt(1 + (heaped < 0.9545).sum()))
    assert found.fraction == pytest.approx(found.size / 9)
    assert found.holds(0.5) == 1 + (heaped < 0.5).sum()


def test_deeper_fields_fill_less_of_their_room():
    """Luo et al. 2016: the fraction falls as one over the root of the depth."""
    x = np.zeros((1, 1, 41, 43), np.float32)
    fractions = [effective_field(uniform(depth), str(depth - 1), x).fraction for depth in (2, 5, 10, 20)]
    assert fractions == sorted(fractions, reverse=True)
    assert fractions[3] / fractions[1] == pytest.approx(0.5, abs=0.1)


def test_all_of_it_lies_in_the_receptive_field():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, (3, 5), padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, groups=1)
    )
    x = np.random.default_rng(1).normal(size=(20, 2, 17, 22)).astype(np.float32)
    found = effective_field(model.train(), "3", (x[:7], x[7:]), unit=2)
    assert found.field == receptive_field(model, "3", (2, 17, 22))
    top, left, bottom, right = found.field.box(*found.place)
    outside = found.map.copy()
    outside[top:bottom, left:right] = 0
    assert found.map.sum() == pytest.approx(1)
    assert not outside.any()
    assert found.pictures == 20
    assert 0 < found.fraction <= 1
    assert model.training


def test_one_unit_by_hand():
    model = nn.Sequential(nn.Conv1d(1, 2, 3, bias=False))
    model[0].weight.data = torch.tensor([[[0.0, -3.0, 1.0]], [[2.0, 0.0, 0.0]]])
    found = effective_field(model, "0", torch.ones(1, 1, 6), unit=0, share=0.7)
    np.testing.assert_allclose(found.map, [0, 0, 0, 0.75, 0.25, 0])
    assert (found.place, found.size, found.fraction) == ((2,), 1.0, pytest.approx(1 / 3))


def test_layers_that_see_everything():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    found = effective_field(model, "3", np.ones((2, 1, 8, 9), np.float32), unit=1)
    assert found.field.whole
    assert found.place == ()
    assert found.map.shape == (8, 9)
    assert found.map.all()
    assert 0.7 < found.fraction < 1


def test_a_seed_gives_one_field():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(1, 5, 3), nn.Tanh()), np.ones((3, 1, 6, 7), np.float32)
    same = [effective_field(model, "1", x, seed=seed).map for seed in (0, 0, 1)]
    np.testing.assert_array_equal(same[0], same[1])
    assert (same[0] != same[2]).any()


def test_what_cannot_be_measured():
    model, x = uniform(1), np.ones((2, 1, 5, 6), np.float32)
    with pytest.raises(InputError, match="unit=1 of layer '0', which has 1; units are 0 to 0"):
        effective_field(model, "0", x, unit=1)
    with pytest.raises(InputError, match="pictures: there are none"):
        effective_field(model, "0", x[:0])
    with pytest.raises(InputError, match=r"share=1\.0: a part of the mass"):
        effective_field(model, "0", x, share=1)
    with pytest.raises(InputError, match="'1': its gradient is not finite; check the pictures"):
        effective_field(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Tanh()), "1", x * np.nan)
    with pytest.raises(InputError, match="layer '1': unit 0 in the middle is moved by no cell"):
        effective_field(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Threshold(1e9, 0.0)), "1", x, unit=0)
    next(model.parameters()).data[0, 0, 1, 1] = torch.nan
    with pytest.raises(InputError, match=r"model: 0\.weight of shape \(1, 1, 3, 3\) holds NaN"):
        effective_field(model, "0", x)
