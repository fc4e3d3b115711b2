"""Sound as a picture: how much of it lies in each mel band (rows) at each time (columns), on a logarithmic scale."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float32, Int16
from torch import Tensor

from convscope.tasks.speech.audio import FULL, LENGTH, RATE

BANDS = 40
LOWEST, HIGHEST = 60.0, RATE / 2
WINDOW, HOP, POINTS = 200, 160, 256
"""Samples of a window (25 ms), between two (20 ms), and of the Fourier transform."""
FRAMES = LENGTH // HOP
RANGE = 60.0
"""Decibels below the loudest cell of a word: what is quieter counts as silence."""

Warp = Callable[[np.ndarray], np.ndarray]


def mel(hertz: np.ndarray | float) -> np.ndarray:
    """Hertz on the mel scale, 2595 log10(1 + f / 700): the formula of HTK (Young et al., The HTK Book)."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def hertz(mels: np.ndarray | float) -> np.ndarray:
    """The way back from `mel`."""
    return 700 * (10 ** (np.asarray(mels) / 2595) - 1)


def edges(bands: int = BANDS, lowest: float = LOWEST, highest: float = HIGHEST) -> np.ndarray:
    """(bands + 2,) frequencies in hertz, at equal steps in mel: each band begins, peaks and ends at three in a row."""
    return hertz(np.linspace(mel(lowest), mel(highest), bands + 2))


@cache
def filters(
    bands: int = BANDS,
    points: int = POINTS,
    rate: int = RATE,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    warp: Warp | None = None,
) -> Float32[Tensor, "bands bins"]:
    """Triangles over the Fourier transform's frequencies, each of height 1 at its middle (HTK's, not Slaney's area 1).

    warp: moves the triangles' edges, as a vocal tract of another length would move the sound; see `tract.Tract`.
    """
    at = edges(bands, lowest, highest)
    at = at if warp is None else warp(at)
    low, middle, high = at[:-2, None], at[1:-1, None], at[2:, None]
    bins = np.arange(points // 2 + 1) * rate / points
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling)).astype(np.float32))


def power(samples: Float[Tensor, "n t"], weights: Float32[Tensor, "bands bins"] | None = None, *,
          window: int = WINDOW, hop: int = HOP, points: int = POINTS) -> Float32[Tensor, "n bands frames"]:  # fmt: skip
    """The power in each band: |STFT|^2 with a Hann window, zeros beyond both ends, times the `filters`.

    A frame begins every `hop` samples, in whose middle it looks; what is left at the end has none.
    """
    spectrum = torch.stft(
        samples, points, hop, window, torch.hann_window(window), pad_mode="constant", return_complex=True
    )
    return (filters() if weights is None else weights) @ spectrum.abs().square()[:, :, : samples.shape[1] // hop]


def logmel(
    samples: Int16[np.ndarray, "n t"], warp: Warp | None = None, batch: int = 256
) -> Float32[Tensor, "n 1 bands frames"]:
    """Words as the networks take them: decibels under the word's loudest cell, from 0 (RANGE below, or less) to 1.

    So every word is normalised by itself, and how loud it was recorded makes no difference.
    """
    weights = filters(warp=warp)
    parts = []
    for start in range(0, len(samples), batch):
        decibels = 10 * torch.log10(power(torch.from_numpy(samples[start : start + batch] / FULL), weights) + 1e-10)
        loudest = decibels.amax((1, 2), keepdim=True)
        parts.append((1 + (decibels - loudest) / RANGE).clamp(min=0))
    return torch.cat(parts)[:, None]
