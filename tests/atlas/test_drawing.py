"""Records of drawings: the files, what the layer says to them as they are stored, the line that makes them again."""

import io
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from convscope import lens
from convscope.atlas.drawing import draw, steps_for
from convscope.atlas.gallery import WorldGallery
from convscope.atlas.plan import Task
from convscope.atlas.store import Record, unpacked
from convscope.atlas.subject import RECIPES, Member, Recipe, Subject
from convscope.atlas.survey import survey
from convscope.cli.app import app
from convscope.lens.models import Inputs, Network, Preprocessing, World, load
from convscope.lens.probe import probe
from convscope.pictures import Picture, signed
from convscope.tasks.go import planes
from convscope.tasks.go.world import Boards

QUICK = Recipe("test", facets=1, steps=2, examples=2, links=2, trust=False)
COLOURS = Preprocessing((24, 20), (0.5, 0.4, 0.3), (0.2, 0.2, 0.3), order="BGR")


def chain(*parts: nn.Module) -> Any:
    """Of no type, so that its layers can be taken by number."""
    return nn.Sequential(*parts)


def member(model: nn.Module, shape: tuple[int, ...], taken: Preprocessing | None = None, **more: Any) -> Member:
    return survey(Network(model, shape, taken, **more), "net")


def drawn(of: Member, layer: str, units: tuple[int, ...], recipe: Recipe = QUICK, gallery: Any = None) -> Record:
    return draw(Subject((of,), gallery, recipe, seed=3), Task("draw", 0, layer, units, key="draw-x"))


def picture(record: Record, name: str) -> Picture:
    with Image.open(io.BytesIO(record.files[name]), formats=["WEBP"]) as image:
        return np.asarray(image.convert("RGB"))


def said(model: nn.Module, layer: str, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad(), probe(model, [layer]) as look:
        return look(torch.from_numpy(inputs))[layer].numpy()


@pytest.fixture
def colours() -> Member:
    torch.manual_seed(1)
    model = chain(
        nn.Conv2d(3, 6, 3), nn.ReLU(True), nn.Conv2d(6, 8, 3, stride=2), nn.ReLU(True), nn.Flatten(), nn.Linear(640, 5)
    )
    return member(model, (3, 24, 20), COLOURS)


def test_files_are_what_units_see_and_answers_are_to_the_files(colours: Member):
    record = drawn(colours, "2", (1, 4), Recipe("test", 2, 2, 2, 2, trust=False))
    numbers = record.numbers
    assert record.key == "draw-x"
    assert list(record.files) == ["unit-1-0.webp", "unit-1-1.webp", "unit-4-0.webp", "unit-4-1.webp"]
    assert (numbers["layer"], numbers["units"], numbers["facets"], numbers["size"]) == ("2", [1, 4], 2, [5, 5])
    assert numbers["dead"] == [False, False]
    assert numbers["trust"] is None
    assert numbers["how"]["steps"] == steps_for(colours.layer("2"), (24, 20), QUICK) == 38
    again = lens.draw(colours.network, "2", [1, 4], facets=2, steps=38, seed=3)
    answers = unpacked(numbers["answers"])
    assert (answers.shape, answers.dtype) == ((4, 8), np.float32)
    for k, (name, shown) in enumerate(zip(record.files, again.cards(), strict=True)):
        np.testing.assert_array_equal(picture(record, name), shown.picture)  # small ones keep every pixel
        stored = COLOURS.to_inputs(picture(record, name)[None]).numpy()
        np.testing.assert_allclose(answers[k], said(colours.network.model, "2", stored)[0, :, 0, 0], atol=1e-5)
        unit, facet = (1, 4)[k // 2], k % 2
        assert numbers["value"][k // 2][facet] == answers[k, unit] == pytest.approx(again.values[k], rel=0.02)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_the_record_depends_on_nothing_but_the_task(colours: Member):
    first = drawn(colours, "0", (0, 2))
    torch.manual_seed(5)
    drawn(colours, "2", (0,))
    torch.rand(3)
    assert drawn(colours, "0", (0, 2)) == first


def test_large_pictures_are_made_smaller_but_judged_in_full():
    torch.manual_seed(0)
    model = chain(nn.Conv2d(1, 4, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    grey = Preprocessing((300, 150), (0.5,), (0.5,), order="grey")
    of = member(model, (1, 300, 150), grey)
    record = drawn(of, "4", (2,))
    assert record.numbers["size"] == [256, 128]
    assert picture(record, "unit-2-0.webp").shape == (256, 128, 3)
    whole = lens.draw(of.network, "4", [2], steps=2, seed=3)
    assert record.numbers["value"][0][0] == pytest.approx(whole.values[0], rel=0.05)
    assert unpacked(record.numbers["answers"]).shape == (1, 3)
    # of a channel that sees everything, what is told is its largest value, as of natural pictures
    seeing = chain(nn.Conv2d(1, 2, 3, padding=1), nn.InstanceNorm2d(2))
    small = Preprocessing((12, 12), (0.5,), (0.5,), order="grey")
    of = survey(Network(seeing, small.shape, small), "net", ["1"])
    record = drawn(of, "1", (1,))
    assert record.numbers["size"] == [12, 12]
    stored = picture(record, "unit-1-0.webp")[None, ..., :1]
    largest = said(seeing, "1", small.to_inputs(stored).numpy())[0].max((1, 2))
    np.testing.assert_allclose(unpacked(record.numbers["answers"])[0], largest, atol=1e-5)


def test_signals_and_nobodys_preprocessing():
    torch.manual_seed(0)
    signals = member(chain(nn.Conv1d(2, 4, 5), nn.ReLU(), nn.Conv1d(4, 3, 5)), (2, 40))
    record = drawn(signals, "2", (0, 2))
    again = lens.draw(signals.network, "2", [0, 2], box=(0, 1), steps=21, seed=3)
    np.testing.assert_allclose([v for (v,) in record.numbers["value"]], again.values, rtol=1e-4)
    assert list(record.files) == ["unit-0-0.webp", "unit-2-0.webp"]


def test_dead_units_are_told():
    model = chain(nn.Conv2d(3, 2, 3), nn.ReLU())
    model[0].weight.data[1], model[0].bias.data[1] = 0.0, -1.0
    of = survey(Network(model, (3, 24, 20), COLOURS), "net", ["1"])
    assert drawn(of, "1", (0, 1)).numbers["dead"] == [False, True]


def test_boards_are_searched_for():
    torch.manual_seed(0)
    model = chain(nn.Conv2d(planes.FEATURES["planes"], 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1))
    of = member(model, (planes.FEATURES["planes"], 5, 5), world=Boards(5, "planes"))
    record = drawn(of, "2", (0, 2), RECIPES["full"])
    assert (record.numbers["facets"], record.numbers["trust"]) == (1, None)
    best = lens.draw(of.network, "2", [0, 2], seed=3)
    answers = unpacked(record.numbers["answers"])
    np.testing.assert_allclose(answers, said(model, "2", best.pictures)[:, :, 2, 2], atol=1e-6)
    np.testing.assert_allclose([v for (v,) in record.numbers["value"]], best.values, atol=1e-6)
    assert picture(record, "unit-2-0.webp").shape == (*record.numbers["size"], 3)


class Fields(World):
    """Two planes of numbers, of which nobody knows how to search for the best."""

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        values = torch.from_numpy(np.random.default_rng(0).random((int(source.read_text()), 2, 12, 12), np.float32))
        return Inputs(values, tuple(map(str, range(len(values)))))

    def show(self, values: np.ndarray) -> Picture:
        return signed(values[0])


def test_trust_is_asked_where_there_are_pictures_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("convscope.lens.credibility.judge.STEPS", 4)
    torch.manual_seed(0)
    model = chain(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3))
    of, full = member(model, (2, 12, 12), world=Fields()), Recipe("test", 1, 2, 2, 2, trust=True)
    trusted = {}
    for count in (39, 48):
        source = tmp_path / str(count)
        source.write_text(str(count))
        trusted[count] = drawn(of, "2", (1, 3), full, WorldGallery(source, of.network)).numbers["trust"]
    assert trusted[39] is None
    assert len(trusted[48]) == 2
    assert drawn(of, "2", (1, 3), full).numbers["trust"] is None
    for each in trusted[48]:
        assert each["label"] in ("clear", "mixed", "do not trust")
        assert {reason["weight"] for reason in each["reasons"]} <= {"for", "against", "strongly against", "note"}
    json.dumps(trusted[48], allow_nan=False)


def test_steps_follow_what_a_unit_sees(colours: Member):
    first, _, last = (colours.layer(name) for name in ("0", "2", "5"))
    assert steps_for(first, (24, 20), RECIPES["quick"]) == 128  # 3 x 3 cells
    assert steps_for(last, (24, 20), RECIPES["quick"]) == 128
    assert steps_for(last, (24, 64), RECIPES["quick"]) == 48
    assert steps_for(last, (224, 224), RECIPES["quick"]) == 32
    assert steps_for(last, (224, 224), RECIPES["full"]) == 128
    assert steps_for(last, (24, 20), QUICK) == 8


FACTORY = """
import torch
from torch import nn

def make():
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))
"""


def test_the_command_makes_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my net.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    taken = Preprocessing((24, 20), (0.5, 0.4, 0.3), (0.2, 0.2, 0.3), order="BGR")
    of = survey(load("python:my net.py:make", preprocessing=taken), "net")
    record = drawn(of, "2", (1, 5), Recipe("test", 2, 2, 2, 2, trust=False))
    program, *words = shlex.split(record.numbers["command"])
    assert program == "convscope"
    assert words[:3] == ["draw", "python:my net.py:make", "2"]
    monkeypatch.setattr("sys.argv", [program, *words])
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    for name in record.files:
        with Image.open(tmp_path / "drawings" / f"{Path(name).stem}.png") as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), picture(record, name))
    known = survey(Network(of.network.model, (3, 24, 20), taken), "net")
    assert drawn(known, "2", (1,)).numbers["command"].startswith("lens.draw(model, '2', units=[1]")
