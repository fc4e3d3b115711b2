"""Networks that name the next move: their shapes, their weights, and what they are blind to."""

import pytest
import torch

from convscope.errors import InputError
from convscope.tasks.fitting import seeded
from convscope.tasks.go.network import KINDS, Policy, Settings, policy, weights_of, widened
from convscope.tasks.go.planes import FEATURES

SMALL = Settings(size=9, features="board", width=8, depth=3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [5, 9, 19])
def test_every_kind_answers_for_every_point(kind: str, size: int):
    settings = Settings(size, "planes", width=4, depth=3, kind=kind)
    answer = policy(settings)(torch.zeros(2, FEATURES["planes"], size, size))
    assert answer.shape == (2, size * size)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_network_without_pooling_has_the_weights_that_its_layers_say(depth: int):
    model = Policy(Settings(9, "board", width=8, depth=depth))
    layers = 8 * 25 + (depth - 1) * 8 * 8 * 9
    assert weights_of(model) == layers + depth * 2 * 8 + 8 + 1 + 81


def test_kinds_can_be_made_as_wide_as_equal_weights_allow():
    wanted = weights_of(Policy(SMALL))
    for kind in KINDS:
        settings = Settings(9, "board", width=1, depth=3, kind=kind)
        found = widened(settings, wanted)
        off = abs(weights_of(Policy(found)) - wanted)
        for other in (found.width - 1, found.width + 1):
            if other:
                near = Policy(Settings(9, "board", width=other, depth=3, kind=kind))
                assert off <= abs(weights_of(near) - wanted), kind


def test_without_pooling_a_move_follows_its_board():
    """Shifted stones shift the logits, but for the border and the bias of each point."""
    with seeded(0):
        model = policy(Settings(19, "board", width=4, depth=3)).eval()
    board = torch.zeros(2, 1, 19, 19)
    board[0, 0, 8, 8] = board[1, 0, 8, 11] = 1
    with torch.no_grad():
        first, second = model(board).view(2, 19, 19)
    assert torch.allclose(first[5:12, 5:12], second[5:12, 8:15], atol=1e-5)
    assert not torch.allclose(first, second)


def test_pooling_by_two_and_enlarging_cannot_tell_neighbours_apart():
    """Which of two neighbours in one window holds the stone is lost, when the stone is all the network sees."""
    settings = Settings(9, "board", width=4, depth=1, kind="2x2, enlarged")
    with seeded(0):
        model = policy(settings).eval()
        weight = model.get_parameter("body.0.weight").data
        weight[:] = 0
        weight[:, :, 2, 2] = 1  # the layer passes the board on as it is
    board = torch.zeros(2, 1, 9, 9)
    board[0, 0, 4, 4] = board[1, 0, 5, 5] = 1
    with torch.no_grad():
        first, second = model(board)
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    "wrong", [{"size": 1}, {"features": "colours"}, {"kind": "mean"}, {"width": 0}, {"depth": 0}]
)
def test_settings_out_of_range_are_said(wrong: dict):
    with pytest.raises(InputError, match=str(next(iter(wrong)))):
        Settings(**wrong)
