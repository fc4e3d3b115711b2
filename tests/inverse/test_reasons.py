"""Sentences that know what they say."""

import pickle
import string
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

import convscope as cs
from convscope.inverse.alignment import ORIENTATIONS
from convscope.inverse.reasons import SENTENCES, Reason


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_reason_is_its_sentence(kind):
    names = [name for _, name, _, _ in string.Formatter().parse(SENTENCES[kind]) if name]
    values: dict[str, Any] = {name: f"<{name}>" for name in names}
    reason = Reason(kind, **values)
    assert reason == SENTENCES[kind].format(**values)
    assert (reason.kind, reason.values) == (kind, values)


def test_a_share_is_told_behind_it():
    reason = Reason("median", share=0.416, size=3, rms="1", usual="2")
    assert reason.endswith("a kernel 2 (42% of the misfit)")
    assert reason.values == {"size": "3", "rms": "1", "usual": "2", "share": "42%"}
    again = pickle.loads(pickle.dumps(reason))
    assert (again, again.kind, again.values) == (reason, reason.kind, reason.values)


def test_every_orientation_has_its_sentence():
    assert set(ORIENTATIONS) <= set(SENTENCES)


def test_reasons_of_an_answer():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 50)).astype(np.uint8))
    before, after = np.asarray(picture), np.asarray(picture.filter(ImageFilter.MedianFilter(3)))
    found = cs.recover(before, after, 3)
    assert found.reasons[0].kind == "median"
    assert found.reasons[0].values["size"] == "3"
    assert found.reasons[-1].kind == "levels left over"
    mirrored = cs.recover(before, before[:, ::-1], 3)
    assert mirrored.reasons[0].kind == "mirrored"
