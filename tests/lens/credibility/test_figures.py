"""The small parts: windows, moves, the two-alternative test and the verdict's rules."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from convscope.lens.credibility.choice import Choice, choose
from convscope.lens.credibility.measures import interval, selectivity
from convscope.lens.credibility.moves import moved
from convscope.lens.credibility.natural import Window, excerpts, natural, read, window
from convscope.lens.credibility.paths import Path
from convscope.lens.credibility.verdict import Control, Excitement, Figures, verdict

GOOD = Figures(
    value=5.0,
    largest=4.0,
    percentile=100.0,
    ratio=1.3,
    kept=0.8,
    kept_natural=0.9,
    agreement=0.5,
    rank=1,
    margin=3.0,
    units=40,
    path=Path({"a": 0.9}, 0.9, "a", False),
    control=Control(1.0, 0.1, 7.0),
    strangeness=12.0,
    choice=Choice(0.9, 0.7, 0.97, 20, "eyes"),
    choice_natural=Choice(0.9, 0.7, 0.97, 20, "eyes"),
)
DOUBTFUL = Choice(0.55, 0.35, 0.75, 20, "eyes")


@pytest.mark.parametrize(
    ("change", "label", "key"),
    [
        ({}, "clear", "strong"),
        ({"percentile": 40.0}, "do not trust", "weak"),
        ({"ratio": 0.0}, "do not trust", "weak"),
        ({"percentile": 80.0}, "mixed", "below natural"),
        ({"path": Path({"a": 0.1}, 0.1, "a", True)}, "do not trust", "astray"),
        ({"path": Path({"a": 0.1}, 0.1, "a", False)}, "clear", "strong"),
        ({"path": Path({}, float("nan"), "", False)}, "clear", "strong"),
        ({"choice": Choice(0.1, 0.0, 0.3, 20, "eyes")}, "do not trust", "misleads"),
        ({"choice": DOUBTFUL}, "mixed", "does not tell"),
        ({"choice": DOUBTFUL, "choice_natural": DOUBTFUL}, "clear", "strong"),
        ({"kept": 0.3}, "mixed", "fragile"),
        ({"agreement": 0.05}, "mixed", "seeds differ"),
        ({"rank": 9}, "mixed", "not selective"),
        ({"strangeness": 2.0}, "mixed", "untrained"),
        ({"strangeness": 2.0, "rank": 9, "kept": 0.3}, "do not trust", "fragile"),
    ],
)
def test_the_rules(change, label, key):
    found, reasons = verdict(replace(GOOD, **change))
    assert (found, reasons[0].key) == (label, key)
    assert all(str(reason) and "{" not in str(reason) for reason in reasons)


def test_less_than_all_tests_make_no_drawing_clear():
    known = Excitement(value=5.0, largest=4.0, percentile=100.0, ratio=1.3, rank=1, margin=3.0, units=40)
    label, reasons = verdict(known)
    assert (label, [reason.key for reason in reasons]) == ("plausible", ["strong", "selective", "not all tests"])
    assert str(reasons[-1]).endswith("were not asked")
    assert verdict(replace(known, rank=9))[0] == "mixed"
    assert verdict(replace(known, percentile=40.0))[0] == "do not trust"


def test_a_unit_alone_in_its_layer_is_not_called_selective():
    _, reasons = verdict(replace(GOOD, units=1, margin=float("inf")))
    assert not {"selective", "not selective"} & {reason.key for reason in reasons}


def test_a_likeness_tells_top_from_bottom_and_chance_is_a_half():
    dice = np.random.default_rng(0)
    drawn = dice.normal(size=(1, 6))
    top, bottom = drawn + 0.3 * dice.normal(size=(9, 6)), dice.normal(size=(8, 6)) - drawn
    found = choose([drawn], [top], [bottom])
    assert found.accuracy > 0.95
    assert found.low > 0.5
    assert found.pairs == 8
    assert choose([drawn], [bottom], [top]).accuracy == pytest.approx(1 - found.accuracy)
    assert choose([np.zeros((1, 6))], [top], [bottom]).accuracy == 0.5
    # the best facet counts
    assert choose([np.concatenate([-drawn, drawn])], [top], [bottom]).accuracy > 0.7


def test_the_interval_holds_the_truth_as_often_as_it_says():
    heads = np.random.default_rng(0).binomial(20, 0.7, 2000)
    held = [low <= 0.7 <= high for low, high in (interval(count / 20, 20) for count in heads.tolist())]
    assert 0.93 < np.mean(held) < 0.98


def test_a_unit_without_spread_is_never_selective():
    said, mean, std = np.array([9.0, 1.0, 2.0]), np.zeros(3), np.array([0.0, 1.0, 1.0])
    assert selectivity(said, 0, mean, std) == (3, float("-inf"))
    assert selectivity(said, 2, mean, std) == (1, 1.0)


def test_moves_keep_what_has_no_detail_and_change_what_has():
    flat = torch.full((2, 3, 9, 8), 0.4)
    others = [some for i, some in enumerate(moved(flat, torch.tensor(1.0), 0)) if i not in (4, 5)]
    assert len(others) == 7
    for some in others:  # all but noise
        torch.testing.assert_close(some, flat)
    spot = torch.zeros(1, 1, 9, 8)
    spot[0, 0, 4, 3] = 1
    for some in moved(spot, torch.tensor(1.0), 0):
        assert some.shape == spot.shape
        assert not torch.allclose(some, spot)
    assert torch.equal(moved(spot, torch.tensor(1.0), 0)[0].nonzero()[0], torch.tensor([0, 0, 5, 3]))
    line = moved(torch.rand(1, 2, 30), torch.tensor([1.0, 2.0]), 1)
    assert [some.shape for some in line] == [(1, 2, 30)] * 5


def test_excerpts_excite_the_unit_as_the_whole_picture_does(grey):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, (3, 5), stride=(2, 1), padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2))
    place = (1, 1)
    view = window(net, "2", (1, 64, 64), place)
    seen = natural(net, "2", grey[:40], place)
    inside = [
        n
        for n in range(40)
        if all(0 <= (seen.where[n, 5, k] - place[k]) * view.stride[k] <= 64 - view.sides[k] for k in (0, 1))
    ]
    assert len(inside) > 10
    cut = excerpts(seen, 5, np.array(inside), view)
    assert tuple(cut.shape[2:]) == view.sides
    np.testing.assert_allclose(read(net, "2", cut, place)[:, 5], seen.value[inside, 5], atol=1e-5)
    np.testing.assert_allclose(seen.mean, net(grey[:40]).mean((0, 2, 3)).detach(), atol=1e-5)
    np.testing.assert_allclose(seen.std, net(grey[:40]).detach().std((0, 2, 3), correction=0), atol=1e-5)


def test_a_window_is_the_middle_of_a_drawing():
    picture = torch.arange(7.0).expand(1, 1, 5, 7)
    view = Window((5, 3), (0, 0), (1, 1))
    assert view.of(picture)[0, 0, 0].tolist() == [2, 3, 4]
    assert Window((5, 9), (0, 0), (1, 1)).of(picture)[0, 0, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6]
