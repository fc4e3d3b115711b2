import numpy as np
import pytest
import torch

from convscope.errors import InputError
from convscope.lens.transforms import Affine, Pad, apply, jitter, rotate, scale

X = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 7, 9)).astype(np.float32))


def uniform(n: int = 4, draws: int = 4, seed: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((n, draws)).astype(np.float32))


def test_affine_at_rest_changes_nothing():
    torch.testing.assert_close(Affine()(X, uniform()), X, atol=1e-5, rtol=0)


def test_jitter_shifts_by_whole_pixels_and_fills():
    u = torch.tensor(
        [[0.0, 0.99, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [0.99, 0.0, 0.5, 0.5], [0.2, 0.5, 0.5, 0.5]]
    )
    moved = jitter(2, fill=7.0)(X, u)
    for i, (down, along) in enumerate([(-2, 2), (0, 0), (2, -2), (-1, 0)]):
        expected = torch.full_like(X[i], 7.0)
        for row in range(7):
            for column in range(9):
                if 0 <= row - down < 7 and 0 <= column - along < 9:
                    expected[:, row, column] = X[i, :, row - down, column - along]
        torch.testing.assert_close(moved[i], expected, atol=2e-5, rtol=0)


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


def test_padding_then_moving_deals_the_numbers_out_in_order():
    moves = [jitter(1), Pad(2, fill=-1.0), rotate(30.0)]
    u = uniform(draws=8)
    expected = moves[2](moves[1](moves[0](X, u[:, :4]), u[:, :0]), u[:, 4:])
    torch.testing.assert_close(apply(moves, X, u), expected)
    assert expected.shape == (4, 2, 11, 13)
    assert torch.equal(apply([], X, u[:, :0]), X)


def test_each_picture_moves_on_its_own():
    affine, u = Affine(3, (0.8, 1.2), 20.0, (0.5, -0.5)), uniform()
    together = affine(X, u)
    for i in range(4):
        torch.testing.assert_close(affine(X[i : i + 1], u[i : i + 1])[0], together[i])


def test_moves_out_of_range_are_said():
    with pytest.raises(InputError, match=r"jitter=-1, .*: how far either way"):
        jitter(-1)
    with pytest.raises(InputError, match=r"scale=\(1.2, 0.8\): a range"):
        scale(1.2, 0.8)
    with pytest.raises(InputError, match="pad: size=-2"):
        Pad(-2)
