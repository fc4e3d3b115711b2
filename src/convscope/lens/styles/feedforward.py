"""A trained fast style: a picture of any size goes through a network once and comes out in that style."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath, write_whole
from convscope.lens.anysize import AnyPicture, as_photograph, shrunk
from convscope.lens.probe import check_finite, own_randomness
from convscope.lens.styles.fastnet import LEAST, STRIDE, Statistics, StyleNet, reach
from convscope.pictures import METADATA_KEY, Picture

MADE = "train_style"
"""What the recipe of a fast style says of where it comes from."""

Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class FastStyle:
    """A style as a network that has learned it; call it with a picture. `save` and `load` keep it in a file.

    recipe: what it was trained on and how, and the losses before and after.
    """

    net: StyleNet
    recipe: dict[str, Any] = field(default_factory=dict)

    def __call__(self, picture: AnyPicture, *, tile: int = 1024) -> Picture:
        """The picture, at its own size, in the style.

        tile: the longest side that goes through at once. A larger picture goes through in tiles, which overlap by
        what a pixel of the result sees, so that no seam is left: equal, up to rounding, to one pass with the same
        statistics. These are taken beforehand on the whole picture, made as small as a tile.

        Raises InputError as `as_photograph` does, and for a picture with a side below 5 pixels.
        """
        pixels = as_photograph(picture)
        rows, columns = pixels.shape[:2]
        if min(rows, columns) < LEAST:
            raise InputError(f"picture: {rows} x {columns} pixels; a fast style takes sides of at least {LEAST}")
        if tile < STRIDE:
            raise InputError(f"tile={tile}: use at least {STRIDE} pixels")
        if max(rows, columns) <= tile:
            return self._through(pixels)
        given = statistics(self.net, pixels, tile)
        result = np.empty_like(pixels)
        for (top, left, bottom, right), core in _tiles(rows, columns, tile, reach(self.net.blocks)):
            done = self._through(pixels[top:bottom, left:right], given)
            down, along = core
            result[core] = done[down.start - top : down.stop - top, along.start - left : along.stop - left]
        return result

    def save(self, path: AnyPath) -> Path:
        """Write the network and its recipe as safetensors. Raises InputError where the place cannot be written."""
        weights = {name: weight.cpu().contiguous() for name, weight in self.net.state_dict().items()}
        return write_whole(path, save(weights, {METADATA_KEY: json.dumps(self.recipe)}))

    @classmethod
    def load(cls, path: AnyPath) -> "FastStyle":
        """What `save` wrote. Raises InputError for any other file."""
        weights, recipe = read_tensors(path)
        net = _net_of(weights) if recipe.get("made") == MADE else None
        if net is None:
            raise InputError(f"{path}: not a fast style; give a file that train_style's result saved")
        check_finite(net)
        return cls(net, recipe)

    def _through(self, pixels: UInt8[np.ndarray, "h w 3"], given: Statistics | None = None) -> Picture:
        with torch.no_grad():
            y = self.net(as_shares(pixels[None]).to(self.net.last.weight), given)[0]
        return (y * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def _net_of(weights: dict[str, Tensor]) -> StyleNet | None:
    """The network that has just these weights; None where there is none."""
    width = sum(weights.get("last.weight", torch.empty(0)).shape[1:2]) - 3  # below 0 where there is no such axis
    blocks = sum(name.startswith("residual.") and name.endswith(".weight") for name in weights) // 2
    if width < 1 or not blocks:
        return None
    with torch.device("meta"):  # a file that lies about its sizes is to take no memory
        expected = StyleNet(width, blocks).state_dict()
    if {name: each.shape for name, each in expected.items()} != {name: each.shape for name, each in weights.items()}:
        return None
    with own_randomness():
        net = StyleNet(width, blocks)
    net.load_state_dict(weights)
    return net


def as_shares(pictures: UInt8[np.ndarray, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
    """Pictures as the network takes them: 0 black to 1."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255


def statistics(net: StyleNet, pixels: UInt8[np.ndarray, "h w 3"], longest: int) -> Statistics:
    """Mean and variance of every norm's channels on the picture, made smaller to a longest side of `longest`.

    With a half or a quarter of the sides they come as near to its own as those of cuts of as many pixels, or nearer.
    """
    longest = max(longest, -(-LEAST * max(pixels.shape[:2]) // min(pixels.shape[:2])))  # a thin one keeps its width
    seen: Statistics = []
    with torch.no_grad():
        net(as_shares(shrunk(pixels, longest)[None]).to(net.last.weight), seen=seen)
    return seen


def _tiles(rows: int, columns: int, side: int, margin: int) -> Iterator[tuple[Window, tuple[slice, slice]]]:
    """(top, left, bottom, right) of what goes through the network, and the part of the result that it is right for.

    All starts are multiples of the network's stride, so that the tiles' cells are those of the whole picture.
    """

    def along(size: int) -> list[tuple[int, int, slice]]:
        step = side // STRIDE * STRIDE
        edges = [*range(0, size, step), size]
        return [(max(a - margin, 0), min(b + margin, size), slice(a, b)) for a, b in pairwise(edges)]

    for (top, bottom, down), (left, right, across) in product(along(rows), along(columns)):
        yield (top, left, bottom, right), (down, across)


def read_tensors(path: AnyPath) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file and the recipe in it, empty where it has none.

    Raises InputError for what is no such file.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            recipe = json.loads((opened.metadata() or {}).get(METADATA_KEY, "{}"))
            return {name: opened.get_tensor(name) for name in opened.keys()}, dict(recipe)  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read (permission denied); change its permissions") from None
    except (SafetensorError, OSError, TypeError, ValueError) as problem:
        raise InputError(f"{path}: not a safetensors file ({problem}); give one that convscope wrote") from None
