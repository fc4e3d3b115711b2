import json
from math import inf, isnan, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from convscope.errors import InputError
from convscope.tasks.comparing import Comparison, Paired, Run


def comparison(**rows: list[Any]) -> Comparison:
    """Of rows with a value for each seed, or a dict of parts for each seed."""
    runs = []
    for row, values in rows.items():
        for seed, value in enumerate(values):
            parts = value if isinstance(value, dict) else {"": value}
            runs += [Run(row, seed, part, float(one)) for part, one in parts.items()]
    return Comparison("accuracy", tuple(runs))


FOLDS = comparison(
    a=[{"x": 80, "y": 70}, {"x": 90, "y": 70}, {"x": 85, "y": 75}],
    b=[{"x": 78, "y": 60}, {"x": 80, "y": 66}, {"x": 84, "y": 75}],
)


def test_names_come_in_the_order_they_were_met():
    assert (FOLDS.rows, FOLDS.parts, FOLDS.seeds) == (("a", "b"), ("x", "y"), (0, 1, 2))


def test_the_spread_is_over_seeds_not_over_parts():
    assert FOLDS.mean("a") == pytest.approx((75 + 80 + 80) / 3)
    assert FOLDS.spread("a") == pytest.approx(sqrt(25 / 3))  # of 75, 80, 80
    assert FOLDS.mean("a", "x") == 85
    assert FOLDS.spread("a", "x") == 5
    assert isnan(comparison(a=[{"x": 1, "y": 99}]).spread("a"))


def test_the_interval_is_that_of_the_paired_t_test():
    a, b = [80, 90, 85, 70, 70, 75], [78, 80, 84, 60, 66, 75]
    low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = FOLDS.paired("a", "b")
    assert (found.difference, found.low, found.high) == pytest.approx((4.5, low, high))
    assert found.n == 6
    assert FOLDS.paired("a", "b", "x").n == 3


def test_only_equal_seeds_and_parts_are_pairs():
    runs = (Run("a", 0, "x", 50), Run("a", 1, "x", 60), Run("b", 1, "x", 55), Run("b", 1, "y", 0), Run("b", 2, "x", 0))
    assert Comparison("", runs).paired("a", "b") == Paired(5, -inf, inf, 1)
    with pytest.raises(InputError, match=r"a and b have no seed and part in common; run both with the same seeds"):
        Comparison("", runs[:1] + runs[2:]).paired("a", "b")


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        ([80, 81, 82], [77, 78.5, 78.5], "a is better than b by 3.0 points (95 %: 1.8 to 4.2, 3 pairs)"),
        ([77, 78.5, 78.5], [80, 81, 82], "a is worse than b by 3.0 points (95 %: 1.8 to 4.2, 3 pairs)"),
        ([80, 81], [79, 83], "no difference between a and b is shown: -0.5 points (95 %: -19.6 to 18.6, 2 pairs)"),
        ([80, 81], [80, 81], "a and b are equal in all 2 pairs"),
        ([80.1, 80.2], [80.1 + 1e-13, 80.2], "a and b are equal in all 2 pairs"),
        ([80.02, 81.02], [80, 81], "a is better than b by 0.02 points (95 %: 0.02 to 0.02, 2 pairs)"),
        ([80], [60], "no difference between a and b can be shown by one pair (80.0 and 60.0 %)"),
    ],
)
def test_the_sentence_says_what_the_figures_support(a: list[float], b: list[float], sentence: str):
    assert comparison(a=a, b=b).compare("a", "b") == sentence


@given(st.lists(st.tuples(*[st.integers(0, 1000).map(lambda tenths: tenths / 10)] * 2), min_size=2, max_size=6))
def test_the_sentence_turns_with_its_rows(values: list[tuple[float, float]]):
    found = comparison(a=[a for a, _ in values], b=[b for _, b in values])
    there, back = found.paired("a", "b"), found.paired("b", "a")
    assert_allclose([there.difference, there.low, there.high], [-back.difference, -back.high, -back.low], atol=1e-9)
    assert there.low <= there.difference <= there.high
    swapped = {"better": "worse", "worse": "better"}
    verdict = found.compare("a", "b").split()[2]
    if verdict in swapped:
        assert found.compare("b", "a").split()[2] == swapped[verdict]


def test_the_table_in_text():
    assert str(FOLDS).splitlines() == [
        "accuracy",
        "   mean",
        "a  78.3 ± 2.9",
        "b  73.8 ± 5.3",
        "mean ± standard deviation over 3 seeds, in %",
    ]
    head, rows = FOLDS.table(by_part=True)
    assert head == ["", "mean", "x", "y"]
    assert rows[1] == ["b", "73.8 ± 5.3", "80.7 ± 3.1", "67.0 ± 7.5"]
    lone = comparison(a=[{"x": 1}], b=[{"y": 99}])
    assert lone.table(by_part=True)[1] == [["a", "1.0", "1.0", "-"], ["b", "99.0", "-", "99.0"]]
    assert str(lone).endswith("of one seed, in %")


def test_beside_a_reference():
    assert FOLDS.beside("b").splitlines()[1:4] == [
        "   mean        to b",
        "a  78.3 ± 2.9  +4.5  95 %: -0.2 to 9.2, 6 pairs",
        "b  73.8 ± 5.3",
    ]


def test_as_json():
    told = json.loads(json.dumps(FOLDS.as_dict(), allow_nan=False))
    assert told["rows"][0]["parts"]["x"] == {"mean": 85.0, "spread": 5.0}
    assert told["runs"][0] == {"row": "a", "seed": 0, "part": "x", "value": 80.0}
    alone = comparison(a=[{"x": 1}], b=[{"y": 99}]).as_dict()["rows"]
    assert alone[1] == {"row": "b", "mean": 99, "spread": None, "parts": {"y": {"mean": 99, "spread": None}}}


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ((), "accuracy: no runs to compare"),
        ((Run("a", 0, "x", 1), Run("a", 0, "x", 2)), r"accuracy: the run \('a', 0, 'x'\) is there twice"),
        ((Run("a", 0, "", float("nan")),), r"accuracy: the run \('a', 0, ''\) has the value nan"),
    ],
)
def test_runs_that_cannot_be_compared(runs: tuple[Run, ...], message: str):
    with pytest.raises(InputError, match=message):
        Comparison("accuracy", runs)


def test_rows_and_parts_that_are_not_there():
    with pytest.raises(InputError, match=r"no run of 'c'; the rows are 'a', 'b', the parts 'x', 'y'"):
        FOLDS.mean("c")
    with pytest.raises(InputError, match=r"no run of 'a' in part 'z'"):
        FOLDS.compare("a", "b", "z")
