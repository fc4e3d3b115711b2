import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.pictures import (
    colour,
    crop,
    encoded,
    enlarge,
    grey,
    legend,
    png,
    png_recipe,
    recipe_in,
    sheet,
    signed,
    webp,
)

NEUTRAL = [247, 247, 247]


def test_signed_colours_are_neutral_at_zero_and_symmetric():
    values = np.linspace(-2, 2, 41)[None]
    picture = signed(values)
    assert picture.dtype == np.uint8
    assert picture[0, 20].tolist() == NEUTRAL
    blue, red = picture[0, 0].astype(int), picture[0, -1].astype(int)
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    # the luminance alone tells the magnitude: it falls from the middle to both ends
    light = picture[0] @ np.array([0.2126, 0.7152, 0.0722])
    assert np.all(np.diff(light[:21]) > 0)
    assert np.all(np.diff(light[20:]) < 0)


def test_one_limit_makes_pictures_comparable():
    weak, strong = np.full((2, 3), 0.1), np.full((2, 3), 1.0)
    assert np.array_equal(signed(weak), signed(strong))
    assert not np.array_equal(signed(weak, 1), signed(strong, 1))
    assert np.array_equal(signed(5 * strong, 1), signed(strong, 1))
    assert signed(np.zeros((2, 2))).reshape(-1, 3).tolist() == [NEUTRAL] * 4


def test_grey_and_colour():
    assert grey(np.array([[3, 5, 4]]))[0, :, 1].tolist() == [0, 255, 128]
    assert grey(np.array([[3, 5]]), 0, 10)[0, :, 1].tolist() == [76, 128]
    assert grey(np.full((1, 2), 7.0))[0, 0].tolist() == [0, 0, 0]
    assert grey(np.array([[-1.0, 9.0]]), 0, 1)[0, :, 0].tolist() == [0, 255]
    three = np.array([[[0.0]], [[0.5]], [[1.0]]])
    assert colour(three)[0, 0].tolist() == [0, 128, 255]
    assert colour(three[1:2])[0, 0].tolist() == [128, 128, 128]
    with pytest.raises(InputError, match=r"values of shape \(2, 1, 1\): give \(1, h, w\) or \(3, h, w\)"):
        colour(three[:2])


def test_what_cannot_be_shown_is_said():
    with pytest.raises(InputError, match="values: not all are finite"):
        signed(np.array([[0.0, np.nan]]))
    with pytest.raises(InputError, match=r"values of shape \(2, 2, 2\): give one plane"):
        grey(np.zeros((2, 2, 2)))
    with pytest.raises(InputError, match=r"values of shape \(0, 4\)"):
        signed(np.zeros((0, 4)))
    with pytest.raises(InputError, match="factor=0"):
        enlarge(signed(np.zeros((2, 2))), 0)


def test_enlarge_repeats_cells():
    big = enlarge(grey(np.array([[0.0, 1.0]])), 3)
    assert big.shape == (3, 6, 3)
    assert np.array_equal(np.unique(big), [0, 255])


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 9))
def test_crop_is_cutting_from_a_wide_margin(top, left, height, width):
    image = np.arange(1, 31).reshape(2, 3, 5)
    wide = np.pad(image, ((0, 0), (20, 20), (20, 20)), constant_values=-1)
    expected = wide[:, 20 + top : 20 + top + height, 20 + left : 20 + left + width]
    assert np.array_equal(crop(image, (top, left, top + height, left + width), fill=-1), expected)


def test_crop_takes_the_box_of_a_field():
    field = Field().through((5, 5), pad=(2, 2))
    assert crop(np.ones((8, 8)), field.box(0, 7)).tolist()[0] == [0.0] * 5
    assert crop(np.ones((8, 8)), field.box(0, 7)).sum() == 9
    with pytest.raises(InputError, match=r"box=\(2, 0, 2, 4\)"):
        crop(np.ones((8, 8)), (2, 0, 2, 4))


def test_sheets_leave_paper_between():
    cells = [grey(np.zeros((2, 3))) for _ in range(5)]
    page = sheet(cells, columns=2, gap=1, paper=(9, 8, 7))
    assert page.shape == (1 + 3 * 3, 1 + 2 * 4, 3)
    assert (page[..., 0] == 0).sum() == 5 * 6
    assert page[0, 0].tolist() == page[-1, -2].tolist() == [9, 8, 7]
    assert sheet([grey(np.zeros((1, 1))), grey(np.zeros((3, 3)))], 2, gap=0)[1, 1].tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="sheet: 0 pictures"):
        sheet([], 3)


def test_the_legend_shows_the_scale_with_numbers():
    bar = legend(0.25)
    assert np.array_equal(bar[0, [0, -1]], signed(np.array([[-0.25, 0.25]]))[0])
    assert (bar[-18:] < 100).any(), "something is written under it"
    assert bar[0, bar.shape[1] // 2].min() > 240


def test_a_png_carries_its_recipe_in_a_text_chunk():
    picture, recipe = (
        signed(np.array([[0.0, 1.0], [-1.0, 0.5]])),
        {"seed": 3, "objective": "fc3 – l1", "keys": [1]},
    )
    data = png(picture, recipe)
    assert b"tEXt" in data
    assert png_recipe(data) == recipe
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), picture)
        assert set(image.text) == {"convscope"}  # type: ignore[attr-defined]
    assert png(picture, recipe) == data
    assert png_recipe(png(picture)) is None


def test_what_is_no_picture_and_no_png():
    with pytest.raises(InputError, match=r"a picture is \(h, w, 3\) of uint8, not \(0, 2, 3\)"):
        png(np.zeros((0, 2, 3), np.uint8))
    with pytest.raises(InputError, match="4 bytes: not a PNG file that can be read"):
        png_recipe(b"GIF8")
    with pytest.raises(InputError, match="not a PNG file"):
        png_recipe(png(grey(np.zeros((9, 9))))[:45])


def blobs(height: int = 45, width: int = 70) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("ending", [".png", ".jpg", ".JPEG", ".webp"])
def test_every_kind_of_file_carries_its_recipe(ending: str):
    picture, recipe = blobs(), {"seed": 3, "objective": "fc3 – l1", "command": "convscope dream cow.jpg"}
    data = encoded(picture, ending, recipe)
    assert recipe_in(data) == recipe
    assert encoded(picture, ending, recipe) == data
    assert recipe_in(encoded(picture, ending)) is None
    with Image.open(io.BytesIO(data)) as image:
        seen = np.asarray(image.convert("RGB")).astype(int)
    assert seen.shape == picture.shape
    assert np.abs(seen - picture).mean() < (0.5 if ending == ".png" else 3)


def test_jpegs_keep_every_pixels_own_colour():
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, ::2, 0] = picture[:, 1::2, 2] = 255  # red and blue columns, side by side
    with Image.open(io.BytesIO(encoded(picture, ".jpg"))) as image:
        assert np.abs(np.asarray(image).astype(int) - picture).max() < 60


def test_a_large_png_is_written_without_the_long_search():
    picture = np.zeros((1, 2**20 + 1, 3), np.uint8)
    with Image.open(io.BytesIO(encoded(picture, ".png", {"seed": 1}))) as image:
        assert image.size == (2**20 + 1, 1)


def test_a_comment_of_somebody_else_is_no_recipe():
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0holidays"
    file = io.BytesIO()
    Image.fromarray(blobs()).save(file, "JPEG", exif=exif)
    assert recipe_in(file.getvalue()) is None


def test_what_a_kind_of_file_cannot_hold():
    line = np.zeros((1, 16384, 3), np.uint8)
    with pytest.raises(InputError, match=r"a picture of 1 x 16384: a \.webp holds 16383 a side; end the name in \.png"):
        encoded(line, ".webp")
    with pytest.raises(InputError, match=r"1 x 65536: a \.jpg holds 65535 a side"):
        encoded(line.repeat(4, 1), ".jpg")
    with pytest.raises(InputError, match=r"'\.gif': no kind of picture that is written; .*, \.webp"):
        encoded(line, ".gif")
    with pytest.raises(InputError, match=r"uint8, not \(1, 16384\)"):
        encoded(line[..., 0], ".jpg")
    with pytest.raises(InputError, match="a JPEG holds 65533"):
        encoded(blobs(), ".jpg", {"seed": "1" * 70000})
    for ending in (".jpg", ".webp"):
        with pytest.raises(InputError, match="not a PNG or JPEG or WEBP file that can be read"):
            recipe_in(encoded(blobs(), ending, {"seed": 1})[:400])


def test_webp_keeps_what_its_quality_says():
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(webp(picture))) as image:
        np.testing.assert_array_equal(np.asarray(image), picture)
    plane = np.arange(63, dtype=np.uint8).reshape(9, 7, 1)
    with Image.open(io.BytesIO(webp(plane))) as image:
        np.testing.assert_array_equal(np.asarray(image), plane.repeat(3, 2))
    assert len(webp(picture, 30)) < len(webp(picture, 90)) < len(webp(picture))
    assert webp(picture, 85) == webp(picture, 85)
    with pytest.raises(InputError, match=r"a picture is \(h, w, 3\) of uint8, not \(9, 7, 2\)"):
        webp(picture[..., :2])
    with pytest.raises(InputError, match=r"a picture of 1 x 16384: a \.webp holds 16383 a side"):
        webp(np.zeros((1, 16384, 3), np.uint8))
