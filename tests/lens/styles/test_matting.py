"""The matting Laplacian, against the matrix built by loops and the least squares that it stands for."""

import numpy as np
import pytest
import scipy.sparse
import skimage.data
import torch

from convscope.errors import InputError
from convscope.lens.images import Box
from convscope.lens.objectives import Scene
from convscope.lens.styles import matting
from convscope.lens.styles.matting import Affinity, photorealism

PHOTO = torch.from_numpy(skimage.data.astronaut()[100:107, 200:206] / 255).movedim(-1, 0)  # (3, 7, 6)
TERMS = 9 * 5 * 4  # cells of all windows
# its windows are nearly of one hue and nearly flat: dividing by determinants loses every digit here
DARK = torch.tensor(
    [
        [[92, 91, 78, 53, 8], [102, 104, 125, 34, 0], [124, 160, 77, 0, 0], [169, 105, 0, 0, 0], [120, 7, 0, 0, 0]],
        [[85, 90, 75, 49, 6], [99, 104, 123, 34, 0], [122, 158, 76, 0, 0], [164, 105, 0, 0, 0], [118, 8, 0, 0, 0]],
        [[82, 81, 68, 43, 4], [90, 96, 118, 31, 0], [109, 152, 77, 0, 0], [161, 104, 0, 0, 0], [112, 5, 0, 0, 0]],
    ]
).double() / 255


def windows(height: int, width: int) -> list[list[int]]:
    """The numbers of the pixels of each 3 x 3 window."""
    pixels = np.arange(height * width).reshape(height, width)
    return [pixels[r : r + 3, s : s + 3].ravel().tolist() for r in range(height - 2) for s in range(width - 2)]


def by_loops(picture: torch.Tensor, epsilon: float) -> np.ndarray:
    """Levin's equation 12, entry by entry."""
    colours = picture.flatten(1).T.numpy()
    laplacian = scipy.sparse.lil_array((len(colours), len(colours)))
    for window in windows(*picture.shape[1:]):
        around = colours[window] - colours[window].mean(0)
        covariance = around.T @ around / 9 + epsilon / 9 * np.eye(len(picture))
        for a, i in enumerate(window):
            for b, j in enumerate(window):
                laplacian[i, j] += (i == j) - (1 + around[a] @ np.linalg.solve(covariance, around[b])) / 9
    return laplacian.toarray()


def as_matrix(affinity: Affinity) -> np.ndarray:
    height, width = affinity.planes.shape[1:]
    units = torch.eye(height * width).to(affinity.planes).view(-1, 1, height, width)
    return affinity.apply(units).flatten(1).numpy()


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
@pytest.mark.parametrize("picture", [PHOTO, PHOTO[:1], DARK, noise(2, 3, 5), noise(3, 5, 3)])
def test_the_matrix_is_levins(picture, epsilon):
    ours = as_matrix(Affinity.of(picture, epsilon))
    np.testing.assert_allclose(ours, by_loops(picture, epsilon), atol=1e-7)
    np.testing.assert_allclose(ours, ours.T, atol=1e-12)
    np.testing.assert_allclose(ours.sum(1), 0, atol=1e-12)
    values = np.linalg.eigvalsh(ours)
    assert values[0] > -1e-9
    assert values[-1] > 0.5


def test_the_energy_is_what_an_affine_fit_of_each_window_leaves():
    x, epsilon = noise(2, 3, 7, 6), 1e-3
    left = np.zeros(2)
    for n, picture in enumerate(x.flatten(2)):
        for window in windows(7, 6):
            ridge = np.sqrt(epsilon) * np.eye(3, 4)  # |a|^2 as three more equations; b is free
            system = np.concatenate([np.c_[PHOTO.flatten(1).T[window], np.ones(9)], ridge])
            wanted = np.concatenate([picture.T[window], np.zeros((3, 3))])
            left[n] += np.square(system @ np.linalg.lstsq(system, wanted)[0] - wanted).sum()
    energy = Affinity.of(PHOTO, epsilon).energy(x)
    np.testing.assert_allclose(energy, left / (TERMS * 3), rtol=1e-9)


def test_recolouring_costs_nothing_and_drawing_costs():
    affinity = Affinity.of(PHOTO.float())
    mix = torch.tensor([[0.2, 0.5, -0.1], [0.7, 0.1, 0.1], [-0.3, 0.4, 0.6]])
    recoloured = torch.einsum("dc,chw->dhw", mix, PHOTO.float()) + torch.tensor([0.1, 0.2, 0.3])[:, None, None]
    drawn = recoloured + 0.05 * noise(3, 7, 6, dtype=torch.float32)
    pictures = torch.stack([PHOTO.float(), recoloured, torch.full((3, 7, 6), 0.7), drawn])
    energy = affinity.energy(pictures)
    assert float(energy[:3].abs().max()) < 1e-5
    assert float(energy[3]) > 100 * float(energy[:3].abs().max())


def test_the_gradient_is_twice_the_product():
    affinity, x = Affinity.of(PHOTO), noise(2, 3, 7, 6).requires_grad_()
    weights = torch.tensor([1.0, 3.0])
    (affinity.energy(x) * weights).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, 2 * weights[:, None, None, None] * affinity.apply(x.detach()) / (TERMS * 3))
    small = noise(1, 2, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(Affinity.of(noise(3, 4, 5)).energy, (small,))


def test_strips_change_nothing(monkeypatch):
    x = noise(2, 3, 7, 6)
    whole = Affinity.of(PHOTO)
    product, energy = whole.apply(x), whole.energy(x)
    for strip in (1, 13, 24):
        monkeypatch.setattr(matting, "STRIP", strip)
        parts = Affinity.of(PHOTO)
        torch.testing.assert_close(parts.planes, whole.planes)
        torch.testing.assert_close(parts.apply(x), product)
        torch.testing.assert_close(parts.energy(x), energy)


def test_flat_and_grey_pictures():
    flat = as_matrix(Affinity.of(torch.full((3, 7, 6), 0.3)))
    inside = np.zeros((42, 42))
    for window in windows(7, 6):
        inside[np.ix_(window, window)] += np.eye(9) - 1 / 9  # nothing to follow: x keeps to its mean
    np.testing.assert_allclose(flat, inside, atol=1e-5)
    grey = noise(1, 5, 4)
    three = Affinity.of(grey.expand(3, -1, -1), 3e-7)  # the steepness is shared by three equal channels
    torch.testing.assert_close(three.planes, Affinity.of(grey, 1e-7).planes, atol=1e-8, rtol=0)


def test_single_precision_is_enough():
    photo = torch.from_numpy(skimage.data.chelsea()[60:125, 100:180] / 255).movedim(-1, 0)
    x = photo.roll(1, 2)[None] * 0.5 + 0.2
    fine, coarse = Affinity.of(photo), Affinity.of(photo.float())
    torch.testing.assert_close(coarse.energy(x.float()).double(), fine.energy(x), rtol=1e-3, atol=0)
    torch.testing.assert_close(coarse.apply(x.float()).double(), fine.apply(x), rtol=0, atol=1e-5)
    assert coarse.planes.dtype == coarse.apply(x.float()).dtype == torch.float32


def test_the_objective():
    box = Box(low=(-2.0, -1.0, 0.0), high=(2.0, 3.0, 255.0), by="clip")
    content, other = box.enter(PHOTO[None].float()), box.enter(noise(1, 3, 7, 6, dtype=torch.float32))
    objective = photorealism(content, box)
    scene = Scene(torch.cat([other, content]), {}, torch.arange(2))
    expected = -Affinity.of(PHOTO.float()).energy(box.shares(other))
    torch.testing.assert_close(objective(scene)[:1], expected, rtol=1e-3, atol=0)
    assert float(objective(scene)[1]) > -1e-5
    assert str(objective).startswith("photorealism(1x3x7x6:")
    assert str(objective) != str(photorealism(other, box))


def test_what_cannot_be():
    with pytest.raises(InputError, match=r"2 x 9 pixels; give 3 x 3 or more"):
        Affinity.of(torch.zeros(3, 2, 9))
    with pytest.raises(InputError, match=r"epsilon=0; use a number above 0"):
        Affinity.of(PHOTO, 0)
    with pytest.raises(InputError, match="NaN or infinity"):
        Affinity.of(PHOTO / 0)
    with pytest.raises(InputError, match="8 x 6 pixels beside a photograph of 7 x 6"):
        Affinity.of(PHOTO).energy(torch.zeros(1, 3, 8, 6))
