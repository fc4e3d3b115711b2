"""Style in the content's own colours: only the luminance is remade (Gatys et al. 2016, "Preserving color in neural
artistic style transfer", the luminance-only way)."""

import numpy as np
from jaxtyping import Float32

from convscope.pictures import Picture

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""What red, green and blue count for in the luminance (ITU-R BT.601)."""


def luminance(picture: Picture) -> Float32[np.ndarray, "h w"]:
    """How light each pixel is, 0 to 255.

    >>> luminance(np.full((1, 1, 3), 100, np.uint8)).round(2).tolist()
    [[100.0]]
    """
    return picture.astype(np.float32) @ LUMA


def grey(values: Float32[np.ndarray, "h w"]) -> Picture:
    """Luminance as a picture of three equal channels; what lies beyond black and white is cut."""
    return np.repeat(np.clip(values, 0, 255).round().astype(np.uint8)[..., None], 3, axis=2)


def matched(values: Float32[np.ndarray, "h w"], like: Float32[np.ndarray, "hl wl"]) -> Float32[np.ndarray, "h w"]:
    """The values with the mean and the deviation of others: s (v - mean) + mean', s = deviation' / deviation."""
    return (values - values.mean()) * (like.std() / max(values.std(), 1e-6)) + like.mean()


def recoloured(picture: Picture, content: Picture) -> Picture:
    """The picture's luminance with the chroma of the content (of the same size).

    Adding one number to red, green and blue moves the luminance Y of YIQ by it and leaves I and Q alone, so it is
    content + (Y(picture) - Y(content)), cut to 0 to 255.

    >>> content = np.array([[[200, 100, 50]]], np.uint8)
    >>> recoloured(np.full((1, 1, 3), 100, np.uint8), content).tolist()
    [[[176, 76, 26]]]
    """
    lighter = luminance(picture) - luminance(content)
    return np.clip(content + lighter[..., None], 0, 255).round().astype(np.uint8)
