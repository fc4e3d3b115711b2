"""An account of a prediction is right where the truth is known, and leaves the network as it was."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.accounts import account
from convscope.lens.models import Network, Preprocessing


def picture(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class Summing(nn.Module):
    """A convolution, its channels' means, and a linear head: what each channel gives is known."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 6, (3, 2), stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 3)
        self.head.weight.data[:, 4] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.relu(self.conv(x)).mean((2, 3)))


def test_a_linear_head_is_accounted_for_exactly():
    net, x = Summing(), picture(2, 9, 8)
    told = account(net, x, "relu", 1, k=6)
    with torch.no_grad():
        said = net.relu(net.conv(torch.from_numpy(x)[None]))[0]
        gains = net.head.weight[1] * said.mean((1, 2))
        value = float(net(torch.from_numpy(x)[None])[0, 1])
    assert_allclose(told.contributions, gains, rtol=1e-5, atol=1e-7)
    assert told.value == pytest.approx(value, rel=1e-6)
    assert told.at_rest == pytest.approx(float(net.head.bias[1].detach()), rel=1e-6)
    assert abs(told.left_over) < 1e-6
    assert_allclose(told.falls, told.contributions[told.ablated], rtol=1e-4, atol=1e-6)
    assert told.correlation == pytest.approx(1, abs=1e-6)
    where = net.head.weight[1, :, None, None] * said / said[0].numel()
    assert_allclose(told.where, where.detach()[told.top], atol=1e-7)
    expected = value - np.concatenate([[0], np.cumsum(told.contributions[told.top])])
    assert_allclose(told.curve, expected, rtol=1e-4, atol=1e-6)


def test_a_unit_that_nothing_listens_to_gives_nothing():
    told = account(Summing(), picture(2, 9, 8), "relu", 0, k=3)
    assert told.contributions[4] == 0
    assert 4 not in told.top
    assert_allclose(told.falls[told.ablated == 4], 0, atol=1e-7)


def test_only_units_that_gave_something_are_on_top():
    told = account(Summing(), picture(2, 9, 8), "relu", 2, k=6)
    assert 0 < len(told.top) < 6
    assert (told.contributions[told.top] > 0).all()
    assert (np.diff(told.contributions[told.top]) <= 0).all()
    assert told.by_chance.shape[1] == len(told.curve) == len(told.top) + 1


def test_what_stands_in_place_of_a_unit_at_rest():
    net, x, others = Summing(), picture(2, 9, 8), picture(5, 2, 9, 8, seed=1)
    told = account(net, x, "relu", 1, background=others)
    with torch.no_grad():
        means = net.relu(net.conv(torch.from_numpy(others))).mean((0, 2, 3))
        said = net.relu(net.conv(torch.from_numpy(x)[None])).mean((0, 2, 3))
    assert_allclose(told.contributions, net.head.weight[1].detach() * (said - means), rtol=1e-4, atol=1e-6)


class Branching(nn.Module):
    """In-place ReLUs, two branches joined, a residual, one module used twice: for inputs (3, 11, 9)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.small, self.large = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.again = nn.Conv2d(5, 5, 3, padding=1)
        self.head = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.relu(self.stem(x))
        x = torch.cat([self.small(x), self.large(x)], 1)
        x = x + torch.relu(self.again(self.norm(x)))
        x = x + torch.tanh(self.again(x))
        return {"logits": self.head(x.amax((2, 3)))}


@pytest.mark.parametrize("layer", ["stem", "relu", "large", "again", "again@2", "head"])
def test_contributions_add_up_to_the_difference_the_layer_makes(layer: str):
    net, x = Branching(), picture(3, 11, 9)
    told = account(net, x, layer, 2, steps=128)
    with torch.no_grad():
        assert told.value == pytest.approx(float(net.eval()(torch.from_numpy(x)[None])["logits"][0, 2]), rel=1e-5)
    assert abs(told.left_over) < 0.02 * max(abs(told.value - told.at_rest), 1)
    assert len(told.contributions) == {"stem": 4, "relu": 4, "large": 3, "head": 4}.get(layer, 5)


def test_more_steps_leave_less_over():
    errors = [abs(account(Branching(), picture(3, 11, 9), "stem", 2, steps=n).left_over) for n in (2, 64)]
    assert errors[1] < 0.2 * errors[0]


def test_ablation_is_a_forward_pass_without_the_unit():
    net, x = Branching().eval(), picture(3, 11, 9)
    told = account(net, x, "large", 0, k=1)

    def silence(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, told.top[0]] = 0
        return output

    handle = net.large.register_forward_hook(silence)
    with torch.no_grad():
        without = float(net(torch.from_numpy(x)[None])["logits"][0, 0])
    handle.remove()
    assert told.value - told.falls[0] == pytest.approx(without, rel=1e-5)
    assert told.curve[1] == pytest.approx(without, rel=1e-5)


class Tokens(nn.Module):
    """Attention over the 12 patches of a picture (1, 8, 6), pictures or tokens first."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.cut = nn.Conv2d(1, 8, 2, stride=2)
        self.norm = nn.LayerNorm(8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=batch_first)
        self.mix = nn.Linear(8, 10)
        self.head = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.cut(x).flatten(2).transpose(1, 2))
        tokens = tokens if self.attend.batch_first else tokens.transpose(0, 1)
        tokens = tokens + self.attend(tokens, tokens, tokens)[0]
        return self.head(torch.relu(self.mix(tokens)).mean(1 if self.attend.batch_first else 0))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(("layer", "units"), [("norm", 8), ("attend", 8), ("mix", 10)])
def test_tokens_have_units_too(layer: str, units: int, batch_first: bool):
    told = account(Tokens(batch_first), picture(1, 8, 6), layer, 1, steps=128)
    assert len(told.contributions) == units
    assert told.where.shape[1:] == (12,)
    assert abs(told.left_over) < 0.02 * max(abs(told.value - told.at_rest), 1)
    assert told.sheet().ndim == 3


def test_a_later_layers_unit_can_be_accounted_for():
    net, x = Branching().eval(), picture(3, 11, 9)
    told = account(net, x, "stem", ("large", 1))
    seen = {}
    handle = net.large.register_forward_hook(lambda layer, inputs, output: seen.update(mean=output[0, 1].mean().item()))
    net(torch.from_numpy(x)[None])
    handle.remove()
    assert told.of == "large 1"
    assert told.value == pytest.approx(seen["mean"], rel=1e-5)


def test_the_batch_is_a_matter_of_memory_only():
    one, many = (account(Branching(), picture(3, 11, 9), "large", 1, batch=n) for n in (1, 64))
    assert_allclose(one.contributions, many.contributions, rtol=1e-4, atol=1e-6)
    assert_allclose(one.falls, many.falls, rtol=1e-4, atol=1e-5)
    assert_array_equal(one.ablated, many.ablated)


def test_the_largest_output_is_meant_by_default_and_called_by_its_class():
    net = Network(Summing(), (2, 9, 8), None, ("cat", "dog", "emu"))
    told = account(net, picture(2, 9, 8), "relu")
    with torch.no_grad():
        winner = int(net.model(torch.from_numpy(picture(2, 9, 8))[None]).argmax())
    assert told.of == f"output {winner} ({net.classes[winner]})"
    assert str(told).startswith(told.of)
    assert told.to_dict()["of"] == told.of


def test_the_network_is_found_as_it_was():
    net = Branching().train()
    net.norm.eval()
    net.stem.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for bad in (False, True):
        if bad:
            with pytest.raises(InputError):
                account(net, picture(3, 11, 9), "relu", 99)
        else:
            account(net, picture(3, 11, 9), "relu", 0)
        assert (net.training, net.norm.training) == (True, False)
        assert [weight.requires_grad for weight in net.stem.parameters()] == [False, True]
        assert all(not module._forward_hooks and not module._forward_pre_hooks for module in net.modules())
        assert all(weight.grad is None for weight in net.parameters())
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_half_precision_is_taken_as_it_is():
    net = Summing().to(torch.bfloat16)
    told = account(net, picture(2, 9, 8), "relu", 1)
    assert told.contributions.dtype == np.float32
    assert told.contributions.sum() == pytest.approx(told.value - told.at_rest, abs=0.02)


def test_it_shows_where_in_the_picture_a_unit_gave_what_it_gave():
    conv, head = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.Linear(2, 1)
    conv.weight.data[:] = 1.0
    head.weight.data[:] = torch.tensor([[2.0, -1.0]])
    net = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    x = np.zeros((1, 12, 16), np.float32)
    x[0, 8:10, 3:5] = 1
    told = account(Network(net, x.shape, Preprocessing((12, 16), order="grey")), x, "1", 0)
    cards = list(told.cards())
    assert [card.name for card in cards] == ["picture", "unit-0", "ablation"]
    red = cards[1].picture[..., 0].astype(int) - cards[1].picture[..., 2]
    assert (red[6:12, 1:7].max(), red[:6].max(), red[:, 8:].max()) == (red.max(), 0, 0)
    assert red.max() > 50


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"layer": "conv9"}, "layer 'conv9': the model has no such layer"),
        ({"of": 3}, r"of=3: units of the output are 0 to 2"),
        ({"of": -1}, r"of=-1: units of the output are 0 to 2"),
        ({"of": ("conv", 0)}, "layer 'relu': conv does not come after it"),
        ({"of": ("relu", 0)}, "layer 'relu': relu does not come after it"),
        ({"k": 0}, "k=0: it must be at least 1"),
        ({"steps": 0}, "steps=0: it must be at least 1"),
        (
            {"picture": picture(1, 2, 9, 8), "model": Network(Summing(), (2, 9, 8))},
            r"give one input of shape \(2, 9, 8\)",
        ),
        ({"picture": picture(3, 9, 8)}, "its first layer 'conv' takes 2 channels, not 3"),
    ],
)
def test_bad_input_is_answered_in_one_line(how: dict, message: str):
    arguments = {"model": Summing(), "picture": picture(2, 9, 8), "layer": "relu"} | how
    with pytest.raises(InputError, match=message) as problem:
        account(**arguments)
    assert "\n" not in str(problem.value)


def test_an_output_that_does_not_depend_on_the_layer_is_said():
    class Deaf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen, self.side = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.side(x)
            return self.seen(x).mean((2, 3))

    with pytest.raises(InputError, match="it does not depend on the layer"):
        account(Deaf(), picture(1, 6, 5), "side")
