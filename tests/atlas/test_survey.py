"""Which layers and units an atlas is of, and which of them only repeat others."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from convscope.atlas.copies import copies
from convscope.atlas.facts import facts
from convscope.atlas.subject import RECIPES, Subject
from convscope.atlas.survey import drawing, drawn_anew, fewer, survey
from convscope.errors import InputError
from convscope.lens.models import network


class Fire(nn.Module):
    """Two convolutions side by side, their outputs joined behind a ReLU, as in SqueezeNet."""

    def __init__(self):
        super().__init__()
        self.squeeze = nn.Conv2d(3, 2, 1)
        self.left = nn.Conv2d(2, 3, 1)
        self.right = nn.Conv2d(2, 4, 3, padding=1)

    def forward(self, x):
        x = functional.relu(self.squeeze(x))
        return torch.cat([functional.relu(self.left(x)), functional.relu(self.right(x), inplace=True)], 1)


@pytest.fixture
def small():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 3, 3), Fire(), nn.BatchNorm2d(7), nn.Flatten(), nn.Linear(7 * 36, 5))
    return network(layers, (3, 8, 8))


def test_layers_are_those_with_weights_between_units_and_blocks_of_them(small):
    member = survey(small, "small")
    assert [layer.name for layer in member.layers] == ["0", "1.squeeze", "1.left", "1.right", "1", "4"]
    assert [layer.kernel for layer in member.layers] == [(3, 3), None, None, (3, 3), None, None]
    block, last = member.layers[-2:]
    assert (block.is_block, block.kind, block.shape) == (True, "Fire", (7, 6, 6))
    assert (last.units, last.parameters) == (tuple(range(5)), 7 * 36 * 5 + 5)
    assert len(member.weights) == 64


def test_a_joined_unit_repeats_the_one_that_it_was_joined_from(small):
    found = survey(small, "small").layers[4].copies
    expected = {unit: ("1.left", unit) if unit < 3 else ("1.right", unit - 3) for unit in range(7)}
    assert found.items() <= expected.items()
    assert len(found) >= 4  # all but those that noise leaves dark


def test_what_was_changed_on_the_way_is_no_copy(small):
    found = copies(small, ["0", "1.squeeze", "1.left", "1.right", "2"])
    assert not any(found.values())


def test_a_unit_that_is_dark_everywhere_repeats_none(small):
    with torch.no_grad():
        small.model[1].left.weight.zero_()
        small.model[1].left.bias.fill_(-1)
    assert min(survey(small, "small").layers[4].copies, default=3) >= 3


def test_two_equal_units_of_one_layer_are_both_drawn(small):
    with torch.no_grad():
        small.model[0].weight[1] = small.model[0].weight[0]
        small.model[0].bias[1] = small.model[0].bias[0]
    assert survey(small, "small").layers[0].copies == {}


def test_a_pattern_chooses_layers_of_any_kind_in_running_order(small):
    names = [layer.name for layer in survey(small, "small", ["2", "1.*"]).layers]
    assert names == ["1.squeeze", "1.left", "1.right", "2"]


def test_units_are_chosen_in_each_layer_that_has_them(small):
    member = survey(small, "small", None, [0, 3])
    assert [layer.units for layer in member.layers] == [(0,), (0,), (0,), (0, 3), (0, 3), (0, 3)]
    # 1.right's unit 3 is drawn, so the block's unit 6 is known; of what is not drawn nothing repeats
    assert set(member.layers[4].copies.values()) <= {("1.left", 0), ("1.right", 0), ("1.right", 3)}


@pytest.mark.parametrize(
    ("patterns", "units", "said"),
    [
        (["1.lefd"], None, r"layers: '1.lefd' matches none; did you mean .*1\.left"),
        (["nothing"], None, "layers: 'nothing' matches none"),
        (None, [7, 8], "units: 7, 8, and the layers of small have at most 7"),
    ],
)
def test_what_is_not_there_is_told(small, patterns, units, said):
    with pytest.raises(InputError, match=said):
        survey(small, "small", patterns, units)


def test_a_network_without_weights_is_told():
    with pytest.raises(InputError, match="no layer with weights"):
        survey(network(nn.Sequential(nn.ReLU()), (3, 8, 8)), "relu")


def test_units_that_were_chosen_before_are_chosen_again(small):
    whole = survey(small, "small")
    few = fewer(whole, [2, 1, 2, 9, 0, 3])
    (told,) = facts(Subject((few,), None, RECIPES["quick"], 0))["networks"]
    again = drawing(whole, {layer["name"]: layer["drawn"] for layer in told["layers"]})
    assert [drawn_anew(layer) for layer in again.layers] == [drawn_anew(layer) for layer in few.layers]
    assert [layer.copies for layer in again.layers] == [layer.copies for layer in few.layers]


def test_a_network_of_vectors_is_told():
    with pytest.raises(InputError, match=r"vec takes vectors \(4,\) of numbers"):
        survey(network(nn.Sequential(nn.Linear(4, 2))), "vec")


def test_fewer_units_are_spread_evenly_and_bring_their_copies(small):
    member = fewer(survey(small, "small"), [2, 1, 2, 9, 0, 3])
    assert [layer.units for layer in member.layers[:4]] == [(0, 1), (0,), (0, 1), (0, 1, 2, 3)]
    assert member.layers[5].units == (0, 1, 3)
    block = member.layers[4]
    assert set(block.units) == set(block.copies)  # none is drawn for the block alone
    assert set(block.copies.values()) <= {("1.left", 0), ("1.left", 1), *(("1.right", unit) for unit in range(4))}


def test_the_network_is_left_as_it_was(small):
    small.model.train()
    before = {name: value.clone() for name, value in small.model.state_dict().items()}
    survey(small, "small")
    assert small.model.training
    assert all((before[name] == value).all() for name, value in small.model.state_dict().items())
