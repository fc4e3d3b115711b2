"""`recover` on pictures whose kernel is known: what it finds, how sure it is, and what it finds out besides."""

import json

import numpy as np
import pytest
from scipy import ndimage, signal
from skimage import data

from convscope import ops
from convscope.inverse.recover import recover

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1.0]])


@pytest.fixture(scope="module")
def coins(pictures):
    return pictures.photo("coins")


@pytest.fixture(scope="module")
def kernel():
    taps = np.random.default_rng(0).standard_normal((5, 3))
    return taps * 0.9 / np.abs(taps).sum()


@pytest.fixture(scope="module")
def colour():
    return np.ascontiguousarray(data.astronaut()[:200, 150:400].transpose(2, 0, 1))


@pytest.fixture(scope="module")
def noisy(pictures, coins):
    rng = np.random.default_rng(0)
    after = pictures.filtered(coins, pictures.gaussian(5, 0.8)) + 9 * rng.standard_normal(coins.shape)
    return coins.astype(float), after


@pytest.fixture(scope="module")
def found(pictures, coins):
    return recover(coins, pictures.rounded(pictures.filtered(coins, pictures.gaussian(3, 1))), size=3)


def test_floats_give_the_kernel_itself(coins, kernel):
    x = coins.astype(float)
    found = recover(x, ops.corr2d(x, kernel), size=(5, 3))
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-9)
    assert found.verdict == "exact"
    assert found.believable
    assert found.offset == (0, 0)  # after is smaller by what the windows need: none hangs over the edge
    assert found.border == ()
    assert (found.rank, found.taps) == (15, 15)


def test_float32_within_its_digits(coins, kernel):
    x = coins.astype(np.float32) / 255
    found = recover(x, signal.correlate2d(x, kernel.astype(np.float32), "valid"), size=(5, 3))
    assert found.verdict == "exact"
    np.testing.assert_allclose(found.kernel, kernel, atol=2e-5)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_intervals_cover_the_truth(pictures, coins, noise):
    """95 % intervals of 60 random kernels, found from small eight-bit pictures, without and with noise."""
    rng = np.random.default_rng(3)
    held = asked = 0
    for k in range(60):
        crop = coins[k : k + 90, 3 * k : 3 * k + 110]
        truth = rng.standard_normal((3, 5))
        truth *= 0.8 / np.abs(truth).sum()
        clean = 128 + pictures.filtered(crop - 128.0, truth)
        found = recover(crop, pictures.rounded(clean + noise * rng.standard_normal(crop.shape)), size=(3, 5))
        assert found.believable
        low, high = found.interval
        held += np.count_nonzero((low <= truth) & (truth <= high))
        asked += truth.size
    assert 0.93 <= held / asked <= 0.97


def test_a_bias_is_found_only_where_it_is(pictures, coins, kernel):
    plain = recover(coins, pictures.rounded(pictures.filtered(coins, pictures.gaussian(3, 1))), size=3)
    assert plain.bias == 0
    lifted = recover(coins, pictures.rounded(pictures.filtered(coins, kernel) + 90), size=(5, 3))
    assert abs(lifted.bias - 90) < 3 * lifted.bias_stderr + 0.02
    assert np.abs(lifted.kernel - kernel).max() < 4 * lifted.stderr.max()


@pytest.mark.parametrize("shape", [(3, 3), (5, 5), (7, 3), (1, 5), (4, 4), (1, 2), (1, 1)])
def test_the_size_is_found(pictures, coins, shape):
    rng = np.random.default_rng(sum(shape))
    truth = rng.uniform(0.2, 1, shape) * rng.choice([-1, 1], shape)
    truth *= 0.9 / np.abs(truth).sum()
    found = recover(coins, pictures.rounded(128 + pictures.filtered(coins - 128.0, truth)))
    assert found.kernel.shape == shape
    assert found.verdict == "exact"
    assert np.abs(found.kernel - truth).max() < 4.5 * found.stderr.max()


def test_a_wide_kernel_is_followed_beyond_fifteen_taps(coins):
    x = coins.astype(float)
    found = recover(x, ndimage.uniform_filter1d(ndimage.uniform_filter1d(x, 3, 0), 19, 1))
    assert found.kernel.shape == (3, 19)
    np.testing.assert_allclose(found.kernel, 1 / 57, atol=1e-9)


@pytest.mark.parametrize(("mode", "name"), [
    ("constant", "zeros"), ("mirror", "reflect"), ("reflect", "symmetric"), ("nearest", "replicate"),
    ("wrap", "circular"),
])  # fmt: skip
def test_the_border_is_found(pictures, coins, mode, name):
    after = pictures.rounded(ndimage.correlate(coins.astype(float), pictures.gaussian(5, 1.2), mode=mode))
    assert recover(coins, after, size=5).border == (name,)


def test_borders_that_come_to_the_same(pictures, coins):
    after = pictures.rounded(ndimage.correlate(coins.astype(float), pictures.gaussian(3, 1), mode="nearest"))
    assert recover(coins, after, size=3).border == ("symmetric", "replicate")  # one cell beyond the edge is the edge


@pytest.mark.parametrize("shift", [(7, -12), (0, 3), (-40, 25)])
def test_a_shift_is_found(pictures, coins, kernel, shift):
    after = np.roll(pictures.rounded(128 + pictures.filtered(coins - 128.0, kernel)), shift, (0, 1))
    found = recover(coins, after, size=(5, 3))
    where = f"after is shifted by {shift[0]} rows and {shift[1]} columns"
    assert any(where in reason for reason in found.reasons), found.reasons
    assert found.offset == (-2 - shift[0], -1 - shift[1])
    assert np.abs(found.kernel - kernel).max() < 4.5 * found.stderr.max()


def test_strict_convolution_is_named(pictures, coins):
    after = signal.convolve2d(coins.astype(float), SOBEL, "valid")
    found = recover(coins.astype(float), after, size=3)
    np.testing.assert_allclose(found.kernel, SOBEL[::-1, ::-1], atol=1e-9)
    assert any("strict convolution has it turned by 180 degrees" in reason for reason in found.reasons)


def test_numbers_cut_down_instead_of_rounded(pictures, coins):
    after = pictures.filtered(coins, pictures.gaussian(5, 1)).astype(np.uint8)
    found = recover(coins, after, size=5)
    assert any("cut down to whole numbers once, not rounded" in reason for reason in found.reasons)
    assert abs(found.bias + 0.5) < 0.02


def test_clipped_cells_are_left_out(pictures, coins):
    after = pictures.rounded(pictures.filtered(coins, SOBEL))
    found = recover(coins, after)
    assert found.kernel.shape == (3, 3)
    np.testing.assert_allclose(found.kernel, SOBEL, atol=1e-6)
    assert found.clipped == pytest.approx(np.mean((after == 0) | (after == 255)))


def test_sixteen_bits(coins):
    x = coins.astype(np.uint16) * 200
    truth = np.outer([1, 2, 1], [1, 2, 1]) / 16
    after = np.round(signal.correlate2d(x.astype(float), truth, "same", "symm")).astype(np.uint16)
    found = recover(x, after)
    assert found.kernel.shape == (3, 3)
    np.testing.assert_allclose(found.kernel, truth, atol=1e-5)


@pytest.mark.parametrize("stride", [2, (3, 2)])
def test_stride(coins, kernel, stride):
    x = coins[:, :150].astype(float)
    step_i, step_j = stride if isinstance(stride, tuple) else (stride, stride)
    inside = ops.corr2d(x, kernel)[::step_i, ::step_j]
    np.testing.assert_allclose(recover(x, inside, size=(5, 3), stride=stride).kernel, kernel, atol=1e-9)
    padded = signal.correlate2d(x, kernel, "same")[::step_i, ::step_j]
    found = recover(x, padded, size=(5, 3), stride=stride)
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-9)
    assert found.offset == (-2, -1)


class TestChannels:
    def test_one_kernel_for_all(self, pictures, colour):
        truth = pictures.gaussian(5, 1.1)
        found = recover(colour, np.stack([pictures.rounded(pictures.filtered(x, truth)) for x in colour]), size=5)
        assert found.channels == "shared"
        assert found.kernel.shape == (5, 5)
        assert np.abs(found.kernel - truth).max() < 4.5 * found.stderr.max()

    def test_one_kernel_each(self, pictures, colour):
        truth = [pictures.gaussian(3, sigma) for sigma in (0.5, 0.8, 1.5)]
        found = recover(
            colour, np.stack([pictures.rounded(pictures.filtered(x, k)) for x, k in zip(colour, truth)]), size=3
        )
        assert found.channels == "each"
        assert found.kernel.shape == (3, 1, 3, 3)
        assert np.abs(found.kernel[:, 0] - truth).max() < 4.5 * found.stderr.max()

    def test_channels_that_mix(self, pictures, colour):
        truth = np.random.default_rng(1).uniform(-1, 1, (3, 3, 3, 3)) / 12
        made = [90 + sum(pictures.filtered(x, k) for x, k in zip(colour, one)) for one in truth]
        found = recover(colour, pictures.rounded(np.stack(made)), size=3)
        assert found.channels == "mixed"
        assert found.kernel.shape == (3, 3, 3, 3)
        assert np.abs(found.kernel - truth).max() < 4.5 * found.stderr.max()
        np.testing.assert_allclose(found.bias, 90, atol=0.5)

    def test_three_channels_to_one(self, colour):
        weights = np.array([0.299, 0.587, 0.114])
        grey = np.tensordot(weights, colour.astype(float), 1)[None]
        found = recover(colour.astype(float), grey, size=1, channels="mixed")
        np.testing.assert_allclose(found.kernel.ravel(), weights, atol=1e-9)

    def test_the_last_axis_may_be_the_channels(self, pictures, colour):
        after = np.stack([pictures.rounded(pictures.filtered(x, pictures.gaussian(3, 1))) for x in colour])
        one = recover(colour, after, size=3)
        other = recover(colour.transpose(1, 2, 0), after.transpose(1, 2, 0), size=3)
        assert np.array_equal(one.kernel, other.kernel)


def test_several_pairs_tell_what_one_cannot(coins):
    rows = np.tile(coins[100].astype(float), (60, 1))  # varies along the rows only
    columns = np.tile(coins[:, 100].astype(float)[:, None], (1, 70))
    truth = np.arange(9.0).reshape(3, 3)
    alone = recover(rows, ops.corr2d(rows, truth), size=3)
    assert (alone.verdict, alone.rank) == ("undetermined", 3)
    crossed = rows[:, :70] + columns[:60] * rows[:, :70] / 255
    both = recover([rows, crossed], [ops.corr2d(rows, truth), ops.corr2d(crossed, truth)], size=3)
    assert both.rank > 3


class TestConstraints:
    def test_they_hold_and_bring_the_kernel_nearer(self, pictures, noisy):
        truth = pictures.gaussian(5, 0.8)
        plain = recover(*noisy, size=5)
        held = recover(*noisy, size=5, constraints=("nonnegative", "sums to one", "symmetric"))
        assert held.kernel.min() >= 0
        assert held.kernel.sum() == pytest.approx(1)
        np.testing.assert_allclose(held.kernel, held.kernel[::-1, ::-1], atol=1e-12)
        assert np.abs(held.kernel - truth).sum() < np.abs(plain.kernel - truth).sum()

    def test_ridge_pulls_to_zero(self, noisy):
        assert np.abs(recover(*noisy, size=5, ridge=0.5).kernel).sum() < np.abs(recover(*noisy, size=5).kernel).sum()


class TestWhatCannotBeKnown:
    def test_a_picture_whose_rows_are_alike(self):
        x = np.tile(np.random.default_rng(0).integers(0, 256, 50).astype(np.uint8), (40, 1))
        found = recover(x.astype(float), ops.corr2d(x.astype(float), SOBEL), size=3)
        assert found.verdict == "undetermined"
        assert not found.believable
        assert (found.rank, found.taps) == (3, 9)
        assert found.null_space.shape == (6, 1, 3, 3)
        assert np.isinf(found.stderr).all()
        assert any("also varies from top to bottom" in reason for reason in found.reasons)
        assert found.largest_size == 1
        for pattern in found.null_space[:, 0]:  # each may be added and changes nothing
            np.testing.assert_allclose(ops.corr2d(x.astype(float), pattern), 0, atol=1e-6)

    def test_taps_that_are_known_beside_some_that_are_not(self):
        """The windows see the same number twice in two neighbouring columns: only the sum of those two taps is told."""
        rng = np.random.default_rng(1)
        numbers = rng.integers(0, 256, (40, 30)).astype(float)
        x = numbers.repeat(2, axis=1)
        truth = np.array([[0.5, -1.0, 2.0]])
        found = recover(x, ops.corr2d(x, truth)[:, ::2], size=(1, 3), stride=(1, 2))
        assert found.rank == 2
        assert np.isinf(found.stderr[0, :2]).all()
        assert found.kernel[0, 2] == pytest.approx(2.0)
        assert found.stderr[0, 2] < 1e-6
        assert found.kernel[0, :2].sum() == pytest.approx(-0.5)

    def test_noise_that_drowns_the_taps(self, pictures, coins):
        smooth = ndimage.gaussian_filter(coins.astype(float), 6)
        after = smooth + 5 * np.random.default_rng(0).standard_normal(coins.shape)
        found = recover(smooth, after, size=5)
        assert found.verdict == "undetermined"
        assert any("fine detail in all directions" in reason for reason in found.reasons)
        assert found.largest_size < 5

    def test_the_largest_size_is_a_promise(self, pictures, coins):
        """In a small picture with noise: of that size the taps are told to 5 % of the largest, of a larger one not."""
        small, noise = coins[:50, :60], 2 * np.random.default_rng(2).standard_normal((50, 60))
        after = pictures.rounded(pictures.filtered(small, np.outer([1, 2, 1], [1, 2, 1]) / 16) + noise)
        side = recover(small, after, size=3).largest_size
        assert 3 <= side < 15

        def vagueness(size):
            found = recover(small, after, size=size)
            return found.stderr.max() / 0.25

        assert vagueness(side) < 0.07
        assert vagueness(side + 4) > 0.05


class TestWhatItShows:
    def test_as_data(self, found):
        facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert facts["verdict"] == "exact"
        assert facts["believable"] is True
        np.testing.assert_allclose(facts["kernel"], found.kernel)

    def test_as_text(self, found):
        text = str(found)
        assert text.startswith("verdict: exact")
        assert "9 of 9" in text
        assert f"{found.kernel[1, 1]:.4f}" in text

    def test_as_a_picture(self, found):
        picture = found.picture()
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        assert picture.std() > 10

    def test_unknown_taps_are_null_in_json_and_question_marks_in_text(self):
        x = np.tile(np.arange(40.0) ** 2, (30, 1))
        found = recover(x, ops.corr2d(x, SOBEL), size=3)
        assert found.to_dict()["stderr"][0][0] is None
        assert "?" in str(found)


def test_the_same_every_time(pictures, coins, kernel):
    after = pictures.rounded(128 + pictures.filtered(coins - 128.0, kernel))
    one, other = recover(coins, after), recover(coins, after)
    assert one.to_dict() == other.to_dict()
