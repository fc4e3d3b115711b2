"""Everything the lens does, with every kind of network in use (`zoo`), each found again exactly as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens import draw, examples, layers, maps, receptive_field
from convscope.lens.accounts import account
from convscope.lens.fields import effective_field
from tests.lens.test_fields_reach import agree
from tests.lens.zoo import PICTURE, ZOO, Kind, Net, conv, first, plain, resnet


def built(kind: str) -> tuple[nn.Module, Kind]:
    torch.manual_seed(0)
    return ZOO[kind].build(), ZOO[kind]


def noise(kind: Kind, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, *kind.shape)).astype(np.float32)


def state(model: nn.Module) -> dict[str, Any]:
    """All that could tell that somebody was here."""
    weights = list(model.parameters())
    return {
        "bytes": [x.detach().reshape(-1).view(torch.uint8).tolist() for x in model.state_dict().values()],
        "memory": [(x.data_ptr(), x.stride(), x.dtype) for x in (*weights, *model.buffers())],
        "modes": [module.training for module in model.modules()],
        "wanted": [weight.requires_grad for weight in weights],
        "gradients": [weight.grad is None for weight in weights],
        "hooks": [
            [len(getattr(module, f"_{hooks}_hooks")) for hooks in ("forward", "forward_pre", "backward")]
            for module in model.modules()
        ],
        "own": [sorted(module.__dict__) for module in model.modules()],
        "random": torch.get_rng_state().tolist(),
        "shortcut": torch.backends.mha.get_fastpath_enabled(),
    }


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    before = state(model)
    yield
    after = state(model)
    assert [key for key in before if before[key] != after[key]] == []


@pytest.mark.parametrize("kind", ZOO)
def test_its_layers_are_told(kind: str):
    model, known = built(kind)
    with untouched(model):
        told = {info.name: info for info in layers(model, known.shape)}
    for name, (made, shape, field) in known.look.items():
        info = told[name]
        assert (info.kind, info.shape, info.units) == (made, shape, shape[0]), name
        assert info.field is not None
        assert info.field.whole == (field is None), name
        assert field is None or info.field.size == field, name
        assert receptive_field(model, name, known.shape) == info.field
    assert all(info.field is not None and info.field.exact for info in told.values())


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        ("bottlenecks", "body.0"), ("dense", "grow.1.2"), ("squeeze and excite", "depth"), ("sound", "body.4"),
        ("units last", "block.widen"), ("skip and up", "low"), ("volume", "3"), ("twice", "conv@2"),
        ("in training", "6"), ("partly TorchScript", "1"),
    ],
)  # fmt: skip
def test_its_receptive_fields_are_what_reaches_the_units(kind: str, layer: str):
    model, known = built(kind)
    agree(model, known.shape, layer)


def hooked(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What the layers give, by PyTorch's own hooks."""
    seen: dict[str, Tensor] = {}

    def keep(name: str, output: Any) -> None:
        run = 1 + sum(other.partition("@")[0] == name for other in seen)
        seen[name if run == 1 else f"{name}@{run}"] = first(output).detach().clone()

    for name, module in model.named_modules():
        if name and not isinstance(module, torch.jit.ScriptModule):
            module.register_forward_hook(lambda module, inputs, output, name=name: keep(name, output))
    with torch.no_grad():
        model.eval()(x)
    return seen


@pytest.mark.parametrize("kind", ZOO)
def test_its_activations_are_seen(kind: str):
    model, known = built(kind)
    pictures = noise(known, 3)
    told = {info.name: info.shape for info in layers(model, known.shape)}
    with untouched(model):
        found = maps(model, pictures, list(told))
    assert {name: seen.shape for name, seen in found.items()} == {name: (3, *shape) for name, shape in told.items()}
    truth = hooked(model, torch.from_numpy(pictures).to(next(model.parameters()).dtype))
    for name, seen in found.items():
        theirs = truth[name].float().flatten()
        assert theirs.std() > 0, name
        np.testing.assert_allclose(np.sort(seen, axis=None), theirs.sort().values, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", ZOO)
def test_its_units_are_drawn(kind: str):
    model, known = built(kind)
    for name, (_, shape, _) in known.look.items():
        units = [0, shape[0] - 1]
        begun = draw(model, name, units, size=known.shape, box=(-1, 1), steps=1, rate=1e-9)
        with untouched(model):
            drawn = draw(model, name, units, size=known.shape, box=(-1, 1), steps=40)
        assert drawn.pictures.shape[:2] == (2, known.shape[0])
        assert np.abs(drawn.pictures).max() <= 1
        assert not drawn.dead.any(), name
        assert (drawn.values > begun.values).all(), name
        if name == next(iter(known.look)) and drawn.place is not None:
            seen = maps(model, noise(known, 10), name)[name][:, units]
            assert (drawn.values > seen.swapaxes(0, 1).reshape(2, -1).max(1)).all(), "above all that noise gives"


@pytest.mark.parametrize("kind", ZOO)
def test_its_examples_are_found(kind: str):
    model, known = built(kind)
    pictures = noise(known, 20)
    names = list(known.look)
    with untouched(model):
        found = examples(model, names, pictures, k=3, batch=7)
    for name, seen in maps(model, pictures, names).items():
        largest = seen.reshape(*seen.shape[:2], -1).max(2).T
        order = np.argsort(-largest, axis=1, kind="stable")[:, :3]
        np.testing.assert_allclose(found[name].top.value, np.take_along_axis(largest, order, 1), atol=1e-5)
        for own, theirs, values in zip(found[name].top.index, order, largest, strict=True):
            assert np.allclose(values[own], values[theirs], atol=1e-5)
        assert found[name].field is not None


@pytest.mark.parametrize("kind", [kind for kind, known in ZOO.items() if known.logits])
def test_its_predictions_are_accounted_for(kind: str):
    model, known = built(kind)
    picture = noise(known, 1)[0]
    *_, last = known.look
    truth = maps(model, picture[None], last)[last].ravel()
    for name in list(known.look)[:-1]:
        if name == "last.fc":
            continue
        with untouched(model):
            told = account(model, picture, name, k=3, steps=64)
        assert told.of == f"output {truth.argmax()}"
        assert told.value == pytest.approx(truth.max(), rel=1e-2)
        assert told.contributions.shape == known.look[name][1][:1]
        assert abs(told.left_over) < 0.05 * max(abs(told.value), abs(told.value - told.at_rest)), name


@pytest.mark.parametrize("kind", ZOO)
def test_its_effective_fields_are_measured(kind: str):
    model, known = built(kind)
    pictures = noise(known, 4)
    for name in known.look:
        with untouched(model):
            found = effective_field(model, name, pictures)
        assert found.map.shape == known.shape[1:]
        assert found.map.sum() == pytest.approx(1)
        axes = found.map.ndim
        box = found.field.box(*found.place)
        inside = tuple(slice(max(box[k], 0), box[axes + k]) for k in range(axes))
        assert found.map[inside].sum() == pytest.approx(1), f"{name}: what moves the unit lies in its receptive field"


@pytest.mark.parametrize("kind", ZOO)
def test_also_when_it_fails_in_the_middle(kind: str):
    model, known = built(kind)
    pictures = noise(known, 2)
    *_, last = known.look
    module = dict(model.named_modules())[last.partition("@")[0]]
    module.register_forward_pre_hook(lambda *args: exec("raise KeyError('broken')"))
    looks: list[Any] = [
        lambda: layers(model, known.shape),
        lambda: receptive_field(model, last, known.shape),
        lambda: maps(model, pictures),
        lambda: draw(model, last, size=known.shape, box=(-1, 1), steps=2),
        lambda: examples(model, last, pictures),
        lambda: account(model, pictures[0], next(iter(known.look))),
        lambda: effective_field(model, last, pictures),
    ]
    for look in looks:
        with untouched(model), pytest.raises((KeyError, RuntimeError, InputError), match="broken"):
            look()


@pytest.mark.parametrize("kind", ["bottlenecks", "windows", "partly TorchScript", "in training"])
def test_also_when_somebody_stops_it(kind: str):
    model, known = built(kind)

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    *_, last = known.look
    with untouched(model), pytest.raises(KeyboardInterrupt):
        draw(model, last, size=known.shape, box=(-1, 1), steps=2, progress=stop)
    with untouched(model), pytest.raises(KeyboardInterrupt):
        examples(model, last, noise(known, 2), progress=stop)


LOOKS: dict[str, Any] = {
    "field": lambda model, layer, shape: receptive_field(model, layer, shape),
    "maps": lambda model, layer, shape: maps(model, np.ones((1, *shape), np.float32), layer),
    "draw": lambda model, layer, shape: draw(model, layer, [0], size=shape, box=(0, 1), steps=2),
    "examples": lambda model, layer, shape: examples(model, layer, np.ones((2, *shape), np.float32)),
    "account": lambda model, layer, shape: account(model, np.ones(shape, np.float32), layer),
    "effective field": lambda model, layer, shape: effective_field(model, layer, np.ones((1, *shape), np.float32)),
}


class Says(nn.Module):
    def forward(self, x: Tensor) -> str:
        return "text"


class Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean()


def odd() -> Net:
    return Net(
        lambda net, x: (net.says(x), net.mean(x), net.body(x))[2],
        says=Says(), mean=Mean(), body=plain(), idle=conv(3, 4),
    )  # fmt: skip


BAD: dict[str, tuple[Any, str, tuple[int, ...], str]] = {
    "a name": (
        resnet, "body.1.bn4", PICTURE,
        r"layer 'body\.1\.bn4': the model has no such layer; did you mean 'body\.1\.bn\d' or",
    ),
    "a run": (resnet, "fc@2", PICTURE, r"layer 'fc@2' runs 1 time in the model's forward pass"),
    "an idle layer": (odd, "idle", PICTURE, r"layer 'idle' takes no part in the model's forward pass; name one"),
    "text": (odd, "says", PICTURE, r"layer 'says' \(Says\) gives a str without a tensor; name a layer inside it"),
    "a number": (odd, "mean", PICTURE, r"layer 'mean': its output of shape \(\) has no units for each picture; name"),
    "channels": (
        resnet, "fc", (4, 22, 18),
        r"input of shape \(\d, 4, 22, 18\): the model cannot take it: its first layer 'stem' takes 3 channels, not 4",
    ),
    "a size": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 7), nn.ReLU(), nn.Conv2d(4, 4, 5)), "2", (3, 6, 13),
        r"input of shape \(\d, 3, 6, 13\): the model cannot take it \(.*\); the smallest that it takes has sides of 11",
    ),
}  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_looked_at_is_said_in_one_line(what: str, look: str):
    torch.manual_seed(0)
    build, layer, shape, line = BAD[what]
    model = build()
    with untouched(model), pytest.raises(InputError, match=line) as caught:
        LOOKS[look](model, layer, shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("look", ["draw", "examples", "account", "effective field"])
def test_weights_that_are_not_finite_are_named(look: str):
    torch.manual_seed(0)
    model: Any = resnet()
    model.body[0].conv2.weight.data[0, 0, 0, 0] = torch.nan
    line = r"model: body\.0\.conv2\.weight .* holds NaN or infinity|layer 'body\.1\.bn2': an activation is not finite"
    with untouched(model), pytest.raises(InputError, match=line):
        LOOKS[look](model, "body.1.bn2", PICTURE)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace")
@pytest.mark.parametrize("look", LOOKS)
def test_a_whole_model_of_torchscript_is_refused(look: str):
    torch.manual_seed(0)
    model: Any = torch.jit.trace(resnet().eval(), torch.zeros(1, *PICTURE))
    with untouched(model), pytest.raises(InputError, match="it is compiled to TorchScript"):
        LOOKS[look](model, "fc", PICTURE)
    with pytest.raises(InputError, match="model: it is compiled to TorchScript, whose layers cannot be looked into"):
        layers(model, PICTURE)


def test_a_chain_is_what_its_last_layer_is():
    torch.manual_seed(0)
    model: Any = resnet()
    assert receptive_field(model, "body", PICTURE) == receptive_field(model, "body.1", PICTURE)
    ones = np.ones((1, *PICTURE), np.float32)
    np.testing.assert_array_equal(maps(model, ones, "body")["body"], maps(model, ones, "body.1")["body.1"])
    drawn = [draw(model, name, [3], size=PICTURE, box=(0, 1), steps=3) for name in ("body", "body.1")]
    np.testing.assert_array_equal(drawn[0].pictures, drawn[1].pictures)
    assert examples(model, "body", ones, 1)["body"].field == receptive_field(model, "body", PICTURE)


def test_training_changes_nothing_of_what_is_seen():
    model, known = built("in training")
    pictures = noise(known, 2)
    seen = maps(model, pictures)
    for name, values in maps(model.eval(), pictures).items():
        np.testing.assert_array_equal(seen[name], values)
