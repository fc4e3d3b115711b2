"""`convscope dream`: what it writes, and how it refuses."""

import inspect
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from typer.testing import Result

from convscope.lens import dreams
from convscope.pictures import recipe_in

Convscope = Callable[..., Result]
NETS = """
from collections import OrderedDict
import torch
from torch import nn

def small(width=5):
    torch.manual_seed(0)
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(3, width, 3, padding=1), relu=nn.ReLU(), pool=nn.MaxPool2d(2),
        deep=nn.Conv2d(width, 6, (3, 2)), act=nn.ReLU(), mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        head=nn.Linear(6, 4)))

def lost():
    net = small()
    net.deep.weight.data[2, 1] = float("nan")
    return net
"""
SMALL = ("--model", "python:nets.py:small", "--input-shape", "3,24,20", "--preprocessing", "unit")
QUICK = (*SMALL, "--layer", "deep", "--octaves", "2", "--steps", "2")
FILM = ("--frames", "4", "--zoom", "1.05")


def blobs(height: int = 31, width: int = 44, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(40, 220, (4, 5, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run: a module with networks, two pictures."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(NETS)
    blobs().save("in.png")
    blobs(25, 20, seed=1).save("other.jpg")
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


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "deep/er/out.webp"])
def test_a_dream_is_a_picture_of_the_same_size_with_its_recipe(convscope: Convscope, folder: Path, name: str):
    told = convscope("dream", "in.png", "-o", name, *QUICK)
    assert (told.exit_code, told.stdout) == (0, f"31 x 44 pixels\nwritten: {name}\n"), told.output
    assert pixels(name).shape == (31, 44, 3)
    assert np.abs(pixels(name) - pixels("in.png")).mean() > 3
    recipe = recipe_of(name)
    assert (recipe["made"], recipe["picture"], recipe["source"]) == ("dream", "in.png", "python:nets.py:small")
    assert {"settings", "weights", "convscope", "command"} <= set(recipe)


def test_the_command_in_the_file_makes_the_same_bytes_again(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    words = ["dream", "in.png", "-o", "out.jpg", *QUICK, "--seed", "3"]
    monkeypatch.setattr("sys.argv", ["convscope", *words])
    assert convscope(*words).exit_code == 0
    first = Path("out.jpg").read_bytes()
    again = shlex.split(recipe_of("out.jpg")["command"])
    assert again == ["convscope", *words]
    Path("out.jpg").unlink()
    assert convscope(*again[1:]).exit_code == 0
    assert Path("out.jpg").read_bytes() == first


def test_what_is_to_grow(convscope: Convscope, folder: Path):
    grown = {}
    for name, words in {
        "layers": ("--layer", "conv", "--layer", "deep"),
        "mix": ("--unit", "deep:2", "--unit", "head:1=-0.5"),
        "like": ("--like", "other.jpg", "--layer", "deep"),
    }.items():
        told = convscope("dream", "in.png", "-o", f"{name}.png", *SMALL, "--steps", 2, *words, "--json")
        facts = facts_of(told)
        assert facts["model"] == "python:nets.py:small"
        assert (facts["size"], facts["files"]) == ([31, 44], [f"{name}.png"])
        grown[name] = recipe_of(f"{name}.png")["objective"]
    assert grown["layers"] == "layer(conv) + layer(deep)"
    assert grown["mix"] == "channel(deep, 2) + -0.5 * neuron(head, 1)"
    assert "deep" in grown["like"]
    assert recipe_of("like.png")["like"] == "other.jpg"
    assert not np.array_equal(pixels("layers.png"), pixels("mix.png"))


def test_the_longest_side_that_was_asked_for(convscope: Convscope, folder: Path):
    facts = facts_of(convscope("dream", "in.png", "-o", "out.png", *QUICK, "--size", 30, "--tile", 20, "--json"))
    assert facts["size"] == [21, 30]


def test_a_film_falls_into_the_picture(convscope: Convscope, folder: Path):
    told = convscope("dream", "in.png", "-o", "fall.webp", *QUICK, *FILM, "--fps", 10)
    assert (told.exit_code, told.stdout) == (0, "4 pictures, 10 a second\nwritten: fall.webp\n"), told.output
    with Image.open("fall.webp") as image:
        assert (image.n_frames, image.size) == (4, (44, 31))  # type: ignore[attr-defined]
    recipe = recipe_of("fall.webp")
    assert (recipe["made"], recipe["picture"]) == ("film", "in.png")
    pytest.importorskip("av")
    facts = facts_of(convscope("dream", "in.png", "-o", "fall.mp4", *QUICK, *FILM, "--json"))
    assert (facts["frames"], facts["fps"], facts["files"]) == (4, 15.0, ["fall.mp4"])
    assert Path("fall.mp4").stat().st_size > 500


@pytest.mark.parametrize(
    "make",
    [
        lambda: blobs().convert("L").save("odd.png"),
        lambda: blobs().convert("RGBA").save("odd.png"),
        lambda: blobs().convert("CMYK").save("odd.jpg"),
        lambda: blobs().convert("P").save("odd.gif"),
        lambda: Image.fromarray(np.arange(31 * 44, dtype=np.uint16).reshape(31, 44) * 40).save("odd.png"),
        lambda: blobs().save("odd.webp", save_all=True, append_images=[blobs(seed=2)]),
    ],
    ids=["grey", "alpha", "cmyk", "palette", "16-bit", "animated"],
)
def test_pictures_of_every_kind(convscope: Convscope, folder: Path, make: Callable[[], None]):
    make()
    (name,) = (path.name for path in Path().glob("odd.*"))
    assert facts_of(convscope("dream", name, "-o", "out.png", *QUICK, "--json"))["size"] == [31, 44]


def test_a_turned_photograph_comes_out_upright(convscope: Convscope, folder: Path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    blobs().save("turned.jpg", exif=exif)
    assert facts_of(convscope("dream", "turned.jpg", "-o", "out.jpg", *QUICK, "--json"))["size"] == [44, 31]
    with Image.open("out.jpg") as image:
        assert (image.size, image.getexif().get(ExifTags.Base.Orientation)) == ((31, 44), None)


def test_ctrl_c_writes_the_picture_as_it_is_by_then(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    really = dreams.dream

    def stopped(*given: Any, progress: Any, **how: Any) -> Any:
        def stop(done: int, total: int, what: str) -> None:
            if done == 3:
                raise KeyboardInterrupt

        return really(*given, progress=stop, **how)

    monkeypatch.setattr(dreams, "dream", stopped)
    told = convscope("dream", "in.png", "-o", "kept.png", *QUICK)
    assert (told.exit_code, told.stdout) == (130, "")
    assert told.stderr == "convscope: stopped; the picture as it was by then is in kept.png\n"
    assert pixels("kept.png").shape == (31, 44, 3)
    assert recipe_of("kept.png")["command"]

    def at_once(*_: Any, **__: Any) -> Any:
        raise dreams.DreamStopped(None)

    monkeypatch.setattr(dreams, "dream", at_once)
    told = convscope("dream", "in.png", "-o", "nothing.png", *QUICK)
    assert (told.exit_code, told.stderr.count("\n"), Path("nothing.png").exists()) == (130, 1, False)


def test_ctrl_c_leaves_the_film_so_far(
    convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    def frames(count: int) -> Callable[..., Iterator[np.ndarray]]:
        def stopped(photo: np.ndarray, **_: Any) -> Iterator[np.ndarray]:
            for _k in range(count):
                yield photo
            raise KeyboardInterrupt

        return stopped

    monkeypatch.setattr(dreams, "zooming", frames(2))
    told = convscope("dream", "in.png", "-o", "fall.webp", *QUICK, *FILM)
    assert told.exit_code == 130
    assert told.stderr == "convscope: stopped; the 2 pictures that were finished are in fall.webp\n"
    with Image.open("fall.webp") as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
    monkeypatch.setattr(dreams, "zooming", frames(0))
    told = convscope("dream", "in.png", "-o", "none.webp", *QUICK, *FILM)
    assert (told.exit_code, told.stderr.count("\n"), Path("none.webp").exists()) == (130, 1, False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png", "-o", "o.png"], "none.png: no such file"),
        (["nets.py", "-o", "o.png"], "nets.py: not a picture of a known kind"),
        (["broken.png", "-o", "o.png"], "broken.png: damaged picture"),
        (["tiny.png", "-o", "o.png"], "1 x 1"),
        (["huge.png", "-o", "o.png"], "huge.png: 9000 x 9000 pixels; at most 67108864"),
        (["in.png", "-o", "o.tiff"], "'.tiff': no kind of picture that is written; end the name in .png, .jpg"),
        (["in.png", "-o", "o"], "'o': no kind of picture"),
        (["in.png", "-o", "o.mp4"], "'.mp4': no kind of picture"),
        (["in.png", "-o", "nets.py/o.png"], "cannot write nets.py/o.png"),
        (["in.png", "-o", "in.png"], "output='in.png': would be written over the file it is made from"),
        (["in.png", "-o", "linked.png"], "output='linked.png': would be written over the file it is made from"),
        (["in.png", "--like", "other.jpg", "-o", "other.jpg"], "would be written over"),
        (["in.png", "-o", "o.png", "--layer", "dep"], "layer 'dep': the model has no such layer; did you mean 'deep'?"),
        (["in.png", "-o", "o.png", "--unit", "dep:1"], "did you mean 'deep'?"),
        (["in.png", "-o", "o.png", "--unit", "deep:6"], "units: 6 of layer 'deep', which has 6; units are 0 to 5"),
        (["in.png", "-o", "o.png", "--unit", "deep"], "unit='deep': write it as LAYER:NUMBER or LAYER:NUMBER=WEIGHT"),
        (["in.png", "-o", "o.png", "--unit", "deep:1=inf"], "unit='deep:1=inf'"),
        (["in.png", "-o", "o.png", "--unit", "deep:1=much"], "unit='deep:1=much'"),
        (["in.png", "-o", "o.png", "--like", "other.jpg", "--unit", "deep:1"], "--like: is about what one layer sees"),
        (["in.png", "-o", "o.png", "--like", "other.jpg", "--layer", "conv", "--layer", "deep"], "--like: is about"),
        (["in.png", "-o", "o.png", "--like", "none.jpg"], "none.jpg: no such file"),
        (["in.png", "-o", "o.png", "--zoom", "1.1"], "--zoom and --fps: are about a film; give --frames too"),
        (["in.png", "-o", "o.png", "--frames", "3"], "'o.png': a film is written as .webp or .mp4"),
        (["in.png", "-o", "o.webp", "--frames", "3", "--fps", "0"], "fps=0: frames a second; use 0.1 to 240"),
        (["in.png", "-o", "o.png", "--scale", "1"], "scale=1"),
        (["in.png", "-o", "o.png", "--strength", "nan"], "strength=nan"),
        (["in.png", "-o", "o.png", "--octaves", "0"], "Invalid value for '--octaves'"),
        (["in.png", "-o", "o.png", "--model", "squeezenit"], "did you mean"),
        (["in.png", "-o", "o.png", "--layer", "deep", "--model", "python:nets.py:lost"], "holds NaN or infinity"),
        (["in.png"], "Missing option '--output'"),
    ],
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope, folder: Path, words: list[str], message: str
):
    blobs(1, 1).save("tiny.png")
    Path("broken.png").write_bytes(Path("in.png").read_bytes()[:200])
    if "huge.png" in words:
        Image.new("1", (9000, 9000)).save("huge.png")
    Path("linked.png").symlink_to("in.png")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in str(path)}
    model = () if "squeezenit" in words else SMALL[0:2] if "--model" not in words else ()
    shown = () if "squeezenit" in words else SMALL[2:]
    told = convscope("dream", *words, *model, *shown)
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert told.stderr.startswith("convscope: ")
    assert told.stderr.count("\n") == 1, told.stderr
    assert message in told.stderr
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in str(path)}
    assert after == before


def test_a_film_as_mp4_says_what_to_install(convscope: Convscope, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "av", None)
    told = convscope("dream", "in.png", "-o", "o.mp4", "--frames", 3, *SMALL)
    assert told.exit_code == 2
    assert "pip install 'convscope[video]'" in told.stderr
    assert "o.mp4" not in os.listdir()


def test_the_help_says_the_defaults_that_there_are(convscope: Convscope):
    told = " ".join(convscope("dream", "--help").stdout.split())
    usual = inspect.signature(dreams.dream).parameters
    for option in ("scale F", "steps N", "strength S"):
        default = usual[option.split()[0]].default
        assert f"[default: {default}]" in told.partition(f"--{option}")[2].partition("--")[0], option
