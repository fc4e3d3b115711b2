"""The loop: pictures that depend on nothing but themselves, and what happens when something goes wrong."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.errors import InputError
from convscope.lens.images import Box, Fourier, Pixels
from convscope.lens.objectives import channel, direction, diversity, each, l1, neuron
from convscope.lens.render import Rendering, Stopped, render
from convscope.lens.transforms import Affine, Crop
from convscope.lens.weights import weights_hash

SIZE = (1, 12, 10)
CLOSE = {"rtol": 0, "atol": 2e-4}


def fc1(network: nn.Module, keys, layer: str = "fc1", **how) -> Rendering:
    """Pictures of units of fc1, moved and with ink that costs."""
    keys = list(keys)
    how = {"steps": 30, "rate": 0.2, "transforms": [Affine(2, (0.9, 1.1), 10.0)], **how}
    image = Fourier(SIZE, Box(0.0, 1.0, "clip"))
    return render(network, neuron(layer, keys) - 0.1 * l1(), image, keys, measure=neuron(layer, keys), **how)


def same(found: Rendering, true: Rendering, places: Any = slice(None)) -> None:
    np.testing.assert_allclose(found.pictures, true.pictures[places], **CLOSE)
    np.testing.assert_allclose(found.values, true.values[places], **CLOSE)
    assert found.dead.tolist() == true.dead[places].tolist()
    assert found.steps.tolist() == true.steps[places].tolist()


@pytest.mark.parametrize("kind", [Pixels, Fourier])
@pytest.mark.parametrize("by", ["sigmoid", "clip"])
def test_every_parameterisation_climbs(edge_detector, kind, by):
    image = kind((1, 6, 6), Box(-1.0, 2.0, by))
    found = render(edge_detector, neuron("0", 0, 0, 0), image, [0], steps=200, rate=0.3)
    assert found.values[0] == pytest.approx(18 * 3, rel=0.1)
    assert found.steps.tolist() == [200]


def test_the_same_call_gives_the_same_bits(network):
    first, again = fc1(network, range(7), settled=0.1, steps=90), fc1(network, range(7), settled=0.1, steps=90)
    for name in ("pictures", "values", "dead", "steps"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.recipe == again.recipe
    other = fc1(network, range(7), settled=0.1, steps=90, seed=6)
    assert not np.allclose(first.pictures, other.pictures, atol=0.05)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_picture_does_not_depend_on_who_is_drawn_with_it(network, batch):
    """Other batch sizes, other order; with `settled` the late ones join while others are under way."""
    together = fc1(network, range(7), settled=0.1, steps=90)
    assert len(set(together.steps.tolist())) > 1, "some settle earlier than others"
    order = [5, 0, 3, 6]
    same(fc1(network, order, settled=0.1, steps=90, batch=batch), together, order)


@pytest.mark.parametrize("unit", [0, 4])
def test_a_picture_alone_is_the_one_among_others(network, unit):
    same(fc1(network, [unit]), fc1(network, range(7)), [unit])


def sleepy(relu) -> Any:
    """Four units: light pleases the first; the second and third are asleep in dim light; the fourth never wakes."""

    class Sleepy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.units, self.out = nn.Linear(16, 4), nn.Identity()
            self.units.weight.data[:] = 0.25 + 0.1 * torch.rand(4, 16)
            self.units.bias.data[:] = torch.tensor([0.5, -3.0, -3.5, -50.0])

        def forward(self, x: Tensor) -> Tensor:
            return self.out(relu(self.units(x.flatten(1))))

    return Sleepy()


SLEEPY = Pixels((1, 4, 4), Box(0.0, 1.0, "clip"), start=0.4, spread=0.02)
RELUS = {
    "function": F.relu,
    "module": nn.ReLU(),
    "in place": lambda y: y.relu_(),
    "clamp": lambda y: y.clamp(min=0),
    "relu6": F.relu6,
}


@pytest.mark.parametrize("name", RELUS)
def test_sleeping_units_are_woken_beside_others_and_the_dead_are_told(name):
    model = sleepy(RELUS[name])
    with torch.no_grad():
        assert (model(torch.full((1, 1, 4, 4), 0.45))[0, 1:] == 0).all(), "no gradient at the start"
    together = render(model, neuron("out", range(4)), SLEEPY, range(4), steps=40, rate=0.1, retries=1)
    assert together.dead.tolist() == [False, False, False, True]
    best = (model.units.weight.sum(1) + model.units.bias).detach().numpy()
    np.testing.assert_allclose(together.values[:3], best[:3], rtol=1e-3)
    assert together.values[3] == 0
    for units in ([1], [2, 0], [3, 2, 1]):
        alone = render(model, neuron("out", units), SLEEPY, units, steps=40, rate=0.1, retries=1)
        same(alone, together, units)


def test_where_some_gradient_passes_it_is_not_redirected():
    """A branch that is silent stays silent while the other one answers, from the first step on."""

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            left, right = x[:, :, :, :2].sum((2, 3)), x[:, :, :, 2:].sum((2, 3))
            return self.out(left + F.relu(right - 100))

    found = render(Branches(), neuron("out", 0), SLEEPY, [0], steps=20, rate=0.05)
    start = render(Branches(), neuron("out", 0), SLEEPY, [0], steps=1, rate=1e-9)
    np.testing.assert_allclose(found.pictures[..., 2:], start.pictures[..., 2:], atol=1e-6)
    assert (found.pictures[..., :2] > start.pictures[..., :2] + 0.1).all()


def test_a_unit_at_its_greatest_value_is_not_dead():
    """The gradient is 0 there too: on the plain of a ReLU6, and where a unit has been put to sleep on purpose."""
    model = sleepy(F.relu6)
    model.units.weight.data.mul_(3)
    model.units.bias.data[:2] = torch.tensor([-1.0, -2.0])
    image = Pixels((1, 4, 4), Box(0.0, 1.0, "clip"), start=0.2, spread=0.02)
    found = render(model, neuron("out", [0, 1]), image, [0, 1], steps=60, rate=0.1)
    assert found.values.tolist() == [6, 6]
    assert not found.dead.any()
    lowest = render(model, -neuron("out", 0), image, [0], steps=60, rate=0.1)
    assert lowest.values.tolist() == [0]
    assert not lowest.dead.any()


class Finicky(nn.Module):
    """Answers only where the first cell happens to start dark."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        dark = (x[:, :, 0, 0] < 0.5).float()
        return self.out(dark * x.mean((2, 3)))


NOISE = Pixels((1, 3, 3), Box(0.0, 1.0, "clip"), spread=0.01)


def test_dead_ones_are_tried_with_other_noise():
    def finicky(retries: int, keys: Iterable[int] = range(40), **how) -> Rendering:
        return render(Finicky(), neuron("out", 0), NOISE, list(keys), steps=1, rate=1e-4, retries=retries, **how)

    once, often = finicky(0), finicky(6)
    assert 10 < once.dead.sum() < 30
    assert often.dead.sum() < 5
    alive = ~once.dead
    np.testing.assert_array_equal(often.pictures[alive], once.pictures[alive])
    few = [int(key) for key in np.flatnonzero(once.dead)[::3]]
    same(finicky(6, few, batch=2), often, few)


def test_retries_take_smaller_steps():
    """One step of Adam is as long as the rate, whatever the gradient."""

    class Fragile(nn.Module):
        """A step of more than 0.3 kills it."""

        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            value = x.mean((2, 3))
            return self.out(value * (value < 0.85))

    found = [
        render(Fragile(), neuron("out", 0), NOISE, [0], steps=1, rate=1.2, retries=retries) for retries in (0, 1, 2)
    ]
    assert [bool(one.dead[0]) for one in found] == [True, True, False]  # steps of 1.2, 0.6, 0.3
    assert found[2].values[0] == pytest.approx(0.8, abs=0.02)


def test_different_objectives_in_one_forward(network):
    vector = np.linspace(-1, 1, 7).astype(np.float32)
    mixed = [neuron("fc1", 2), channel("conv2", 1) - 0.5 * l1(), direction("fc1", vector), neuron("fc2", 4)]
    image = Pixels(SIZE, Box(0.0, 1.0))
    found = render(network, each(mixed), image, [2, 1, 9, 4], steps=15)
    for k, (objective, key) in enumerate(zip(mixed, [2, 1, 9, 4], strict=True)):
        alone = render(network, objective, image, [key], steps=15)
        np.testing.assert_allclose(alone.pictures[0], found.pictures[k], **CLOSE)
        np.testing.assert_allclose(alone.values[0], found.values[k], **CLOSE)


def test_facets_are_a_group_of_their_own(network):
    """Two units with three facets each: the same whether the other is there, in whatever batch."""

    network = deepcopy(network).double()  # what rounding adds grows over the steps

    def facets(units: list[int], **how) -> Rendering:
        keys = [unit for unit in units for _ in range(3)]
        objective = neuron("fc1", keys) * (1 + diversity("fc1"))
        how = {"steps": 60, "rate": 0.2, "settled": 0.1, "retries": 0, **how}
        return render(network, objective, Fourier(SIZE), keys, measure=neuron("fc1", keys), facets=3, **how)

    together = facets([4, 0, 2])
    same(facets([0]), together, slice(3, 6))
    same(facets([2, 4], batch=4), together, [6, 7, 8, 0, 1, 2])
    assert all(len(set(together.steps[k : k + 3])) == 1 for k in (0, 3, 6))
    assert np.abs(together.pictures[0] - together.pictures[1]).max() > 0.05


def test_values_are_measured_through_the_view(network):
    """On a canvas with margins the window alone counts, and it is the network's own input."""
    found = render(
        network, neuron("fc2", [0, 3]), Pixels((1, 15, 14)), [0, 3], steps=3, transforms=[Crop((12, 10))],
        view=Crop((12, 10)),
    )  # fmt: skip
    with torch.no_grad():
        said = network(torch.from_numpy(found.pictures[:, :, 1:13, 2:12])).numpy()
    np.testing.assert_allclose(found.values, said[[0, 1], [0, 3]], rtol=1e-5)


def test_progress_is_told(network):
    told = []
    fc1(network, range(5), steps=2, batch=2, retries=0, progress=lambda *what: told.append(what))
    assert told == [(k, 5, "") for k in range(6)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_networks_of_other_precision(network, dtype):
    true = fc1(network.to(dtype).float(), [1, 4], steps=10)
    found = fc1(network.to(dtype), [1, 4], steps=10)
    assert found.pictures.dtype == found.values.dtype == np.float32
    np.testing.assert_allclose(found.pictures, true.pictures, atol=1e-3)


def test_half_precision_that_cannot_be_widened_still_climbs():
    """As on a GPU: the network runs in its own precision, Adam does not."""

    class Insisting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 4, bias=False).half()
            self.conv.weight.data[:] = 1e-4  # its gradient's square is 0 in float16

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x.half())

    found = render(Insisting(), neuron("conv", 0), SLEEPY, [0], steps=40, rate=0.1)
    assert found.recipe["plan"].startswith("float16")
    np.testing.assert_allclose(found.pictures, 1, atol=1e-3)


def test_the_model_is_as_it_was(network):
    network.train()
    network.fc1.bias.requires_grad_(False)
    before = weights_hash(network), [weight.requires_grad for weight in network.parameters()]
    rng = torch.get_rng_state()
    fc1(network, [0], steps=2)
    assert before == (weights_hash(network), [weight.requires_grad for weight in network.parameters()])
    assert all(module.training and not module._forward_hooks for module in network.modules())
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(rng, torch.get_rng_state())


class Troubled(nn.Module):
    """Passes its input on, until something happens."""

    def __init__(self, room: int = 99, stop_at: int = 10**9) -> None:
        super().__init__()
        self.room, self.stop_at, self.runs, self.most = room, stop_at, 0, 0

    def __deepcopy__(self, memo: dict) -> "Troubled":
        return self

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.room:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
        self.runs += 1
        self.most = max(self.most, len(x))
        if self.runs >= self.stop_at:
            raise KeyboardInterrupt
        return x


@pytest.mark.parametrize("facets", [1, 2])
def test_out_of_memory_takes_fewer_at_a_time_and_says_so(network, facets):
    keys = [unit for unit in (0, 1, 2, 3, 5) for _ in range(facets)]
    how = {"facets": facets, "settled": 0.1, "steps": 60, "retries": 0}
    true = fc1(network, keys, **how)
    full: Any = nn.Sequential(Troubled(room=3), network)
    with pytest.warns(UserWarning, match="out of memory") as caught:
        found = fc1(full, keys, "1.fc1", **how)
    words = [str(warning.message) for warning in caught]
    fewer = {1: ["5 pictures at a time; going on with 2"], 2: ["10 pictures at a time; going on with 4", "4 "]}[facets]
    assert len(words) == len(fewer)
    assert all(text in word for text, word in zip(fewer, words, strict=True))
    assert full[0].most <= 3
    same(found, true)


def test_out_of_memory_with_one_picture_is_raised(network):
    class Greedy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                raise RuntimeError("DefaultCPUAllocator: not enough memory")
            return x

    with pytest.warns(UserWarning, match="going on with 1"), pytest.raises(InputError, match="not enough memory"):
        fc1(nn.Sequential(Greedy(), network), [0, 1, 2], "1.fc1")


def test_memory_that_runs_out_while_pictures_are_judged(network):
    """They are made anew, and come out the same."""
    true = fc1(network, [0, 1, 2, 3], steps=5, retries=0)
    troubled = Troubled()
    model = nn.Sequential(troubled, network)
    counted = 0

    def once(module: nn.Module, inputs: tuple) -> None:
        nonlocal counted
        counted += len(inputs[0]) == 4
        if counted == 6:  # five steps, then the judgement
            counted += 1
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    troubled.register_forward_pre_hook(once)
    with pytest.warns(UserWarning, match="out of memory with 4 pictures at a time; going on with 2"):
        same(fc1(model, [0, 1, 2, 3], "1.fc1", steps=5, retries=0), true)


@pytest.mark.parametrize("stop_at", [1, 9, 25, 32])
def test_ctrl_c_keeps_what_is_finished(network, stop_at):
    true = fc1(network, range(7), steps=10, batch=2, retries=0)
    with pytest.raises((Stopped, KeyboardInterrupt)) as caught:
        fc1(nn.Sequential(Troubled(stop_at=stop_at), network), range(7), "1.fc1", steps=10, batch=2, retries=0)
    if stop_at == 1:  # nothing had begun
        return
    assert isinstance(caught.value, Stopped)
    stop: Any = caught.value
    assert len(stop.done) == {9: 0, 25: 4, 32: 4}[stop_at]
    if not stop.done:
        assert stop.rendering is None
        return
    same(stop.rendering, true, stop.done)
    assert stop.rendering.recipe["steps"] == 10


def test_ctrl_c_does_not_call_dead_what_was_to_be_tried_again():
    asked = 0

    def stop(done: int, total: int, what: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 45:  # all forty were made once, a few of the dead ones again
            raise KeyboardInterrupt

    once = render(Finicky(), neuron("out", 0), NOISE, range(40), steps=1, rate=1e-4, retries=0)
    with pytest.raises(Stopped) as caught:
        render(Finicky(), neuron("out", 0), NOISE, range(40), steps=1, rate=1e-4, retries=3, progress=stop)
    assert set(np.flatnonzero(~once.dead)) <= set(caught.value.done)
    assert caught.value.rendering is not None
    assert not caught.value.rendering.dead.any()


def test_weights_that_are_not_finite_are_named(network):
    network.fc2.weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"model: fc2.weight of shape \(5, 7\) holds NaN or infinity") as caught:
        fc1(network, [0], "fc2")
    assert "\n" not in str(caught.value)
    fc1(network, [0], steps=1)


def test_an_objective_that_is_not_finite_is_named(network):
    with pytest.raises(InputError, match=r"neuron\(fc1, 0\) \* inf is -?(inf|nan) for a picture"):
        render(network, neuron("fc1", 0) * float("inf"), Pixels(SIZE), [0], steps=1)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"keys": []}, "keys: none given"),
        ({"facets": 0}, "facets=0: it must be at least 1"),
        ({"facets": 2}, "keys: 3 with facets=2; give each key as many times"),
        ({"retries": -1}, "retries=-1: it must be at least 0"),
        ({"batch": 0}, "batch=0: it must be at least 1"),
        ({"seed": -1}, "seed=-1: it must be at least 0"),
        ({"objective": neuron("fc1", [0, 1]) - l1()}, "it speaks of 2 pictures, not of 3; give it as many keys"),
    ],
)
def test_bad_requests_are_one_line(network, asked, text):
    given = {"objective": neuron("fc1", 0), "image": Pixels(SIZE), "keys": range(3), "steps": 1, **asked}
    with pytest.raises(InputError, match=text) as caught:
        render(network, given.pop("objective"), given.pop("image"), given.pop("keys"), **given)
    assert "\n" not in str(caught.value)
