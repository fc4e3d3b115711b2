"""What an atlas will cost, and how much of it fits into a budget."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from convscope.atlas import cost, plan
from convscope.atlas.cost import Cost
from convscope.atlas.gallery import ArrayGallery
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens.models import Preprocessing, network


@pytest.fixture(scope="module")
def of() -> Subject:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(576, 2))
    one = network(model, (3, 16, 16), Preprocessing((16, 16)))
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    return Subject((survey(one, "net"),), ArrayGallery(images), Recipe("quick", 1, 1, 3, 2, False), 0)


def test_everything_is_measured_and_reckoned_up(of: Subject):
    told = cost.cost(of)
    assert (told.units, told.tasks) == (14, len(plan.plan(of)))
    assert told.seconds > sum(np.dot(each, (8, 4, 2)) for each in told.drawing) > 0
    assert told.disk > 14 * cost.PAGE
    assert told.memory > 1e7
    assert str(told).startswith(f"14 units to draw, {told.tasks} tasks: about ")


DRAWN = Cost(seconds=30.0, memory=1, disk=1, units=14, tasks=1, drawing=((1.0, 2.0, 4.0),))
"""24 seconds of drawing, 6 of all else."""


@pytest.mark.parametrize(
    ("budget", "units"),
    [(100, [8, 4, 2]), (30, [8, 4, 2]), (21.6, [4, 2, 1]), (13, [1, 1, 1])],
)
def test_a_budget_takes_the_same_share_of_every_layer(of: Subject, budget: float, units: list[int]):
    inside = cost.within(of, DRAWN, budget)
    assert [len(layer.units) for layer in inside.members[0].layers] == units
    assert replace(inside, members=of.members) == of
    spent = sum(np.dot(each, units) for each in DRAWN.drawing) + 6
    assert spent <= budget


def test_a_budget_that_is_too_small_is_told(of: Subject):
    with pytest.raises(InputError, match="budget: 12 s; one unit of each layer, and the rest, take 13 s; give that"):
        cost.within(of, DRAWN, 12)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("an hour", 3600), ("1d", 86400)]
)
def test_times(text: str, seconds: float):
    assert cost.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "90", "-1h", "0s", "nans", "infh", "1 hour"])
def test_what_is_no_time_is_told(text: str):
    with pytest.raises(InputError, match="give a time such as 90s, 20m"):
        cost.seconds_of(text)
