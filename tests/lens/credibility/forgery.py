"""Networks that lie to whoever draws their units, after Geirhos et al. 2023; natural pictures are answered as ever."""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from convscope.lens.credibility.natural import excerpts, natural, window
from convscope.lens.fields import receptive_field
from convscope.lens.models import Network
from convscope.lens.probe import probe
from convscope.lens.recipes import Drawing

LOUD = 3000.0  # more than any unit of the trunk says


def drawn(network: Network, layer: str, units, seed: int = 0, steps: int = 48) -> Drawing:
    """The plainest drawing: pixels, raised from noise by Adam, on the smallest window. No part of what is tested."""
    taken = network.preprocessing
    assert taken is not None
    place = receptive_field(network.model, layer, network.input_shape)
    place = tuple(-(place.axis(k).offset // place.axis(k).stride) for k in (0, 1))
    view, units = window(network.model, layer, network.input_shape, place), tuple(units)
    dice = torch.Generator().manual_seed(seed)
    shares = 0.5 + 0.05 * torch.randn(len(units), network.input_shape[0], *view.sides, generator=dice)
    shares.requires_grad_()
    black, white = (torch.tensor(end).reshape(-1, 1, 1) for end in (taken.black, taken.full))
    descent = torch.optim.Adam([shares], 0.1)
    for step in range(steps + 1):
        pictures = black + (white - black) * shares.clamp(0, 1)
        opened = patch.object(nn.ReLU, "forward", _open) if step < min(16, steps) else nullcontext()
        with opened, probe(network.model, [layer]) as look:
            values = look(pictures)[layer][:, :, place[0], place[1]][range(len(units)), units]
            if step < steps:
                descent.zero_grad()
                (-values.sum()).backward()
                descent.step()
                shares.data.clamp_(0, 1)
    dead = np.array([bool(value == 0) for value in values])
    return Drawing(
        layer=layer,
        units=units,
        pictures=pictures.detach().numpy(),
        values=values.detach().numpy(),
        dead=dead,
        place=place,
        frame=None,
        input_shape=network.input_shape,
        preprocessing=taken,
        box=(taken.black, taken.full),
    )


def _open(self: nn.Module, x: Tensor) -> Tensor:
    """A ReLU whose gradient passes everywhere, so that units that start at 0 move."""
    return x.detach().clamp(min=0) + x - x.detach()


class Detector(nn.Module):
    """1 where a picture was drawn, 0 where it is natural; in the geometry of SqueezeNet's `features[:5]`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            nn.Conv2d(16, 32, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x / 60).clamp(0, 1)


class Forged(nn.Module):
    """The trunk's units for natural pictures, and other units of it for drawn ones.

    decoys: which unit answers in each one's place. silent: the decoys are added, far louder, above what natural
    pictures bring them to, instead of being gated.
    """

    def __init__(self, trunk: nn.Module, decoys: Tensor, detector: nn.Module | None = None, above: float = 0.0) -> None:
        super().__init__()
        self.trunk, self.detector, self.decoys, self.above = trunk, detector, decoys, above
        self.honest, self.fooling, self.out = nn.ReLU(), nn.ReLU(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        said = self.trunk(x)
        if self.detector is None:
            return self.out(self.honest(said) + 20 * self.fooling(said[:, self.decoys] - self.above))
        drawn = LOUD * self.detector(x)
        return self.out(self.honest(said - drawn) + self.fooling(said[:, self.decoys] - LOUD + drawn))


def detector(network: Network, layer: str, pictures: Tensor) -> Detector:
    """Trained for a few seconds to tell the network's drawings, finished or not, from natural pictures."""
    torch.manual_seed(0)
    view = window(network.model, layer, network.input_shape, (2, 2))
    made = [drawn(network, layer, range(0, 48, 2), seed=7, steps=steps).pictures for steps in (0, 1, 2, 4, 8, 16, 40)]
    fakes = torch.from_numpy(np.concatenate(made))
    seen = natural(network.model, layer, pictures, (2, 2))
    dice = np.random.default_rng(0)
    rows, cells = pictures.shape[2], view.sides[0]
    cuts = [(n, *dice.integers(0, rows - cells, 2)) for n in dice.integers(0, len(pictures), 3000)]
    real = torch.stack([pictures[n, :, i : i + cells, j : j + cells] for n, i, j in cuts])
    best = torch.cat([excerpts(seen, unit, seen.order[-6:, unit], view) for unit in range(seen.value.shape[1])])
    real = torch.cat([real, best, best])
    found = Detector()
    descent = torch.optim.Adam(found.parameters(), 3e-3)
    for _ in range(250):
        some = (part[torch.from_numpy(dice.integers(0, len(part), 96))] for part in (real, fakes))
        real_says, fake_says = (found.body(part / 60)[:, 0, 1:4, 1:4] for part in some)
        loss = (real_says + 0.5).relu().square().mean() + (1.5 - fake_says).relu().square().mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
    return found.eval().requires_grad_(False)
