"""Networks that give every point of a board its chance to be played next.

All but one keep the board as it is: a move is bound to its point, and pooling would blur which one is meant. The others
are here to show it: what pooling and full connection cost, at an equal number of weights.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.tasks.go.planes import FEATURES


@dataclass(frozen=True)
class Settings:
    """What a policy network looks like.

    features: "board" (+1 own, -1 opposing stones, 0 empty) or "planes". depth: layers of convolution before the head.
    kind: one of `KINDS`.

    Raises InputError for settings out of range.
    """

    size: int = 19
    features: str = "planes"
    width: int = 64
    depth: int = 6
    kind: str = "no pooling"

    def __post_init__(self) -> None:
        if self.features not in FEATURES or self.kind not in KINDS:
            raise InputError(
                f"features={self.features!r}, kind={self.kind!r}: features are {', '.join(FEATURES)}, kinds are "
                f"{', '.join(KINDS)}"
            )
        if not (2 <= self.size <= 25 and self.width >= 1 and self.depth >= 1):
            raise InputError(
                f"size={self.size}, width={self.width}, depth={self.depth}: sizes are 2 to 25, width and depth at "
                "least 1"
            )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Policy(nn.Module):
    """Planes (n, planes, size, size) to logits (n, size * size), row by row.

    A layer of 5 x 5 kernels, layers of 3 x 3, a head of 1 x 1 and a bias for each point; softmax of the logits are the
    chances. Source: Clark and Storkey 2015; Maddison et al. 2015, "Move evaluation in Go using deep convolutional
    neural networks"; Silver et al. 2016, "Mastering the game of Go with deep neural networks and tree search".
    """

    def __init__(self, settings: Settings):
        super().__init__()
        self.settings = settings
        self.body, self.head = KINDS[settings.kind](settings)
        self.point = nn.Parameter(torch.zeros(settings.size**2))

    def forward(self, planes: Float[Tensor, "n planes size size"]) -> Float[Tensor, "n points"]:
        return self.head(self.body(planes)).flatten(1) + self.point


def policy(settings: Settings) -> Policy:
    """A network of these settings, its weights drawn by PyTorch's random numbers."""
    made = Policy(settings)
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # in which convolutions run fastest


def _conv(inputs: int, outputs: int, side: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def _layers(settings: Settings, between: Callable[[], nn.Module] | None = None) -> list[nn.Module]:
    """The layers of convolution; `between` follows each of the first two."""
    made: list[nn.Module] = []
    width = settings.width
    for k in range(settings.depth):
        made += _conv(width if k else FEATURES[settings.features], width, 3 if k else 5)
        if between is not None and k < 2:
            made.append(between())
    return made


def _unpooled(settings: Settings) -> tuple[nn.Module, nn.Module]:
    return nn.Sequential(*_layers(settings)), nn.Conv2d(settings.width, 1, 1)


def _smeared(settings: Settings) -> tuple[nn.Module, nn.Module]:
    """Max pooling of 3 x 3 at stride 1: no point is lost, but neighbours look alike."""
    layers = _layers(settings, lambda: nn.MaxPool2d(3, stride=1, padding=1))
    return nn.Sequential(*layers), nn.Conv2d(settings.width, 1, 1)


def _halved(settings: Settings) -> tuple[nn.Module, nn.Module]:
    """Max pooling of 2 x 2, and the map enlarged again before the head."""
    layers = _layers(settings)
    halfway = 3 * (1 + (settings.depth - 1) // 2)
    layers.insert(halfway, nn.MaxPool2d(2, ceil_mode=True))
    up = nn.Upsample((settings.size, settings.size), mode="bilinear", align_corners=False)
    return nn.Sequential(*layers), nn.Sequential(up, nn.Conv2d(settings.width, 1, 1))


def _classifier(settings: Settings) -> tuple[nn.Module, nn.Module]:
    """As for photographs: pooled twice, then fully connected."""
    layers = _layers(settings, lambda: nn.MaxPool2d(2, ceil_mode=True))
    side = settings.size
    for _ in range(min(settings.depth, 2)):
        side = (side + 1) // 2
    return nn.Sequential(*layers, nn.Flatten()), nn.Linear(settings.width * side**2, settings.size**2)


def _connected(settings: Settings) -> tuple[nn.Module, nn.Module]:
    """No convolution at all: one hidden layer of `width` that sees every point."""
    points = settings.size**2
    hidden = nn.Linear(FEATURES[settings.features] * points, settings.width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU()), nn.Linear(settings.width, points)


KINDS: dict[str, Callable[[Settings], tuple[nn.Module, nn.Module]]] = {
    "no pooling": _unpooled,
    "3x3 stride 1": _smeared,
    "2x2, enlarged": _halved,
    "2x2, fully connected head": _classifier,
    "fully connected": _connected,
}
"""Networks by how they pool."""


def weights_of(model: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def widened(settings: Settings, weights: int) -> Settings:
    """The same with the width that brings the number of weights nearest to `weights`."""
    low, high = 1, 2
    while weights_of(Policy(_of(settings, high))) < weights:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if weights_of(Policy(_of(settings, middle))) <= weights else (low, middle)
    near = min((low, high), key=lambda width: abs(weights_of(Policy(_of(settings, width))) - weights))
    return _of(settings, near)


def _of(settings: Settings, width: int) -> Settings:
    return Settings(settings.size, settings.features, width, settings.depth, settings.kind)
