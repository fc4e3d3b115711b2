"""What all tasks together say of each unit."""

import json
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convscope.atlas import gather, looking
from convscope.atlas.gallery import ArrayGallery, Gallery, WorldGallery
from convscope.atlas.likeness import Answers, similar
from convscope.atlas.plan import PICTURES, Task
from convscope.atlas.store import Record, Store
from convscope.atlas.subject import Layer, Member, Recipe, Subject
from convscope.geometry import Field
from convscope.lens import examples
from convscope.lens.exemplars.crops import framed
from convscope.lens.fields import receptive_field
from convscope.lens.models import Inputs, Network, Preprocessing, World

TAKEN = Preprocessing((9, 10), mean=(0.5,), std=(0.5,), order="RGB")
CLASSES = ("ant", "bee", "cat", "dog")
SHAPES = {"0": (4, 4, 4), "1": (4, 4, 4), "3": (5,)}
LABELS = {unit: f"label {unit}" for unit in range(5)}


def network(seed: int = 0) -> Network:
    """A convolution, a ReLU that repeats it, and a line."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))
    return Network(model, TAKEN.shape, TAKEN, CLASSES)


@cache
def member(seed: int = 0, label: str = "net") -> Member:
    net = network(seed)
    fields = {name: receptive_field(net.model, name, net.input_shape) for name in SHAPES}
    copies = {"1": {unit: ("0", unit) for unit in range(3)}}
    layers = tuple(
        Layer(name, "any", shape, 0, fields[name], False, None, (0, 1), copies.get(name, {}))
        for name, shape in SHAPES.items()
    )
    return Member(label, net, str(seed), layers)


def subject(*members: Member, gallery: Gallery | None) -> Subject:
    return Subject(members, gallery, Recipe("small", facets=1, steps=1, examples=3, links=1, trust=True), seed=0)


@pytest.fixture(scope="module")
def gallery() -> ArrayGallery:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (17, 9, 10, 3), dtype=np.uint8)
    return ArrayGallery(images, rng.integers(0, 3, 17), CLASSES)  # none of them is a dog


def done(about: Subject, store: Store, shard: int = 7) -> list[Task]:
    """All tasks, and their records in the store; units 0 and 1 of each layer are drawn, and judged one by one."""
    tasks = []
    for place, one in enumerate(about.members):
        count = 0 if about.gallery is None else len(about.gallery)
        for first in range(0, count, shard):
            pictures = first, min(first + shard, count)
            looks = [Task("look", place, x.name, (), pictures, f"look-{place}-{x.name}-{first}") for x in one.layers]
            for record in looking.look(about, tuple(looks)):
                store.put(record)
            tasks += looks
        for layer in one.layers:
            if layer.copies:
                continue
            for unit in (1, 0):
                trust = [{"label": LABELS[unit], "reasons": [{"key": "note", "weight": "for", "numbers": {}}]}]
                task = Task("draw", place, layer.name, (unit,), (), f"draw-{place}-{layer.name}-{unit}")
                store.put(Record(task.key, {"layer": layer.name, "units": [unit], "trust": trust, "dead": [False]}))
                tasks.append(task)
    return tasks


def as_stored(record: Record) -> dict:
    return json.loads(json.dumps(record.numbers, allow_nan=False))


def test_units_are_told_as_one_pass_would_tell(gallery):
    about = subject(member(), gallery=gallery)
    store = Store("memory://gather-1")
    records = list(gather.gather(about, done(about, store), store))
    assert [(r.numbers["member"], r.numbers["layer"]) for r in records] == [(0, "0"), (0, "1"), (0, "3")]
    net = about.members[0].network
    wanted = examples(net, list(SHAPES), gallery.images, 3, labels=gallery.labels)
    for record in records:
        told, one = as_stored(record), wanted[record.numbers["layer"]]
        assert told["pictures"] == 17
        for end in ("top", "middle", "bottom"):
            assert told[end]["picture"] == getattr(one, end).index.tolist()
            np.testing.assert_allclose(told[end]["value"], getattr(one, end).value, rtol=1e-6)
            for unit in range(len(one.mean)):
                frames = framed(wanted, record.numbers["layer"], unit, end, gallery.images)
                boxes = [(0, 0, 9, 10) if box is None else tuple(box) for box in told[end]["box"][unit]]
                assert boxes == [box for _, box in frames]
        for name in ("mean", "std", "positive"):
            np.testing.assert_allclose(told[name], getattr(one, name), rtol=1e-5, atol=1e-6)
        assert told["largest"] == [row[0] for row in told["top"]["value"]]
        histogram, values = told["histogram"], one.sample.value
        for unit in range(len(one.mean)):
            counts, edges = np.histogram(values[:, unit], 24)
            assert sum(histogram["counts"][unit]) == 17
            np.testing.assert_allclose([histogram["low"][unit], histogram["high"][unit]], edges[[0, -1]], rtol=1e-6)
            assert np.abs(np.cumsum(counts) - np.cumsum(histogram["counts"][unit])).max() <= 1  # one on an edge
            most = one.classes.most(unit) if one.classes else []
            assert [CLASSES[c] for c, _ in told["classes"]["most"][unit]] == [name for name, _ in most]
            np.testing.assert_allclose([m for _, m in told["classes"]["most"][unit]], [m for _, m in most], rtol=1e-5)
        assert one.classes is not None
        assert told["classes"]["names"] == list(CLASSES)
        assert told["classes"]["count"] == [*one.classes.count.tolist()]
        np.testing.assert_allclose(told["selectivity"], one.classes.selectivity, atol=1e-5)
    assert records[0].numbers["top"]["box"][0][0][2:] != [9, 10]
    assert records[2].numbers["top"]["box"] == [[None] * 3] * 5
    used = gather.used(records[0])
    assert used == sorted(set(used))
    ends = [wanted["0"].top, wanted["0"].middle, wanted["0"].bottom]
    assert set(used) == {int(i) for end in ends for i in end.index.ravel()}


def test_labels_are_of_the_drawings_and_copies_have_their_originals(gallery):
    about = subject(member(), gallery=gallery)
    store = Store("memory://gather-2")
    first, copied, last = gather.gather(about, done(about, store), store)
    assert first.numbers["label"] == ["label 0", "label 1", "not drawn", "not drawn"]
    assert first.numbers["reasons"][2] == []
    assert copied.numbers["label"] == first.numbers["label"]
    assert copied.numbers["reasons"] == first.numbers["reasons"]
    assert copied.numbers["copy"] == [["0", 0], ["0", 1], ["0", 2], None]
    assert last.numbers["copy"] == [None] * 5


def test_without_pictures_there_are_labels_only():
    about = subject(member(), gallery=None)
    store = Store("memory://gather-3")
    for record in gather.gather(about, done(about, store), store):
        told = as_stored(record)
        assert told["label"][:2] == ["label 0", "label 1"]
        assert told["pictures"] == 0
        empty = ("mean", "std", "positive", "largest", "selectivity", "histogram", "top", "middle", "bottom", "classes")
        assert [told[name] for name in (*empty, "similar")] == [None] * 11
        assert gather.used(record) == []


def test_what_was_gathered_is_read_again(gallery, monkeypatch):
    about = subject(member(), gallery=gallery)
    store = Store("memory://gather-4")
    tasks = done(about, store)
    records = list(gather.gather(about, tasks, store))
    assert [record.key for record in records] == list(gather.unit_keys(about, tasks).values())
    assert len({record.key for record in records}) == 3
    for record in records:
        store.put(record)
    with monkeypatch.context() as patch:
        patch.setattr(gather, "found_in", None)  # nothing is made of the parts again
        again = list(gather.gather(about, tasks, store))
    assert [(one.key, one.numbers) for one in again] == [(one.key, as_stored(one)) for one in records]
    other = [replace(task, key=f"{task.key}-new") if task.kind == "look" else task for task in tasks]
    fewer = [task for task in tasks if task.kind == "look"]
    keys = [list(gather.unit_keys(about, some).values()) for some in (tasks, other, fewer)]
    assert len({key for some in keys for key in some}) == 9


def test_two_networks_and_pictures_that_one_of_them_could_not_see(gallery):
    about = subject(member(0, "one"), member(1, "two"), gallery=gallery)
    store = Store("memory://gather-5")
    tasks = [task for task in done(about, store) if (task.member, task.pictures) != (1, (7, 14))]
    records = list(gather.gather(about, tasks, store))
    assert [record.numbers["pictures"] for record in records] == [17, 17, 17, 10, 10, 10]
    common = gallery.images[[*range(7), *range(14, 17)]]
    values = {
        (place, name): examples(one.network, [name], common)[name].sample.value
        for place, one in enumerate(about.members)
        for name in SHAPES
    }
    for record in records:
        own = record.numbers["member"], record.numbers["layer"]
        for unit, told in enumerate(record.numbers["similar"]):
            for place, name, other, correlation in told:
                exact = np.corrcoef(values[own][:, unit], values[place, name][:, other])[0, 1]
                assert correlation == pytest.approx(exact, abs=1e-4)
            assert {place for place, *_ in told} <= {0, 1}
    assert any(place == 1 for place, *_ in records[0].numbers["similar"][0])
    assert all((0, "0", unit) != tuple(one[:3]) for unit in range(3) for one in records[1].numbers["similar"][unit])


def brute_force(layers: list[Answers]) -> list[list[list]]:
    every = [(k, unit) for k, layer in enumerate(layers) for unit in range(layer.values.shape[1])]

    def correlation(a, b) -> float:
        one, other = (layers[k].values[:, unit].astype(float) for k, unit in (a, b))
        return 0.0 if one.std() == 0 or other.std() == 0 else round(float(np.corrcoef(one, other)[0, 1]), 4)

    told = []
    for k, layer in enumerate(layers):
        told.append([])
        for unit in range(layer.values.shape[1]):
            groups: dict[tuple, list] = {}
            for j, other in every:
                there = layers[j]
                original = there.member == layer.member and layer.copies.get(unit) == (there.layer, other)
                if j != k and (other in there.copies or original):
                    continue
                group = (0,) if j == k else (1,) if there.member == layer.member else (2, there.member)
                if (j, other) != (k, unit) and (c := correlation((k, unit), (j, other))) > 0:
                    groups.setdefault(group, []).append([there.member, there.layer, other, c])
            told[-1].append([one for key in sorted(groups) for one in sorted(groups[key], key=lambda x: -x[3])[:5]])
    return told


def test_similar_units_are_those_of_largest_correlation(monkeypatch):
    rng = np.random.default_rng(0)
    # few values: many equal correlations, some constant units
    values = [rng.integers(0, 3, (6, units)).astype(np.float32) for units in (7, 12, 3, 9)]
    values[1][:, 4] = 2
    layers = [
        Answers(0, "a", values[0]),
        Answers(0, "b", values[1], {0: ("a", 3), 5: ("a", 0)}),
        Answers(1, "a", values[2]),
        Answers(1, "c", values[3], {1: ("a", 1)}),
    ]
    wanted = brute_force(layers)
    for rows, columns in ((256, 4096), (2, 3), (5, 1)):
        monkeypatch.setattr("convscope.atlas.likeness.ROWS", rows)
        monkeypatch.setattr("convscope.atlas.likeness.COLUMNS", columns)
        assert list(similar(layers)) == wanted
    assert wanted[1][4] == []
    assert list(similar([Answers(0, "a", values[0][:2])])) == [[[]] * 7]  # two pictures say nothing
    assert list(similar([Answers(0, "a", values[0][:0])])) == [[[]] * 7]


class Numbers(World):
    """Inputs (1, 6) of sixteen lines of a file."""

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        values = torch.tensor([[[*map(float, line.split())]] for line in source.read_text().splitlines()])
        return Inputs(values, tuple(map(str, range(len(values)))))

    def show(self, values):
        shown = np.where(np.isnan(values), 255, values).astype(np.uint8)
        return np.repeat(shown[..., None], 3, 2)


def test_parts_of_other_worlds_are_cut_out_and_shown(tmp_path):
    rng = np.random.default_rng(0)
    lines = rng.integers(1, 200, (16, 6))
    (tmp_path / "numbers.txt").write_text("\n".join(" ".join(map(str, line)) for line in lines))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(12, 2))
    net = Network(model, (1, 6), world=Numbers())
    fields = {"0": Field((3,), (1,), (-1,)), "2": Field.of_everything(6)}
    shapes = {"0": (2, 6), "2": (2,)}
    layers = tuple(Layer(name, "any", shapes[name], 0, fields[name], False, None, ()) for name in shapes)
    about = subject(Member("net", net, "0", layers), gallery=WorldGallery(tmp_path / "numbers.txt", net))
    store = Store("memory://gather-6")
    maps, vector = gather.gather(about, done(about, store, 5), store)
    found = examples(net, ["0"], torch.from_numpy(lines[:, None].astype(np.float32)), 3)["0"]
    assert "crop" not in vector.numbers["top"]
    assert vector.files == {}
    assert set(maps.files) == {name for end in gather.ENDS for row in maps.numbers[end]["crop"] for name in row}
    for end in ("top", "middle", "bottom"):
        assert maps.numbers[end]["box"] == [[None] * 3] * 2
        own = getattr(found, end)
        for unit, names in enumerate(maps.numbers[end]["crop"]):
            for j, name in enumerate(names):
                around = np.pad(lines[own.index[unit, j]], 1, constant_values=255)
                place = int(own.place[unit, j, 0])
                with Image.open(BytesIO(maps.files[name])) as image:
                    assert np.asarray(image)[0, :, 0].tolist() == around[place : place + 3].tolist()
    seen = looking.keep(about, Task("seen", 0, pictures=(3,), key="seen"))
    with Image.open(BytesIO(seen.files["3.webp"])) as image:
        assert np.asarray(image)[0, :, 0].tolist() == lines[3].tolist()


def test_a_sample_of_which_nothing_was_sound(gallery, monkeypatch):
    monkeypatch.setattr(ArrayGallery, "sample", lambda self, seed: np.array([], np.int64))
    about = subject(member(), gallery=gallery)
    store = Store("memory://gather-7")
    assert PICTURES > 17
    for record in gather.gather(about, done(about, store), store):
        told = as_stored(record)
        assert told["middle"]["picture"] == [[]] * len(told["mean"])
        assert told["histogram"]["counts"] == [[0] * 24] * len(told["mean"])
        assert len(told["top"]["picture"][0]) == 3
        assert told["label"][0] == "label 0"
