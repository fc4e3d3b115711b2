import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.lens.images import Box, Fourier, Pixels

INK = (-0.4242, 2.8215)


def noise(image, n: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(seed).standard_normal((n, *image.noise_shape)).astype(np.float32)
    )


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


@pytest.mark.parametrize("kind", [Pixels, Fourier])
@pytest.mark.parametrize("by", ["sigmoid", "clip"])
def test_it_starts_around_the_given_shade(kind, by):
    image = kind((1, 16, 15), Box(-1.0, 3.0, by=by), start=0.25, spread=0.01)
    pictures = image(image.initial(noise(image)))
    assert float(pictures.mean()) == pytest.approx(0.0, abs=0.02)
    assert 0.002 < float(pictures.std()) < 0.1


def test_bounds_for_each_channel():
    box = Box((0.0, -1.0), (1.0, 5.0))
    pictures = Pixels((2, 3, 3), box)(torch.full((1, 2, 3, 3), 100.0))
    torch.testing.assert_close(pictures[0, :, 0, 0], torch.tensor([1.0, 5.0]))
    with pytest.raises(InputError, match="box: 2 bounds for 3 channels; give one, or one for each"):
        Pixels((3, 3, 3), box)(torch.zeros(1, 3, 3, 3))


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
