import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import affine_transform

from convscope.ops.fast.compiled import set_threads, threads
from convscope.tasks.augment import Vary, warped

GREYS = np.arange(256, dtype=np.float32)
LEVELS = (GREYS - 33) / 77  # as a network takes them: black is not zero


def pictures(n: int = 5, h: int = 11, w: int = 14) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, h, w), np.uint8)


def shift(rows: float, columns: float) -> np.ndarray:
    return np.array([[[1, 0, rows], [0, 1, columns]]], np.float32)


def test_identity_maps_give_the_pictures_back():
    images, places = pictures(), np.array([4, 0, 2, 2, 1, 3])
    out = warped(images, places, shift(0, 0).repeat(6, axis=0), GREYS)
    assert out.dtype == np.float32
    assert_array_equal(out[:, 0], images[places])
    scaled = warped(images, places, shift(0, 0).repeat(6, axis=0), LEVELS)
    assert_allclose(scaled[:, 0], LEVELS[images[places]], rtol=1e-5, atol=1e-6)


def test_no_variation_is_the_identity():
    maps = Vary(turn=0, scale=0, shear=0, move=0).maps(3, (11, 14), np.random.default_rng(0))
    assert_array_equal(maps, shift(0, 0).repeat(3, axis=0))


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (-2, 3), (0, -5), (10, -13), (11, 0), (-100, 100)])
def test_a_shift_by_whole_pixels_is_a_slice_on_black(rows: int, columns: int):
    images = pictures(1)
    padded = np.pad(images[0], 200)
    expected = padded[200 + rows : 211 + rows, 200 + columns : 214 + columns]
    assert_array_equal(warped(images, np.array([0]), shift(rows, columns), GREYS)[0, 0], expected)


def test_agrees_with_scipy_on_any_map():
    images, n = pictures(), 40
    rng = np.random.default_rng(1)
    places = rng.integers(0, len(images), n)
    maps = Vary(turn=180, scale=0.5, shear=0.5, move=9).maps(n, images.shape[1:], rng)
    out = warped(images, places, maps, GREYS)[:, 0]
    for k, place in enumerate(places):
        # scipy too fades into the black beyond the border when that is really there
        black = np.pad(images[place].astype(np.float64), 2)
        linear, offset = maps[k, :, :2].astype(np.float64), maps[k, :, 2].astype(np.float64)
        shape = images.shape[1:]
        expected = affine_transform(black, linear, offset + 2, shape, order=1)  # pyright: ignore[reportArgumentType]
        assert_allclose(out[k], expected, atol=0.05)


def test_black_lies_beyond_the_edges_whatever_its_level():
    out = warped(pictures(1), np.array([0]), shift(50, 0), LEVELS)
    assert_array_equal(out, np.full_like(out, LEVELS[0]))


@pytest.mark.parametrize(
    ("vary", "least", "most"),
    [
        (Vary(turn=10, scale=0, shear=0, move=0), (np.cos(np.pi / 18), -np.sin(np.pi / 18)), (1, np.sin(np.pi / 18))),
        (Vary(turn=0, scale=0.25, shear=0, move=0), (1 / 1.25, 0), (1 / 0.75, 0)),
        (Vary(turn=0, scale=0, shear=0.2, move=0), (1, -0.2), (1, 0.2)),
    ],
    ids=["turn", "scale", "shear"],
)
def test_a_variation_stays_within_its_range_and_fills_it(vary: Vary, least: tuple, most: tuple):
    maps = vary.maps(2000, (28, 28), np.random.default_rng(0))
    for values, low, high in zip((maps[:, 0, 0], maps[:, 0, 1]), least, most, strict=True):
        assert values.min() >= low - 1e-6
        assert values.max() <= high + 1e-6
        assert_allclose([values.min(), values.max()], [low, high], atol=0.02)
    # whatever it is turned, scaled and sheared by, the centre stays where it is
    assert_allclose(maps @ np.array([13.5, 13.5, 1]), np.full((2000, 2), 13.5), atol=1e-4)


def test_moves_are_within_their_pixels_both_ways():
    offsets = Vary(turn=0, scale=0, shear=0, move=2).maps(2000, (28, 28), np.random.default_rng(0))[:, :, 2]
    assert np.abs(offsets).max() <= 2
    assert_allclose([offsets.min(0), offsets.max(0)], [[-2, -2], [2, 2]], atol=0.02)


def test_one_seed_gives_one_result_on_any_number_of_threads():
    images, places = pictures(), np.arange(64) % 5
    before = threads()
    try:
        results = []
        for count in (1, 3, 3):
            set_threads(count)
            maps = Vary().maps(64, images.shape[1:], np.random.default_rng(7))
            results.append(warped(images, places, maps, LEVELS))
    finally:
        set_threads(before)
    assert_array_equal(results[0], results[1])
    assert_array_equal(results[1], results[2])
    other = Vary().maps(64, images.shape[1:], np.random.default_rng(8))
    assert (warped(images, places, other, LEVELS) != results[0]).any()
