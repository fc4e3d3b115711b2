"""Pictures that cannot belong together are refused in one line that says what to do."""

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.inverse.recover import recover

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (30, 40)).astype(np.uint8)
Y = np.roll(X, 1, 0) // 2 + X // 2
COLOUR = RNG.integers(0, 256, (3, 30, 40)).astype(np.uint8)
NAN = np.where(np.eye(30, 40) > 0, np.nan, 1.0)
WORDS = np.full((30, 40), "a")


@pytest.mark.parametrize(("before", "after", "how", "text"), [
    (X, Y / 255, {}, r"before is uint8 \(0 to 255\) and after is float64 .*: both must count grey in one unit"),
    (X, Y.astype(np.uint16), {}, r"before is uint8 .* and after is uint16"),
    (NAN, NAN + 1, {}, r"before holds NaN or infinite values \(30\); mend them"),
    (X * 0 + 7, Y, {}, r"before is constant \(7\): all kernels of one sum give the same picture"),
    (X, X, {}, r"before and after are the same picture; give the filtered one as after"),
    (COLOUR, Y, {}, r"before has 3 channels and after has 1: .* channels='mixed'"),
    (np.dstack([X] * 4), Y, {}, r"before has 4 channels, the last one transparency: .*before\[..., :3\]"),
    (WORDS, Y, {}, r"before holds <U1: give grey values"),
    (X > 9, Y > 9, {}, r"before holds bool: give grey values"),
    (X[0], Y[0], {}, r"before has shape \(40,\): give \(h, w\), \(channels, h, w\) or \(h, w, 3\)"),
    (X[:0], Y[:0], {}, r"before has shape \(1, 0, 40\): give"),
    (X, Y, {"size": 41}, r"size=\(41, 41\): no window of 41 x 41 cells lies inside the picture of 30 x 40"),
    (X, Y, {"size": 0}, r"size.*at least 1"),
    (X, Y, {"size": "large"}, r"size='large'.*auto"),
    (X, Y, {"stride": 2}, r"30 x 40 and after is 30 x 40: with stride=\(2, 2\) .* 15 x 20 cells; use stride=1"),
    (X, Y, {"channels": "all"}, r"channels='all'.*shared"),
    (X, Y, {"ridge": -1}, r"ridge=-1: a penalty is 0 or more"),
    (X, Y, {"constraints": ["positive"]}, r"'positive' is none of 'nonnegative'"),
    (X, Y, {"jpeg": [1, 2, 3]}, r"jpeg has shape \(3,\): give the table's 64 whole numbers"),
    (X / 1.0, Y / 1.0, {"jpeg": np.ones(64, int)}, r"jpeg is given and after is float64: JPEG files hold uint8"),
    (X, Y.T, {}, r"one lies on its side; turn it"),
    (X, RNG.integers(0, 256, (50, 61)).astype(np.uint8), {}, r"30 x 40 and after is 50 x 61: neither a cut nor"),
    ([X, X], [Y], {}, r"before is a list of 2 pictures and after a list of 1; give as many"),
    ([X, COLOUR], [Y, COLOUR[:, ::-1]], {}, r"the pairs are of 2 kinds"),
    ([X, X[:, :20]], [Y, X[:, :20]], {}, r"before\[1\] and after\[1\] are the same picture"),
])  # fmt: skip
def test_one_line(before, after, how, text):
    with pytest.raises(InputError, match=text) as caught:
        recover(before, after, **how)
    assert "\n" not in str(caught.value)


def test_which_cut_or_scale_fits(pictures):
    photo = pictures.photo("coins")
    after = pictures.rounded(pictures.filtered(photo, pictures.gaussian(5, 1)))
    with pytest.raises(InputError, match=r"after was cut out of it; give before\[..., 40:240, 33:333\]"):
        recover(photo, after[40:240, 33:333])
    with pytest.raises(InputError, match=r"it was scaled by 0\.50\d; if the window moves 2 cells .*, say stride=2"):
        recover(photo, after[::2, ::2])


@pytest.mark.parametrize(("turn", "name"), [
    (np.fliplr, "mirrored left to right"), (np.flipud, "upside down"),
    (lambda p: p[::-1, ::-1], "turned by 180 degrees"),
])  # fmt: skip
def test_mirrored(pictures, turn, name):
    photo = pictures.photo("coins")
    found = recover(photo, turn(pictures.rounded(pictures.filtered(photo, pictures.gaussian(5, 1)))), size=5)
    assert found.verdict == "moved"
    assert any(name in reason for reason in found.reasons)


def test_two_pictures_that_have_nothing_to_do_with_each_other(pictures):
    found = recover(pictures.photo("coins")[:300, :380], pictures.photo("camera")[:300, :380].copy(), size=5)
    assert not found.believable
    assert found.verdict in ("unrelated", "not a convolution")


def test_a_size_that_is_too_small(pictures):
    photo = pictures.photo("coins")
    found = recover(photo, pictures.rounded(pictures.filtered(photo, pictures.gaussian(9, 2))), size=3)
    assert found.verdict == "too small"
    assert "a larger kernel explains" in found.reasons[0]


def test_all_clipped():
    with pytest.raises(InputError, match=r"after is black or white in every cell that counts, cut off by its uint8"):
        recover(X, np.where(X > 99, 255, 0).astype(np.uint8), size=3)
