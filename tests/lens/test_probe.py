import copy
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens import draw, examples, layers, maps
from convscope.lens.probe import check_finite, find_layer, probe
from tests.lens.networks import ViT

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
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in model.modules()],
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
        lambda model: draw(model, "body.relu3", size=SIZE, box=(0.0, 1.0), steps=3),
        lambda model: draw(model, "body.conv2", size=SIZE, box=(0.0, 1.0), steps=3),
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
    with pytest.raises(ZeroDivisionError), probe(model, ["body.conv1", "norm"]):
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
    with pytest.raises(InputError, match=r"layer 'conv3': the model has no such layer; did you mean 'conv\d'"):
        find_layer(network, "conv3")
    with pytest.raises(InputError, match=r"layer 'zzzz': the model has no such layer; it has conv1, relu1"):
        find_layer(network, "zzzz")
    with pytest.raises(InputError, match="no layers at all"):
        find_layer(nn.ReLU(), "zzzz")


class Odd(nn.Module):
    """One layer that never runs, one whose output is a tuple, one used twice."""

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
    with pytest.raises(InputError, match="'twice@3' runs 2 times"), probe(model, ["twice@3"]) as look:
        look(x)
    with pytest.raises(InputError, match="'twice@none': the model has no such layer; did you mean 'twice'"):
        find_layer(model, "twice@none")
    text = Shaped(lambda net, x: x, inner=Shaped(lambda net, x: "text"))
    text.function = lambda net, x: net.inner(x)
    with (
        pytest.raises(InputError, match=r"'inner' \(Shaped\) gives a str without a tensor"),
        probe(text, ["inner"]) as look,
    ):
        look(x)


def test_a_layer_used_twice_is_seen_by_its_number():
    model, x = Odd(), torch.ones(3, 2)
    with probe(model, ["twice@2", "twice", "memory"]) as look:
        seen = look(x)
    torch.testing.assert_close(seen["twice"], model.twice(x))
    torch.testing.assert_close(seen["twice@2"], model.twice(model.twice(x)))
    torch.testing.assert_close(seen["memory"], model(x))


class Shaped(nn.Module):
    """A function with layers."""

    def __init__(self, function: Any, **layers: nn.Module) -> None:
        super().__init__()
        self.function: Any = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, x)


@dataclass
class Answer:
    words: str
    scores: torch.Tensor


OUTPUTS: dict[str, Any] = {
    "tuple": lambda net, x: (None, net.a(x), x),
    "mapping": lambda net, x: {"words": "none", "scores": net.a(x)},
    "dataclass": lambda net, x: Answer("none", net.a(x)),
    "list": lambda net, x: [[net.a(x)]],
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_of_several_outputs_the_first_tensor_is_seen(kind: str):
    torch.manual_seed(0)
    inner: Any = Shaped(OUTPUTS[kind], a=nn.Conv2d(1, 3, 3))
    model, x = Shaped(lambda net, x: net.inner(x), inner=inner), torch.rand(2, 1, 5, 6)
    with probe(model, ["inner"]) as look:
        torch.testing.assert_close(look(x)["inner"], inner.a(x))


FORMS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "units last": (lambda net, y: y.permute(0, 2, 3, 1), (3, 4, 5)),
    "tokens": (lambda net, y: y.flatten(2).transpose(1, 2), (3, 20)),
    "tokens, pictures second": (lambda net, y: y.flatten(2).permute(2, 0, 1), (3, 20)),
    "flattened": (lambda net, y: y.flatten(1), (60,)),
    "rows in the batch": (lambda net, y: y.permute(0, 2, 3, 1).reshape(-1, 5, 3), (3, 4, 5)),
    "windows": (
        lambda net, y: y.view(len(y), 3, 2, 2, 5).permute(0, 2, 4, 3, 1).reshape(-1, 2, 3), (3, 10, 2)
    ),
    "a channel for each head": (lambda net, y: y.view(-1, 1, 4, 5), (3, 1, 4, 5)),
    "one unit": (lambda net, y: y.sum(1), (1, 4, 5)),
    "pooled": (lambda net, y: y.mean((2, 3)), (3,)),
    "and back": (lambda net, y: y.flatten(2).transpose(1, 2).transpose(1, 2).view_as(y), (3, 4, 5)),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_whatever_its_form_an_activation_is_told_as_pictures_units_positions(form: str):
    torch.manual_seed(0)
    change, shape = FORMS[form]
    model: Any = Shaped(lambda net, x: net.out(change(net, net.conv(x))), conv=nn.Conv2d(2, 3, 2), out=nn.ReLU())
    for count in (1, 2, 3):
        x = torch.rand(count, 2, 5, 6)
        with probe(model, ["out"]) as look:
            seen = look(x)["out"]
        assert tuple(seen.shape) == (count, *shape)
        plain = model.conv(x).relu()
        if form in ("one unit", "pooled"):
            continue
        expected = plain.flatten(1) if form == "flattened" else plain.flatten(2)
        torch.testing.assert_close(seen.flatten(len(expected.shape) - 1).sort(-1).values, expected.sort(-1).values)
        assert [info.shape for info in layers(model, (2, 5, 6)) if info.name == "out"] == [shape]


def test_words_by_their_numbers():
    torch.manual_seed(0)
    model = Shaped(
        lambda net, x: net.conv(net.words(x).transpose(1, 2)),
        words=nn.Embedding(9, 4),
        conv=nn.Conv1d(4, 5, 3, dilation=2),
    )
    ids = np.random.default_rng(0).integers(0, 9, (2, 11))
    found = maps(model, ids, ["words", "conv"])
    assert {name: seen.shape for name, seen in found.items()} == {"words": (2, 4, 11), "conv": (2, 5, 7)}
    field = {info.name: info.field for info in layers(model, (11,))}["conv"]
    assert field is not None
    assert (field.size, field.stride, field.offset) == ((5,), (1,), (0,))


def test_one_module_of_two_names_is_seen_by_both():
    conv = nn.Conv2d(1, 2, 3)
    model = Shaped(lambda net, x: net.b(net.a(x).sum(1, keepdim=True)), a=conv, b=conv)
    x = torch.rand(2, 1, 7, 6)
    with probe(model, ["a", "b", "b@2"]) as look:
        seen = look(x)
    torch.testing.assert_close(seen["a"], seen["b"])
    torch.testing.assert_close(seen["b@2"], model(x))


def test_a_form_can_be_said():
    model = nn.Sequential(nn.Conv1d(2, 3, 2))
    with probe(model, ["0"], axes={"0": 2}) as look:
        assert tuple(look(torch.rand(4, 2, 7))["0"].shape) == (4, 6, 3)


def test_an_output_without_pictures_is_refused():
    model = Shaped(lambda net, x: net.out(x.mean(0)), out=nn.ReLU())
    with (
        pytest.raises(InputError, match=r"'out': its output of shape \(2, 5\) has no units"),
        probe(model, ["out"]) as look,
    ):
        look(torch.rand(3, 2, 5))
    with probe(model, ["out"]) as look:
        assert tuple(look(torch.rand(1, 2, 5))["out"].shape) == (1, 2, 5), "one picture alone needs no axis"


def test_transformers_with_either_order_of_axes():
    x = torch.rand(3, 3, 8, 12)
    for first in (True, False):
        torch.manual_seed(0)
        model = ViT(first).eval()
        with probe(model, ["encoder.self_attn", "encoder.linear1", "encoder", "head"]) as look:
            seen = look(x)
        assert {name: tuple(y.shape) for name, y in seen.items()} == {
            "encoder.self_attn": (3, 8, 7), "encoder.linear1": (3, 16, 7), "encoder": (3, 8, 7), "head": (3, 5)
        }  # fmt: skip
        torch.testing.assert_close(seen["head"], model(x))
        assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.filterwarnings("ignore:`torch.jit.trace")
def test_a_scripted_model_cannot_be_looked_into(network):
    scripted: Any = torch.jit.trace(network, torch.zeros(1, *SIZE))
    with (
        pytest.raises(InputError, match="'conv1': it is compiled to TorchScript"),
        probe(scripted, ["conv1"]),
    ):
        pass


@pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec")
def test_an_exported_model_unflattened_has_its_layers(network):
    exported = torch.export.unflatten(torch.export.export(network.eval(), (torch.zeros(1, *SIZE),)))
    found = {info.name: info for info in layers(exported, SIZE)}
    assert found["conv2"].shape == (4, 4, 4)
    assert found["fc2"].field is not None
    assert found["fc2"].field.whole


class Counting(nn.Module):
    """Buffers that a forward pass changes and replaces, and random numbers that it draws, in whatever mode."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        y = self.norm(self.conv(x)) * torch.rand(1)
        self.mean = y.mean((0, 2, 3))
        return nn.functional.dropout(y, training=True)


@pytest.mark.parametrize("fails", [False, True])
def test_buffers_formats_and_random_numbers_are_found_again(fails: bool):
    torch.manual_seed(0)
    model: Any = Counting()
    model.to(memory_format=torch.channels_last).train()
    mean, before = model.mean, copy.deepcopy(model.state_dict())
    strides = [weight.stride() for weight in model.parameters()]
    random = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError) if fails else nullcontext(), probe(model, ["norm"]) as look:
        look(torch.rand(2, 1, 6, 5, generator=torch.Generator().manual_seed(1)))
        model.to(memory_format=torch.contiguous_format)
        _ = 1 / (0 if fails else 1)
    assert torch.equal(torch.get_rng_state(), random)
    assert model.mean is mean
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    assert [weight.stride() for weight in model.parameters()] == strides
    assert model.training
    assert model.norm.training


def test_a_wrong_input_is_one_line(network):
    wanted = (
        r"input of shape \(4, 2, 12, 10\): the model cannot take it: its first layer 'conv1' takes 1 channels, not 2"
    )
    with pytest.raises(InputError, match=wanted) as caught:
        maps(network, np.zeros((4, 2, 12, 10), np.float32), ["conv2"])
    assert "\n" not in str(caught.value)
    with (
        pytest.raises(InputError, match=r"\(1, 1, 3, 4\): .*; the smallest that it takes has sides of 6"),
        probe(network, ["conv2"]) as look,
    ):
        look(torch.zeros(1, 1, 3, 4))
    with (
        pytest.raises(InputError, match=r"\(1, 1, 14, 11\): .*; give the shape the model was built for"),
        probe(network, ["fc1"]) as look,
    ):
        look(torch.zeros(1, 1, 14, 11))


def test_weights_that_are_not_finite_are_named(network):
    check_finite(network)
    network.fc1.bias.data[3] = torch.nan
    with pytest.raises(InputError, match=r"model: fc1\.bias of shape \(7,\) holds NaN or infinity"):
        check_finite(network)


def test_a_double_or_bfloat16_model_sees_pictures_of_its_own_type(network):
    for dtype in (torch.float64, torch.bfloat16):
        found = maps(copy.deepcopy(network).to(dtype), PICTURES, ["fc2"])["fc2"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, maps(network, PICTURES, ["fc2"])["fc2"], atol=0.05)
