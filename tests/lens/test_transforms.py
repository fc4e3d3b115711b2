import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.transforms import (
    Affine,
    Blur,
    Crop,
    Jitter,
    Noise,
    Over,
    Pad,
    Transform,
    apply,
    jitter,
    rotate,
    scale,
)

X = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 7, 9)).astype(np.float32))
SIGNAL, VOLUME = X[:, :, 3], X.reshape(4, 1, 2, 7, 9)


def uniform(n: int = 4, draws: int = 4, seed: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, draws)).astype(np.float32))


def middle(transform: Transform, pictures: torch.Tensor) -> torch.Tensor:
    return transform(pictures, torch.full((len(pictures), transform.draws), 0.5))


def test_affine_at_rest_changes_nothing():
    torch.testing.assert_close(Affine()(X, uniform()), X, atol=1e-5, rtol=0)


@pytest.mark.parametrize("transform", [Affine(2, (0.5, 1.5), 30.0), Jitter(3), Jitter(3, by="roll"), Blur(0.0, 0.0)])
def test_the_middle_of_every_range_moves_nothing(transform):
    torch.testing.assert_close(middle(transform, X), X, atol=1e-5, rtol=0)


def shifted(x: torch.Tensor, down: int, along: int, fill: float) -> torch.Tensor:
    moved = torch.full_like(x, fill)
    for row in range(7):
        for column in range(9):
            if 0 <= row - down < 7 and 0 <= column - along < 9:
                moved[:, row, column] = x[:, row - down, column - along]
    return moved


def test_affine_shifts_by_whole_pixels_and_fills():
    u = torch.tensor([[0.0, 0.99, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [0.99, 0.0, 0.5, 0.5], [0.2, 0.5, 0.5, 0.5]])
    moved = Affine(2, fill=7.0)(X, u)
    for i, (down, along) in enumerate([(-2, 2), (0, 0), (2, -2), (-1, 0)]):
        torch.testing.assert_close(moved[i], shifted(X[i], down, along, 7.0), atol=2e-5, rtol=0)


def test_jitter_shifts_by_whole_pixels_and_fills_or_rolls():
    u = torch.tensor([[0.99, 0.0, 0.5], [0.5, 0.5, 0.5], [0.0, 0.99, 0.5], [0.7, 0.5, 0.5]])
    filled, rolled = jitter(2, fill=7.0)(X, u), Jitter(2, by="roll")(X, u)
    for i, (down, along) in enumerate([(-2, 2), (0, 0), (2, -2), (-1, 0)]):
        assert torch.equal(filled[i], shifted(X[i], down, along, 7.0))
        assert torch.equal(rolled[i], X[i].roll((down, along), (1, 2)))


def test_jitter_of_signals_and_volumes():
    u = torch.tensor([[0.0, 0.0, 0.99]] * 4)
    assert torch.equal(Jitter(3, by="roll")(SIGNAL, u), SIGNAL.roll(3, 2))
    assert torch.equal(Jitter(2, by="roll")(VOLUME, u), VOLUME.roll((2, 2, -2), (2, 3, 4)))
    assert torch.equal(Jitter(2, fill=-1.0)(SIGNAL, u)[:, :, :2], torch.full((4, 2, 2), -1.0))


def test_every_shift_is_as_likely():
    line = torch.arange(5.0).expand(4000, 1, 5)
    first = Jitter(2, by="roll")(line, uniform(4000, 3))[:, 0, 0].long()
    counts = first.bincount(minlength=5)
    assert len(counts) == 5
    assert bool(((counts - 800).abs() < 4 * (800 * 0.8) ** 0.5).all())


def test_a_crop_takes_a_window_anywhere():
    crops = Crop((4, 9))(X, torch.tensor([[0.0, 0.3], [0.999999, 0.3], [0.5, 0.3], [0.26, 0.3]]))
    for i, top in enumerate([0, 3, 2, 1]):
        assert torch.equal(crops[i], X[i, :, top : top + 4])
    assert torch.equal(Crop((3,))(SIGNAL, torch.ones(4, 1) - 1e-8), SIGNAL[:, :, 6:])
    assert torch.equal(middle(Crop((3, 5)), X), X[:, :, 2:5, 2:7])
    assert torch.equal(middle(Crop((1, 7, 4)), VOLUME), VOLUME[:, :, 1:2, :, 3:7])


def test_margins():
    assert torch.equal(Pad(2, 1.5)(SIGNAL, uniform()), nn.functional.pad(SIGNAL, (2, 2), value=1.5))
    by_channel = Pad(1, (1.0, -1.0))(X, uniform())
    assert by_channel[:, 0, 0].unique().tolist() == [1.0]
    assert by_channel[:, 1, :, -1].unique().tolist() == [-1.0]
    torch.testing.assert_close(by_channel[:, :, 1:-1, 1:-1], X)
    reflected = Pad(3, by="reflect")(X, uniform())
    assert torch.equal(reflected[:, :, 0, 3:-3], X[:, :, 3])
    assert torch.equal(reflected[:, :, 3:-3, -1], X[..., 5])
    around = Pad(1, by="circular")(VOLUME, uniform())
    assert torch.equal(around[:, :, 0, 1:-1, 1:-1], VOLUME[:, :, 1])


def test_a_quarter_turn_and_a_doubling():
    square = X[:1, :, :, :7].contiguous()
    turned = rotate(90.0)(square, torch.tensor([[0.5, 0.5, 1.0, 0.5]]))
    torch.testing.assert_close(turned, torch.rot90(square, 1, (2, 3)), atol=2e-5, rtol=0)
    bar = torch.zeros(1, 1, 8, 8)
    bar[..., 3:5, 3:5] = 1.0
    grown = scale(2.0, 2.0)(bar, uniform(1))
    assert float(grown.sum()) == pytest.approx(4 * float(bar.sum()), rel=0.3)


def test_turning_keeps_its_form_on_pictures_that_are_not_square():
    wide = torch.zeros(1, 1, 9, 21)
    wide[..., 4, 7:14] = 1.0
    turned = rotate(90.0)(wide, torch.tensor([[0.5, 0.5, 1.0, 0.5]]))
    assert (turned[0, 0] > 1e-3).nonzero()[:, 1].unique().tolist() == [10]
    torch.testing.assert_close(turned[0, 0, 1:8, 10], torch.ones(7), atol=1e-4, rtol=0)


@pytest.mark.parametrize("out", [(3, 5), (4, 5), (3, 6), (4, 4), (7, 9), (1, 1)])
def test_a_window_at_rest_is_the_middle_of_the_picture(out):
    top, left = (7 - out[0]) // 2, (9 - out[1]) // 2
    expected = X[:, :, top : top + out[0], left : left + out[1]]
    torch.testing.assert_close(middle(Affine(2, (0.75, 1.25), 15.0, out=out), X), expected, atol=1e-5, rtol=0)


def test_a_window_shifts_by_whole_pixels_and_needs_no_fill():
    u = torch.tensor([[0.0, 0.99, 0.5, 0.5], [0.99, 0.0, 0.5, 0.5]] * 2)
    windows = Affine(2, fill=99.0, out=(3, 4))(X, u)
    torch.testing.assert_close(windows[0], X[0, :, 4:7, 0:4], atol=1e-4, rtol=0)
    torch.testing.assert_close(windows[1], X[1, :, 0:3, 4:8], atol=1e-4, rtol=0)


def test_a_window_is_what_all_of_it_shows_in_the_middle():
    u, moves = uniform(), (1, (0.8, 1.25), 15.0)
    torch.testing.assert_close(Affine(*moves, out=(3, 5))(X, u), Affine(*moves)(X, u)[:, :, 2:5, 2:7])


def test_padding_then_moving_deals_the_numbers_out_in_order():
    moves = [Affine(1), Pad(2, fill=-1.0), rotate(30.0), Jitter(1), Crop((4, 5))]
    u = uniform(draws=13)
    expected = Pad(2, fill=-1.0)(Affine(1)(X, u[:, :4]), u[:, :0])
    expected = Crop((4, 5))(Jitter(1)(rotate(30.0)(expected, u[:, 4:8]), u[:, 8:11]), u[:, 11:])
    torch.testing.assert_close(apply(moves, X, u), expected)
    assert expected.shape == (4, 2, 4, 5)
    assert torch.equal(apply([], X, u[:, :0]), X)


EVERY = [
    Affine(3, (0.8, 1.2), 20.0, (0.5, -0.5)),
    Affine(1, (0.8, 1.2), 20.0, out=(3, 4)),
    Jitter(2, (0.5, -0.5)),
    Jitter(3, by="roll"),
    Crop((4, 3)),
    Pad(2, by="reflect"),
    Noise(0.3),
    Blur(0.3, 1.2),
    Over(),
    Over((0.5,)),
]


@pytest.mark.parametrize("transform", EVERY, ids=repr)
def test_each_picture_moves_on_its_own(transform):
    u = uniform(draws=transform.draws)
    together = transform(X, u)
    for i in range(4):
        torch.testing.assert_close(transform(X[i : i + 1], u[i : i + 1])[0], together[i])
    assert isinstance(transform, Transform)
    assert transform(X.double(), u).dtype == torch.float64
    assert (
        transform.draws == 0
        or not torch.equal(transform(X[[0, 0]], u[:2])[0], transform(X[[0, 0]], u[:2])[1])
        or (transform == Over((0.5,)))
    )


@pytest.mark.parametrize("transform", EVERY, ids=repr)
def test_gradients_are_those_of_finite_differences(transform):
    u = uniform(2, transform.draws)
    start = X[:2, :, :5, :4].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: transform(x, u), [start])


@pytest.mark.parametrize("transform", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_moves_as_far(transform, dtype):
    u = uniform(draws=transform.draws).to(dtype)
    moved = transform(X.to(dtype), u)
    assert moved.dtype == dtype
    torch.testing.assert_close(moved.float(), transform(X, u.float()), atol=0.05, rtol=0.02)
    assert transform(X.to(dtype), torch.ones_like(u)).isfinite().all()


def test_noise_is_normal_and_white():
    noise = Noise(2.0)(torch.zeros(5, 3, 61, 50), uniform(5, 1)) / 2
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    assert float((noise**4).mean()) == pytest.approx(3, abs=0.15)
    assert bool(noise.isfinite().all())
    for shift in (1, 2):
        for axis in (0, 1, 2, 3):
            assert abs(float((noise * noise.roll(shift, axis)).mean())) < 0.02
    assert torch.equal(noise, Noise(2.0)(torch.zeros(5, 3, 61, 50), uniform(5, 1)) / 2)


def test_noise_of_neighbouring_numbers_has_nothing_in_common():
    u = (torch.arange(64) / 2**24)[:, None]
    together = torch.corrcoef(Noise(1.0)(torch.zeros(64, 1, 5000), u)[:, 0])
    assert float(together.fill_diagonal_(0).abs().max()) < 6 / 5000**0.5


def test_blur_is_a_gaussian():
    from scipy.ndimage import gaussian_filter

    sigma = 0.5 + 1.0 * uniform(draws=1)
    for pictures in (X, SIGNAL, VOLUME):
        blurred = Blur(0.5, 1.5)(pictures, uniform(draws=1))
        for i in range(4):
            width = [0] + [float(sigma[i])] * (pictures.ndim - 2)
            expected = gaussian_filter(pictures[i].numpy(), width, mode="nearest", truncate=8)
            np.testing.assert_allclose(blurred[i].numpy(), expected, atol=0.01)
    assert torch.equal(Blur(0.0, 0.0)(X, uniform(draws=1)), X)


def test_what_is_transparent_shows_the_background():
    pictures = torch.zeros(2, 3, 4, 5)
    pictures[:, :2], pictures[:, 2, :, 2:] = 0.25, 1.0
    pictures[:, 2, :, 1] = 0.5
    over = Over((0.75, -0.75))(pictures, uniform(2, 1))
    assert over.shape == (2, 2, 4, 5)
    assert over[0, 0, 0].tolist() == [0.75, 0.5, 0.25, 0.25, 0.25]
    assert over[0, 1, 0].tolist() == [-0.75, -0.25, 0.25, 0.25, 0.25]
    noisy = Over(low=-1.0, high=3.0)(pictures, uniform(2, 1))
    assert torch.equal(noisy[..., 2:], over[..., 2:])
    empty = Over(low=-1.0, high=3.0)(torch.zeros(2, 2, 300), uniform(2, 1))
    assert -1 < float(empty.min()) < -0.9 < 2.9 < float(empty.max()) < 3
    assert float((empty[0] - empty[1]).abs().mean()) > 0.5


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Affine(-1), r"jitter=-1, .*: how far either way"),
        (lambda: jitter(-1), r"jitter=-1: how far either way"),
        (lambda: scale(1.2, 0.8), r"scale=\(1.2, 0.8\): a range"),
        (lambda: Affine(out=(0, 3)), r"out=\(0, 3\): the window's rows and columns"),
        (lambda: Affine(1)(SIGNAL, uniform()), r"shape \(4, 2, 9\) have no rows and columns to turn; use Jitter"),
        (lambda: Pad(-2), "pad: size=-2"),
        (lambda: Pad(7, by="reflect")(X, uniform()), "pictures of 7 x 9 give 6 cells at most"),
        (lambda: Crop((0, 2)), r"crop: size=\(0, 2\); use 1 or more"),
        (lambda: Crop((8, 9))(X, uniform()), r"a window of \(8, 9\) in pictures of \(7, 9\); it must have room"),
        (lambda: Crop((5,))(X, uniform()), r"a window of \(5,\) in pictures of \(7, 9\)"),
        (lambda: Noise(-0.5), "noise: deviation=-0.5; use 0 or more"),
        (lambda: Blur(2.0, 1.0), "blur: from 2.0 to 1.0 pixels"),
    ],
)
def test_moves_out_of_range_are_said(make, text):
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)
