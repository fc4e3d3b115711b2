"""Preprocessing as data: numbers in, numbers out, and as a line of text."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convscope.errors import InputError
from convscope.lens.models import Preprocessing
from convscope.lens.models.preprocessing import PRESETS

shares = st.floats(-3, 3, width=32).map(float)
orders = st.sampled_from(["RGB", "BGR", "grey", "channels:2", "channels:11"])


@st.composite
def settings(draw: st.DrawFn) -> tuple[Any, ...]:
    order = draw(orders)
    channels = {"RGB": 3, "BGR": 3, "grey": 1}.get(order) or int(order[9:])
    length = st.sampled_from([1, channels])
    return (
        (draw(st.integers(1, 400)), draw(st.integers(1, 400))),
        tuple(draw(shares) for _ in range(draw(length))),
        tuple(abs(draw(shares)) + 0.01 for _ in range(draw(length))),
        draw(st.sampled_from([1.0, 255.0, 2.5])),
        order,
        draw(st.floats(0.1, 1)),
        draw(st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"])),
    )


@given(settings())
def test_the_line_reads_as_the_same_settings(chosen: tuple[Any, ...]):
    taken = Preprocessing(*chosen)
    assert Preprocessing.parse(str(taken)) == taken


def test_presets_and_what_the_line_leaves_open():
    assert set(PRESETS) == {"imagenet", "inception", "unit", "caffe"}
    imagenet = Preprocessing((5, 7), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), crop=0.875)
    assert Preprocessing.parse("imagenet", (3, 5, 7)) == imagenet
    assert Preprocessing.parse(" imagenet ; size = 5x7 ; crop=1 ", (3, 8, 8)).crop == 1
    assert Preprocessing.parse("caffe").order == "BGR"
    assert Preprocessing.parse("unit", (1, 5, 7)).order == "grey"
    assert Preprocessing.parse("unit", (9, 5, 7)).shape == (9, 5, 7)
    assert Preprocessing.parse("", (3, 5, 7)) == Preprocessing((5, 7))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("imagnet", r"'imagnet'; use imagenet, inception, unit, caffe, or settings such as"),
        ("mean=a", r"'mean=a' cannot be read; write it as mean=0.5 or mean=0.485,0.456,0.406"),
        ("size=224", r"'size=224' cannot be read; write it as size=224x224 \(rows x columns\)"),
        ("white=255", r"'white=255'; use .*known: size, mean, std, range"),
        ("mean=1,2", r"mean=\(1.0, 2.0\), std=\(1.0,\) for the 3 channels of RGB; give one number, or one for each"),
        ("order=RGBA", r"order='RGBA'; use RGB, BGR, grey or, for six, channels:6"),
        ("order=channels:0", r"order='channels:0'"),
        ("std=0", r"sizes, std and white must lie above 0"),
        ("mean=nan", r"sizes, std and white must lie above 0"),
        ("interpolation=area", r"interpolation='area'; use one of nearest"),
    ],
)
def test_a_line_that_cannot_be_read_is_answered_with_how_to_write_it(line: str, says: str):
    with pytest.raises(InputError, match=says):
        Preprocessing.parse(line)


@given(settings(), st.integers(0, 2**31))
def test_pictures_there_and_back(chosen: tuple[Any, ...], seed: int):
    taken = Preprocessing(*chosen)
    pictures = np.random.default_rng(seed).integers(0, 256, (2, 5, 4, taken.channels)).astype(np.uint8)
    inputs = taken.to_inputs(pictures)
    assert inputs.shape == (2, taken.channels, 5, 4)
    assert np.abs(taken.to_pictures(inputs.numpy()).astype(int) - pictures).max() <= 1
    edges = np.stack([np.zeros_like(pictures), np.full_like(pictures, 255)])
    black, white = (taken.to_inputs(each)[0, :, 0, 0].numpy() for each in edges)
    np.testing.assert_allclose(black, taken.black, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(white, taken.full, rtol=1e-4, atol=1e-3)


def test_blue_comes_first_in_bgr():
    red = np.array([255, 0, 0], np.uint8).reshape(1, 1, 1, 3)
    assert Preprocessing((1, 1), order="BGR").to_inputs(red).ravel().tolist() == [0, 0, 1]
    assert Preprocessing((1, 1), mean=(1.0, 2.0, 3.0), order="BGR").to_inputs(red).ravel().tolist() == [-1, -2, -2]


def test_pictures_are_cut_in_the_middle_and_keep_their_shape():
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 30:50] = 255
    fitted = Preprocessing((20, 20)).fit(Image.fromarray(wide))
    assert fitted.shape == (20, 20, 3)
    assert fitted[:, 6:14].min() == 255
    assert fitted[:, [0, -1]].max() == 0
    assert Preprocessing((7, 30), order="grey", crop=0.5).fit(Image.fromarray(wide)).shape == (7, 30, 1)


def test_channels_that_are_no_colours_are_arrays():
    taken = Preprocessing((4, 5), order="channels:6")
    assert taken.to_inputs(np.zeros((2, 4, 5, 6), np.uint8)).shape == (2, 6, 4, 5)
    with pytest.raises(InputError, match=r"a picture has no 6 channels; give arrays \(n, h, w, 6\)"):
        taken.fit(Image.new("RGB", (9, 9)))
