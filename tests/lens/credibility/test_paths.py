"""What carries a unit's value, and whether a drawing's is carried the same way."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.lens.credibility.paths import carried, follow


class TwoWays(nn.Module):
    """Unit 0: what channel 0 of a picture says, or, by another module, what channel 1 does; unit 1: channel 2."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.ReLU(inplace=True), nn.ReLU(), nn.Identity()

    def forward(self, x):
        a, b = self.first(x[:, [0, 2]].clone()), self.second(x[:, 1:2])
        return self.out(torch.cat([a[:, :1] + b, a[:, 1:]], 1))


@pytest.fixture
def natural_pictures():
    dice = torch.Generator().manual_seed(0)
    same, others = (torch.rand(12, 3, 5, 4, generator=dice) * 0.05 for _ in range(2))
    same[:, 1], others[:, 1] = -1, -1  # nothing natural goes the second way
    same[:, 0] += 1
    others[:, 2] += 1
    return same, others


def test_what_is_carried_adds_up():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.ReLU(inplace=True), nn.Conv2d(3, 4, (2, 3), bias=False))
    parts, values = carried(net, "2", 1, (1, 0), torch.randn(11, 2, 6, 7))
    assert set(parts) == {"0", "1"}
    for part in parts.values():
        assert part.shape == (11, 3)
        np.testing.assert_allclose(part.sum(1), values, atol=1e-5)
    assert not net[0]._forward_hooks
    assert all(weight.requires_grad and weight.grad is None for weight in net.parameters())


def test_the_natural_way_is_like_natural_ones(natural_pictures):
    same, others = natural_pictures
    path = follow(TwoWays(), "out", 0, (2, 2), same[:1] * 3, same, others)
    assert path.lowest > 0.8
    assert not path.outside


def test_another_way_to_the_same_value_is_told(natural_pictures):
    same, others = natural_pictures
    drawn = same[:1].clone()
    drawn[:, 0], drawn[:, 1] = -1, 3
    path = follow(TwoWays(), "out", 0, (2, 2), drawn, same, others)
    assert path.likeness["second"] == 0
    assert path.lowest < 0.5
    assert path.outside


def test_a_first_layer_has_no_path(natural_pictures):
    same, others = natural_pictures
    path = follow(nn.Sequential(nn.Conv2d(3, 2, 3)), "0", 0, (1, 1), same[:1], same, others)
    assert path.likeness == {}
    assert np.isnan(path.lowest)
