import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens import draw, examples, layers, maps
from convscope.lens.probe import find_layer, probe
from convscope.lens.redirect import open_relus

SIZE = (1, 12, 10)


class Worn(nn.Module):
    """A network in a state that no default would give back: mixed modes, mixed gradients, own hooks."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body: Any = body
        self.body.add_module("drop", nn.Dropout(0.5))
        self.norm = nn.BatchNorm1d(5)
        self.calls = 0
        self.fails = False
        self.body.conv1.register_forward_hook(self._count)
        self.train()
        self.norm.eval()
        self.body.conv2.eval()
        self.body.fc1.weight.requires_grad_(False)
        self.body.fc2.bias.grad = torch.ones(5)

    def _count(self, *args: object) -> None:
        self.calls += 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.body(x))
        if self.fails:
            raise KeyError("broken")
        return y


def state(model: nn.Module) -> dict:
    return {
        "modes": [module.training for module in model.modules()],
        "wanted": [weight.requires_grad for weight in model.parameters()],
        "gradients": [None if w.grad is None else w.grad.tolist() for w in model.parameters()],
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
            for m in model.modules()
        ],
        "own": [sorted(m.__dict__) for m in model.modules()],
        "numbers": copy.deepcopy([value.tolist() for value in model.state_dict().values()]),
    }


PICTURES = np.random.default_rng(0).normal(size=(4, *SIZE)).astype(np.float32)


@pytest.mark.parametrize(
    "look_at",
    [
        lambda model: layers(model, SIZE),
        lambda model: maps(model, PICTURES),
        lambda model: maps(model, PICTURES, ["body.conv2"]),
        lambda model: draw(model, "body.relu3", size=SIZE, steps=3),
        lambda model: draw(model, "body.conv2", size=SIZE, steps=3),
        lambda model: examples(model, ["body.conv1", "norm"], PICTURES, k=2),
    ],
)
def test_the_model_is_found_again_as_it_was(look_at, network):
    model = Worn(network)
    before, random = state(model), torch.random.get_rng_state()
    look_at(model)
    assert state(model) == before
    assert torch.equal(torch.random.get_rng_state(), random)
    assert model.calls > 0, "hooks that were there go on working"


@pytest.mark.parametrize(
    "look_at",
    [
        lambda model: layers(model, SIZE),
        lambda model: maps(model, PICTURES, ["norm", "body.drop", "body"]),
        lambda model: examples(model, ["norm", "body.drop", "body"], PICTURES),
    ],
)
def test_also_when_the_model_fails(look_at, network):
    model = Worn(network)
    model.fails = True
    model.norm.register_forward_hook(lambda *args: exec("raise KeyError('broken')"))
    before = state(model)
    with pytest.raises(KeyError, match="broken"):
        look_at(model)
    assert state(model) == before


def test_also_when_the_block_fails_or_hooks_cannot_all_be_set(network):
    model = Worn(network)
    before = state(model)
    with pytest.raises(ZeroDivisionError), probe(model, ["body.conv1", "norm"]), open_relus(model):
        raise ZeroDivisionError
    with pytest.raises(InputError, match="no such layer"), probe(model, ["body.conv1", "nrm"]):
        pass
    assert state(model) == before


def test_inside_it_is_in_eval_mode_without_weight_gradients(network):
    model = Worn(network)
    with probe(model, ["norm"]) as look:
        assert not any(module.training for module in model.modules())
        assert not any(weight.requires_grad for weight in model.parameters())
        x = torch.from_numpy(PICTURES).requires_grad_()
        look(x)["norm"].sum().backward()
    assert x.grad is not None
    assert bool(x.grad.any())
    assert model.body.conv1.weight.grad is None


def test_the_forward_pass_ends_at_the_last_layer_asked_for(network):
    model = network
    reached = []
    for name, module in model.named_children():
        module.register_forward_hook(lambda *args, name=name: reached.append(name))
    with probe(model, ["conv2", "conv1"]) as look:
        seen = look(torch.from_numpy(PICTURES))
    assert set(seen) == {"conv1", "conv2"}
    assert reached == ["conv1", "relu1", "pool1", "conv2"]


def test_an_in_place_relu_after_it_does_not_change_what_was_seen():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 3))
    found = maps(model, PICTURES)
    torch.testing.assert_close(found["0"], model[0](torch.from_numpy(PICTURES)).detach().numpy())
    assert found["0"].min() < 0 <= found["1"].min()


def test_unknown_names_suggest_near_ones(network):
    with pytest.raises(
        InputError, match=r"layer 'conv3': the model has no such layer; did you mean 'conv\d'"
    ):
        find_layer(network, "conv3")
    with pytest.raises(InputError, match=r"layer 'zzzz': the model has no such layer; it has conv1, relu1"):
        find_layer(network, "zzzz")
    with pytest.raises(InputError, match="no layers at all"):
        find_layer(nn.ReLU(), "zzzz")


class Odd(nn.Module):
    """One layer that never runs, one whose output is no tensor, one used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Linear(2, 2)
        self.memory = nn.LSTM(2, 2)
        self.twice = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.memory(self.twice(self.twice(x)))[0]


def test_layers_that_cannot_be_looked_at_are_named():
    model, x = Odd(), torch.ones(3, 2)
    with pytest.raises(InputError, match="'idle' takes no part"), probe(model, ["twice", "idle"]) as look:
        look(x)
    with (
        pytest.raises(InputError, match=r"'memory' \(LSTM\) gives a tuple"),
        probe(model, ["memory"]) as look,
    ):
        look(x)
    with probe(model, ["twice"]) as look:
        torch.testing.assert_close(look(x)["twice"], model.twice(x))


def test_a_wrong_input_is_one_line(network):
    with pytest.raises(
        InputError, match=r"input of shape \(4, 2, 12, 10\): the model cannot take it"
    ) as caught:
        maps(network, np.zeros((4, 2, 12, 10), np.float32), ["conv2"])
    assert "\n" not in str(caught.value)


def test_a_double_or_bfloat16_model_sees_pictures_of_its_own_type(network):
    for dtype in (torch.float64, torch.bfloat16):
        found = maps(copy.deepcopy(network).to(dtype), PICTURES, ["fc2"])["fc2"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, maps(network, PICTURES, ["fc2"])["fc2"], atol=0.05)


def test_layers_lists_what_there_is_in_running_order(network):
    found = layers(network, SIZE)
    assert [info.name for info in found][:4] == ["conv1", "relu1", "pool1", "conv2"]
    conv2, fc1 = found[3], found[6]
    assert (conv2.kind, conv2.shape, conv2.units, conv2.parameters) == ("Conv2d", (4, 4, 4), 4, 3 * 4 * 6 + 4)
    assert conv2.field is not None
    assert conv2.field.size == (8, 6)
    assert (fc1.kind, fc1.shape, fc1.units, fc1.parameters) == ("Linear", (7,), 7, 64 * 7 + 7)
    assert fc1.field is not None
    assert fc1.field.whole


def test_layers_that_do_not_run_or_give_no_tensor_are_not_listed():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), Odd())
    assert [info.name for info in layers(model, (1, 2, 2))] == ["0", "1", "2.twice"]
    with pytest.raises(InputError, match=r"input_shape=\(1, 3, 3\): the model cannot take it"):
        layers(model, (1, 3, 3))
    with pytest.raises(InputError, match=r"input_shape=\(1, 0, 3\): give \(channels, rows, columns\)"):
        layers(model, (1, 0, 3))
