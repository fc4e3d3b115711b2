"""Somebody else's eyes: pictures described by a network that had no part in making them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.credibility.natural import BATCH
from convscope.lens.fields import trace
from convscope.lens.models import AnyModel, Network, load, network
from convscope.lens.probe import probe, to_model
from convscope.lens.weights import weights_hash

SIDE = 128  # to this side small windows are enlarged: all of a trained network's layers still have a map
DEPTHS = (0.15, 0.4, 0.65, 0.9)  # early layers know edges, late ones objects; a unit may be about either


@dataclass(frozen=True)
class Eyes:
    """A network, and the layers by whose channels it describes a picture.

    to_inputs: pictures in the judged network's units -> this one's.
    """

    name: str
    model: nn.Module
    layers: tuple[str, ...]
    to_inputs: Callable[[Tensor], Tensor]

    def __call__(self, pictures: Tensor) -> list[Float[np.ndarray, "n _"]]:
        """For each of the layers, the channels' means over all positions (n, d)."""
        found: list[list[Tensor]] = [[] for _ in self.layers]
        with torch.no_grad(), probe(self.model, self.layers) as look:
            for start in range(0, len(pictures), BATCH):
                seen = look(to_model(self.model, self.to_inputs(pictures[start : start + BATCH].float())))
                for kept, name in zip(found, self.layers, strict=True):
                    kept.append(seen[name].flatten(2).mean(2))
        return [torch.cat(each).double().cpu().numpy() for each in found]


class RandomFeatures(nn.Sequential):
    """An untrained convnet: three layers of random kernels, its answer depends on the seed alone."""

    def __init__(self, channels: int, axes: int, seed: int = 0) -> None:
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
        pool = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[axes - 1]
        sizes = (channels, 32, 64, 64)
        parts: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for inputs, outputs in pairwise(sizes):
                layer = conv(inputs, outputs, 3, padding=1)
                nn.init.kaiming_normal_(layer.weight)
                parts += [layer, nn.ReLU(), pool(2, ceil_mode=True)]
        super().__init__(*parts)


def eyes(judged: Network, box: tuple, other: AnyModel | None = None) -> Eyes:
    """An independent network's eyes: `other`, or efficientnet-lite0, squeezenet, or an untrained convnet.

    The first that is installed and is not the judged network itself; pictures that are neither grey nor colour get
    the untrained one. box: (black, white) of the pictures, used where the judged network has no preprocessing.
    """
    channels, *sizes = judged.input_shape
    if other is None and len(sizes) == 2 and channels in (1, 3):
        other = _installed(judged)
    if other is None:
        model = RandomFeatures(channels, len(sizes))
        return Eyes("untrained", model, ("1", "4", "7"), _share(judged, box))
    theirs = network(other)
    visits = trace(theirs.model, theirs.input_shape)
    maps = [visit.name for visit in visits if len(visit.shape) == 3 and min(visit.shape[1:]) > 1]
    if not maps:
        raise InputError(f"other={theirs.source or 'a module'}: it has no layers that are maps; give a convnet")
    layers = tuple(dict.fromkeys(maps[int(depth * len(maps))] for depth in DEPTHS))
    return Eyes(theirs.source or type(theirs.model).__name__, theirs.model, layers, _translate(judged, theirs, box))


def _installed(judged: Network) -> Network | None:
    for name in ("efficientnet-lite0", "squeezenet"):
        if name == judged.source:
            continue
        try:
            found = load(name)
        except InputError:  # its package is not installed
            continue
        if weights_hash(found.model) != weights_hash(judged.model):
            return found
    return None


def _share(judged: Network, box: tuple) -> Callable[[Tensor], Tensor]:
    """Pictures as shares of the way from black to white."""
    along = (-1, *[1] * (len(judged.input_shape) - 1))
    black, white = (torch.tensor(end, dtype=torch.float32).reshape(along) for end in box)
    return lambda pictures: ((pictures - black) / (white - black)).clamp(0, 1)


def _translate(judged: Network, theirs: Network, box: tuple) -> Callable[[Tensor], Tensor]:
    """What one network takes, as the other one takes it: by way of the picture that people see."""
    ours, taken, share = judged.preprocessing, theirs.preprocessing, _share(judged, box)
    channels = theirs.input_shape[0]

    def translate(pictures: Tensor) -> Tensor:
        shares = share(pictures)
        if ours is not None and ours.order == "BGR":
            shares = shares.flip(1)
        if shares.shape[1] != channels:
            shares = shares.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        if min(shares.shape[2:]) != SIDE:
            factor = SIDE / min(shares.shape[2:])
            size = [max(round(cells * factor), SIDE) for cells in shares.shape[2:]]
            shares = nn.functional.interpolate(shares, size, mode="bilinear", antialias=True).clamp(0, 1)
        if taken is None:
            return shares
        return taken.to_inputs((shares * 255).round().byte().permute(0, 2, 3, 1).numpy())

    return translate
