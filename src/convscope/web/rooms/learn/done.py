"""What may have been done to a picture, kernels and others, each also as a line of Python."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter


@dataclass(frozen=True)
class Deed:
    """`act` makes `after` from `before`, uint8 (h, w) or (h, w, 3); `python` is the same as an expression."""

    act: Callable[[np.ndarray], np.ndarray]
    python: str


def _through(filter: type[ImageFilter.Filter] | ImageFilter.Filter) -> Callable[[np.ndarray], np.ndarray]:
    return lambda before: np.asarray(Image.fromarray(before).filter(filter))


def _filtered(name: str) -> str:
    return f"np.asarray(Image.fromarray(before).filter(ImageFilter.{name}))"


DONE: dict[str, Deed] = {
    "sharpened": Deed(_through(ImageFilter.SHARPEN), _filtered("SHARPEN")),
    "blurred": Deed(_through(ImageFilter.GaussianBlur(1)), _filtered("GaussianBlur(1)")),
    "embossed": Deed(_through(ImageFilter.EMBOSS), _filtered("EMBOSS")),
    "moved": Deed(lambda before: np.roll(before, (2, 3), (0, 1)), "np.roll(before, (2, 3), (0, 1))"),
    "median": Deed(_through(ImageFilter.MedianFilter(3)), _filtered("MedianFilter(3)")),
    "toned": Deed(
        lambda before: np.round(255 * (before / 255) ** 0.6).astype(np.uint8),
        "np.round(255 * (before / 255) ** 0.6).astype(np.uint8)",
    ),
    "mirrored": Deed(lambda before: np.ascontiguousarray(before[:, ::-1]), "before[:, ::-1]"),
}
