"""Which layers speak for a picture's content and which for its style, and how much each counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import SupportsFloat

from torch import nn

from convscope.errors import InputError
from convscope.lens.fields import Visit, trace
from convscope.lens.models import Network

TV = 3.0
"""What roughness counts for by default: it takes the grain that no layer sees, and leaves the strokes."""


@dataclass(frozen=True)
class Terms:
    """content, style: layer -> weight; only what the weights of one kind are to each other counts.

    tv: the weight of roughness, the mean step between neighbouring pixels where black to white is 1.

    Raises InputError where one kind has no layer, and for weights that are negative, not finite, or all 0.
    """

    content: Mapping[str, SupportsFloat]
    style: Mapping[str, SupportsFloat]
    tv: SupportsFloat = TV

    def __post_init__(self) -> None:
        for name, weights in (("content", self.content), ("style", self.style), ("tv", {"": self.tv, "all": 1})):
            numbers = [float(weight) for weight in weights.values()]
            if not all(isfinite(number) and number >= 0 for number in numbers) or not sum(numbers):
                raise InputError(
                    f"terms: {name}={weights}; give weights of 0 or more, one above 0, such as {{'features.4': 1}}"
                )

    @property
    def layers(self) -> list[str]:
        """All layers that are looked at, each once."""
        return list(dict.fromkeys([*self.content, *self.style]))


def recommended(network: Network) -> Terms:
    """Layers that work for this network.

    For SqueezeNet 1.1 and VGG-19 they are known; they are told by the kernels that their convolutions have, under
    torchvision's names. (VGG-19: Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks, 2016:
    style conv1_1 to conv5_1, content conv4_2; here after their ReLUs.)
    For others: style from the last activation at each stride up to 16, before the map shrinks; content from the one
    at stride 8, or the largest stride below. Where a network has no activations of its own, its blocks and
    convolutions stand for them.

    Raises InputError for a network without maps of two axes.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3), nn.ReLU())
    >>> recommended(Network(net, (3, 20, 24)))
    Terms(content={'4': 1.0}, style={'1': 1.0, '4': 1.0}, tv=3.0)
    """
    known = _KNOWN.get(_kernels(network.model))
    if known is not None and known.layers[0] in dict(network.model.named_modules()):
        return known
    last: dict[float, str] = {}
    maps = [visit for visit in trace(network) if _is_map(visit)]
    for visit in [visit for visit in maps if _is_activation(visit.module)] or maps:
        last[max(visit.field.stride)] = visit.name  # type: ignore[union-attr]
    style = [last[stride] for stride in sorted(last) if stride <= 16]
    if not style:
        raise InputError(
            f"terms: {network.source or type(network.model).__name__} has no layer with a map of two axes that keeps "
            "a sixteenth of the picture's sides or more; name layers: Terms(content={layer: 1}, style={layer: 1})"
        )
    content = last[max(stride for stride in last if stride <= max(8, min(last)))]
    return Terms({content: 1.0}, dict.fromkeys(style, 1.0))


def _kernels(model: nn.Module) -> tuple[int, ...]:
    return tuple(module.out_channels for module in model.modules() if isinstance(module, nn.Conv2d))


def _is_map(visit: Visit) -> bool:
    field, weighs = visit.field, isinstance(visit.module, nn.Conv2d) or visit.is_block or _is_activation(visit.module)
    return weighs and field is not None and not field.whole and len(visit.shape) == 3 and min(field.stride) >= 1


def _is_activation(module: nn.Module) -> bool:
    return type(module).__module__ == nn.ReLU.__module__ and not isinstance(module, nn.MultiheadAttention)


def _layers(*numbers: int) -> dict[str, float]:
    return {f"features.{number}": 1.0 for number in numbers}


_SQUEEZENET = (64, *(n for s, e in ((16, 64), (32, 128), (48, 192), (64, 256)) for n in (s, e, e) * 2), 1000)
_VGG_19 = (64, 64, 128, 128, *(256,) * 4, *(512,) * 8)
_KNOWN = {
    _SQUEEZENET: Terms(_layers(10), _layers(1, 4, 7, 10)),
    _VGG_19: Terms(_layers(22), _layers(1, 6, 11, 20, 29)),
}
"""By the numbers of kernels of all convolutions."""
