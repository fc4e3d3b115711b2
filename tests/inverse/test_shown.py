"""A recovery to look at: its text, its picture, and both in a notebook."""

import base64
import html
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from convscope import ops
from convscope.inverse.recover import recover
from convscope.inverse.recovery import WIDEST, Recovery
from convscope.pictures import signed

GAP = 24


def found_from(kernel: np.ndarray, channels: str = "shared", noise: float = 0.0, stripes: bool = False) -> Recovery:
    """What is found of kernels (m, c, r, s) from noise, or from stripes, as floats."""
    rng = np.random.default_rng(0)
    before = rng.uniform(0, 100, (kernel.shape[1], 1 if stripes else 60, 70)).repeat(60 if stripes else 1, 1)
    after = ops.conv2d(before[None], kernel.astype(float))[0]
    return recover(
        before, after + rng.normal(0, noise, after.shape), kernel.shape[2:], channels=channels, bias=False
    )


def at(found: Recovery, row: int, column: int, cell: int) -> tuple[int, ...]:
    """The colour of a tap's cell, near its corner, where no number is: the first kernel, under a one-line verdict."""
    assert len(found.headline()) == 1
    picture = found.picture()
    return tuple(picture[GAP + 20 + 12 + 20 + row * cell + 4, GAP + column * cell + 4].tolist())


def test_each_cell_has_its_taps_colour():
    found = replace(found_from(np.array([[[[1.0, -2.0, 0.5], [0, 2.0, -1.0]]]])), reasons=())
    colours = signed(found.kernel)
    for row, column in np.ndindex(*found.kernel.shape):
        assert at(found, row, column, 56) == tuple(colours[row, column].tolist())


def test_large_kernels_have_small_cells_and_errors_under_the_table():
    found = found_from(np.random.default_rng(1).standard_normal((1, 1, 13, 21)), noise=1.0)
    assert found.picture().shape[1] < 1000
    text = str(found)
    assert "±" not in text
    assert "standard errors from " in text
    assert len(text.splitlines()[len(found.headline()) + 2]) < 250
    small = str(found_from(np.random.default_rng(1).standard_normal((1, 1, 3, 5)), noise=1.0))
    assert small.count("±") >= 15
    assert max(len(line) for line in small.splitlines() if "±" in line) <= WIDEST


@pytest.mark.parametrize(("stripes", "more"), [(False, 0), (True, 1)])
def test_what_cannot_be_told_has_a_row_of_its_own(stripes: bool, more: int):
    found = found_from(np.ones((1, 1, 3, 3)), stripes=stripes)
    lines = 20 * len(found.headline())
    legends = 12 + 34
    cells = 20 + 3 * 56 + 1
    assert len(found.null_space) == 6 * more
    rest = found.picture().shape[0] - 2 * GAP - 12 - cells - legends
    assert (rest > lines + 20 + 40) == bool(more), "a line of text and a row of patterns"
    assert ("±?" in str(found)) == bool(more)


def test_kernels_of_several_channels_are_named():
    kernels = np.random.default_rng(2).standard_normal((3, 3, 2, 4))
    found = found_from(kernels, "mixed")
    names = [f"output {m} from input {c}:" for m in range(3) for c in range(3)]
    assert [line for line in str(found).splitlines() if line in names] == names
    assert found.picture().shape[0] > 9 * 2 * 56
    tone = found_from(kernels[:1, :, :1, :1], "mixed")
    assert "outputs down, inputs across:\n" in str(tone)
    assert [taps.shape for _, taps, _ in tone.planes()] == [(1, 3)]


def test_a_notebook_shows_the_text_and_the_picture():
    found = found_from(np.array([[[[1.0, 2.0]]]]))
    shown = re.fullmatch(r'<pre>(.*)</pre><img .*base64,(.*)">', found._repr_html_(), re.DOTALL)
    assert shown is not None
    text, picture = shown.groups()
    assert html.unescape(text) == str(found)
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        np.testing.assert_array_equal(np.asarray(image), found.picture())
