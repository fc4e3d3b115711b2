import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from convscope.pictures import png_recipe

Convscope = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[[subprocess.CompletedProcess[str] | Result], str]


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


def test_help_shows_examples_that_the_command_understands(convscope: Convscope):
    told = convscope("explain", "--help")
    assert told.exit_code == 0
    lines = told.output.split("Examples:\n")[1].split("\n\n")[0].splitlines()
    for line in lines:
        assert line.strip().startswith("convscope explain ")
        for option in re.findall(r"--?[a-z-]+", line.split('"')[-1]):
            assert f"{option}" in told.output


def test_an_output_cell_is_explained(convscope: Convscope, band: Path):
    told = convscope("explain", band, "--kernel", "sobel-x", "--at", "0,2", "--padding", "1")
    assert told.exit_code == 0, told.output
    assert told.stdout == (
        f"{band}: 6 x 8, grey; kernel 3 x 3; output 6 x 8\n"
        "conv2d, cell (0, 0, 0, 2) of a result of 1 x 1 x 6 x 8\n"
        "c=0\n"
        "  x[0, 0, -1:2, 1:4]     w[0, 0, 0:3, 0:3]     product\n"
        "  [0]  [0]  [0]          -1    0    1           0   0   0\n"
        "   1    0    0       *   -2    0    2      =   -2   0   0\n"
        "   1    0    0           -1    0    1          -1   0   0\n"
        "sum of 9 products: -3\n"
        "[ ] padding: zeros\n"
    )


def test_a_pixel_is_followed_to_every_output_it_touches(convscope: Convscope, band: Path):
    told = convscope("explain", band, "-k", "1,-1", "--input-cell", "3,1")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[1:] == [
        "conv2d, x[0, 0, 3, 1] = 1: touches 2 outputs",
        "  cell                                gets",
        "  (0, 0, 3, 0)   w[0, 0, 0, 1] = -1     -1",
        "  (0, 0, 3, 1)   w[0, 0, 0, 0] = 1       1",
    ]


OPTIONS = ["--stride", "2", "--padding", "2,1,3,0", "--dilation", "1,2", "--padding-mode", "reflect", "--flip"]


def test_what_is_explained_is_what_conv_gives(convscope: Convscope, colours: Path):
    out, kernel = colours.with_name("out.npy"), "1,2,3;4,5,6"
    assert convscope("conv", colours, "-k", kernel, "-o", out, *OPTIONS).exit_code == 0
    result = np.load(out)
    for channel, i, j in np.ndindex(result.shape):
        told = convscope("explain", colours, "-k", kernel, "--at", f"{i},{j}", "--channel", channel, "--json", *OPTIONS)
        assert told.exit_code == 0, told.output
        facts = json.loads(told.stdout)
        assert facts["value"] == pytest.approx(result[channel, i, j], rel=1e-5)
        assert facts["output_size"] == list(result.shape[1:])
        assert len(facts["terms"]) == 6


def test_a_colour_picture_says_which_channel(convscope: Convscope, colours: Path):
    told = convscope("explain", colours, "-k", "identity", "--at", "6,10", "--channel", "2")
    assert told.stdout.startswith(f"{colours}: 7 x 11, colour, blue; kernel 1 x 1; output 7 x 11\n")
    pixel = np.asarray(Image.open(colours))[6, 10, 2] / 255
    assert f"sum of 1 product: {pixel:.4g}" in told.stdout


def test_latex_and_limit(convscope: Convscope, band: Path):
    told = convscope("explain", band, "-k", "1,-1", "--at", "0,1", "--latex")
    assert told.stdout == (
        "\\begin{aligned}\n"
        "\\texttt{conv2d}_{(0, 0, 0, 1)} &= \\sum \\left( \\begin{bmatrix} 1 & 0 \\end{bmatrix} \\odot "
        "\\begin{bmatrix} 1 & -1 \\end{bmatrix} \\right) \\\\\n"
        "&= 1 \\cdot 1 + 0 \\cdot (-1) \\\\\n"
        "&= 1\n"
        "\\end{aligned}\n"
    )
    told = convscope("explain", band, "-k", "blur", "--at", "0,1", "--limit", "3")
    assert "  … 6 more products, together" in told.stdout
    told = convscope("explain", band, "-k", ",".join("1" * 8), "--at", "0,0", "--limit", "0", "--padding", "0,2")
    assert "more" not in told.stdout


def test_a_figure_is_drawn(convscope: Convscope, band: Path):
    out = band.with_name("figure.png")
    words = ["explain", band, "-k", "sobel-x", "--at", "0,2", "--padding", "1", "-o", out]
    assert convscope(*words).exit_code == 0
    recipe = png_recipe(out.read_bytes())
    assert recipe
    assert (recipe["at"], recipe["padding"], recipe["kernel"][1]) == ("0,2", 1, [-2, 0, 2])
    with Image.open(out) as figure:
        pixels = np.asarray(figure)
    orange = (pixels == (255, 140, 0)).all(2)
    rows, columns = np.flatnonzero(orange.any(1)), np.flatnonzero(orange.any(0))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (3 * 60, 3 * 60)  # nine cells are outlined
    middle = pixels[rows[0] + 60 + 8, columns[0] + 8 :: 60][:3].tolist()  # of the window's second row
    assert middle == [[255, 255, 255], [0, 0, 0], [0, 0, 0]]
    assert (pixels == (33, 102, 172)).all(2).any()  # the product -2
    first = out.read_bytes()
    assert convscope(*words).exit_code == 0
    assert out.read_bytes() == first


def test_a_large_kernel_is_drawn_in_small_cells(convscope: Convscope, tmp_path: Path):
    Image.fromarray(np.arange(90 * 120, dtype=np.uint8).reshape(90, 120)).save(tmp_path / "large.png")
    np.save(tmp_path / "k.npy", np.ones((81, 101)))
    out = tmp_path / "figure.png"
    told = convscope("explain", tmp_path / "large.png", "-k", tmp_path / "k.npy", "--at", "9,0", "-o", out)
    assert told.exit_code == 0, told.output
    with Image.open(out) as figure:
        assert figure.size == (24 + 103 * 8 + 2 * 44 + 2 * 101 * 8 + 24, 2 * 24 + 2 * 22 + 83 * 8)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png", "-k", "blur", "--at", "0,0"], "none.png: no such file; check the name"),
        (["text.png", "-k", "blur", "--at", "0,0"], "text.png: not a picture of a known kind"),
        (["band.png", "-k", "blurr", "--at", "0,0"], "did you mean blur?"),
        (["band.png", "-k", "blur"], "give one of --at (a cell of the output) and --input-cell (a cell of the"),
        (["band.png", "-k", "blur", "--at", "0,0", "--input-cell", "0,0"], "give one of --at"),
        (
            ["band.png", "-k", "blur", "--at", "4,0"],
            "at=4,0: the output has 4 x 6 cells; give a cell from 0,0 to 3,5",
        ),
        (["band.png", "-k", "blur", "--at", "0,-1"], "at=0,-1: the output has 4 x 6 cells; give a cell from 0,0"),
        (["band.png", "-k", "blur", "--at", "4"], "at='4': a row and a column are needed; write at as 2,3"),
        (["band.png", "-k", "blur", "--at", "1,2,3"], "at='1,2,3': a row and a column are needed"),
        (["band.png", "-k", "blur", "--at", "a,b"], "at='a,b': not whole numbers"),
        (["band.png", "-k", "blur", "--input-cell", "6,0"], "input-cell=6,0: band.png has 6 x 8 cells; give a cell"),
        (["band.png", "-k", ",".join("1" * 9), "--at", "0,0"], "more than the 6 x 8"),
        (["band.png", "-k", "several.npy", "--at", "0,0"], "2 x 3 kernels, and a cell is explained under one; save"),
        (["band.png", "-k", "blur", "--at", "0,0", "--stride", "0"], "stride=0"),
        (["band.png", "-k", "blur", "--at", "0,0", "--padding-mode", "wrap"], "padding_mode"),
        (["band.png", "-k", "blur", "--at", "0,0", "--channel", "1"], "channel=1: band.png has 1; give 0 to 0"),
        (["band.png", "-k", "blur", "--at", "0,0", "--json", "--latex"], "--json and --latex: one form at a time"),
        (["band.png", "-k", "blur", "--at", "0,0", "-o", "o.jpg"], "output='o.jpg': a .png of an output cell"),
        (["band.png", "-k", "blur", "--input-cell", "0,0", "-o", "o.png"], "end the name so, give --at"),
        (["band.png", "-k", "blur", "--at", "9,9", "-o", "o.png"], "at=9,9: the output has 4 x 6 cells"),
        (["band.png", "-k", "blur", "--at", "0,0", "-o", "band.png/o.png"], "cannot write band.png/o.png: not a"),
        (
            ["band.png", "-k", "1,1", "--dilation", "1,200", "--padding", "100", "--at", "0,0", "-o", "o.png"],
            "a window that spans 1 x 201 cells: at most 146 on a side are drawn",
        ),
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
    np.save(band.with_name("several.npy"), np.ones((2, 3, 3, 3)))
    before = sorted(os.listdir(band.parent))
    assert message in refused(convscope("explain", *words))
    assert sorted(os.listdir(band.parent)) == before
