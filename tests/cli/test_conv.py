import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from typer.testing import Result

from convscope import __version__

Convscope = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[[subprocess.CompletedProcess[str] | Result], str]
COMMANDS = [
    *(["train", "digits"], ["predict", "digits"], ["conv"], ["atlas", "make"], ["explain"], ["grade"], ["recover"]),
]


@pytest.fixture
def band(tmp_path: Path) -> Path:
    """The tutorials' picture: 6 x 8, a black band of four columns on white."""
    pixels = np.full((6, 8), 255, np.uint8)
    pixels[:, 2:6] = 0
    Image.fromarray(pixels).save(tmp_path / "band.png")
    return tmp_path / "band.png"


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 11, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "colours.png")
    return tmp_path / "colours.png"


def test_version(program: Program):
    assert program("--version").stdout == f"convscope {__version__}\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_examples_that_the_command_understands(convscope: Convscope, words: list[str]):
    told = convscope(*words, "--help")
    assert told.exit_code == 0
    _, examples = told.output.split("Examples:\n")
    lines = examples.split("\n\n")[0].splitlines()
    assert lines
    for line in lines:
        assert line.strip().startswith("convscope " + " ".join(words).removesuffix(" make"))


def test_no_words_at_all_print_the_commands(program: Program):
    told = program()
    assert "Commands:" in told.stdout + told.stderr
    assert all(words[0] in told.stdout + told.stderr for words in COMMANDS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["konv"], "No such command 'konv'"),
        (["conv"], "Missing argument 'IMAGE'"),
        (["conv", "x.png", "-k", "blur"], "Missing option '--output' / '-o'"),
        (["conv", "x.png", "-k", "blur", "-o", "y.png", "--strides", "2"], "No such option: --strides"),
        (["train", "digits", "--epochs", "0"], "Invalid value for '--epochs'"),
        (["train", "digits", "--seed", "one"], "Invalid value for '--seed'"),
        (["train"], "Usage: convscope train"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_why(convscope: Convscope, words: list[str], message: str):
    told = convscope(*words)
    assert told.exit_code == 2
    assert message in told.output


def test_conv_writes_a_picture_and_says_its_scale(convscope: Convscope, band: Path):
    out = band.with_name("edges.png")
    told = convscope("conv", band, "--kernel", "vertical-edge", "-o", out)
    assert told.exit_code == 0, told.output
    assert told.stdout == (
        f"{band}: 6 x 8, grey; kernel 1 x 2\n"
        f"{out}: 6 x 7, grey; values from -1 to 1\n"
        "scale: blue = -1, near-white = 0, red = 1\n"
    )
    picture = Image.open(out)
    assert picture.size == (7, 6)
    assert json.loads(picture.text["convscope"])["kernel"] == [[1, -1]]  # pyright: ignore[reportAttributeAccessIssue]


def test_conv_writes_numbers_and_json(convscope: Convscope, band: Path):
    out = band.with_name("edges.npy")
    told = convscope("conv", band, "-k", "1,-1", "-o", out, "--stride", "4,3", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == {
        "image": str(band),
        "output": str(out),
        "kernel": [[1, -1]],
        "stride": [4, 3],
        "padding": 0,
        "dilation": 1,
        "padding_mode": "zeros",
        "flip": False,
        "bias": [0],
        "channels": 1,
        "input_size": [6, 8],
        "output_size": [2, 3],
        "left_over": [1, 0],
        "least": 0,
        "greatest": 0,
    }
    written = np.load(out)
    assert written.dtype == np.float32
    assert_array_equal(written, np.zeros((2, 3)))


def test_conv_finds_nothing_where_the_edges_lie_the_other_way(convscope: Convscope, band: Path):
    Image.open(band).transpose(Image.Transpose.TRANSPOSE).save(band)
    out = band.with_name("edges.npy")
    assert convscope("conv", band, "-k", "1,-1", "-o", out).exit_code == 0
    assert_array_equal(np.load(out), np.zeros((8, 5)))


def test_conv_says_what_the_stride_leaves_over(convscope: Convscope, colours: Path):
    out = colours.with_name("out.png")
    told = convscope("conv", colours, "-k", "blur", "-o", out, "--stride", "3")
    assert "left over by the stride: 1 rows at the bottom, 2 columns at the right\n" in told.stdout


def test_conv_works_on_colours_channel_by_channel_with_every_option(convscope: Convscope, colours: Path):
    out = colours.with_name("out.npy")
    options = [
        "--stride",
        "2",
        "--padding",
        "2,1,3,0",
        "--dilation",
        "1,2",
        "--padding-mode",
        "reflect",
        "--flip",
    ]
    told = convscope("conv", colours, "-k", "1,2,3;4,5,6", "-o", out, *options)
    assert told.exit_code == 0, told.output
    picture = np.asarray(Image.open(colours), np.float32).transpose(2, 0, 1) / 255
    padded = np.pad(picture, ((0, 0), (2, 1), (3, 0)), mode="reflect")
    turned = np.array([[6, 5, 4], [3, 2, 1]], np.float32)
    expected = sum(
        turned[r, s] * padded[:, r : 9 + r : 2, 2 * s : 10 + 2 * s : 2] for r in range(2) for s in range(3)
    )
    np.testing.assert_allclose(np.load(out), expected, rtol=1e-5)


def test_conv_shows_colours_as_colours(convscope: Convscope, colours: Path):
    out = colours.with_name("out.png")
    told = convscope("conv", colours, "-k", "identity", "-o", out)
    assert "colour; values" in told.stdout
    assert_array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(colours)))


def test_conv_takes_a_kernel_for_each_channel_or_for_each_pair(convscope: Convscope, colours: Path):
    with Image.open(colours) as image:
        picture = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
    file, out = colours.with_name("k.npy"), colours.with_name("out.npy")
    kernels = np.random.default_rng(1).standard_normal((2, 3, 2, 3))
    np.save(file, kernels)
    told = convscope("conv", colours, "-k", file, "-o", out, "--bias", "0.5,-1")
    assert told.exit_code == 0, told.output
    assert f"kernel 2 x 3\n{out}: 6 x 9, 2 channels; values" in told.stdout
    windows = np.lib.stride_tricks.sliding_window_view(picture, (2, 3), (1, 2))
    mixed = np.einsum("cpqrs,mcrs->mpq", windows, kernels) + [[[0.5]], [[-1]]]
    np.testing.assert_allclose(np.load(out), mixed, atol=1e-5)
    np.save(file, kernels[0][:, None])
    assert convscope("conv", colours, "-k", file, "-o", out, "--bias=-2").exit_code == 0
    np.testing.assert_allclose(np.load(out), np.einsum("cpqrs,crs->cpq", windows, kernels[0]) - 2, atol=1e-5)


def test_conv_shows_an_emboss_around_mid_grey(convscope: Convscope, band: Path):
    out = band.with_name("out.png")
    told = convscope("conv", band, "-k", "1,-1", "--bias", "0.5", "-o", out)
    assert "scale: black = 0, white = 1 (28.6% of the values lie outside and are cut off)\n" in told.stdout
    with Image.open(out) as image:
        assert_array_equal(np.asarray(image)[0, :, 0], [128, 255, 128, 128, 128, 0, 128])


def test_conv_replaces_an_older_result(convscope: Convscope, band: Path):
    out = band.with_name("out.npy")
    out.write_text("old")
    assert convscope("conv", band, "-k", "1,-1", "-o", out).exit_code == 0
    assert np.load(out).shape == (6, 7)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png", "-k", "blur", "-o", "o.png"], "none.png: no such file; check the name"),
        ([".", "-k", "blur", "-o", "o.png"], ".: a folder, not a picture"),
        (["text.png", "-k", "blur", "-o", "o.png"], "text.png: not a picture of a known kind"),
        (["cut.png", "-k", "blur", "-o", "o.png"], "cut.png: damaged picture"),
        (
            ["band.png", "-k", "7", "-o", "o.jpg"],
            "output='o.jpg': neither .png nor .npy; end the name in one of them",
        ),
        (["band.png", "-k", "blurr", "-o", "o.png"], "did you mean blur?"),
        (["band.png", "-k", ",".join("1" * 9), "-o", "o.png"], "(1, 1, 1, 9)"),
        (["band.png", "-k", "blur", "-o", "o.png", "--stride", "0"], "stride=0"),
        (["band.png", "-k", "blur", "-o", "o.png", "--stride", "two"], "stride='two': not whole numbers"),
        (["band.png", "-k", "blur", "-o", "o.png", "--padding", "full"], "padding='full': not whole numbers"),
        (["band.png", "-k", "blur", "-o", "o.png", "--padding-mode", "wrap"], "padding_mode"),
        (["band.png", "-k", "blur", "-o", "o.png", "--bias", "more"], "bias='more': not numbers"),
        (["band.png", "-k", "blur", "-o", "o.png", "--bias", "nan"], "bias='nan': holds NaN"),
        (["band.png", "-k", "blur", "-o", "o.png", "--bias", "1,2"], "bias='1,2': 2 numbers for 1 channels"),
        (["band.png", "-k", "pairs.npy", "-o", "o.png"], "(2, 3, 1, 2)"),
        (["band.png", "-k", "two.npy", "-o", "o.png"], "values of shape (2, 6, 7)"),
        (["band.png", "-k", "blur", "-o", "band.png/o.png"], "cannot write band.png/o.png: not a directory"),
        (["band.png", "-k", "blur", "-o", "/proc/o.png"], "cannot write /proc/o.png: "),
    ],
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope,
    refused: Refused,
    band: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
):
    monkeypatch.chdir(band.parent)
    band.with_name("text.png").write_text("no picture")
    whole = band.read_bytes()
    band.with_name("cut.png").write_bytes(whole[:50])
    np.save(band.with_name("pairs.npy"), np.ones((2, 3, 1, 2)))
    np.save(band.with_name("two.npy"), np.ones((2, 1, 1, 2)))
    before = sorted(os.listdir(band.parent))
    assert message in refused(convscope("conv", *words))
    assert sorted(os.listdir(band.parent)) == before


def test_a_mistake_of_the_program_keeps_its_traceback(band: Path):
    code = (
        "from convscope import filters, cli\n"
        "def broken(*_): raise RuntimeError('a bug')\n"
        "filters.read_kernel = broken\n"
        "cli.main()"
    )
    words = ["conv", str(band), "-k", "blur", "-o", str(band.with_name("o.png"))]
    told = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert told.returncode == 1
    assert "Traceback" in told.stderr
    assert "RuntimeError: a bug" in told.stderr


def test_ctrl_c_is_one_line_and_130(band: Path):
    code = (
        "import os, signal\n"
        "from convscope import filters, cli\n"
        f"filters.read_kernel = lambda text: os.kill(os.getpid(), {signal.SIGINT.value})\n"
        "cli.main()"
    )
    words = ["conv", str(band), "-k", "blur", "-o", str(band.with_name("o.png"))]
    told = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert (told.returncode, told.stdout, told.stderr) == (130, "", "convscope: stopped\n")
