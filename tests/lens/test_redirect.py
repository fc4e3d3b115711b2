"""Other backward passes against autograd's own, and models left as they were."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

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


def overwriting(x: torch.Tensor) -> torch.Tensor:
    x.relu_()
    return x


def overwriting_by_a_function(x: torch.Tensor) -> torch.Tensor:
    F.hardtanh(x, 0, 6, inplace=True)
    return x


RELUS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "function": F.relu,
    "function in place": lambda x: F.relu(x, inplace=True),
    "torch.relu": torch.relu,
    "method": lambda x: x.relu(),
    "method in place": overwriting,
    "clamp": lambda x: x.clamp(min=0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "operator": torch.ops.aten.relu.default,
    "relu6 module": nn.ReLU6(inplace=True),
    "relu6": F.relu6,
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 6.0),
    "clamp to a range": lambda x: x.clamp(0, 6),
    "hardtanh in place": overwriting_by_a_function,
}


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x * 1.0)


@pytest.mark.parametrize("name", RELUS)
def test_open_relus_compute_the_same_and_let_no_gradient_die(name):
    model = Calls(RELUS[name])
    # nothing of the first passes, some of the second, nothing of the third, which is not meant; the ends are ties
    x = torch.tensor(
        [[-1.0, -0.5, -2.0, -7.0, -1.0], [3.0, -2.0, 8.0, 0.0, 6.0], [-1.0, -3.0, -0.1, -5.0, -2.0]]
    )
    plain, closed = pull(model, x)
    with open_relus(torch.tensor([True, True, False])) as opened:
        y, gradient = pull(model, x)
    assert torch.equal(y, plain)
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(gradient[0], upstream[0])
    assert torch.equal(gradient[1:], closed[1:])
    assert not closed[[0, 2]].any()
    assert opened.rescued.tolist() == [True, False, False]


def test_what_is_no_relu_keeps_its_gradient():
    x = torch.tensor([[-1.0, -0.7, -3.0]])
    for function in (lambda x: x.clamp(-0.5, 2), nn.Hardtanh(), nn.LeakyReLU(0.1), lambda x: x.clamp(max=-2)):
        model = Calls(function)
        expected = pull(model, x)
        with open_relus(torch.tensor([True])) as opened:
            assert all(torch.equal(a, b) for a, b in zip(pull(model, x), expected, strict=True))
        assert not opened.rescued.any()


def test_windows_that_became_images_follow_their_image():
    class Windows(nn.Module):
        def forward(self, x):
            return F.relu(x.unflatten(1, (3, 2)).flatten(0, 1)).unflatten(0, (-1, 3)).flatten(1)

    x = torch.full((3, 6), -1.0)
    x[2, 0] = 1.0  # one window of it is awake
    with open_relus(torch.tensor([True, False, True])):
        gradient = pull(Windows(), x)[1]
    assert (gradient != 0).sum(1).tolist() == [6, 0, 1]


def test_the_model_is_as_before_also_after_an_exception(network):
    before = {name: copy.copy(module.__dict__) for name, module in network.named_modules()}
    with pytest.raises(KeyError), folded_gradients(network):
        raise KeyError
    for name, module in network.named_modules():
        assert module.__dict__ == before[name]


def test_a_forward_pass_that_somebody_else_put_there_stays(network):
    for layer in (network.conv1, network.relu1):
        layer.forward = layer.forward
    before = network.conv1.forward, network.relu1.forward
    with folded_gradients(network):
        assert (network.conv1.forward, network.relu1.forward) == before
    assert (network.conv1.forward, network.relu1.forward) == before
