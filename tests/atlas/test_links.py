"""Expanded weights: whose slopes they are, where they come from, and that the network is left alone."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convscope.atlas.gallery import ArrayGallery
from convscope.atlas.links import expanded, follow, strongest
from convscope.atlas.plan import plan
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens import weights_hash
from convscope.lens.models import Network, Preprocessing

RECIPE = Recipe("test", facets=1, steps=4, examples=2, links=3, trust=False)


def inputs(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))


def chain(*parts: nn.Module) -> Any:
    """Of no type, so that its layers can be taken by number."""
    return nn.Sequential(*parts)


def names(parents: list) -> list[str]:
    return [parent.layer for parent in parents]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Fire(nn.Module):
    """A block whose parts are layers too, joined by their channels, with ReLUs in place."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.one, self.three = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 1), nn.Conv2d(2, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.squeeze(x))
        return torch.cat([self.relu(self.one(x)), self.relu(self.three(x))], 1)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.relu(self.first(x)))
        y += x
        return functional.relu(y)


class Twice(nn.Module):
    """One layer that runs two times."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.conv(torch.relu(self.conv(x)))))


def test_where_only_a_convolution_lies_between_it_is_its_own_kernel():
    model = chain(nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, (3, 2), padding=(1, 0)))
    (parent,) = expanded(model, "1", ["0", "1"], inputs(2, 2, 9, 8))
    assert (parent.layer, parent.size) == ("0", (3, 2))
    true = model[1].weight.detach().numpy()
    np.testing.assert_allclose(parent.weights, true.sum((2, 3)), atol=1e-6)
    assert sorted(parent.kernels) == [(unit, j) for unit in range(4) for j in range(3)]
    for (unit, j), kernel in parent.kernels.items():
        np.testing.assert_allclose(kernel, true[unit, j], atol=1e-6)


def test_the_slope_is_autograds_mean_over_the_pictures():
    between = chain(nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, stride=2))
    model, x = chain(nn.Conv2d(1, 3, 3), between), inputs(5, 1, 23, 21)
    between[0].running_mean.uniform_(-1, 1)
    (parent,) = expanded(model, "1.3", ["0"], x)
    model.eval()
    before = model[0](x).detach().requires_grad_()
    after = between(before.clone())  # (5, 4, 4, 4)
    for unit in range(4):
        (slope,) = torch.autograd.grad(after[:, unit, 2, 2].sum(), before, retain_graph=True)
        mean = slope.mean(0).numpy()
        np.testing.assert_allclose(parent.weights[unit], mean.sum((1, 2)), atol=1e-6)
        for j in range(3):
            np.testing.assert_allclose(parent.kernels[unit, j], mean[j, 8:14, 8:14], atol=1e-6)
    assert parent.size == (6, 6)


def test_parents_are_the_layers_directly_before():
    fires, x = chain(nn.Conv2d(1, 3, 3), Fire(), nn.Conv2d(7, 2, 1)), inputs(2, 1, 9, 9)
    layers = ["0", "1.squeeze", "1.one", "1.three", "1", "2"]
    assert names(expanded(fires, "0", layers, x)) == []
    assert names(expanded(fires, "1.three", layers, x)) == ["1.squeeze"]
    assert names(expanded(fires, "1", layers, x)) == ["1.three", "1.one"]
    assert names(expanded(fires, "2", layers, x)) == ["1"]
    without = [name for name in layers if name != "1"]
    assert names(expanded(fires, "2", without, x)) == ["1.three", "1.one"]
    one, three = (parent.weights for parent in expanded(fires, "2", without, x)[::-1])
    assert one.shape == (2, 3)
    assert three.shape == (2, 4)


def test_a_skip_connection_leads_far_back():
    model, x = chain(nn.Conv2d(1, 3, 3), Residual()), inputs(3, 1, 9, 9)
    block, skip = expanded(model, "1", ["0", "1.first", "1.second"], x)
    assert (block.layer, skip.layer) == ("1.second", "0")
    np.testing.assert_array_equal(block.weights, skip.weights)  # y + x: both count alike
    assert (np.diag(block.weights) > 0).any()
    assert not (block.weights - np.diag(np.diag(block.weights))).any()
    assert names(expanded(model, "1.second", ["0", "1.first"], x)) == ["1.first"]


def test_each_run_of_a_layer_is_a_layer():
    model, x = Twice(), inputs(2, 2, 9, 9)
    layers = ["conv", "conv@2", "last"]
    assert names(expanded(model, "last", layers, x)) == ["conv@2"]
    (first,) = expanded(model, "conv@2", layers, x)
    assert (first.layer, first.size) == ("conv", (3, 3))
    assert names(expanded(model, "conv", layers, x)) == []


def test_vectors_signals_and_tokens():
    vectors = chain(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 5, 4), nn.Linear(4, 2))
    (parent,) = expanded(vectors, "3", ["0"], inputs(2, 1, 6, 7))
    assert parent.size == (4, 5)
    assert parent.kernels[0, strongest(parent.weights[0])[0]].shape == (4, 5)
    (parent,) = expanded(vectors, "4", ["0", "3"], inputs(2, 1, 6, 7))
    assert parent.size == ()
    assert not parent.kernels
    np.testing.assert_allclose(parent.weights, vectors[4].weight.detach().numpy(), atol=1e-6)
    signals = chain(nn.Conv1d(2, 3, 3), nn.Conv1d(3, 2, 5))
    (parent,) = expanded(signals, "1", ["0"], inputs(2, 2, 20))
    assert parent.size == (5,)
    np.testing.assert_allclose(parent.kernels[1, 2], signals[1].weight[1, 2].detach().numpy(), atol=1e-6)

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.mix = nn.Conv2d(1, 3, 2, stride=2), nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.mix(self.patches(x).flatten(2).transpose(1, 2))  # (n, tokens, units)

    model = Tokens()
    (parent,) = expanded(model, "mix", ["patches"], inputs(2, 1, 8, 8))
    np.testing.assert_allclose(parent.weights, model.mix.weight.detach().numpy(), atol=1e-6)


def test_wide_flat_and_too_many_kernels_are_told_by_their_sum(monkeypatch: pytest.MonkeyPatch):
    model = chain(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 13))
    (parent,) = expanded(model, "1", ["0"], inputs(1, 1, 20, 20))
    assert parent.size == (13, 13)
    assert not parent.kernels
    np.testing.assert_allclose(parent.weights, model[1].weight.detach().sum((2, 3)).numpy(), atol=1e-5)
    model = chain(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    (parent,) = expanded(model, "3", ["0"], inputs(1, 1, 6, 7))
    assert parent.size == (4, 5)
    assert not parent.kernels
    np.testing.assert_allclose(parent.weights, model[3].weight.detach().numpy(), atol=1e-5)
    monkeypatch.setattr("convscope.atlas.links.ROOM", 2 * 2 * 9 - 1)
    model = chain(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
    (parent,) = expanded(model, "1", ["0"], inputs(1, 1, 9, 9))
    assert parent.size == (3, 3)
    assert not parent.kernels


def test_the_model_is_left_as_it_was():
    model = chain(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(True), nn.Conv2d(3, 2, 3)).train()
    model[0].weight.requires_grad_(False)
    before, random = weights_hash(model), torch.get_rng_state()
    expanded(model, "3", ["0"], inputs(2, 1, 9, 9))
    with pytest.raises(RuntimeError):
        expanded(model, "3", ["0"], inputs(2, 1, 4, 4))  # too small for the last layer
    assert weights_hash(model) == before
    assert torch.equal(random, torch.get_rng_state())
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert [weight.requires_grad for weight in model.parameters()] == [False, True, True, True, True, True]
    assert all(weight.grad is None for weight in model.parameters())


def test_what_cannot_be_followed_is_said():
    model = chain(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
    with pytest.raises(InputError, match=r"layer '7': the model has no such layer"):
        expanded(model, "7", ["0"], inputs(1, 1, 9, 9))
    model[1].weight.data[0] = float("nan")
    with pytest.raises(InputError, match=r"layer '1': a slope is not finite"):
        expanded(model, "1", ["0"], inputs(1, 1, 9, 9))
    model.add_module("unused", nn.Conv2d(1, 1, 1))
    model.forward = model[0].forward
    with pytest.raises(InputError, match="'unused' takes no part"):
        expanded(model, "unused", [], inputs(1, 1, 9, 9))


def test_the_record_is_plain_and_tells_the_strongest():
    model = chain(nn.Conv2d(1, 14, 3, padding=1), nn.ReLU(), nn.Conv2d(14, 3, 3))
    network = Network(model, (1, 9, 9), Preprocessing((9, 9), (0.5,), (0.5,), order="grey"))
    member = survey(network, "net")
    images = np.random.default_rng(0).integers(0, 256, (7, 9, 9), dtype=np.uint8)
    records = {}
    for gallery in (None, ArrayGallery(images)):
        subject = Subject((member,), gallery, RECIPE, seed=0)
        tasks = [task for task in plan(subject) if task.kind == "links"]
        records[gallery is None] = [follow(subject, task) for task in tasks]
        assert [follow(subject, task) for task in tasks] == records[gallery is None]
    for of, (first, second) in zip(("pictures", "noise"), (records[False], records[True]), strict=True):
        assert first.numbers == {"layer": "0", "pictures": 3, "of": of, "parents": []}
        assert (second.numbers["pictures"], second.numbers["of"]) == (3, of)
        (parent,) = second.numbers["parents"]
        assert (parent["layer"], parent["size"], len(parent["most"])) == ("0", [3, 3], 3)
        links = parent["most"][1]
        weights = [link["weight"] for link in links]
        assert weights[:5] == sorted(weights[:5], reverse=True)
        assert min(weights[:5]) > 0 > max(weights[5:])
        assert 6 <= len(links) <= 10
        assert np.array(links[0]["kernel"]).shape == (3, 3)
        assert np.sum(links[0]["kernel"]) == pytest.approx(links[0]["weight"], rel=1e-2)
        assert json.loads(json.dumps(second.numbers, allow_nan=False)) == second.numbers
