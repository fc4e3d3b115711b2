"""Natural pictures to judge drawings by: small pieces of scikit-image's photographs."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

SIDE = 64


@pytest.fixture(scope="session")
def pieces() -> np.ndarray:
    """120 colour pieces (n, 64, 64, 3), each photograph at two scales."""
    dice = np.random.default_rng(0)
    found = []
    for name in ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina"):
        photo = Image.fromarray(getattr(data, name)()).convert("RGB")
        for side, count in ((96, 4), (200, 16)):
            scale = side / min(photo.size)
            small = np.asarray(photo.resize([max(round(cells * scale), SIDE) for cells in photo.size]))
            for _ in range(count):
                i, j = (int(dice.integers(0, cells - SIDE + 1)) for cells in small.shape[:2])
                found.append(small[i : i + SIDE, j : j + SIDE])
    return np.stack(found)


@pytest.fixture(scope="session")
def grey(pieces: np.ndarray) -> Tensor:
    """The same as shares of white, (n, 1, 64, 64)."""
    return torch.from_numpy(pieces.mean(3, dtype=np.float32) / 255)[:, None]
