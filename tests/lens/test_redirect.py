"""Other backward passes against autograd's own, and models left as they were."""

import copy

import pytest
import torch
from torch import nn

from convscope.lens.redirect import folded_gradients, open_relus


def pull(model: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Output, and the input's gradient for an upstream gradient that differs everywhere."""
    x = x.clone().requires_grad_()
    y = model(x)
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    return y.detach(), torch.autograd.grad(y, x, upstream)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "given",
    [
        {"kernel_size": 5, "padding": 2},
        {"kernel_size": (3, 2), "bias": False},
        {"kernel_size": (2, 3), "stride": (3, 2), "padding": (1, 0)},
        {"kernel_size": (3, 2), "dilation": (2, 3), "padding": (4, 1)},
        {"kernel_size": 1, "stride": 2},
    ],
)
def test_folded_gradients_are_autograds(given, dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, **given), nn.ReLU(inplace=True)).to(dtype).requires_grad_(False)
    for x in (torch.randn(3, 1, 11, 8, dtype=dtype), torch.randn(1, 11, 8, dtype=dtype)):
        expected = pull(model, x)
        with folded_gradients(model):
            assert "forward" in model[0].__dict__
            found = pull(model, x)
        torch.testing.assert_close(found[0], expected[0], rtol=0, atol=0)
        torch.testing.assert_close(found[1], expected[1])


def test_only_plain_one_channel_convolutions_are_folded():
    class Own(nn.Conv2d):
        pass

    others = [nn.Conv2d(2, 4, 3), nn.Conv2d(1, 4, 3, padding="same"), Own(1, 4, 3), nn.Linear(1, 1)]
    others.append(nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"))
    with folded_gradients(nn.ModuleList(others)):
        assert not any("forward" in module.__dict__ for module in others)


def test_open_relus_pass_every_gradient():
    relu, x = nn.Sequential(nn.ReLU(inplace=True)), torch.tensor([-1.0, 0.0, 2.0])
    with open_relus(relu):
        y, gradient = pull(relu, x)
    assert y.tolist() == [0.0, 0.0, 2.0]
    assert bool((gradient != 0).all())
    assert float(pull(nn.ReLU(), x)[1][0]) == 0.0


@pytest.mark.parametrize("redirect", [folded_gradients, open_relus])
def test_the_model_is_as_before_also_after_an_exception(network, redirect):
    before = {name: copy.copy(module.__dict__) for name, module in network.named_modules()}
    with pytest.raises(KeyError), redirect(network):
        raise KeyError
    for name, module in network.named_modules():
        assert module.__dict__ == before[name]


@pytest.mark.parametrize("redirect", [folded_gradients, open_relus])
def test_a_forward_pass_that_somebody_else_put_there_stays(network, redirect):
    for layer in (network.conv1, network.relu1):
        layer.forward = layer.forward
    before = network.conv1.forward, network.relu1.forward
    with redirect(network):
        assert (network.conv1.forward, network.relu1.forward) == before
    assert (network.conv1.forward, network.relu1.forward) == before
