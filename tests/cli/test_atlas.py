"""`convscope atlas`: made, stopped and gone on with, verified, merged, refused."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from convscope.atlas import cost
from convscope.atlas.subject import RECIPES

Convscope = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[[subprocess.CompletedProcess[str] | Result], str]

NETWORK = """
import torch
from torch import nn

def small(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(125, 2))

def other():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Flatten(), nn.Linear(196, 2))
"""
HOW = ["--input-shape", "3,16,16", "--preprocessing", "unit", "--threads", "1"]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network in nets.py, and twelve pictures of two classes, one of them broken."""
    room = tmp_path_factory.mktemp("room")
    (room / "nets.py").write_text(NETWORK)
    random = np.random.default_rng(0)
    for i in range(12):
        folder = room / "pictures" / ("even", "odd")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 24, 3), np.uint8)).save(folder / f"{i}.png")
    (room / "pictures" / "odd" / "broken.png").write_bytes(b"no picture")
    return room


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    """Drawings of a step or two: what is drawn is no matter here."""
    quick = RECIPES["quick"]
    RECIPES["quick"] = replace(quick, steps=1)
    yield
    RECIPES["quick"] = quick


@pytest.fixture(autouse=True)
def there(room: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(room)
    return room


def make(*words: object, network: str = "small", images: object = "pictures") -> list[str]:
    model = f"python:nets.py:{network}"
    return ["atlas", model, "--images", str(images), *HOW, *map(str, words)]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def made(few_steps: None, room: Path, convscope: Convscope, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "atlas"
    before = Path.cwd()
    os.chdir(room)
    try:
        told = convscope(*make("-o", folder))
    finally:
        os.chdir(before)
    assert (told.exit_code, told.stdout) == (0, f"open {folder / 'index.html'}\n"), told.output
    return folder


def test_a_second_run_changes_nothing(convscope: Convscope, made: Path):
    first = contents(made)
    told = convscope(*make("-o", made, "--json"))
    assert json.loads(told.stdout) == {"index": str(made / "index.html"), "folder": str(made)}
    assert contents(made).keys() == first.keys()
    # but for the command, which now says --json
    assert {name for name, data in contents(made).items() if data != first[name]} <= {"atlas.json", "data/atlas.js"}


def test_every_unit_is_there_and_broken_pictures_are_named(made: Path):
    facts = json.loads((made / "atlas.json").read_text())["facts"]
    (network,) = facts["networks"]
    assert {layer["name"]: layer["drawn"] for layer in network["layers"]} == {
        "0": [0, 1, 2, 3],
        "2": [0, 1, 2, 3, 4],
        "4": [0, 1],
    }
    assert (facts["gallery"]["count"], facts["gallery"]["classes"]) == (13, ["even", "odd"])
    (skipped,) = facts["gallery"]["skipped"]
    assert "broken.png" in skipped


def test_what_a_setting_touches_is_made_anew_and_nothing_else(convscope: Convscope, made: Path, tmp_path: Path):
    folder = tmp_path / "atlas"
    words = make("-o", folder, "--layers", "0", "--layers", "2", "--units", "0-1")
    assert convscope(*words).exit_code == 0
    before = contents(folder)
    assert convscope(*words, "--limit", "6").exit_code == 0
    after = contents(folder)
    kept = {name for name, data in before.items() if after.get(name) == data}
    drawn = {name for name in before if "/draw-" in name or "/kernels-" in name}
    assert drawn
    assert drawn <= kept  # other pictures change no drawing
    assert not any("look-" in name for name in kept)
    assert convscope(*words, "--limit", "6", "--seed", "1").exit_code == 0
    again = contents(folder)
    kept = {name for name, data in after.items() if again.get(name) == data}
    assert {name for name in after if "look-" in name or "kernels-" in name} <= kept
    assert not any("draw-" in name for name in kept)


STOPPING = """
import os, signal
from dataclasses import replace
from convscope import cli
from convscope.atlas import cost
from convscope.atlas.subject import RECIPES
RECIPES["quick"] = replace(RECIPES["quick"], steps=1)
from convscope.atlas.store import Store
put, kept = Store.put, []

def stopping(store, record):
    put(store, record)
    kept.append(record.key)
    if len(kept) == 4:
        os.kill(os.getpid(), signal.{signal})

Store.put = stopping
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_a_stopped_atlas_goes_on_to_the_same_files(convscope: Convscope, made: Path, tmp_path: Path, name: str):
    folder = tmp_path / "atlas"
    command = [sys.executable, "-c", STOPPING.format(signal=name), *make("-o", folder)]
    stopped = subprocess.run(command, capture_output=True, text=True)
    if name == "SIGINT":
        assert (stopped.returncode, stopped.stdout) == (130, "")
        assert stopped.stderr.endswith(
            f"convscope: stopped; what was finished is kept in {folder}, the same command goes on\n"
        )
    else:
        assert stopped.returncode == -signal.SIGKILL
    kept = contents(folder)
    assert sum(name.startswith("records/") for name in kept) == 4
    assert "index.html" not in kept

    assert convscope(*make("-o", folder)).exit_code == 0
    finished = contents(folder)
    assert {name: finished[name] for name in kept if name.startswith("records/")}.items() <= kept.items()
    whole = contents(made)
    assert finished.keys() == whole.keys()
    told = {"atlas.json", "data/atlas.js"}  # they say which command it was
    assert {name for name in whole if finished[name] != whole[name]} <= told


def test_verify_finds_a_changed_file(convscope: Convscope, made: Path, tmp_path: Path):
    assert convscope("atlas", "verify", made).stdout == f"{made}: every file is whole\n"
    folder = tmp_path / "copy"
    subprocess.run(["cp", "-r", made, folder], check=True)
    drawing = next(folder.glob("files/draw-*/unit-0-0.webp"))
    drawing.write_bytes(drawing.read_bytes()[:-1] + b"?")
    told = convscope("atlas", "verify", folder)
    assert told.exit_code == 1
    assert drawing.name in told.stdout
    assert json.loads(convscope("atlas", "verify", folder, "--json").stdout)["problems"]


def test_two_halves_become_the_whole(convscope: Convscope, made: Path, tmp_path: Path):
    for which in (1, 2):
        told = convscope(*make("-o", tmp_path / f"half{which}", "--part", f"{which}/2"))
        assert told.exit_code == 0, told.output
        assert "join the parts with `convscope atlas merge`" in told.stdout
    whole = tmp_path / "whole"
    told = convscope("atlas", "merge", tmp_path / "half1", tmp_path / "half2", "-o", whole)
    assert told.exit_code == 0, told.output
    assert f"-o {whole}" in told.stdout
    records = {name for name in contents(whole) if name.startswith("records/")}
    told = convscope(*make("-o", whole))
    assert told.exit_code == 0
    assert {name for name in contents(whole) if name.startswith(("records/", "files/"))} == {
        name for name in contents(made) if name.startswith(("records/", "files/"))
    }
    assert records <= contents(whole).keys()


def test_atlases_of_different_layers_become_one_with_pages(convscope: Convscope, tmp_path: Path):
    for name, layer in (("a", "0"), ("b", "2")):
        assert convscope(*make("-o", tmp_path / name, "--layers", layer, "--units", "0-1")).exit_code == 0
    told = convscope("atlas", "merge", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "both")
    assert (told.exit_code, told.stdout) == (0, f"open {tmp_path / 'both' / 'index.html'}\n"), told.output
    facts = json.loads((tmp_path / "both" / "atlas.json").read_text())["facts"]
    assert [layer["name"] for layer in facts["networks"][0]["layers"]] == ["0", "2"]
    assert convscope("atlas", "verify", tmp_path / "both").exit_code == 0


def test_two_checkpoints_stand_in_one_atlas(convscope: Convscope, tmp_path: Path):
    words = make("-o", tmp_path / "two", "--also", "python:nets.py:small(seed=1)", "--layers", "2", "--units", "0-1")
    told = convscope(*words)
    assert told.exit_code == 0, told.output
    facts = json.loads((tmp_path / "two" / "atlas.json").read_text())["facts"]
    labels = [network["label"] for network in facts["networks"]]
    assert labels == ["python:nets.py:small", "python:nets.py:small(seed=1)"]
    key = facts["networks"][0]["layers"][0]["records"]["units"]
    similar = json.loads((tmp_path / "two" / "records" / f"{key}.json").read_text())["numbers"]["similar"]
    assert any(other[0] == 1 for unit in similar for other in unit)  # matched across the two


def test_what_it_will_cost_is_said_and_nothing_is_written(convscope: Convscope, tmp_path: Path):
    told = convscope(*make("-o", tmp_path / "atlas", "--dry-run"))
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("11 units to draw, ")
    assert " for one worker, " in told.stdout
    costs = json.loads(convscope(*make("-o", tmp_path / "atlas", "--dry-run", "--json")).stdout)
    assert (costs["units"], costs["disk"] > 0, costs["seconds"] > 0) == (11, True, True)
    assert not (tmp_path / "atlas").exists()


def test_a_budget_chooses_once(convscope: Convscope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words = make("-o", tmp_path / "atlas", "--budget", "14s", "--layers", "0", "--layers", "2")

    def drawn() -> list[list[int]]:
        (network,) = json.loads((tmp_path / "atlas" / "atlas.json").read_text())["facts"]["networks"]
        return [layer["drawn"] for layer in network["layers"]]

    slow = cost.Cost(seconds=19.0, memory=1, disk=1, units=9, tasks=1, drawing=((2.0, 2.0),))
    monkeypatch.setattr(cost, "cost", lambda of: slow)
    told = convscope(*words)
    assert told.exit_code == 0, told.output
    assert told.stderr.startswith("convscope: 9 units to draw, 1 tasks: about 19 s for one worker")
    assert drawn() == [[0, 2], [0, 1, 3]]
    monkeypatch.setattr(cost, "cost", lambda of: replace(slow, seconds=10.0))
    assert convscope(*words).exit_code == 0
    assert drawn() == [[0, 2], [0, 1, 3]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (make("--layers", "none"), "layers: 'none' matches none"),
        (make("--units", "9"), "units: 9, and the layers of python:nets.py:small have at most 5"),
        (make("--units", "a"), "units='a'"),
        (make("--part", "3/2"), "part='3/2': write the first of two parts as 1/2"),
        (make("--budget", "soon"), "budget='soon': give a time such as 90s, 20m or 1.5h"),
        (make("--budget", "0.01s"), "budget: 0 s; one unit of each layer, and the rest, take"),
        (make(images="nowhere"), "nowhere"),
        (make(images="*.py"), "pictures: none of 1 in "),
        (make("--also", "squeezenet"), "input of shape"),
        (make("-o", "pictures"), "pictures holds other files"),
        (make("-o", "/proc/atlas"), "cannot write"),
        (["atlas", "verify", "pictures"], "pictures is not an atlas"),
        (["atlas", "verify", "nowhere"], "nowhere"),
        (["atlas", "merge", "nowhere", "-o", "both"], "nowhere"),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope, refused: Refused, there: Path, words: list[str], said: str
):
    before = sorted(there.rglob("*"))
    assert said in refused(convscope(*words))
    assert sorted(there.rglob("*")) == before


def test_another_network_is_not_written_into_the_same_atlas(convscope: Convscope, refused: Refused, made: Path):
    before = contents(made)
    line = refused(convscope(*make("-o", made, network="small(seed=1)", images="pictures")))
    assert "weights" in line or "network" in line
    assert contents(made) == before


def test_atlas_trains_lenet_first_and_says_what_a_stop_there_leaves(few: Path, tmp_path: Path, cache: Path):
    code = (
        "import os, signal\n"
        "from contextlib import nullcontext\n"
        "from convscope import cli\n"
        "from convscope.nn import progress\n"
        "from convscope.tasks import digits, trained\n"
        f"few = digits.load({str(few)!r})\n"
        "digits.load = lambda data=None: few\n"
        "stop = lambda step: os.kill(os.getpid(), signal.SIGINT) if step.epoch == 2 else None\n"
        "progress.progress_bar = lambda quiet: nullcontext(stop)\n"
        "cli.main()"
    )
    command = [sys.executable, "-c", code, "atlas", "lenet5", "-o", str(tmp_path / "atlas")]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 128 + signal.SIGINT, told
    assert told.stderr == (
        "convscope: stopped while training; the epochs that were over are kept, the same command goes on\n"
    )
    assert [file.suffix for file in cache.iterdir()] == [".checkpoint"]
    assert not (tmp_path / "atlas").exists()


def test_an_atlas_of_digits_tells_of_its_training_and_of_what_was_misread(
    convscope: Convscope, few: Path, weights: Path, tmp_path: Path
):
    told = convscope("atlas", weights, "--images", few, "-o", tmp_path / "atlas", "--units", "0-1", "--threads", "1")
    assert told.exit_code == 0, told.output
    facts = json.loads((tmp_path / "atlas" / "atlas.json").read_text())["facts"]
    (network,) = facts["networks"]
    assert len(network["history"]) == 2
    assert np.sum(network["verdicts"]["confusion"]) == 60
    assert network["verdicts"]["count"] == 60 - np.trace(network["verdicts"]["confusion"])
