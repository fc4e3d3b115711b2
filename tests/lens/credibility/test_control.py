# pyright: reportIndexIssue=false, reportArgumentType=false
"""The untrained twin."""

import torch
from torch import nn

from convscope.lens.credibility.control import portrait, strangeness, twin
from convscope.lens.credibility.verdict import LEARNED


def net(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 9, 3), nn.BatchNorm2d(9), nn.ReLU(), nn.Conv2d(9, 7, (3, 2), stride=2))


def test_a_twin_has_the_same_numbers_in_another_order(grey):
    mine = net(0).train()
    other = twin(mine, grey[:16], seed=3)
    assert mine.training
    assert not other.training
    for a, b in zip(mine.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.flatten().sort().values, b.flatten().sort().values)
        assert not b.requires_grad
    assert not torch.equal(mine[0].weight, other[0].weight)
    said = other[0](grey[:16])
    torch.testing.assert_close(other[1].running_mean, said.mean((0, 2, 3)))
    assert torch.equal(twin(mine, grey[:16], seed=3)[3].weight, other[3].weight)


def test_an_untrained_network_is_like_its_twins_and_smooth_kernels_are_not(grey):
    few = grey[::7][:16]
    assert all(strangeness(net(seed), "3", few, 9, 0) < LEARNED for seed in range(4))
    taught = net(0)
    ramp = torch.linspace(-1, 1, 3)
    taught[0].weight.data[:] = ramp[:, None] * torch.linspace(0.2, 1.2, 9)[:, None, None, None]
    assert strangeness(taught, "0", few, 9, 0) > LEARNED


def test_a_layer_that_says_nothing_has_an_empty_portrait(grey):
    quiet = nn.Sequential(nn.Conv2d(1, 2, 3))
    nn.init.zeros_(quiet[0].weight)
    assert not portrait(quiet, "0", grey[:4]).any()
