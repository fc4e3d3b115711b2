"""Networks for spoken words whose kernels move along frequency, along time, along both, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES

KERNELS = ("frequency", "time", "both", "connected")
SECTIONS = (2, 4, 5, 8)
HIDDEN = 64
"""Units of the layer before the last, more or less: as many as make up the number of weights."""
DROPPED = 0.3


@dataclass(frozen=True)
class Settings:
    """What a network is; all kinds have, within 2 %, the same number of weights.

    kernels: along which axes the kernels move. "frequency": each kernel sees all times at once, as many inputs as
    frames, and moves from band to band, so that a voice whose formants lie higher or lower excites it a little further
    up or down; "time": each sees all bands and moves from frame to frame; "both": small squares move both ways;
    "connected": no kernels, a layer of as many weights. pool: after each convolution only the larger of two neighbours
    along its axes goes on; otherwise the first of the two, whatever it is. sections: for "frequency", 0, or in how
    many parts of the bands the kernels have weights of their own. weights: how many in all.

    Raises InputError for other kinds, and for numbers that make no network.

    Source: Abdel-Hamid et al. 2014, "Convolutional neural networks for speech recognition"; sections are its limited
    weight sharing. There a network reads 15 to 40 frames around one moment, here all of a word.
    """

    classes: int
    kernels: str = "frequency"
    pool: bool = True
    sections: int = 0
    weights: int = 40_000

    def __post_init__(self) -> None:
        if self.kernels not in KERNELS:
            raise InputError(f"kernels={self.kernels!r}: give one of {', '.join(KERNELS)}")
        if self.sections and (self.kernels != "frequency" or self.sections not in SECTIONS):
            raise InputError(f"sections={self.sections}: with kernels along frequency, one of 0, {SECTIONS}; else 0")
        if self.classes < 2 or self.weights < 10_000:
            raise InputError(f"{self}: classes must be 2 or more, weights 10000 or more")


class Sections(nn.Module):
    """Kernels with weights of their own in each of several sections of the bands: (n, 1, h, w) -> (n, width, h, 1)."""

    def __init__(self, sections: int, width: int, size: int):
        super().__init__()
        self.size = size
        self.parts = nn.ModuleList(nn.Conv2d(1, width, (size, FRAMES), bias=False) for _ in range(sections))

    def forward(self, x: Tensor) -> Tensor:
        high, rim = x.shape[2] // len(self.parts), self.size // 2
        x = nn.functional.pad(x, (0, 0, rim, rim))
        seen = (x[:, :, k * high : (k + 1) * high + 2 * rim] for k in range(len(self.parts)))
        return torch.cat([part(each) for part, each in zip(self.parts, seen, strict=True)], 2)


def build(settings: Settings, seed: int = 0) -> nn.Sequential:
    """A network for words (n, 1, BANDS, FRAMES) as `melspectrogram.logmel` makes them; it gives (n, classes) logits.

    Its width is the largest that does not exceed the number of weights; the last hidden layer takes up the rest.
    """
    width = 1
    with torch.device("meta"):  # counts without making
        while count(_network(settings, width + 1, HIDDEN)) <= settings.weights:
            width += 1
        hidden = HIDDEN
        fewer = count(_network(settings, width, HIDDEN))
        each = count(_network(settings, width, HIDDEN + 1)) - fewer
        hidden += round((settings.weights - fewer) / each)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _network(settings, width, hidden)


def count(network: nn.Module) -> int:
    """The number of weights."""
    return sum(weight.numel() for weight in network.parameters())


def _network(settings: Settings, width: int, hidden: int) -> nn.Sequential:
    layers, features = _FIRST[settings.kernels](settings, width)
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Dropout(DROPPED),
        nn.Linear(features, hidden),
        nn.ReLU(),
        nn.Dropout(DROPPED),
        nn.Linear(hidden, settings.classes),
    )


def _frequency(settings: Settings, width: int) -> tuple[list[nn.Module], int]:
    if settings.sections:  # neighbours in different sections are different features: no kernel can move over them
        first = _after(Sections(settings.sections, width, 7), width, (2, 1), settings.pool)
        return first, width * (BANDS // 2)
    layers = _convolution(1, width, (7, FRAMES), (3, 0), (2, 1), settings.pool)
    layers += _convolution(width, width, (5, 1), (2, 0), (2, 1), settings.pool)
    layers += _convolution(width, width, (3, 1), (1, 0), (2, 1), settings.pool)
    return layers, width * (BANDS // 8)


def _time(settings: Settings, width: int) -> tuple[list[nn.Module], int]:
    layers = _convolution(1, width, (BANDS, 7), (0, 3), (1, 2), settings.pool)
    layers += _convolution(width, width, (1, 5), (0, 2), (1, 2), settings.pool)
    layers += _convolution(width, width, (1, 3), (0, 1), (1, 2), settings.pool)
    return layers, width * (FRAMES // 8)


def _both(settings: Settings, width: int) -> tuple[list[nn.Module], int]:
    layers = _convolution(1, width, (5, 5), (2, 2), (2, 2), settings.pool)
    layers += _convolution(width, 2 * width, (3, 3), (1, 1), (2, 2), settings.pool)
    layers += _convolution(2 * width, 2 * width, (3, 3), (1, 1), (2, 2), settings.pool)
    return layers, 2 * width * (BANDS // 8) * (FRAMES // 8)


def _connected(settings: Settings, width: int) -> tuple[list[nn.Module], int]:
    return [nn.Flatten(), nn.Linear(BANDS * FRAMES, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()], width


_FIRST: dict[str, Callable[[Settings, int], tuple[list[nn.Module], int]]] = {
    "frequency": _frequency,
    "time": _time,
    "both": _both,
    "connected": _connected,
}


def _convolution(
    inputs: int, outputs: int, size: tuple[int, int], padding: tuple[int, int], step: tuple[int, int], pool: bool
) -> list[nn.Module]:
    return _after(nn.Conv2d(inputs, outputs, size, padding=padding, bias=False), outputs, step, pool)


def _after(convolution: nn.Module, outputs: int, step: tuple[int, int], pool: bool) -> list[nn.Module]:
    # a window of one cell is no maximum: every second value, so that both kinds have the same sizes and weights
    thinned = nn.MaxPool2d(step if pool else 1, step)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), thinned]
