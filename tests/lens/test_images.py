import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.lens.images import Box, Fourier, Maco, Pixels, Prior

INK = (-0.4242, 2.8215)
NATURAL = Prior.natural()


def noise(image, n: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, *image.noise_shape)).astype(np.float32))


@pytest.mark.parametrize("kind", [Pixels, Fourier])
@pytest.mark.parametrize("by", ["sigmoid", "clip"])
@settings(max_examples=25)
@given(c=st.integers(1, 5), h=st.integers(1, 9), w=st.integers(1, 9), wild=st.floats(0, 50))
def test_pictures_lie_in_the_box_whatever_the_numbers(kind, by, c, h, w, wild):
    image = kind((c, h, w), Box(*INK, by=by))
    pictures = image(wild * noise(image))
    assert pictures.shape == (3, c, h, w)
    assert pictures.dtype == torch.float32
    assert INK[0] - 1e-6 <= float(pictures.min()) <= float(pictures.max()) <= INK[1] + 1e-6


@pytest.mark.parametrize("by", ["sigmoid", "clip"])
@settings(max_examples=25)
@given(h=st.integers(1, 9), w=st.integers(1, 9), wild=st.floats(0, 50))
def test_pictures_with_a_prior_lie_in_the_box_too(by, h, w, wild):
    box = Box(*INK, by=by)
    for image in (Fourier((3, h, w), box, prior=NATURAL), Maco((3, h, w), NATURAL, box)):
        pictures = image(wild * image.initial(noise(image)))
        assert pictures.shape == (3, 3, h, w)
        assert INK[0] - 1e-6 <= float(pictures.min()) <= float(pictures.max()) <= INK[1] + 1e-6


@pytest.mark.parametrize("shape", [(11,), (12,), (4, 5, 6), (3, 4, 7)])
def test_signals_and_volumes(shape):
    box, steps = Box((0.0, -1.0), (1.0, 2.0), "clip"), np.random.default_rng(0).normal(size=(50, 2, *shape))
    prior = Prior.fit(steps.cumsum(2), Box(-20.0, 20.0))
    for image in (
        Pixels((2, *shape), box),
        Fourier((2, *shape), box),
        Fourier((2, *shape), box, prior=prior),
        Maco((2, *shape), prior, box),
    ):
        pictures = image(image.initial(noise(image)))
        assert pictures.shape == (3, 2, *shape)
        assert bool(pictures.isfinite().all())
        assert float(pictures.std()) > 1e-3


@pytest.mark.parametrize("kind", [Pixels, Fourier])
@pytest.mark.parametrize("by", ["sigmoid", "clip"])
def test_it_starts_around_the_given_shade(kind, by):
    image = kind((1, 16, 15), Box(-1.0, 3.0, by=by), start=0.25, spread=0.01)
    pictures = image(image.initial(noise(image)))
    assert float(pictures.mean()) == pytest.approx(0.0, abs=0.02)
    assert 0.002 < float(pictures.std()) < 0.1


@pytest.mark.parametrize("image", [Fourier((3, 7, 6), prior=NATURAL), Maco((3, 7, 6), NATURAL), Fourier((3, 7, 6))])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_keep_their_type(image, dtype):
    z = image.initial(noise(image))
    pictures = image(z.to(dtype))
    assert pictures.dtype == dtype
    torch.testing.assert_close(pictures.float(), image(z), atol=0.02, rtol=0)


def test_bounds_for_each_channel():
    box = Box((0.0, -1.0), (1.0, 5.0))
    pictures = Pixels((2, 3, 3), box)(torch.full((1, 2, 3, 3), 100.0))
    torch.testing.assert_close(pictures[0, :, 0, 0], torch.tensor([1.0, 5.0]))
    torch.testing.assert_close(box.shares(pictures), torch.ones(1, 2, 3, 3))
    with pytest.raises(InputError, match="box: 2 bounds for 3 channels; give one, or one for each"):
        Pixels((3, 3, 3), box)(torch.zeros(1, 3, 3, 3))


def test_an_alpha_channel_is_one_more_between_0_and_1():
    assert Box(-1.0, (3.0, 4.0), "clip").with_alpha(2) == Box((-1.0, -1.0, 0.0), (3.0, 4.0, 1.0), "clip")
    image = Pixels((2, 3, 3), Box(-2.0, 5.0).with_alpha(1))
    assert image(torch.full((1, 2, 3, 3), 100.0))[0, :, 0, 0].tolist() == [5.0, 1.0]


def test_boxes_that_are_none():
    with pytest.raises(InputError, match=r"box: low=1.0, high=1.0: low must lie below high"):
        Box(1.0, 1.0)
    with pytest.raises(InputError, match=r"low must lie below high in every channel"):
        Box((0.0, 1.0), (1.0, 0.5))


def test_clip_lets_back_in_what_stepped_over_the_edge():
    z = torch.tensor([[[[1.5, 1.5, 0.5, -0.5, -0.5]]]], requires_grad=True)
    share = Box(0.0, 1.0, "clip").enter(z)
    assert share.flatten().tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
    share.backward(torch.tensor([[[[1.0, -1.0, 1.0, 1.0, -1.0]]]]))
    assert z.grad is not None
    assert z.grad.flatten().tolist() == [1.0, 0.0, 1.0, 0.0, -1.0]


def test_the_sigmoid_bends_only_what_goes_far():
    mean, small = torch.tensor([0.2, 0.9]), 0.01 * torch.randn(2, 2, 30, generator=torch.Generator().manual_seed(0))
    for by in ("sigmoid", "clip"):
        pictures = Box(-1.0, 3.0, by).enter_around(mean, small)
        torch.testing.assert_close((pictures + 1) / 4, mean[:, None] + small, atol=0.005, rtol=0)


def test_fourier_without_decay_is_white_and_decay_makes_it_smooth():
    def roughness(decay: float) -> tuple[float, float]:
        image = Fourier((1, 32, 31), Box(-9.0, 9.0, "clip"), decay=decay)
        z = image(0.01 * noise(image, n=50)) / (0.01 * 18)
        return float(z.std()), float((z[..., 1:] - z[..., :-1]).std() / z.std())

    spread, white = roughness(0.0)
    assert spread == pytest.approx(1.0, rel=0.1)
    assert white == pytest.approx(2**0.5, rel=0.05)
    assert roughness(1.0)[0] == pytest.approx(1.0, rel=0.15)
    assert roughness(1.0)[1] < 0.9  # low frequencies win


@pytest.mark.parametrize("size", [(3, 6, 7), (3, 5, 4), (3, 1, 8), (3, 9, 1), (3, 1, 1)])
@pytest.mark.parametrize("kind", ["fourier", "maco"])
def test_gradients_are_those_of_finite_differences(kind, size):
    image = Fourier(size, prior=NATURAL) if kind == "fourier" else Maco(size, NATURAL, Box())
    z = 0.1 * noise(image, 2).double()
    assert torch.autograd.gradcheck(image, [z.requires_grad_()])
