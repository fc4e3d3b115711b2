"""The neutral judge: how strongly a unit answers to a finished picture, whoever drew it.

Plain PyTorch on the network as it was loaded; nothing of the lens and nothing of a peer. Every picture is placed in
the middle of a full canvas, moved by transforms that nobody optimised against (one fixed set for all), cut to what a
picture can hold, and shown to the network. The scale is the largest answer to real photographs.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import cos, pi, sin
from pathlib import Path

import numpy as np
import torch
from contestants import bounds, described
from PIL import Image
from torch import Tensor, nn

from convscope.lens.models import Network

MOVES = 8
SHIFT, TURN, SCALE = 8.0, 5.0, 0.05  # cells, degrees and share, either way


class Judge:
    """Answers of one layer of one network, each unit's as a share of its largest answer to the photographs.

    measure: "max" (the largest over all positions: one good place is enough), "mean" (over all positions). A layer
    without positions has one answer for a unit, whatever the measure.
    """

    def __init__(self, network: Network, layer: str, photographs: Path | None) -> None:
        self.network, self.layer = network, layer
        self.low, self.high = bounds(network)
        self.moves = moves()
        self.photographs = self.answers(inputs(network, photographs))

    @property
    def vector(self) -> bool:
        return self.photographs.ndim == 2

    @property
    def count(self) -> int:
        """The layer's units."""
        return self.photographs.shape[1]

    def natural(self, unit: int, measure: str) -> float:
        return float(reduce(self.photographs[:, unit], measure).max())

    def share(self, picture: np.ndarray, unit: int, measure: str) -> float:
        """The mean answer to the moved picture (c, h, w), as a share of the natural one."""
        placed = self.place(torch.from_numpy(picture).float()).expand(MOVES, -1, -1, -1)
        grid = nn.functional.affine_grid(self.moves, list(placed.shape), align_corners=False)
        moved = nn.functional.grid_sample(placed, grid, padding_mode="reflection", align_corners=False)
        return float(reduce(self.answers(moved)[:, unit], measure).mean()) / self.natural(unit, measure)

    def place(self, picture: Tensor) -> Tensor:
        """In the middle of a middle grey canvas of the network's size, within black and white; cut where larger."""
        canvas = ((self.low + self.high) / 2).expand(self.network.input_shape).clone()
        theirs, here = [slice(None)], [slice(None)]
        for whole, part in zip(canvas.shape[1:], picture.shape[1:], strict=True):
            both = min(whole, part)
            theirs.append(slice((part - both) // 2, (part - both) // 2 + both))
            here.append(slice((whole - both) // 2, (whole - both) // 2 + both))
        canvas[tuple(here)] = picture[tuple(theirs)]
        return torch.minimum(torch.maximum(canvas, self.low), self.high)

    def answers(self, pictures: Tensor) -> Tensor:
        """(n, units) or (n, units, h, w)."""
        kept: list[Tensor] = []
        module = self.network.model.get_submodule(self.layer)
        hook = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output.clone()))
        try:
            with torch.no_grad():
                for part in pictures.split(16):
                    self.network.model(part)
        finally:
            hook.remove()
        return torch.cat(kept)


def reduce(values: Tensor, measure: str) -> Tensor:
    flat = values.reshape(len(values), -1)
    return flat.amax(1) if measure == "max" else flat.mean(1)


def moves(seed: int = 20) -> Tensor:
    """The same for every picture, (MOVES, 2, 3) as affine_grid takes them."""
    rows = []
    for down, along, turn, scale in np.random.default_rng(seed).uniform(-1, 1, (MOVES, 4)):
        size, angle = 1 + SCALE * scale, TURN * turn * pi / 180
        shift = [2 * SHIFT / 224 * along, 2 * SHIFT / 224 * down]
        rows.append(
            [[size * cos(angle), -size * sin(angle), shift[0]], [size * sin(angle), size * cos(angle), shift[1]]]
        )
    return torch.tensor(rows, dtype=torch.float32)


@lru_cache(maxsize=1)
def inputs(network: Network, photographs: Path | None) -> Tensor:
    """Real photographs as the network takes them: of a folder, or those that come with scikit-image."""
    how = described(network)
    return how.to_inputs(np.stack([how.fit(picture) for picture in real(photographs)]))


def real(photographs: Path | None) -> Iterable[Image.Image]:
    if photographs is not None:
        for path in sorted(photographs.rglob("*")):
            if path.suffix.lower() in (".webp", ".jpg", ".jpeg", ".png"):
                yield Image.open(path)
    else:
        from skimage import data

        for name in ("astronaut", "cat", "coffee", "rocket", "retina", "immunohistochemistry", "hubble_deep_field"):
            yield Image.fromarray(getattr(data, name)())
