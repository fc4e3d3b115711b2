"""Rows and lanes of a network."""

import random

import pytest

from convscope.atlas.site.graph import lay_out

RESIDUAL = [[], [0], [1], [0, 2], [3], [3, 4]]
FIRE = [[], [0], [0], [1, 2]]


def test_a_chain_is_one_straight_line():
    drawn = lay_out([[], [0], [1], [2]])
    assert (drawn.lanes, drawn.width) == ((0, 0, 0, 0), 1)
    assert not any(drawn.skips)


def test_a_skip_runs_beside_what_it_skips():
    drawn = lay_out(RESIDUAL)
    assert drawn.lanes == (0, 1, 1, 0, 1, 0)
    assert [edge for edge, skip in zip(drawn.edges, drawn.skips, strict=True) if skip] == [(0, 3), (3, 5)]


def test_branches_have_lanes_of_their_own_and_are_no_skips():
    drawn = lay_out(FIRE)
    assert drawn.lanes == (0, 1, 0, 0)
    assert not any(drawn.skips)


def test_a_network_listed_bottom_up_is_turned_round():
    drawn = lay_out([[1], [2], []])
    assert drawn.order == (2, 1, 0)
    assert drawn.edges == ((2, 1), (1, 0))


def test_a_loop_loses_the_line_that_leads_back_up():
    drawn = lay_out([[2], [0], [1], [2]])
    assert drawn.order == (0, 1, 2, 3)
    assert drawn.edges == ((0, 1), (1, 2), (2, 3))


def test_a_layer_alone_and_a_layer_that_feeds_itself():
    assert lay_out([[]]).width == 1
    assert lay_out([[0], [0, 0]]).edges == ((0, 1),)


@pytest.mark.parametrize("seed", range(30))
def test_no_line_runs_through_another_or_through_a_layer(seed):
    draw = random.Random(seed)
    parents = [draw.sample(range(k), min(k, draw.choice([0, 1, 1, 1, 2, 3]))) for k in range(40)]
    drawn = lay_out(parents)
    assert sorted(drawn.order) == list(range(40))
    row = {layer: k for k, layer in enumerate(drawn.order)}
    assert set(drawn.edges) == {(parent, child) for child, some in enumerate(parents) for parent in some}
    assert all(row[parent] < row[child] for parent, child in drawn.edges)
    last = {parent: row[child] for parent, child in drawn.edges}
    for layer, end in last.items():
        crossed = [
            other for other in range(40) if drawn.lanes[other] == drawn.lanes[layer] and row[layer] < row[other] < end
        ]
        assert crossed == []
    assert drawn.width == max(drawn.lanes) + 1
