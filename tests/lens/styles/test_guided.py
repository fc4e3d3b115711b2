"""The guided filter, against loops over its windows."""

import numpy as np
import pytest
import skimage.data
import torch

from convscope.errors import InputError
from convscope.lens.styles import guided
from convscope.lens.styles.guided import guided_filter, solve

PHOTO = torch.from_numpy(skimage.data.coffee()[50:63, 100:111] / 255).movedim(-1, 0)  # (3, 13, 11)


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def by_loops(guide: np.ndarray, picture: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """A ridge regression in every window, then the mean over the windows that hold a pixel."""
    (channels, height, width), held = guide.shape, np.zeros(guide.shape[1:])
    total = np.zeros(picture.shape)
    for r in range(height):
        for s in range(width):
            window = np.s_[:, max(r - radius, 0) : r + radius + 1, max(s - radius, 0) : s + radius + 1]
            colours, wanted = (p[window].reshape(len(p), -1).T for p in (guide, picture))
            around = colours - colours.mean(0)
            system = around.T @ around / len(around) + epsilon * np.eye(channels)
            slope = np.linalg.solve(system, around.T @ (wanted - wanted.mean(0)) / len(around))
            total[window] += (around @ slope + wanted.mean(0)).T.reshape(total[window].shape)
            held[window[1:]] += 1
    return total / held


@pytest.mark.parametrize(("radius", "epsilon"), [(1, 1e-2), (3, 1e-4), (40, 1e-3)])
def test_it_is_what_the_loops_say(radius, epsilon):
    for guide, picture in ((PHOTO, noise(2, 13, 11)), (PHOTO[:1], noise(3, 13, 11)), (noise(2, 1, 9), noise(1, 1, 9))):
        ours = guided_filter(guide, picture, radius, epsilon)
        np.testing.assert_allclose(ours, by_loops(guide.numpy(), picture.numpy(), radius, epsilon), atol=1e-9)


def test_constants_and_recolourings_pass():
    constant = torch.full((2, 13, 11), 0.7)
    torch.testing.assert_close(guided_filter(PHOTO.float(), constant, 2, 0.1), constant)
    torch.testing.assert_close(guided_filter(PHOTO, PHOTO, 2, 1e-9), PHOTO, atol=1e-4, rtol=0)
    recoloured = torch.einsum("dc,chw->dhw", noise(4, 3), PHOTO) + 2
    torch.testing.assert_close(guided_filter(PHOTO, recoloured, 2, 1e-9), recoloured, atol=1e-3, rtol=0)


def test_the_edge_stays_and_the_noise_goes():
    edge = torch.zeros(1, 24, 30)
    edge[..., 15:] = 1
    noisy = 0.5 + 0.4 * edge + 0.1 * noise(1, 24, 30, dtype=torch.float32)
    smooth = guided_filter(edge, noisy, 4, 1e-4)
    left, right = smooth[0, 4:-4, 4:15], smooth[0, 4:-4, 15:-4]
    assert float((right[:, 0] - left[:, -1]).mean()) == pytest.approx(0.4, abs=0.05)  # beside the edge itself
    for side, level in ((left, 0.5), (right, 0.9)):
        assert float((side - level).square().mean().sqrt()) < 0.03
    assert smooth.dtype == torch.float32


def test_strips_change_nothing(monkeypatch):
    picture = noise(2, 13, 11)
    whole = guided_filter(PHOTO, picture, 2, 1e-3)
    for strip in (1, 25):
        monkeypatch.setattr(guided, "STRIP", strip)
        torch.testing.assert_close(guided_filter(PHOTO, picture, 2, 1e-3), whole)


def test_large_levels_lose_nothing_in_single_precision():
    guide, picture = 1000 + PHOTO, 5000 + noise(1, 13, 11)
    ours = guided_filter(guide.float(), picture.float(), 2, 1e-2)
    loops = by_loops(guide.float().double().numpy(), picture.float().double().numpy(), 2, 1e-2)
    np.testing.assert_allclose(ours, loops, atol=1e-3)  # a step of float32 at 5000 is 5e-4


def test_solving_everywhere():
    factor = noise(4, 4, 3, 5)
    matrices = torch.einsum("ikhw,jkhw->ijhw", factor, factor) + 0.1 * torch.eye(4)[..., None, None]
    vectors = noise(6, 4, 3, 5)
    torch.testing.assert_close(torch.einsum("ijhw,kjhw->kihw", matrices, solve(matrices, vectors)), vectors)


def test_what_cannot_be():
    with pytest.raises(InputError, match=r"radius=0, epsilon=0.1; use 1 or more"):
        guided_filter(PHOTO, PHOTO, 0, 0.1)
    with pytest.raises(InputError, match=r"epsilon=0; use 1 or more, and more than 0"):
        guided_filter(PHOTO, PHOTO, 1, 0)
    with pytest.raises(InputError, match="a guide of 13 x 11 for a picture of 4 x 4; give both one size"):
        guided_filter(PHOTO, noise(3, 4, 4), 1, 0.1)
