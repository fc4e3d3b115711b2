"""The algebra of objectives, pinned: plain numbers in, plain numbers out."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.lens.objectives import (
    Scene,
    blur,
    channel,
    direction,
    diversity,
    each,
    l1,
    l2,
    layer,
    logit,
    neuron,
    opacity,
    total_variation,
)

MAPS = torch.arange(3 * 4 * 5 * 2, dtype=torch.float64).reshape(3, 4, 5, 2)
SCORES = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=torch.float64)
PICTURES = torch.tensor([[[[1.0, -2.0], [3.0, 0.0]]], [[[0.5, 0.5], [0.5, 0.5]]], [[[0.0, 1.0], [0.0, 1.0]]]]).double()


def scene(which: list[int] | None = None) -> Scene:
    picked = torch.arange(3) if which is None else torch.tensor(which)
    return Scene(PICTURES[picked], {"maps": MAPS[picked], "scores": SCORES[picked]}, picked)


numbers = st.floats(-8, 8).map(lambda number: round(number, 2))


@given(numbers, numbers)
def test_it_is_the_algebra_of_numbers(a, b):
    x, y = logit("scores", 0), l1()
    vx, vy = x(scene()), y(scene())
    for objective, value in [
        (x + y, vx + vy),
        (x - y, vx - vy),
        (x * y, vx * vy),
        (-x, -vx),
        (x + a, vx + a),
        (a + x, a + vx),
        (x - a, vx - a),
        (a - x, a - vx),
        (x * a, vx * a),
        (a * x, a * vx),
        (a * (x + y), a * vx + a * vy),
        (a * x + b * y, a * vx + b * vy),
        (x - a * y - b * x, vx - a * vy - b * vx),
        (x - (y - x), vx - (vy - vx)),
        (-(x - y), vy - vx),
        ((x + y) * (x - b), (vx + vy) * (vx - b)),
        (sum([x, y, x]), vx + vy + vx),
        (sum([a * x, y]), a * vx + vy),
    ]:
        torch.testing.assert_close(objective(scene()), value, msg=str(objective))


def test_a_factor_does_not_reach_what_was_summed_before_it():
    x, y, z = logit("scores", 0), logit("scores", 1), l1()
    running = x + y
    running = running + 3 * z
    torch.testing.assert_close(running(scene()), SCORES[:, 0] + SCORES[:, 1] + 3 * z(scene()))
    torch.testing.assert_close((x + y * 2 + z)(scene()), SCORES[:, 0] + 2 * SCORES[:, 1] + z(scene()))


def test_the_text_reads_as_the_algebra_does():
    x, y = logit("fc", [0, 1]), l1(-0.5)
    assert str(x - 2 * y) == "logit(fc, [0, 1]) - 2 * l1(-0.5)"
    assert str((x - y) * 3) == "(logit(fc, [0, 1]) - l1(-0.5)) * 3"
    assert str(x - (y + 1)) == "logit(fc, [0, 1]) - (l1(-0.5) + 1)"
    assert str(x * (y * 2)) == "logit(fc, [0, 1]) * l1(-0.5) * 2"
    assert str(sum([y, y])) == "l1(-0.5) + l1(-0.5)"
    assert str(neuron("c", 1, row=2)) == "neuron(c, 1, row=2, column=None)"
    assert str(neuron("c", 1, place=(2, 3))) == "neuron(c, 1, row=2, column=3)"
    assert str(neuron("c", [1], place=(4,))) == "neuron(c, [1], place=(4,))"
    assert str(channel("c", 3) + total_variation() - l2((0.0, 1.0))) == ("channel(c, 3) + total_variation() - l2(0, 1)")
    assert str(layer("c") + blur(2) - opacity() + diversity("c")) == "layer(c) + blur(2) - opacity() + diversity(c)"
    assert str(each([x, -y])) == "each(logit(fc, [0, 1]); -1 * l1(-0.5))"


def test_a_vector_is_told_from_others_in_the_text():
    texts = {str(direction("c", vector)) for vector in ([1.0, 0.0], [0.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])}
    assert len(texts) == 3
    assert str(direction("c", torch.ones(5), (1, 2), cosine_power=2)) == (
        str(direction("c", torch.ones(5)))[:-1] + ", row=1, column=2, cosine_power=2)"
    )


def test_units_of_maps_and_vectors():
    torch.testing.assert_close(channel("maps", 2)(scene()), MAPS[:, 2].mean((1, 2)))
    torch.testing.assert_close(neuron("maps", 2)(scene()), MAPS[:, 2, 2, 1])
    torch.testing.assert_close(neuron("maps", 2, row=4, column=0)(scene()), MAPS[:, 2, 4, 0])
    torch.testing.assert_close(neuron("maps", 2, place=(4, 0))(scene()), MAPS[:, 2, 4, 0])
    torch.testing.assert_close(neuron("scores", 1)(scene()), SCORES[:, 1])
    torch.testing.assert_close(logit("scores", 1)(scene()), SCORES[:, 1])


def test_units_of_signals_and_volumes():
    generator = torch.Generator().manual_seed(0)
    signals, volumes = (torch.randn(2, 3, *shape, generator=generator) for shape in ((7,), (4, 5, 6)))
    view = Scene(torch.zeros(2, 1, 7), {"signal": signals, "volume": volumes}, torch.arange(2))
    torch.testing.assert_close(neuron("signal", 1)(view), signals[:, 1, 3])
    torch.testing.assert_close(neuron("volume", [2, 0])(view), volumes[[0, 1], [2, 0], 2, 2, 3])
    torch.testing.assert_close(neuron("volume", 1, place=(3, 0, 5))(view), volumes[:, 1, 3, 0, 5])
    torch.testing.assert_close(channel("volume", 1)(view), volumes[:, 1].mean((1, 2, 3)))
    torch.testing.assert_close(layer("volume")(view), (volumes**2).mean((1, 2, 3, 4)))


def test_each_picture_has_its_own_unit_in_any_part_of_the_batch():
    own = neuron("maps", [3, 0, 1], 0, 0)
    torch.testing.assert_close(own(scene()), MAPS[[0, 1, 2], [3, 0, 1], 0, 0])
    torch.testing.assert_close(own(scene([2, 0])), MAPS[[2, 0], [1, 3], 0, 0])
    assert own.count == (own - 2 * l1()).count == 3
    assert l1().count is channel("maps", 1).count is None
    assert (own + logit("scores", 1)).layers == {"maps", "scores"}


def test_different_objectives_in_one_forward():
    shared = channel("maps", 1)
    mixed = each([shared, logit("scores", 1) - 2 * l1(), shared])
    assert mixed.count == 3
    assert mixed.layers == {"maps", "scores"}
    expected = torch.stack([MAPS[0, 1].mean(), SCORES[1, 1] - 1.0, MAPS[2, 1].mean()])
    torch.testing.assert_close(mixed(scene()), expected)
    torch.testing.assert_close(mixed(scene([2, 1])), expected[[2, 1]])
    torch.testing.assert_close(each([logit("scores", [0, 1, 0]), l1(), l2()])(scene())[:1], SCORES[:1, 0])
    torch.testing.assert_close((3 * mixed - 1)(scene()), 3 * expected - 1)


def test_pictures_that_share_an_objective_meet_in_it():
    a = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(1)).double()
    view = Scene(torch.zeros(4, 1, 1), {"a": a}, torch.arange(4), torch.tensor([0, 0, 1, 1]))
    facets = diversity("a")
    found = each([facets, facets, 2 * facets, l1()])(view)
    alone = facets(view)
    torch.testing.assert_close(found[:2], alone[:2])
    assert found[2:].tolist() == [0, 0], "an objective of its own has no mates"
    assert float(alone[0]) < -0.01


def test_penalties_by_hand():
    torch.testing.assert_close(l1()(scene()), torch.tensor([6 / 4, 0.5, 0.5]).double())
    torch.testing.assert_close(l1(1.0)(scene()), torch.tensor([(0 + 3 + 2 + 1) / 4, 0.5, 0.5]).double())
    torch.testing.assert_close(l2()(scene()), torch.tensor([14 / 4, 0.25, 0.5]).double())
    # down: |3 - 1|, |0 + 2| of 2; along: |-2 - 1|, |0 - 3| of 2
    torch.testing.assert_close(total_variation()(scene()), torch.tensor([2.0 + 3, 0, 0 + 1]).double())


def test_backgrounds_by_channel_and_pictures_of_one_row():
    two = torch.tensor([[[[1.0, 2.0, 4.0]], [[1.0, 1.0, 1.0]]]])
    flat = Scene(two, {}, torch.arange(1))
    torch.testing.assert_close(l1((1.0, -1.0))(flat), torch.tensor([(0 + 1 + 3 + 2 + 2 + 2) / 6]))
    torch.testing.assert_close(total_variation()(flat), torch.tensor([(1 + 2 + 0 + 0) / 4]))
    signal = Scene(two[:, :, 0], {}, torch.arange(1))
    torch.testing.assert_close(l1((1.0, -1.0))(signal), torch.tensor([(0 + 1 + 3 + 2 + 2 + 2) / 6]))
    torch.testing.assert_close(total_variation()(signal), torch.tensor([(1 + 2 + 0 + 0) / 4]))
    torch.testing.assert_close(opacity()(signal), torch.tensor([1.0]))


def test_blur_costs_what_is_fine():
    """Of cos(2 pi f r) a Gaussian of width s leaves exp(-2 (pi f s)^2), and the mean square of a cosine is 1/2."""
    rows = torch.arange(400, dtype=torch.float64)
    waves = torch.stack([torch.cos(2 * torch.pi * f * rows) for f in (0.0, 0.05, 0.25)])[:, None]
    left = torch.tensor([1 - torch.exp(torch.tensor(-2 * (torch.pi * f * 1.5) ** 2)) for f in (0.0, 0.05, 0.25)])
    found = blur(1.5)(Scene(waves, {}, torch.arange(3)))
    torch.testing.assert_close(found, left.double() ** 2 / 2, rtol=0.03, atol=1e-12)


def test_a_direction_by_hand():
    a = torch.tensor([[[[3.0, 0.0]], [[4.0, 1.0]]]])  # two positions, (3, 4) and (0, 1)
    view = Scene(torch.zeros(1, 1, 2, 2), {"a": a}, torch.arange(1))
    torch.testing.assert_close(direction("a", [2.0, 0.0])(view), torch.tensor([(6 + 0) / 2]))
    torch.testing.assert_close(direction("a", [0.0, 2.0], (0, 1))(view), torch.tensor([2.0]))
    # the cosines are 3/5 and, raised from 0, 1/10
    torch.testing.assert_close(direction("a", [2.0, 0.0], cosine_power=2)(view), torch.tensor([6 * 0.36 / 2]))
    # against the direction the value stays negative, and its gradient leads out of there
    torch.testing.assert_close(direction("a", [-1.0, 0.0], cosine_power=2)(view), torch.tensor([-3 * 0.01 / 2]))


def test_each_picture_has_its_own_direction():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    own = direction("scores", vectors)
    assert own.count == 3
    torch.testing.assert_close(own(scene([2, 1])), torch.tensor([11.0, 4.0]).double())


@pytest.mark.parametrize(
    "objective",
    [
        channel("maps", 1) * 2 - l1(0.1),
        neuron("maps", [0, 3, 1], 1, 1) * logit("scores", 0),
        direction("maps", [1.0, -2.0, 0.5, 1.0], cosine_power=2),
        direction("maps", torch.eye(4)[:3], (0, 1), cosine_power=0.5),
        layer("maps"),
        l2(0.2) + total_variation() + blur(0.7) * opacity(),
        each([layer("maps"), l2(), logit("scores", 1)]),
    ],
    ids=str,
)
def test_gradients_are_those_of_finite_differences(objective):
    generator = torch.Generator().manual_seed(0)
    shapes = PICTURES.shape, MAPS.shape, SCORES.shape
    inputs = [torch.randn(shape, generator=generator).double().requires_grad_() for shape in shapes]

    def value(pictures, maps, scores):
        return objective(Scene(pictures, {"maps": maps, "scores": scores}, torch.arange(3)))

    assert torch.autograd.gradcheck(value, inputs)


def test_silent_activations_have_finite_gradients():
    silent = torch.zeros(3, 4, 5, 2, requires_grad=True)
    view = Scene(PICTURES, {"maps": silent}, torch.arange(3))
    direction("maps", torch.ones(4), cosine_power=2)(view).sum().backward()
    assert silent.grad is not None
    assert bool(silent.grad.isfinite().all())
    assert bool((silent.grad > 0).all())


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (neuron("maps", [0, 4, 1]), r"neuron\('maps'\): unit 4 of 4; units are 0 to 3"),
        (neuron("maps", -1), r"unit -1 of 4"),
        (
            neuron("maps", 0, row=5),
            r"row=5, column=1\): outside the map of 5 x 2; rows are 0 to 4, columns 0 to 1",
        ),
        (neuron("maps", 0, place=(1,)), r"place=\(1,\) in a map of 2 axes; give one number for each"),
        (direction("maps", [1.0] * 4, (0, 2)), r"direction\('maps', row=0, column=2\): outside the map of 5 x 2"),
        (direction("maps", [1.0] * 3), r"a target of shape \(3,\) for a layer that gives \(4,\) here"),
        (logit("maps", 0), r"logit\('maps'\): the layer's units are maps, not scores; use channel or neuron"),
    ],
)
def test_what_is_not_there_is_said(objective, text):
    with pytest.raises(InputError, match=text):
        objective(scene())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: l1() + "ink", r"'ink' \(str\): an objective combines with objectives and numbers only"),
        (
            lambda: logit("a", [0, 1]) + logit("a", [0, 1, 2]),
            "they speak of 2 and 3 pictures; give both as many",
        ),
        (lambda: each([]), r"each\(\[\]\): no objectives; give one for each picture"),
        (lambda: each([logit("a", [0, 1]), l1(), l1()]), "speaks of 2 pictures, the list of 3; name one unit in it"),
        (lambda: neuron("a", 0, 1, place=(1, 2)), "row or column; give one of the two"),
        (lambda: direction("a", [1.0], cosine_power=-1), "cosine_power=-1; use 0 or more"),
        (lambda: direction("a", [float("nan")]), r"shape \(1, 1\) must be .*, finite and not empty"),
        (lambda: blur(0), "blur: sigma=0; use a width in pixels above 0"),
    ],
)
def test_what_makes_no_objective_is_said(make, text):
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)
