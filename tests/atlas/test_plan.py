"""Tasks and their keys: what a changed setting touches, what it does not."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from convscope.atlas import plan
from convscope.atlas.gallery import ArrayGallery
from convscope.atlas.subject import RECIPES, Subject
from convscope.atlas.survey import survey
from convscope.lens.models import Preprocessing, network


def subject_of(
    count: int = 600, seed: int = 0, weights: int = 0, patterns=None, units=None, classes=("a", "b")
) -> Subject:
    torch.manual_seed(weights)
    model = nn.Sequential(nn.Conv2d(1, 20, 3), nn.ReLU(), nn.Conv2d(20, 2, 3), nn.Flatten(), nn.Linear(32, 2))
    given = network(model, (1, 8, 8), Preprocessing((8, 8), order="grey"))
    given = replace(given, classes=("a", "b"))
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    gallery = ArrayGallery(images, np.arange(count) % 2, classes)
    return Subject((survey(given, "net", patterns, units),), gallery, RECIPES["quick"], seed)


def keys(subject: Subject, kind: str) -> set[str]:
    return {task.key for task in plan.plan(subject) if task.kind == kind}


def test_every_unit_and_every_picture_has_its_task():
    tasks = plan.plan(subject_of())
    assert len({task.key for task in tasks}) == len(tasks)
    drawn = [(task.layer, task.units) for task in tasks if task.kind == "draw"]
    assert drawn == [("0", tuple(range(16))), ("0", tuple(range(16, 20))), ("2", (0, 1)), ("4", (0, 1))]
    looks = [(task.layer, task.pictures) for task in tasks if task.kind == "look"]
    shards = [(0, 256), (256, 512), (512, 600)]
    assert looks == [(layer, shard) for layer in ("0", "2", "4") for shard in shards]
    assert [task.layer for task in tasks if task.kind == "kernels"] == ["0", "2"]
    assert len([task for task in tasks if task.kind == "verdicts"]) == 3
    assert tasks == pickle.loads(pickle.dumps(tasks))


def test_tasks_that_look_at_the_same_pictures_go_together():
    tasks = plan.plan(subject_of())
    groups = plan.groups(tasks)
    assert sorted(task.key for group in groups for task in group) == sorted(task.key for task in tasks)
    looking = [group for group in groups if group[0].kind == "look"]
    assert [[task.kind for task in group] for group in looking] == [["look"] * 3 + ["verdicts"]] * 3
    assert all(len(group) == 1 for group in groups if group not in looking)


def test_pictures_of_other_classes_give_no_verdicts():
    assert not keys(subject_of(classes=("cat", "dog")), "verdicts")


@pytest.mark.parametrize("of", [1, 2, 3, 100])
def test_parts_are_disjoint_and_all_of_it(of: int):
    groups = plan.groups(plan.plan(subject_of()))
    parts = [plan.part(groups, which, of) for which in range(1, of + 1)]
    assert sorted(map(repr, groups)) == sorted(repr(group) for part in parts for group in part)


KINDS = {"look", "verdicts", "draw", "kernels", "links"}


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ({}, set()),
        ({"seed": 1}, {"draw"}),
        ({"count": 601}, {"look", "verdicts", "links"}),
        ({"weights": 1}, KINDS),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_setting_touches_what_depends_on_it(changed: dict, touched: set[str]):
    first, other = subject_of(), subject_of(**changed)
    assert {kind for kind in KINDS if keys(first, kind) != keys(other, kind)} == touched


def test_without_pictures_links_come_from_noise_of_a_seed():
    first, other = (replace(subject_of(seed=seed), gallery=None) for seed in (0, 1))
    assert {task.kind for task in plan.plan(first)} == {"draw", "kernels", "links"}
    assert not keys(first, "links") & keys(other, "links")


def test_pictures_that_were_added_behind_leave_the_shards_before_alone():
    before, after = keys(subject_of(512), "look"), keys(subject_of(600), "look")
    assert before < after


def test_a_shard_is_looked_at_anew_when_other_pictures_of_it_are_in_the_sample():
    assert keys(subject_of(1000), "look") <= keys(subject_of(1000, seed=1), "look")  # all are
    assert not keys(subject_of(2000), "look") & keys(subject_of(2000, seed=1), "look")
    assert len(keys(subject_of(1024), "look") & keys(subject_of(1500), "look")) == 0


def test_another_layer_leaves_what_was_found_of_the_others():
    few, more = subject_of(patterns=["0"]), subject_of(patterns=["0", "2"])
    for kind in ("look", "draw", "kernels"):
        assert keys(few, kind) < keys(more, kind)


def test_a_full_recipe_judges_by_the_pictures():
    def full(**how) -> Subject:
        return replace(subject_of(**how), recipe=RECIPES["full"])

    assert not keys(full(), "draw") & keys(subject_of(), "draw")
    assert keys(full(), "draw") != keys(full(count=601), "draw")


def test_whole_pictures_are_kept_shard_by_shard():
    subject = subject_of()
    tasks = plan.seen(subject, 0, [599, 3, 3, 255, 256])
    assert [task.pictures for task in tasks] == [(3, 255), (256,), (599,)]
    assert plan.seen(subject, 0, [3, 255])[0].key == tasks[0].key
    assert plan.seen(subject, 0, []) == []


@given(st.text())
def test_any_name_makes_a_file_name(name: str):
    slug = plan.slug(name)
    assert 0 < len(slug) <= 40
    assert slug.isascii()
    assert not set(slug) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert not slug.startswith(".")
