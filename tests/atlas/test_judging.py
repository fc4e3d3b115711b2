"""Labels from an atlas's own numbers."""

import json
from typing import Any

import numpy as np
import pytest

from convscope.atlas.judging import judged, plain_reasons
from convscope.atlas.store import packed
from convscope.lens.credibility import TEXTS, Reason

MEAN, STD = np.zeros(20), np.ones(20)
SAMPLE = np.linspace(0.0, 4.0, 50)


def record(answers: np.ndarray, units: list[int], facets: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "units": units,
        "facets": facets,
        "dead": [False] * len(units),
        "answers": packed(answers.astype(np.float32)),
        "trust": None,
        **more,
    }


def drawn(value: float, others: float = 0.0, above: int = 0) -> np.ndarray:
    """What 20 units say to a drawing of unit 3; `above` of the others more than it does."""
    answers = np.full((1, 20), others)
    answers[0, 10 : 10 + above] = value + 1
    answers[0, 3] = value
    return answers


@pytest.mark.parametrize(
    ("answers", "label", "keys"),
    [
        (drawn(6.0), "plausible", ["strong", "selective", "not all tests"]),
        (drawn(3.0), "mixed", ["below natural", "selective", "not all tests"]),
        (drawn(6.0, above=5), "mixed", ["not selective", "strong", "not all tests"]),
        (drawn(1.0), "do not trust", ["weak", "selective", "not all tests"]),
        (drawn(-1.0, others=-2.0), "do not trust", ["weak", "selective", "not all tests"]),
    ],
)
def test_the_rules_on_what_is_known(answers, label, keys):
    found, reasons = judged(record(answers, [3]), 0, MEAN, STD, SAMPLE)
    assert (found, [reason["key"] for reason in reasons]) == (label, keys)
    assert all("{" not in TEXTS[reason["key"]].format(**reason["numbers"]) for reason in reasons)


def test_the_numbers_are_the_units_own():
    answers = np.concatenate([drawn(5.0, above=9), drawn(8.0)])  # two facets of unit 3: the second is the better
    answers = np.concatenate([np.zeros((2, 20)), answers])
    label, reasons = judged(record(answers, [1, 3], facets=2), 1, MEAN + 2, STD, SAMPLE)
    assert label == "plausible"
    strong, selective, _ = reasons
    assert strong["numbers"] == {"value": 8.0, "largest": 4.0, "percentile": 100.0, "ratio": pytest.approx(3.0)}
    assert selective == {"key": "selective", "weight": "for", "numbers": {"rank": 1, "units": 20, "margin": 8.0}}


def test_what_trust_said_is_the_answer():
    told = [{"label": "clear", "reasons": []}, {"label": "mixed", "reasons": [{"key": "fragile"}]}]
    assert judged(record(drawn(1.0), [1, 3], trust=told), 1, MEAN, STD, SAMPLE) == ("mixed", [{"key": "fragile"}])


def test_without_natural_pictures_a_drawing_is_only_drawn():
    known = record(drawn(6.0), [3])
    assert judged(known, 0) == judged(known, 0, MEAN, STD, SAMPLE[:0]) == ("drawn", [])
    assert judged(record(np.full((1, 20), np.nan), [3]), 0, MEAN, STD, SAMPLE) == ("drawn", [])
    assert judged(record(drawn(6.0), [3], dead=[True]), 0)[0] == "dead"


def test_numbers_that_json_cannot_hold_become_none():
    flat = STD.copy()
    flat[3] = 0
    label, reasons = judged(record(drawn(6.0), [3]), 0, MEAN, flat, np.zeros(5))
    assert label == "mixed"
    numbers = {reason["key"]: reason["numbers"] for reason in reasons}
    assert numbers["strong"]["ratio"] is None
    assert numbers["not selective"]["margin"] is None
    told = plain_reasons([Reason("tells", "for", {"by": "eyes", "low": np.float64(2.5), "rank": np.int64(3)})])
    assert json.loads(json.dumps(told, allow_nan=False))[0]["numbers"] == {"by": "eyes", "low": 2.5, "rank": 3}
