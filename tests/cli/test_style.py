"""`convscope style` and `convscope train style`: what they write, and how they refuse."""

import functools
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from typer.testing import Result

from convscope.cli import styling
from convscope.lens import styles
from convscope.lens.styles import keeping, training
from convscope.pictures import recipe_in

Convscope = Callable[..., Result]
NETS = """
from collections import OrderedDict
import torch
from torch import nn

def small():
    torch.manual_seed(0)
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(3, 6, 3, padding=1), relu=nn.ReLU(), pool=nn.MaxPool2d(2),
        deep=nn.Conv2d(6, 7, (3, 2)), act=nn.ReLU(), mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        head=nn.Linear(7, 4)))

def lost():
    net = small()
    net.deep.weight.data[2, 1] = float("nan")
    return net

def one():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
"""
HOW = ("--input-shape", "3,24,20", "--preprocessing", "unit")
SMALL = ("--model", "python:nets.py:small", *HOW)
QUICK = (*SMALL, "--size", "44", "--steps", "3")


def blobs(height: int = 31, width: int = 44, seed: int = 0, cells: int = 5) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(40, 220, (cells, cells + 1, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run: a module with networks, a photograph, two styles, their regions."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(NETS)
    blobs().save("in.png")
    blobs(40, 36, 1, 12).save("one.jpg")
    blobs(33, 50, 2, 9).save("two.png")
    for name, (height, width) in {"in": (31, 44), "one": (40, 36), "two": (33, 50)}.items():
        halves = np.zeros((height, width), np.uint8)
        halves[:, width // 2 :] = 255
        Image.fromarray(halves).save(f"{name}-mask.png")
    return tmp_path


def facts_of(told: Result) -> dict[str, Any]:
    assert told.exit_code == 0, told.output
    assert told.stdout.count("\n") == 1
    return json.loads(told.stdout)


def pixels(file: str) -> np.ndarray:
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def recipe_of(file: str) -> dict[str, Any]:
    recipe = recipe_in(Path(file).read_bytes())
    assert recipe is not None
    return recipe


def test_a_picture_in_a_style_and_its_losses(convscope: Convscope, folder: Path):
    told = convscope("style", "in.png", "one.jpg", "-o", "out.jpg", *QUICK)
    assert told.exit_code == 0, told.output
    size, scale, *losses, written = told.stdout.splitlines()
    assert (size, scale, written) == ("31 x 44 pixels", "at 31 x 44, 3 steps:", "written: out.jpg")
    names = [line.split(":")[0].strip() for line in losses]
    assert (names[0], names[-2:]) == ("content act", ["roughness", "total"])
    start, _, end = losses[-1].split()[1:]
    assert float(end) < float(start)
    recipe = recipe_of("out.jpg")
    assert (recipe["made"], recipe["content"], recipe["style"]) == ("style", "in.png", ["one.jpg"])
    assert not list(folder.glob(".*")), "the state of finished work is removed"
    facts = facts_of(convscope("style", "in.png", "one.jpg", "-o", "out.webp", *QUICK, "--scales", 2, "--json"))
    assert [each["size"] for each in facts["scales"]] == [[16, 22], [31, 44]]
    assert facts["scales"][1]["end"]["total"] < facts["scales"][1]["start"]["total"]
    assert facts["files"] == ["out.webp"]


def test_every_option_reaches_its_place(convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, Any] = {}

    class Seen(Exception):
        pass

    def look(content: Any, style: Any, **how: Any) -> Any:
        seen.update(how, content=content.shape, style=[each.shape for each in style])
        raise Seen

    monkeypatch.setattr(styles, "style", look)
    given = {"--mix": "2,1", "--strength": 3, "--style-scale": 0.5, "--start": "two.png", "--scales": 2, "--steps": 7}
    given |= {"--optimiser": "adam", "--pooling": "average", "--colours": "content", "--tv": 0.1, "--tile": 64}
    given |= {"--size": 40, "--seed": 5, "--content-mask": "in-mask.png"}
    words = [*(word for option in given.items() for word in option), "--covariance", "--photorealistic", "--no-smooth"]
    words += ["--style-mask", "one-mask.png", "--style-mask", "two-mask.png"]
    told = convscope("style", "in.png", "one.jpg", "two.png", "-o", "out.png", *SMALL, *words)
    assert isinstance(told.exception, Seen)
    assert seen.pop("model").source == "python:nets.py:small"
    assert {name: seen.pop(name) for name in ("content", "style")} == {
        "content": (31, 44, 3),
        "style": [(40, 36, 3), (33, 50, 3)],
    }
    assert callable(seen.pop("watch"))
    assert callable(seen.pop("progress"))
    assert seen == {
        "mix": [2, 1],
        "strength": 3,
        "style_scale": 0.5,
        "start": Path("two.png"),
        "scales": 2,
        "steps": 7,
        "optimiser": "adam",
        "pooling": "average",
        "colours": "content",
        "centred": True,
        "tv": 0.1,
        "photorealistic": 1e4,
        "smooth": False,
        "tile": 64,
        "size": 40,
        "seed": 5,
        "masks": (Path("in-mask.png"), [Path("one-mask.png"), Path("two-mask.png")]),
        "keep": Path(".out.png.state"),
    }
    assert set(seen) <= set(styles.style.__kwdefaults__ or seen)
    convscope("style", "in.png", "one.jpg", "-o", "out.png", *SMALL, "--lambda", "50")
    assert seen["photorealistic"] == 50


def test_options_together_make_a_picture(convscope: Convscope, folder: Path):
    words = ["--mix", "2,1", "--pooling", "average", "--colours", "content", "--start", "noise", "--covariance"]
    words += ["--content-mask", "in-mask.png", "--style-mask", "one-mask.png", "--style-mask", "two-mask.png"]
    words += ["--optimiser", "adam", "--json"]
    facts = facts_of(convscope("style", "in.png", "one.jpg", "two.png", "-o", "o.png", *QUICK, *words))
    assert facts["size"] == [31, 44]
    facts = facts_of(convscope("style", "in.png", "one.jpg", "-o", "o.png", *QUICK, "--photorealistic", "--json"))
    assert facts["scales"][0]["end"]["total"] >= 0


def test_the_command_in_the_file_makes_the_same_bytes_again(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    words = ["style", "in.png", "one.jpg", "-o", "out.webp", *QUICK, "--start", "noise", "--seed", "3"]
    monkeypatch.setattr("sys.argv", ["convscope", *words])
    assert convscope(*words).exit_code == 0
    first = Path("out.webp").read_bytes()
    again = shlex.split(recipe_of("out.webp")["command"])
    assert again == ["convscope", *words]
    Path("out.webp").unlink()
    assert convscope(*again[1:]).exit_code == 0
    assert Path("out.webp").read_bytes() == first
    assert convscope(*again[1:]).exit_code == 0, "over what it wrote itself"


def stopping(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Lets Ctrl-C come at a step of the next `style`."""
    really = styles.style

    def stopped(*given: Any, progress: Any, **how: Any) -> Any:
        def stop(done: int, total: int, what: str) -> None:
            if done == at:
                raise KeyboardInterrupt

        monkeypatch.setattr(styles, "style", really)
        return really(*given, progress=stop, **how)

    monkeypatch.setattr(styles, "style", stopped)


def test_ctrl_c_writes_the_best_so_far_and_the_command_goes_on(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    words = ("style", "in.png", "one.jpg", "-o", "out.png", *SMALL, "--size", "44", "--steps", "8")
    monkeypatch.setattr(keeping, "EVERY", 0.0)
    stopping(monkeypatch, 5)
    told = convscope(*words)
    assert (told.exit_code, told.stdout) == (130, ""), told.output
    assert told.stderr == (
        "convscope: stopped; the picture as it was by then is in out.png; the same command goes on from there\n"
    )
    assert pixels("out.png").shape == (31, 44, 3)
    assert sorted(path.name for path in folder.glob(".*")) == [".out.png.state"]
    other = convscope(*words, "--strength", "3")
    assert (other.exit_code, other.stderr.count("\n")) == (2, 1)
    assert ".out.png.state" in other.stderr
    assert "--fresh" in other.stderr
    assert convscope(*words).exit_code == 0
    assert not list(folder.glob(".*"))
    stopping(monkeypatch, 5)
    assert convscope(*words).exit_code == 130
    assert convscope(*words, "--strength", "3", "--fresh").exit_code == 0
    assert not list(folder.glob(".*"))


def test_a_preview_is_written_while_it_runs(convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(styling, "EVERY", 0.0)
    sizes, really = [], styles.style

    def watched(*given: Any, watch: Any, **how: Any) -> Any:
        def look(stage: Any) -> None:
            watch(stage)
            sizes.append(pixels("out.png").shape[:2])

        return really(*given, watch=look, **how)

    monkeypatch.setattr(styles, "style", watched)
    words = ("style", "in.png", "one.jpg", "-o", "out.png", *QUICK, "--scales", 2)
    assert convscope(*words, "--preview").exit_code == 0
    assert sorted(set(sizes)) == [(16, 22), (31, 44)]
    assert recipe_of("out.png")["made"] == "style"


def test_a_style_is_trained_and_applied_in_one_pass(convscope: Convscope, folder: Path):
    Path("photos").mkdir()
    for k in range(3):
        blobs(60, 70, k).save(f"photos/{k}.png")
    words = ("train", "style", "one.jpg", "--images", "photos", "-o", "one.safetensors", *SMALL, "--size", 32)
    facts = facts_of(convscope(*words, "--steps", 3, "--json"))
    assert facts["files"] == ["one.safetensors"]
    assert all(len(ends) == 2 for ends in facts["losses"].values())
    told = convscope("style", "in.png", "one.safetensors", "-o", "out.jpg")
    assert (told.exit_code, told.stdout) == (0, "31 x 44 pixels\nwritten: out.jpg\n"), told.output
    recipe = recipe_of("out.jpg")
    assert (recipe["content"], recipe["style"], recipe["style_file"]) == ("in.png", ["one.safetensors"], "one.jpg")
    for more in (["--steps", "3"], ["two.png"], ["--seed", "3"]):
        refused = convscope("style", "in.png", "one.safetensors", *more, "-o", "o.png")
        assert (refused.exit_code, "give it alone" in refused.stderr) == (2, True), refused.output


def test_a_stopped_training_goes_on(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    Path("photos").mkdir()
    blobs(60, 70).save("photos/0.png")
    really = training.train_style

    @functools.wraps(really)
    def stopped(*given: Any, progress: Any, **how: Any) -> Any:
        def stop(done: int, total: int, what: str) -> None:
            if done == 12:
                raise KeyboardInterrupt

        return really(*given, progress=stop, **how)

    words = ("train", "style", "one.jpg", "--images", "photos", "-o", "one.safetensors", *SMALL, "--size", 32)
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_style", stopped)
        told = convscope(*words, "--steps", 14)
    assert (told.exit_code, told.stdout) == (130, "")
    assert told.stderr == "convscope: stopped after 10 steps; the same command goes on from there\n"
    assert sorted(path.name for path in folder.glob(".*")) == [".one.safetensors.state"]
    other = convscope(*words, "--steps", 15)
    assert (other.exit_code, "give --fresh" in other.stderr) == (2, True), other.output
    assert convscope(*words, "--steps", 14).exit_code == 0
    assert Path("one.safetensors").exists()
    assert not list(folder.glob(".*"))


def test_warnings_are_lines_for_people(convscope: Convscope, folder: Path):
    told = convscope("style", "in.png", "in.png", "-o", "o.png", *QUICK)
    assert (told.exit_code, told.stderr.count("\n")) == (0, 1), told.output
    assert told.stderr.startswith("convscope: the style is the content itself")


def test_a_turned_photograph_comes_out_upright(convscope: Convscope, folder: Path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    blobs().save("turned.jpg", exif=exif)
    assert facts_of(convscope("style", "turned.jpg", "one.jpg", "-o", "o.jpg", *QUICK, "--json"))["size"] == [44, 31]


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_kind(convscope: Convscope, folder: Path, mode: str):
    if mode == "I;16":
        Image.fromarray(np.arange(31 * 44, dtype=np.uint16).reshape(31, 44) * 40).save("odd.tiff")
    else:
        blobs().convert(mode).save("odd.tiff")
    for words in (("odd.tiff", "one.jpg"), ("two.png", "odd.tiff")):
        facts = facts_of(convscope("style", *words, "-o", "o.png", *QUICK, "--json"))
        assert max(facts["size"]) == 44


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png", "one.jpg", "-o", "o.png"], "none.png: no such file"),
        (["in.png", "nets.py", "-o", "o.png"], "nets.py: not a picture of a known kind"),
        (["huge.png", "one.jpg", "-o", "o.png"], "huge.png: 9000 x 9000 pixels; at most 67108864"),
        (["in.png", "huge.png", "-o", "o.png"], "huge.png: 9000 x 9000 pixels; at most 67108864"),
        (["in.png", "one.jpg", "-o", "o.gif"], "'.gif': no kind of picture that is written"),
        (["in.png", "one.jpg", "-o", "nets.py/o.png"], "cannot write nets.py/o.png"),
        (["in.png", "one.jpg", "-o", "in.png"], "output='in.png': would be written over the file it is made from"),
        (["in.png", "one.jpg", "-o", "one.jpg"], "output='one.jpg': would be written over"),
        (["in.png", "one.jpg", "-o", "two.png", "--start", "two.png"], "would be written over the file"),
        (["in.png", "one.jpg", "-o", "o.webp", "--size", "16384"], "a .webp holds 16383 a side"),
        (["in.png", "one.jpg", "-o", "o.png", "--mix", "1,2"], "mix"),
        (["in.png", "one.jpg", "-o", "o.png", "--mix", "half"], "mix='half': not numbers; write one for each STYLE"),
        (["in.png", "one.jpg", "-o", "o.png", "--strength", "-1"], "strength"),
        (["in.png", "one.jpg", "-o", "o.png", "--style-scale", "0"], "style_scale"),
        (["in.png", "one.jpg", "-o", "o.png", "--start", "nose"], "nose: no such file"),
        (["in.png", "one.jpg", "-o", "o.png", "--optimiser", "sgd"], "Invalid value for '--optimiser'"),
        (["in.png", "one.jpg", "-o", "o.png", "--lambda", "-1"], "photorealistic=-1"),
        (["in.png", "one.jpg", "-o", "o.png", "--content-mask", "in-mask.png"], "one of CONTENT and 0 of 1 styles"),
        (["in.png", "one.jpg", "-o", "o.png", "--style-mask", "one-mask.png"], "none of CONTENT and 1 of 1 styles"),
        (
            ["in.png", "one.jpg", "-o", "o.png", "--content-mask", "two-mask.png", "--style-mask", "one-mask.png"],
            "33 x 50",
        ),
        (
            ["in.png", "one.jpg", "-o", "o.png", "--content-mask", "in-mask.png", "--style-mask", "white.png"],
            "no region of #000000",
        ),
        (["in.png", "one.jpg", "-o", "o.png", "--model", "squeezenit"], "did you mean"),
        (["in.png", "one.jpg", "-o", "o.png", "--model", "python:nets.py:lost"], "holds NaN or infinity"),
        (["in.png", "one.jpg", "-o", "o.png", "--model", "python:nets.py:one"], "channels"),
        (["in.png", "-o", "o.png"], "Missing argument 'STYLE...'"),
        (["in.png", "nets.safetensors", "-o", "o.png"], "nets.safetensors"),
    ],
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope, folder: Path, words: list[str], message: str
):
    if "huge.png" in words:
        Image.new("1", (9000, 9000)).save("huge.png")
    Image.new("L", (36, 40), "white").save("white.png")
    Path("nets.safetensors").write_text(NETS)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in str(path)}
    model = () if "squeezenit" in words else HOW if "--model" in words else SMALL
    told = convscope("style", *words, *model, "--steps", "2")
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert told.stderr.startswith("convscope: ")
    assert told.stderr.count("\n") == 1, told.stderr
    assert message in told.stderr
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in str(path)}
    assert after == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["one.jpg", "--images", "photos", "-o", "o.png"], "output='o.png': a trained style is a .safetensors"),
        (["one.jpg", "--images", "photos", "-o", "o.safetensors"], "photos"),
        (["none.jpg", "--images", ".", "-o", "o.safetensors"], "none.jpg: no such file"),
        (["one.jpg", "--images", ".", "-o", "nets.py/o.safetensors"], "cannot write nets.py/o.safetensors"),
        (["nets.py", "--images", ".", "-o", "o.safetensors"], "nets.py: not a picture of a known kind"),
        (["one.jpg", "--images", ".", "-o", "o.safetensors", "--size", "3"], "size=3: use at least 32"),
    ],
)
def test_bad_training_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope, folder: Path, words: list[str], message: str
):
    before = sorted(os.listdir())
    told = convscope("train", "style", *words, *SMALL)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1), told.output
    assert message in told.stderr
    assert sorted(name for name in os.listdir() if name != "__pycache__") == before
