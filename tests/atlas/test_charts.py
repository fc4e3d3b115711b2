"""Numbers of the drawings: ticks enclose, curves stay in their box, fields lie where they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.atlas import charts


@given(st.floats(-1e4, 1e4), st.floats(0, 1e4))
def test_ticks_enclose_and_are_few(low, span):
    levels = charts.ticks(low, low + span)
    step = levels[1] - levels[0]
    assert levels[0] <= low + 1e-6 * step + 1e-9
    assert levels[-1] >= low + span - 1e-6 * step - 1e-9
    assert 2 <= len(levels) <= 8
    assert list(levels) == sorted(set(levels))


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_curves_stay_in_their_box(values):
    chart = charts.curves(range(1, len(values) + 1), [values, values[::-1]])
    left, top, right, bottom = chart.box
    for line in chart.lines:
        assert len(line) == len(values)
        assert all(left <= x <= right and top <= y <= bottom for x, y in line)
    assert len(chart.epochs) <= 8


def test_higher_values_lie_higher_and_per_cent_is_written():
    chart = charts.curves([1, 2], [[0.5, 0.9]], percent=True)
    (_, low), (_, high) = chart.lines[0]
    assert high < low
    assert chart.values[-1].label == "90\u202f%"


def test_a_field_over_the_edge_is_cut_to_the_picture():
    assert charts.field_box((32, 3), (4, 1), (-10, 0), (2, 5, 7), (28, 9)) == (0, 3, 28, 3)


@pytest.mark.parametrize(("shape", "count"), [((3, 28, 28), 3), ((64, 7, 5), 8), ((10,), 1), ((4096,), 1)])
def test_planes_fit_their_drawing(shape, count):
    planes = charts.planes(shape, 28)
    assert len(planes) == count
    assert all(x >= 0 and x + w <= 64 and y >= 0 and y + h <= 40 for x, y, w, h in planes)
