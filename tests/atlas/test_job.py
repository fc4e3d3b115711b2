"""The whole way: what is made, what is left alone, what a run goes on with; and one that meets trouble on the way."""

import json
import os
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convscope.atlas import job
from convscope.atlas.gallery import ArrayGallery, FileGallery, Gallery
from convscope.atlas.plan import Group
from convscope.atlas.runners import serial
from convscope.atlas.store import Record, Store
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing, network
from convscope.tasks.go import planes
from convscope.tasks.go.world import Boards

QUICK = Recipe("quick", facets=1, steps=2, examples=3, links=2, trust=False)


def net(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(196, 2))
    return replace(network(model, (3, 16, 16), Preprocessing((16, 16))), classes=("cat", "dog"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder, random = tmp_path / "photos", np.random.default_rng(0)
    for i in range(10):
        (folder / ("cat", "dog")[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(
            folder / ("cat", "dog")[i % 2] / f"{i}.png"
        )
    return folder


def subject(gallery: Gallery | None, *networks: Network) -> Subject:
    members = tuple(survey(one, f"net {i}") for i, one in enumerate(networks or (net(),)))
    return Subject(members, gallery, QUICK, 0)


def told(folder: Path) -> dict:
    return json.loads((folder / "atlas.json").read_text())["facts"]


def units(folder: Path, layer: int = 0, member: int = 0) -> dict:
    key = told(folder)["networks"][member]["layers"][layer]["records"]["units"]
    return json.loads((folder / "records" / f"{key}.json").read_text())["numbers"]


def test_an_atlas_of_pictures_of_the_networks_classes(photos: Path, tmp_path: Path):
    of = subject(FileGallery(photos))
    assert job.build(str(tmp_path / "atlas"), of, command="make it") == str(tmp_path / "atlas" / "index.html")
    facts = told(tmp_path / "atlas")
    (one,) = facts["networks"]
    assert (facts["command"], facts["gallery"]["count"]) == ("make it", 10)
    assert np.sum(one["verdicts"]["confusion"], 1).tolist() == [5, 5]
    assert [layer["is_output"] for layer in one["layers"]] == [False, True]
    assert one["layers"][1]["parents"] == ["0"]
    assert set(units(tmp_path / "atlas")["label"]) <= {"plausible", "mixed", "do not trust", "dead"}
    assert Store.open(tmp_path / "atlas").verify() == []


def test_the_network_is_left_as_it_was(photos: Path, tmp_path: Path):
    one = net()
    one.model.train()
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    job.build(str(tmp_path / "atlas"), subject(FileGallery(photos), one))
    assert one.model.training
    assert all(weight.requires_grad and weight.grad is None for weight in one.model.parameters())
    assert all((before[name] == value).all() for name, value in one.model.state_dict().items())


def test_without_pictures_there_are_drawings_kernels_and_links(tmp_path: Path):
    job.build(str(tmp_path / "atlas"), subject(None))
    assert told(tmp_path / "atlas")["gallery"] is None
    found = units(tmp_path / "atlas")
    assert (found["top"], found["mean"], set(found["label"])) == (None, None, {"drawn"})
    assert any((tmp_path / "atlas" / "files").glob("kernels-*/unit-0.png"))


def test_any_place_that_fsspec_knows(photos: Path):
    index = job.build("memory://job/atlas", subject(FileGallery(photos)))
    assert index == "memory://job/atlas/index.html"
    assert Store.open("memory://job/atlas").verify() == []


class Watched:
    """A runner that notes what it is asked to do, and does something after the first group."""

    def __init__(self, then: Callable[[], object] = lambda: None):
        self.kinds: list[str] = []
        self.then = then

    def __call__(
        self, function: Callable[[Group], tuple[Record, ...]], groups: Sequence[Group]
    ) -> Generator[tuple[Record, ...], None, None]:
        for result, group in zip(serial.run(function, groups), groups, strict=True):
            self.kinds += [task.kind for task in group]
            yield result
            self.then()


def test_finished_work_is_not_done_again(photos: Path, tmp_path: Path):
    of, again = subject(FileGallery(photos)), Watched()
    job.build(str(tmp_path / "atlas"), of)
    job.build(str(tmp_path / "atlas"), of, runner=again)
    assert again.kinds == []
    lost = next((tmp_path / "atlas" / "files").glob("draw-0-*/unit-2-0.webp"))
    lost.unlink()
    job.build(str(tmp_path / "atlas"), of, runner=again)
    assert again.kinds == ["draw"]
    assert lost.exists()


def test_another_network_is_added_and_the_first_not_made_again(photos: Path, tmp_path: Path):
    job.build(str(tmp_path / "atlas"), subject(FileGallery(photos)))
    more = Watched()
    job.build(str(tmp_path / "atlas"), subject(FileGallery(photos), net(), net(1)), runner=more)
    # of the first, whose pictures are other ones now only where the two share what they show
    assert more.kinds.count("draw") == 2
    assert more.kinds.count("look") == 2
    others = {other[0] for unit in units(tmp_path / "atlas")["similar"] for other in unit}
    assert others == {0, 1}


def test_pictures_that_vanish_on_the_way_are_told_and_nothing_fails(photos: Path, tmp_path: Path):
    gone = Watched(lambda: shutil.rmtree(photos / "dog", ignore_errors=True))
    job.build(str(tmp_path / "atlas"), subject(FileGallery(photos)), runner=gone)
    (one,) = told(tmp_path / "atlas")["networks"]
    seen = [
        picture
        for key in one["seen"]
        for picture in json.loads((tmp_path / "atlas" / "records" / f"{key}.json").read_text())["numbers"]["pictures"]
    ]
    assert {picture["file"] is None for picture in seen if picture["class"] == "dog"} == {True}
    assert all(picture["file"] for picture in seen if picture["class"] == "cat")
    assert Store.open(tmp_path / "atlas").verify() == []


def test_pictures_of_which_none_can_be_read_are_refused_before_anything_is_written(tmp_path: Path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match=r"pictures: none of 1 in .* can be read; the first: .*a\.png"):
        job.build(str(tmp_path / "atlas"), subject(FileGallery(tmp_path)))
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_second_job_on_the_same_folder_is_refused(photos: Path, tmp_path: Path):
    of = subject(FileGallery(photos))

    def second() -> None:
        with pytest.raises(InputError, match="another job"):
            job.build(str(tmp_path / "atlas"), of)

    job.build(str(tmp_path / "atlas"), of, runner=Watched(second))
    assert Store.open(tmp_path / "atlas").verify() == []


def test_a_full_disk_stops_the_job_in_a_line_and_it_goes_on_later(photos: Path, tmp_path: Path, monkeypatch):
    of, put, kept = subject(FileGallery(photos)), Store.put, []

    def full(store: Store, record: Record) -> None:
        if len(kept) == 2:
            raise InputError("cannot write x: no space left on device; name a place that can be written and has room")
        put(store, record)
        kept.append(record.key)

    monkeypatch.setattr(Store, "put", full)
    with pytest.raises(InputError, match="no space left"):
        job.build(str(tmp_path / "atlas"), of)
    monkeypatch.undo()
    rest = Watched()
    job.build(str(tmp_path / "atlas"), of, runner=rest)
    assert Store.open(tmp_path / "atlas").keys()
    assert not {"kernels"} - {*rest.kinds}
    assert Store.open(tmp_path / "atlas").verify() == []


def test_parts_leave_the_rest_to_others(photos: Path, tmp_path: Path):
    of = subject(FileGallery(photos))
    halves = [Watched(), Watched()]
    for which, half in enumerate(halves, 1):
        assert job.build(str(tmp_path / f"{which}"), of, runner=half, part=(which, 2)) is None
    joined = job.join([str(tmp_path / "1"), str(tmp_path / "2")], str(tmp_path / "both"))
    assert (joined.index, joined.damaged) == (None, ())
    last = Watched()
    assert job.build(str(tmp_path / "both"), of, runner=last)
    assert {*last.kinds} == {"seen"}
    whole = Watched()
    job.build(str(tmp_path / "whole"), of, runner=whole)
    assert sorted([*halves[0].kinds, *halves[1].kinds, *last.kinds]) == sorted(whole.kinds)
    for kept in (tmp_path / "whole" / "records").iterdir():
        assert (tmp_path / "both" / "records" / kept.name).read_bytes() == kept.read_bytes()


def test_digits_in_an_array(tmp_path: Path):
    grey = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1), np.uint8)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2))
    of = network(model, (1, 16, 16), Preprocessing((16, 16), order="grey"))
    job.build(str(tmp_path / "atlas"), subject(ArrayGallery(grey, np.arange(12) % 2, ("0", "1")), of))
    assert len(units(tmp_path / "atlas")["top"]["picture"][0]) == 3


def test_boards_are_searched_and_shown_as_boards(tmp_path: Path):
    from convscope.atlas.gallery import WorldGallery

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(planes.FEATURES["board"], 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 1))
    of = Network(model, (planes.FEATURES["board"], 9, 9), world=Boards(9, "board"))
    (tmp_path / "game.sgf").write_text("(;GM[1]FF[4]SZ[9]KM[7];B[ee];W[ec];B[cc];W[gg];B[gc])")
    gallery = WorldGallery(tmp_path / "game.sgf", of)
    job.build(str(tmp_path / "atlas"), subject(gallery, of))
    found = units(tmp_path / "atlas")
    assert found["top"]["crop"][0][0].endswith(".webp")
    assert set(found["label"]) <= {"plausible", "mixed", "do not trust", "dead"}
    files = [*(tmp_path / "atlas" / "files").glob("draw-0-*/*.webp")]
    assert len(files) == 2
    with Image.open(files[0]) as board:
        assert min(board.size) > 30
