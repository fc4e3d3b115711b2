"""Priors: what they find in pictures whose statistics are known, and what samples of them look like."""

import numpy as np
import pytest
import torch
from skimage import data

from convscope.errors import InputError
from convscope.lens.images import Box, Fourier, Maco, Prior, spectra

WIDE = Box(-10.0, 11.0, "clip")  # so that nothing is clipped: black and white lie far away
RNG = np.random.default_rng


def samples(image, n: int, seed: int = 0) -> np.ndarray:
    numbers = torch.from_numpy(RNG(seed).standard_normal((n, *image.noise_shape)))
    return image(numbers if isinstance(image, Fourier) else image.initial(numbers)).numpy()


def covariance(pictures: np.ndarray) -> np.ndarray:
    return np.cov(np.moveaxis(pictures, 1, 0).reshape(pictures.shape[1], -1), bias=True)


def power(pictures: np.ndarray) -> np.ndarray:
    """(c, *shape): the mean power inside pictures less their own means, without what their borders add."""
    axes = tuple(range(2, pictures.ndim))
    waves = pictures - pictures.mean(axes, keepdims=True)
    for axis in axes:
        window = np.hanning(pictures.shape[axis] + 2)[1:-1]
        waves = waves * window.reshape(-1, *(1,) * (pictures.ndim - 1 - axis))
    return np.square(np.abs(np.fft.fftn(waves, axes=axes))).mean(0)


def photographs(h: int, w: int) -> np.ndarray:
    """Pieces (n, 3, h, w) of photographs in shares."""
    whole = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    tiles = [
        photo[r : r + 4 * h : 4, s : s + 4 * w : 4]
        for photo in whole
        for r in range(0, photo.shape[0] - 4 * h, 24)
        for s in range(0, photo.shape[1] - 4 * w, 24)
    ]
    return np.stack(tiles).transpose(0, 3, 1, 2) / 255


def periodic(n: int, shape: tuple[int, ...], mix: np.ndarray, decays: list[float], seed: int = 0) -> np.ndarray:
    """A periodic random field: mix @ components, each with power falling as frequency^-decay."""
    axes = tuple(range(2, 2 + len(shape)))
    frequency = np.sqrt(sum(np.square(axis) for axis in np.ix_(*map(np.fft.fftfreq, shape))))
    waves = np.fft.fftn(RNG(seed).standard_normal((n, len(mix), *shape)), axes=axes)
    waves *= np.stack([np.maximum(frequency, 0.05) ** (-decay / 2) for decay in decays])
    fields = np.real(np.fft.ifftn(waves, axes=axes))
    return 0.5 + np.einsum("ck,nk...->nc...", mix, fields)


def bands(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Where a spectrum has low to high frequencies: one mask for each band."""
    frequency = np.sqrt(sum(np.square(axis) for axis in np.ix_(*map(np.fft.fftfreq, shape))))
    return [(low < frequency) & (frequency <= high) for low, high in [(0, 0.15), (0.15, 0.3), (0.3, 0.9)]]


def shares(pictures: np.ndarray) -> np.ndarray:
    """(3, c): how the power inside pictures is shared out among low, middle and high frequencies."""
    sums = np.stack([power(pictures)[:, band].sum(1) for band in bands(pictures.shape[2:])])
    return sums / sums.sum(0)


@pytest.mark.parametrize("shape", [(24, 30), (21, 16), (60,), (12, 9, 10)])
def test_a_sample_has_the_colours_and_the_spectrum_of_what_the_prior_was_fitted_to(shape):
    # wide fields, of which the pictures are pieces: their borders do not match
    mix = np.array([[0.1, 0.02], [-0.05, 0.1]])
    fields = periodic(400, tuple(2 * cells for cells in shape), mix, [1.5, 0.5])
    pictures = fields[(..., *(slice(cells) for cells in shape))]
    prior = Prior.fit(pictures, WIDE)
    found = samples(Fourier((2, *shape), WIDE, prior=prior), 1000)
    scale = np.trace(covariance(pictures))
    np.testing.assert_allclose(covariance(found), covariance(pictures), atol=0.05 * scale)
    np.testing.assert_allclose(found.mean((0, *range(2, found.ndim))), [0.5, 0.5], atol=0.05)
    np.testing.assert_allclose(shares(found), shares(pictures), rtol=0.15, atol=0.02)


def test_a_sample_has_the_colours_and_the_spectrum_of_photographs():
    pictures = photographs(20, 27)
    found = samples(Fourier((3, 20, 27), WIDE, prior=Prior.fit(pictures, WIDE)), 2000)
    np.testing.assert_allclose(covariance(found), covariance(pictures), rtol=0.08)
    np.testing.assert_allclose(shares(found), shares(pictures), rtol=0.15, atol=0.02)


def test_maco_keeps_the_magnitude_exactly():
    pictures = photographs(21, 26)
    prior = Prior.fit(pictures, WIDE)
    for h, w in [(21, 26), (30, 17), (1, 6), (8, 1), (64, 64)]:
        image = Maco((3, h, w), prior, WIDE)
        shares = WIDE.shares(torch.from_numpy(samples(image, 5))).numpy()
        y = np.einsum("kc,nchw->nkhw", np.linalg.inv(prior.colour), shares - prior.mean[:, None, None])
        magnitude = np.abs(np.fft.rfft2(y, norm="ortho"))
        wanted = prior.amplitude((h, w))
        wanted[:, 0, 0] = 0
        np.testing.assert_allclose(magnitude, np.broadcast_to(wanted, magnitude.shape), atol=1e-9)
        if h * w > 20:
            assert np.abs(y[0] - y[1]).max() > 0.1, "the phases differ"


def test_maco_starts_with_phases_all_round():
    image = Maco((3, 99, 99), Prior.natural())
    numbers = torch.from_numpy(RNG(0).standard_normal((4, *image.noise_shape)))
    turns = image.initial(numbers).numpy() / (2 * np.pi) + 0.5
    np.testing.assert_allclose(np.histogram(turns, 10, (0, 1))[0] / turns.size, 0.1, atol=0.005)


def test_the_variance_stays_on_canvases_of_any_size():
    for prior, shapes in [
        (Prior.fit(photographs(20, 27), WIDE), [(20, 27), (40, 54), (7, 9), (33, 5), (1, 1), (1, 64)]),
        (Prior.natural(), [(224, 224), (64, 64), (31, 50), (299, 320), (1, 1)]),
    ]:
        for shape in shapes:
            amplitude = prior.amplitude(shape)
            both = np.full(amplitude.shape[-1], 2)
            both[spectra.at_edges(shape)] = 1
            np.testing.assert_allclose((amplitude**2 * both).sum((1, 2)) / np.prod(shape), 1)


def test_a_smaller_canvas_has_the_power_of_the_same_frequencies():
    white = periodic(300, (24, 30), np.eye(1), [0.0])
    np.testing.assert_allclose(Prior.fit(white).amplitude((12, 10)), 1, atol=0.15)
    np.testing.assert_allclose(Prior.fit(white).amplitude((50, 40)), 1, atol=0.15)
    red = Prior.fit(periodic(300, (64, 48), np.eye(1), [1.5]))
    small, large = red.amplitude((32, 24))[0], red.amplitude((64, 48))[0]
    np.testing.assert_allclose(small[2:12, 2:12], large[4:24:2, 4:24:2], rtol=0.15)


def test_borders_that_do_not_meet_add_nothing_to_high_frequencies():
    slope = np.linspace(0, 1, 60) - 0.5
    plain, faded = (np.square(np.abs(waves)) for waves in (np.fft.fft(slope), spectra.windowed(slope[None])[0]))
    assert plain[10:30].sum() / plain.sum() > 0.01
    assert faded[10:30].sum() / faded.sum() < 1e-5


def test_grey_pictures_in_colour_have_one_colour():
    grey = np.repeat(photographs(16, 18)[:, :1], 3, axis=1)
    prior = Prior.fit(grey, WIDE)
    np.testing.assert_allclose(prior.colour[:, 1:], 0, atol=1e-12)
    for image in (Fourier((3, 16, 18), WIDE, prior=prior), Maco((3, 16, 18), prior, WIDE)):
        found = samples(image, 20)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found[:, 1:], found[:, :2], atol=1e-9)
        assert found.std() > 0.05


def test_colours_are_the_principal_ones_of_any_number_of_channels():
    mix = np.diag([0.02, 0.2, 0.1, 0.05, 0.01])
    prior = Prior.fit(periodic(200, (9, 8), mix, [1.0] * 5))
    assert prior.colour.shape == (5, 5)
    assert np.abs(prior.colour).argmax(0).tolist() == [1, 2, 3, 0, 4]
    assert np.all(prior.colour.max(0) > 0)
    pictures = photographs(16, 16)
    fitted = Prior.fit(pictures)
    np.testing.assert_allclose(fitted.colour @ fitted.colour.T, covariance(pictures))
    np.testing.assert_allclose(fitted.mean, pictures.mean((0, 2, 3)))


def test_arrays_tensors_and_generators_and_any_black_and_white_give_one_prior():
    pictures = photographs(10, 12)[:50]
    first = Prior.fit(pictures)
    inputs = torch.from_numpy(pictures * np.array([2.0, 3.0, 4.0])[:, None, None] - 1)
    for other in (Prior.fit(p for p in pictures), Prior.fit(inputs, Box(-1.0, (1.0, 2.0, 3.0)))):
        for name in ("mean", "colour", "power"):
            np.testing.assert_allclose(getattr(other, name), getattr(first, name), rtol=1e-6, atol=1e-9)
    assert repr(first) == "Prior(50 pictures of 3x10x12)"
    assert repr(Prior.fit(pictures, name="mine")) == "Prior(mine)"


def test_natural_pictures_in_each_order():
    rgb, bgr, grey = (Prior.natural(order) for order in ("RGB", "BGR", "grey"))
    assert (repr(rgb), repr(grey)) == ("Prior(natural, RGB)", "Prior(natural, grey)")
    np.testing.assert_allclose(bgr.colour, rgb.colour[::-1])
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey.colour[0, 0] ** 2, luma @ rgb.colour @ rgb.colour.T @ luma)
    for prior in (rgb, bgr, grey):
        found = samples(Fourier((len(prior.mean), 20, 20), WIDE, prior=prior), 3)
        assert np.isfinite(found).all()
    # other photographs than those it was fitted to: colours go together, and large forms win
    wanted, found = np.corrcoef(covariance(photographs(20, 20))), rgb.colour @ rgb.colour.T
    assert found[0, 1] > found[0, 2] > 0
    assert wanted.shape == found.shape
    amplitude = rgb.amplitude((20, 20))[0]
    assert amplitude[0, 1] > 5 * amplitude[0, 8]


def test_an_alpha_channel_owes_the_colours_nothing():
    prior = Prior.fit(photographs(16, 18), WIDE)
    box = WIDE.with_alpha(3)
    found = samples(Fourier((4, 16, 18), box, prior=prior.with_alpha()), 1000)
    assert np.abs(np.corrcoef(np.moveaxis(found, 1, 0).reshape(4, -1))[3, :3]).max() < 0.1
    assert found[:, 3].mean() == pytest.approx(0.5, abs=0.03)
    assert found[:, 3].std() == pytest.approx(0.25, abs=0.05)
    assert repr(Prior.natural().with_alpha()) == "Prior(natural, RGB, with alpha)"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Prior.fit([]), "prior: no pictures; give some"),
        (lambda: Prior.fit([np.ones((3, 4, 5)), np.ones((3, 4, 6))]), r"shape \(3, 4, 6\) after 1 of \(3, 4, 5\)"),
        (lambda: Prior.fit(np.ones(5)), r"a picture of shape \(\) after 0"),
        (lambda: Prior.fit(np.ones((2, 3, 4, 5))), "the 2 pictures have a variance of 0"),
        (lambda: Prior.fit(np.full((2, 3, 4, 5), np.nan)), "the 2 pictures have a variance of nan"),
        (
            lambda: Fourier((1, 8, 8), prior=Prior.natural()),
            r"Prior\(natural, RGB\) is for 3 channels with 2 axes; size=",
        ),
        (lambda: Maco((3, 8), Prior.natural()), r"size=\(3, 8\) has 3 with 1: fit a prior to such pictures"),
    ],
)
def test_priors_that_cannot_be_are_said(make, text):
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)
