"""The commands that look into a network: what they print and write, and how they refuse."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from typer.testing import CliRunner, Result

from convscope import lens
from convscope.cli.app import app
from convscope.lens.recipes import DrawingStopped
from convscope.lens.shown.again import OPTIONS
from convscope.pictures import png_recipe

Convscope = Callable[..., Result]
NETS = """
from collections import OrderedDict
import torch
from torch import nn

def small(width=5):
    torch.manual_seed(0)
    net = nn.Sequential(OrderedDict(
        conv=nn.Conv2d(3, width, 3, padding=1), relu=nn.ReLU(), pool=nn.MaxPool2d(2),
        deep=nn.Conv2d(width, 6, (3, 2)), act=nn.ReLU(), mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        head=nn.Linear(6, 4)))
    net.conv.weight.data[3], net.conv.bias.data[3] = 0, -1  # behind its ReLU this one is dead
    return net
"""
SMALL = ("python:nets.py:small", "--input-shape", "3,24,20")
SEEING = (*SMALL, "--preprocessing", "unit;crop=1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run: a module with a network, five pictures in a folder."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(NETS)
    Path("photos").mkdir()
    rng = np.random.default_rng(0)
    for k in range(5):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8))
        coarse.resize((40, 30), Image.Resampling.BICUBIC).save(f"photos/{k}.png")
    return tmp_path


def facts_of(told: Result) -> dict[str, Any]:
    assert told.exit_code == 0, told.output
    assert told.stdout.count("\n") == 1
    return json.loads(told.stdout)


def recipe_in(file: str | Path) -> dict[str, Any]:
    recipe = png_recipe(Path(file).read_bytes())
    assert recipe is not None
    return recipe


def test_layers_are_listed_by_name(convscope: Convscope, folder: Path):
    told = convscope("layers", *SMALL)
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == "python:nets.py:small: input 3 x 24 x 20"
    assert [line.split()[0] for line in lines[2:]] == ["conv", "relu", "pool", "deep", "act", "mean", "flatten", "head"]
    listed = facts_of(convscope("layers", *SMALL, "--json"))["layers"]
    assert (listed[3]["name"], listed[3]["kind"], listed[3]["shape"]) == ("deep", "Conv2d", [6, 10, 9])
    assert listed[3]["field"]["size"] == [8, 6]
    assert listed[5]["field"]["whole"]


def test_fields_of_all_layers_and_of_one(convscope: Convscope, folder: Path):
    told = convscope("fields", *SMALL)
    assert told.exit_code == 0, told.output
    rows = {line.split()[0]: line.split()[1:] for line in told.stdout.splitlines()}
    assert rows["layer"] == ["size", "stride", "offset"]
    assert rows["deep"] == ["8", "x", "6", "2", "x", "2", "-1", "x", "-1"]
    assert rows["head"] == ["whole", "input"]
    one = facts_of(convscope("fields", SMALL[0], "pool", *SMALL[1:], "--json"))["fields"]
    assert (list(one), one["pool"]["size"], one["pool"]["stride"]) == (["pool"], [4, 4], [2, 2])


def test_fields_are_measured_on_pictures_too(convscope: Convscope, folder: Path):
    (folder / "photos/broken.png").write_bytes(b"no picture")
    told = convscope("fields", *SEEING, "deep", "--images", "photos", "--json")
    assert "broken.png" in told.stderr
    told = convscope("fields", *SEEING, "--images", "photos", "--json")
    looks = facts_of(told)["effective"]
    # one convolution's cells move its unit by their weights alone; a deeper unit looks at less than it sees
    assert looks["conv"]["size"] <= 3
    assert 0.3 < looks["deep"]["share"] < 1
    lines = convscope("fields", *SEEING, "--images", "photos").stdout.splitlines()
    assert lines[0].split() == ["layer", "size", "stride", "offset", "looks", "at", "of", "it"]
    assert f"{looks['deep']['size']:.1f}" in next(line for line in lines if line.startswith("deep"))


def test_maps_are_pages_on_one_scale(convscope: Convscope, folder: Path):
    told = convscope("maps", SEEING[0], "photos/0.png", *SEEING[1:], "--layer", "conv", "-o", "maps.png")
    assert (told.exit_code, told.stdout) == (0, "maps.png\n"), told.output
    recipe = recipe_in("maps.png")
    assert (recipe["picture"], recipe["layer"], "weights" in recipe) == ("photos/0.png", "conv", True)
    several = ("maps", SEEING[0], "photos/0.png", "photos/1.png", *SEEING[1:], "--layer", "conv", "--layer", "deep")
    facts = facts_of(convscope(*several, "-o", "pages", "--json"))
    assert sorted(facts["files"]) == sorted(str(path) for path in Path("pages").iterdir())
    assert len(facts["files"]) == 4
    assert facts["maps"]["deep"][1]["shape"] == [6, 10, 9]
    assert facts["maps"]["conv"][0]["least"] < 0 < facts["maps"]["conv"][0]["greatest"]


def test_a_drawing_is_a_sheet_or_a_folder(convscope: Convscope, folder: Path):
    words = ("draw", SEEING[0], "relu", *SEEING[1:], "--units", "0,2-3", "--steps", 8)
    told = convscope(*words, "-o", "sheet.png")
    assert told.exit_code == 0, told.output
    size, *rest = told.stdout.splitlines()
    assert size.startswith("relu: 3 pictures of ")
    assert rest == ["dead, nothing excites them: units 3", "written: sheet.png"]
    facts = facts_of(convscope(*words, "-o", "each", "--json"))
    assert [(one["unit"], one["dead"]) for one in facts["pictures"]] == [(0, False), (2, False), (3, True)]
    assert facts["files"] == ["each/unit-0.png", "each/unit-2.png", "each/unit-3.png"]
    cells = size.split()[4::2]
    assert np.asarray(Image.open("each/unit-0.png")).shape == (*(int(n) for n in cells[:2]), 3)
    facts = facts_of(convscope(*words, "--facets", 2, "-o", "facets", "--json"))
    assert len(facts["files"]) == 6


def test_the_command_in_a_picture_makes_the_same_picture(convscope: Convscope, program: Callable, folder: Path):
    words = ("draw", SEEING[0], "deep", *SEEING[1:], "--units", "4", "--steps", 6, "--seed", 3, "-o", "first.png")
    assert program(*words).returncode == 0
    recipe = recipe_in("first.png")
    assert recipe["seed"] == 3
    again = shlex.split(recipe["command"])
    assert again[:3] == ["convscope", "draw", "python:nets.py:small"]
    again[again.index("-o") + 1] = "second.png"
    assert convscope(*again[1:]).exit_code == 0
    assert_array_equal(np.asarray(Image.open("first.png")), np.asarray(Image.open("second.png")))


def test_ctrl_c_keeps_the_units_that_are_drawn(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    really = lens.draw

    def stopped(model: Any, layer: str, units: Any, **how: Any) -> Any:
        raise DrawingStopped(really(model, layer, units[:1], **how))

    monkeypatch.setattr(lens, "draw", stopped)
    words = ("draw", SEEING[0], "conv", *SEEING[1:], "--units", "0,1,2", "--steps", 4)
    told = convscope(*words, "-o", "kept")
    assert (told.exit_code, told.stdout) == (130, "")
    assert told.stderr == "convscope: stopped; the 1 pictures that were finished are in kept\n"
    assert os.listdir("kept") == ["unit-0.png"]

    def at_once(*_: Any, **__: Any) -> Any:
        raise DrawingStopped(None)

    monkeypatch.setattr(lens, "draw", at_once)
    told = convscope(*words, "-o", "nothing")
    assert (told.exit_code, told.stderr.count("\n"), Path("nothing").exists()) == (130, 1, False)


def test_examples_are_a_page_a_unit(convscope: Convscope, folder: Path):
    Path("photos/broken.png").write_text("no picture")
    words = ("examples", SEEING[0], "conv", "head", *SEEING[1:], "--images", "photos", "--units", "0,3", "-k", 2)
    told = convscope(*words, "-o", "pages")
    assert told.exit_code == 0, told.output
    assert told.stdout == "5 pictures seen; written: pages\n"
    assert "skipped 1 files" in told.stderr
    assert "broken.png" in told.stderr
    names = ["conv-unit-0.png", "conv-unit-3.png", "head-unit-0.png", "head-unit-3.png"]
    assert sorted(os.listdir("pages")) == names
    assert recipe_in("pages/head-unit-3.png")["k"] == 2
    facts = facts_of(convscope(*words, "-o", "page.png", "--json"))
    assert (facts["pictures"], facts["files"]) == (5, ["page.png"])
    own = facts["layers"]["conv"][0]
    assert (own["unit"], len(own["top"]), len(own["bottom"])) == (0, 2, 2)
    assert own["top"][0]["value"] >= own["top"][1]["value"] >= own["bottom"][1]["value"] >= own["bottom"][0]["value"]
    assert own["top"][0]["picture"].startswith("photos/")


def test_examples_that_were_stopped_say_so_and_are_kept(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    really = lens.examples

    def stopped(model: Any, layers: Any, photos: Any, k: int, **how: Any) -> Any:
        found = really(model, layers, photos, k, **how)
        found.complete = False
        return found

    monkeypatch.setattr(lens, "examples", stopped)
    told = convscope("examples", SEEING[0], "conv", *SEEING[1:], "--images", "photos", "--units", 0, "-o", "page.png")
    assert told.exit_code == 130
    assert told.stderr == "convscope: stopped; what was found in the first 5 pictures is in page.png\n"
    assert Path("page.png").exists()


def test_an_account_adds_up_and_is_proved(convscope: Convscope, folder: Path):
    words = ("account", SEEING[0], "photos/1.png", *SEEING[1:], "--layer", "act", "--of", 2, "-k", 3)
    told = convscope(*words, "-o", "why.png")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("output 2: ")
    assert told.stdout.endswith("written: why.png\n")
    facts = facts_of(convscope(*words, "--json"))
    assert sum(facts["contributions"]) == pytest.approx(facts["value"] - facts["at_rest"], abs=1e-4)
    assert len(facts["falls"]) == len(facts["ablated"]) >= len(facts["top"]) > 0
    assert facts["top"] == facts["ablated"][: len(facts["top"])]
    assert recipe_in("why.png")["picture"] == "photos/1.png"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["layers", "squeezenit"], "did you mean"),
        (["layers", SMALL[0], "--input-shape", "3x24"], "input-shape='3x24': not whole numbers"),
        (["layers", *SMALL, "--device", "tpus"], "device='tpus': no kind that is known"),
        (["layers", *SMALL, "--device", "cuda:97"], "device='cuda:97': PyTorch finds none here"),
        (["layers", *SMALL, "--weights", "none.safetensors"], "none.safetensors"),
        (["layers"], "Missing argument 'MODEL'; see convscope layers --help"),
        (["fields", SMALL[0], "cnv", *SMALL[1:]], "layer 'cnv': the model has no such layer; did you mean 'conv'?"),
        (["maps", *SMALL, "photos/0.png", "--layer", "conv", "-o", "m.png"], "give --preprocessing"),
        (["maps", *SEEING, "nets.py", "--layer", "conv", "-o", "m.png"], "nets.py: not a picture of a known kind"),
        (["maps", *SEEING, "none.png", "--layer", "conv", "-o", "m.png"], "none.png: no such file"),
        (["maps", *SEEING, "photos/0.png", "--layer", "none", "-o", "m.png"], "layer 'none'"),
        (
            ["maps", *SEEING, "photos/0.png", "photos/1.png", "--layer", "conv", "-o", "m.png"],
            "output='m.png': 2 pictures and 1 layers make several pages; name a folder",
        ),
        (["draw", *SEEING, "conv", "--units", "1-", "-o", "d.png"], "units='1-': '1-' is no unit and no range"),
        (["draw", *SEEING, "conv", "--units", "4-2", "-o", "d.png"], "units='4-2'"),
        (["draw", *SEEING, "conv", "--units", "5", "-o", "d.png"], "units: 5 of layer 'conv', which has 5"),
        (["draw", *SEEING, "conv", "-o", "d.jpg"], "'d.jpg': a .png is written, or a folder of them"),
        (["draw", *SEEING, "conv", "-o", "nets.py/d.png"], "cannot write nets.py/d.png"),
        (["draw", *SEEING, "conv", "--l1", "-1", "-o", "d.png"], "Invalid value for '--l1'"),
        (["draw", *SEEING, "conv"], "Missing option '--output'"),
        (["examples", *SEEING, "conv", "--images", "none", "-o", "e.png"], "none"),
        (["examples", *SEEING, "conv", "--images", "photos", "--units", "7", "-o", "e"], "units: 7 of layer 'conv'"),
        (["examples", *SEEING, "conv", "--images", "photos", "-k", "0", "-o", "e.png"], "Invalid value for '-k'"),
        (["trust", *SEEING, "conv", "--units", "0", "--images", "photos"], "give at least 40 natural inputs"),
        (["account", *SEEING, "photos/0.png", "--layer", "conv", "--of", "9"], "of=9: units of the output are 0 to 3"),
        (["account", *SEEING, "photos", "--layer", "conv", "-o", "a.png"], "photos: a folder, not a picture"),
    ],
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope, folder: Path, words: list[str], message: str
):
    before = sorted(path for path in folder.rglob("*") if "__pycache__" not in str(path))
    told = convscope(*words)
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert told.stderr.startswith("convscope: ")
    assert told.stderr.count("\n") == 1, told.stderr
    assert message in told.stderr
    assert sorted(path for path in folder.rglob("*") if "__pycache__" not in str(path)) == before


@pytest.mark.parametrize("command", OPTIONS)
def test_the_options_that_recipes_write_are_there(command: str):
    told = CliRunner().invoke(app, [command, "--help"])
    for option in OPTIONS[command]:
        assert (f"--{option} " if len(option) > 1 else f"-{option} ") in told.output


def test_help_answers_without_torch(program: Callable[..., subprocess.CompletedProcess[str]]):
    for command in ("layers", "fields", "maps", "draw", "examples", "trust", "account"):
        told = program(command, "--help")
        assert told.returncode == 0
        assert "Examples:" in told.stdout
