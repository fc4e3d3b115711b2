"""From facts to tasks: what there is to do, and when an older record still serves."""

import pickle
from dataclasses import replace

import pytest

from convscope.atlas import plan
from convscope.atlas.plan import Facts, Layer

CONV = Layer("conv", "Conv2d", (3, 8, 8), 30, "part", (3, 3), (1, 1), (-1, -1))
RELU = Layer("relu", "ReLU", (3, 8, 8), 0, "part", (3, 3), (1, 1), (-1, -1))
HIDDEN = Layer("hidden", "Linear", (130,), 999, "whole", (8, 8), (0, 0), (0, 0))
OUT = Layer("out", "Linear", (2,), 99, "whole", (8, 8), (0, 0), (0, 0))
FACTS = Facts((CONV, RELU, HIDDEN, OUT), (1, 8, 8), ("a", "b"), 20, 7, "weights", "data")


def by_name(facts: Facts) -> dict[str, plan.Task]:
    return {task.name: task for task in plan.tasks(facts)}


def test_every_unit_of_every_layer_with_weights_is_drawn_once():
    drawn = {}
    for task in plan.tasks(FACTS):
        if task.kind == "draw":
            drawn.setdefault(task.layer, []).extend(task.units)
    assert drawn == {"conv": [0, 1, 2], "hidden": list(range(130)), "out": [0, 1]}


def test_only_outputs_are_drawn_with_l1_too():
    assert {task.layer for task in plan.tasks(FACTS) if task.l1_share} == {"out"}


def test_a_layer_of_many_units_is_several_tasks_so_that_stopping_loses_little():
    names = [name for name in by_name(FACTS) if name.startswith("draw-hidden")]
    assert names == ["draw-hidden-0", "draw-hidden-64", "draw-hidden-128"]


def test_names_and_keys_are_unique_and_tasks_can_be_sent_elsewhere():
    tasks = plan.tasks(FACTS)
    assert len({task.name for task in tasks}) == len({task.key for task in tasks}) == len(tasks)
    assert pickle.loads(pickle.dumps(tasks)) == tasks


def test_the_same_facts_give_the_same_tasks():
    assert plan.tasks(FACTS) == plan.tasks(replace(FACTS))


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"weights": "others"}, set()),
        ({"data": "others"}, {"kernels", "draw"}),
        ({"classes": ("a", "c")}, {"kernels", "draw"}),
        ({"seed": 8}, {"verdicts", "kernels", "maps", "examples"}),
    ],
)
def test_a_record_serves_as_long_as_all_it_depends_on_is_the_same(change, kept):
    before, after = by_name(FACTS), by_name(replace(FACTS, **change))
    assert {task.kind for name, task in before.items() if after[name].key == task.key} == kept


def test_a_layer_s_name_becomes_a_file_name():
    assert replace(CONV, name="features.0").slug == "features.0"
    assert replace(CONV, name="a/b c").slug == "a-b-c"
    assert replace(CONV, name="index").slug == "layer-index"
