"""Spoken words varied a little each time they are learned from: another throat, another pace, another room."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from convscope.tasks.speech.melspectrogram import HIGHEST, LOWEST, edges, mel
from convscope.tasks.speech.tract import tract


@dataclass(frozen=True)
class Vary:
    """How far a word may be changed, drawn uniformly and alike for both signs; all zero leaves it alone.

    warp: the natural logarithm of the vocal tract's factor. stretch: of the pace's. shift: in frames. tilt: how much
    louder or softer any region of frequencies may be, in parts of the range (0.1 is 6 dB of 60), as rooms and
    microphones make it. noise: up to where, in parts of the range, an even noise may hide everything. bands, frames:
    the most that one mask hides of each axis, as SpecAugment does (Park et al. 2019).
    """

    warp: float = 0.15
    stretch: float = 0.2
    shift: float = 4.0
    tilt: float = 0.1
    noise: float = 0.3
    bands: int = 6
    frames: int = 8

    def __call__(
        self, words: Float32[Tensor, "n 1 h w"], targets: Int64[Tensor, " n"], generator: torch.Generator
    ) -> tuple[Float32[Tensor, "n 1 h w"], Int64[Tensor, " n"]]:
        """What `fitting.fit` calls with each batch."""
        n, _, bands, frames = words.shape

        def signed(*shape: int) -> Tensor:
            return 2 * torch.rand(shape, generator=generator, device=words.device) - 1

        frequencies = torch.from_numpy(edges()[1:-1]).float().to(words.device)
        moved = tract(frequencies[None], torch.exp(self.warp * signed(n, 1)))
        rows = 2 * _row(moved, bands) / (bands - 1) - 1
        columns = torch.linspace(-1, 1, frames, device=words.device)[None] * torch.exp(self.stretch * signed(n, 1))
        columns = columns + 2 * self.shift / (frames - 1) * signed(n, 1)
        places = torch.stack([columns[:, None].expand(-1, bands, -1), rows[:, :, None].expand(-1, -1, frames)], -1)
        varied = grid_sample(words, places, padding_mode="zeros", align_corners=True)
        tilt = interpolate(self.tilt * signed(n, 1, 6), size=bands, mode="linear", align_corners=True)
        varied = torch.where(varied > 0, varied + tilt[..., None], varied).clamp(min=0)  # silence stays silent
        noise = self.noise * (signed(n, 1, 1, 1) + 1) / 2
        varied = torch.maximum(varied, noise * (1 + 0.1 * signed(*varied.shape)))
        for axis, most in ((2, self.bands), (3, self.frames)):
            varied = varied.masked_fill(_mask(signed, n, words.shape[axis], most, axis), 0.0)
        return varied, targets


def _row(hertz: Tensor, bands: int) -> Tensor:
    """The place of a frequency among the bands' middles."""
    low, high = float(mel(LOWEST)), float(mel(HIGHEST))
    return (2595 * torch.log10(1 + hertz / 700) - low) / (high - low) * (bands + 1) - 1


def _mask(signed: Callable[..., Tensor], n: int, size: int, most: int, axis: int) -> Tensor:
    """One run of up to `most` cells of an axis, anywhere, for each of n words: (n, 1, size, 1) or (n, 1, 1, size)."""
    first, length = (signed(n, 1) + 1) / 2 * size, (signed(n, 1) + 1) / 2 * most
    cells = torch.arange(size, device=first.device)
    hidden = (cells >= first) & (cells < first + length)
    return hidden[:, None, :, None] if axis == 2 else hidden[:, None, None, :]
