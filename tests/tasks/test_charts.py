import sys
from itertools import pairwise
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.tasks import charts

FALLING = [(0.0, 90.0, 1.0), (1.0, 50.0, 5.0)]
LEVEL = [(0.0, 80.0, nan), (1.0, 80.0, nan)]


def part_of(picture: np.ndarray, colour: str) -> float:
    """How much of the picture has that colour."""
    rgb = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return float((picture == rgb).all(axis=2).mean())


def test_each_line_has_its_colour_and_none_is_cut():
    picture = charts.lines({"falling": FALLING, "level": LEVEL}, "title", "x", "%")
    assert picture.dtype == np.uint8
    assert all(part_of(picture, colour) > 0.001 for colour in charts.COLOURS[:2])
    assert part_of(picture, charts.COLOURS[2]) == 0
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert (border == 255).all()


def test_a_band_is_drawn_where_there_is_spread():
    narrow = charts.lines({"a": [(x, y, nan) for x, y, _ in FALLING]}, "", "", "")
    wide = charts.lines({"a": FALLING}, "", "", "")
    assert (wide == 255).mean() < (narrow == 255).mean()


def test_bars_are_as_long_as_their_means():
    picture = charts.bars({"all": (80.0, nan), "half": (40.0, 0.0), "none": (0.0, nan)}, "title", "%")
    blue = (picture == [0, 0x72, 0xB2]).all(axis=2).sum(axis=1)
    lengths = [length for length in dict.fromkeys(blue[blue > 0].tolist()) if (blue == length).sum() > 10]
    assert len(lengths) == 2
    assert lengths[0] == pytest.approx(2 * lengths[1], rel=0.02)


def test_many_lines_that_end_together_stay_legible():
    series = {f"line {k}": [(0.0, k, nan), (1.0, 50.0, nan)] for k in range(20)}
    picture = charts.lines(series, "", "", "")
    words = (picture[:, -60:] < 200).any(axis=(1, 2))  # rows of pixels in which a name has ink
    assert np.count_nonzero(np.diff(words.astype(int)) == 1) >= 20


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.08))
def test_names_are_moved_apart_and_stay_inside(heights: list[float], least: float):
    moved = charts.apart(sorted(heights), least)
    assert all(b - a > least - 1e-9 for a, b in pairwise(moved))
    assert min(moved) > -1e-9
    assert max(moved) < 1 + 1e-9


def test_nothing_to_draw():
    with pytest.raises(InputError, match="lines: a series without points"):
        charts.lines({"a": []}, "", "", "")
    with pytest.raises(InputError, match="bars: no rows"):
        charts.bars({}, "", "")


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"charts: the package matplotlib is not installed; pip install"):
        charts.bars({"a": (1, 1)}, "", "")


def test_pyplot_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # whoever imports it fails
    charts.bars({"a": (1, 1)}, "", "")
    charts.lines({"a": LEVEL}, "", "", "")
