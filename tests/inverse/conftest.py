"""Photographs that a package brings along, and how others filter and store them."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from scipy.signal import correlate2d, windows
from skimage import data


def photo(name: str) -> np.ndarray:
    """(h, w) of uint8: camera 512 x 512, coins 303 x 384, chelsea 300 x 451."""
    picture = getattr(data, name)()
    return picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))


def filtered(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Cross-correlation in float64, as large as the picture, mirrored beyond the edge."""
    return correlate2d(picture.astype(float), kernel, "same", "symm")


def rounded(values: np.ndarray) -> np.ndarray:
    """As eight-bit files hold it."""
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def gaussian(size: int, sigma: float) -> np.ndarray:
    """(size, size), sums to one."""
    side = windows.gaussian(size, sigma)
    return np.outer(side, side) / side.sum() ** 2


def as_jpeg(picture: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture after a visit to a JPEG file, and the quanta of that file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    file.seek(0)
    with JpegImageFile(file) as image:
        return np.asarray(image), np.array(image.quantization[0])


@pytest.fixture(scope="session")
def pictures() -> SimpleNamespace:
    return SimpleNamespace(photo=photo, filtered=filtered, rounded=rounded, gaussian=gaussian, as_jpeg=as_jpeg)
