"""The algebra of objectives, pinned: plain numbers in, plain numbers out."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.lens.objectives import Scene, channel, l1, l2, logit, neuron, total_variation

MAPS = torch.arange(3 * 4 * 5 * 2, dtype=torch.float64).reshape(3, 4, 5, 2)
SCORES = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=torch.float64)
PICTURES = torch.tensor(
    [[[[1.0, -2.0], [3.0, 0.0]]], [[[0.5, 0.5], [0.5, 0.5]]], [[[0.0, 1.0], [0.0, 1.0]]]]
).double()


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
        (a * x + b * y, a * vx + b * vy),
        (x - a * y - b * x, vx - a * vy - b * vx),
        (x - (y - x), vx - (vy - vx)),
        ((x + y) * (x - b), (vx + vy) * (vx - b)),
        (sum([x, y, x]), vx + vy + vx),
    ]:
        torch.testing.assert_close(objective(scene()), value, msg=str(objective))


def test_the_text_reads_as_the_algebra_does():
    x, y = logit("fc", [0, 1]), l1(-0.5)
    assert str(x - 2 * y) == "logit(fc, [0, 1]) - 2 * l1(-0.5)"
    assert str((x - y) * 3) == "(logit(fc, [0, 1]) - l1(-0.5)) * 3"
    assert str(x - (y + 1)) == "logit(fc, [0, 1]) - (l1(-0.5) + 1)"
    assert str(x * (y * 2)) == "logit(fc, [0, 1]) * l1(-0.5) * 2"
    assert str(neuron("c", 1, row=2)) == "neuron(c, 1, row=2, column=None)"
    assert str(channel("c", 3) + total_variation() - l2((0.0, 1.0))) == (
        "channel(c, 3) + total_variation() - l2(0, 1)"
    )


def test_units_of_maps_and_vectors():
    torch.testing.assert_close(channel("maps", 2)(scene()), MAPS[:, 2].mean((1, 2)))
    torch.testing.assert_close(neuron("maps", 2)(scene()), MAPS[:, 2, 2, 1])
    torch.testing.assert_close(neuron("maps", 2, row=4, column=0)(scene()), MAPS[:, 2, 4, 0])
    torch.testing.assert_close(neuron("scores", 1)(scene()), SCORES[:, 1])
    torch.testing.assert_close(logit("scores", 1)(scene()), SCORES[:, 1])


def test_each_picture_has_its_own_unit_in_any_part_of_the_batch():
    own = neuron("maps", [3, 0, 1], 0, 0)
    torch.testing.assert_close(own(scene()), MAPS[[0, 1, 2], [3, 0, 1], 0, 0])
    torch.testing.assert_close(own(scene([2, 0])), MAPS[[2, 0], [1, 3], 0, 0])
    assert own.count == (own - 2 * l1()).count == 3
    assert l1().count is channel("maps", 1).count is None
    assert (own + logit("scores", 1)).layers == {"maps", "scores"}


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


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (neuron("maps", [0, 4, 1]), r"neuron\('maps'\): unit 4 of 4; units are 0 to 3"),
        (neuron("maps", -1), r"unit -1 of 4"),
        (
            neuron("maps", 0, row=5),
            r"row=5, column=1\): outside the map of 5 x 2; rows are 0 to 4, columns 0 to 1",
        ),
        (logit("maps", 0), r"logit\('maps'\): the layer's units are maps, not scores; use channel or neuron"),
    ],
)
def test_what_is_not_there_is_said(objective, text):
    with pytest.raises(InputError, match=text):
        objective(scene())


def test_what_does_not_combine_is_said():
    with pytest.raises(
        InputError, match=r"'ink' \(str\): an objective combines with objectives and numbers only"
    ):
        _ = l1() + "ink"
    with pytest.raises(InputError, match=r"they speak of 2 and 3 pictures; give both as many"):
        _ = logit("a", [0, 1]) + logit("a", [0, 1, 2])
