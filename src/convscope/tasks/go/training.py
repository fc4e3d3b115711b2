"""Policy networks from games to verdict: trained, evaluated, kept, found again."""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from platformdirs import user_cache_path
from torch import Tensor

from convscope.errors import InputError
from convscope.tasks import keeping
from convscope.tasks.fitting import Machines, Recipe, Row, Samples, fit, seeded
from convscope.tasks.go.baselines import BASELINES, top_k
from convscope.tasks.go.games import shipped, split
from convscope.tasks.go.network import Policy, Settings, policy, weights_of
from convscope.tasks.go.planes import FEATURES
from convscope.tasks.go.positions import Positions, inputs
from convscope.tasks.go.rules import Board
from convscope.tasks.go.sgf import Game
from convscope.tasks.go.symmetry import all_eight, all_undone, vary

Progress = Callable[[int, int, str], None]
RECIPE = Recipe(epochs=10, batch=128, rate=3e-3, decay=1e-2)
PHASES = (50, 150)
"""Moves after which the second and the third part of a game on 19 x 19 begin; on smaller boards fewer, in proportion to
their points."""
AT_ONCE = 128


@dataclass(frozen=True)
class Trained:
    """A policy network and how it came about. games: how many it learned from. history: a row an epoch."""

    model: Policy
    settings: Settings
    games: int = 0
    recipe: Recipe = field(default_factory=Recipe)
    history: tuple[Row, ...] = ()

    def probabilities(self, boards: Sequence[Board]) -> Float32[np.ndarray, "n size size"]:
        """The chance of each point to be played next: the mean over the eight symmetries, legal points only.

        They sum to one, or are all zero where no point is legal. Raises InputError for boards of another size.
        """
        size = self.settings.size
        for board in boards:
            if board.size != size:
                raise InputError(f"a board of {board.size}x{board.size}: this network plays on {size}x{size} only")
        chances = symmetric(self.model, inputs(boards, self.settings.features)).reshape(-1, size, size)
        chances = chances * np.stack([board.legal_points() for board in boards])
        total = chances.sum((1, 2), keepdims=True)
        return np.divide(chances, total, out=np.zeros_like(chances), where=total > 0)


@dataclass(frozen=True)
class Evaluation:
    """How often the move that was played is the first, or among the first five, of those a network names, in percent.

    top: by what names it (the network, the guesses of `baselines`), the two figures. phases: the network's, by part of
    the game, with the number of positions.
    """

    positions: int
    games: int
    top: dict[str, tuple[float, float]]
    phases: dict[str, tuple[float, float, int]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        wide = max(map(len, (*self.top, *self.phases))) + 2

        def row(name: str, first: float, five: float, count: str = "") -> str:
            return f"{name:<{wide}}{first:5.1f} %   {five:5.1f} %{count}"

        return "\n".join([
            f"{self.positions:,} positions of {self.games} games: the move played is",
            f"{'':{wide}} first  among five",
            *(row(name, *figures) for name, figures in self.top.items()),
            "the network by part of the game:",
            *(row(name, first, five, f"  ({n:,})") for name, (first, five, n) in self.phases.items()),
        ])  # fmt: skip


def symmetric(model: Policy, planes: Tensor) -> Float32[np.ndarray, "n points"]:
    """Chances (n, points): the mean over the eight symmetric boards."""
    model.eval()
    with torch.inference_mode():
        turned = all_eight(planes)
        logits = torch.stack([model(each) for each in turned])
        return all_undone(logits.float().softmax(-1)).mean(0).numpy()


def train(
    games: Sequence[Game],
    settings: Settings,
    recipe: Recipe,
    *,
    checkpoint: Path | None = None,
    machines: Machines | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train a policy network on those of the games that `games.split` gives to learn from and to choose the epoch by.

    Raises InputError where there are too few games of the network's size.
    """
    parts = split([game for game in games if game.size == settings.size])
    learn, held = (Positions(part, settings.size, settings.features) for part in parts[:2])
    samples = Remembered(learn)
    with seeded(recipe.seed):
        model = policy(settings)
    subject = f"{settings} {len(samples)} {samples.digest}"
    history = fit(
        model,
        samples,
        held,
        recipe,
        vary=vary,
        checkpoint=checkpoint,
        subject=subject,
        machines=machines,
        progress=progress,
    )
    return Trained(model, settings, len(learn.games), recipe, history)


class Remembered(Samples):
    """Positions whose planes are made once and kept as bits: half of an epoch would go into making them again."""

    def __init__(self, positions: Positions):
        self.positions = positions
        self._bits = None
        if positions.features == "planes":
            self._bits = np.concatenate([self._pack(start) for start in range(0, len(positions), 1024)])

    @property
    def digest(self) -> str:
        """Of the moves, by which a stopped training knows its data again."""
        return hashlib.sha256(self.positions.targets.tobytes()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitems__(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        if self._bits is None:
            return self.positions.__getitems__(places)
        size, at = self.positions.size, np.asarray(places)
        shape = len(at), FEATURES[self.positions.features], size, size
        made = np.unpackbits(self._bits[at], axis=1, count=shape[1] * size**2).reshape(shape)
        return torch.from_numpy(made).float(), torch.from_numpy(self.positions.targets[at])

    def _pack(self, start: int) -> np.ndarray:
        made, _ = self.positions.__getitems__(range(start, min(start + 1024, len(self.positions))))
        return np.packbits(made.numpy().astype(bool).reshape(len(made), -1), axis=1)


def score(
    model: Policy, shown: Positions, places: Sequence[int], progress: Progress | None = None
) -> Float32[np.ndarray, "n points"]:
    """The chance of every point in positions, averaged over the symmetries; -1 where a move is illegal."""
    found = []
    for start in range(0, len(places), AT_ONCE):
        some = places[start : start + AT_ONCE]
        planes, _ = shown.__getitems__(some)
        found.append(np.where(shown.legal(some), symmetric(model, planes), np.float32(-1)))
        if progress is not None:
            progress(start + len(some), len(places), "positions")
    return np.concatenate(found)


def evaluate(
    trained: Trained, training: Positions, shown: Positions, progress: Progress | None = None
) -> Evaluation:
    """How well it names the moves of games that it did not learn from, beside three guesses made of `training`."""
    hits = top_k(score(trained.model, shown, range(len(shown)), progress), shown.targets)
    top = {"this network": _percent(hits)}
    for name, guess in BASELINES.items():
        top[name] = _percent(top_k(guess(training, shown), shown.targets))
    first, second = (round(moves * shown.size**2 / 19**2) for moves in PHASES)
    parts = {f"moves 1-{first}": (0, first), f"moves {first + 1}-{second}": (first, second), "later": (second, np.inf)}
    phases = {}
    for name, (start, stop) in parts.items():
        inside = (shown.number >= start) & (shown.number < stop)
        if inside.any():
            phases[name] = (*_percent(hits[inside]), int(inside.sum()))
    return Evaluation(len(shown), len(shown.games), top, phases)


def _percent(hits: np.ndarray) -> tuple[float, float]:
    first, five = (100 * hits.mean(0)).tolist()
    return first, five


def cached(size: int, *, progress: Progress | None = None) -> Trained:
    """The network of the games that come with convscope: trained before and kept in the user's cache, or else now.

    Raises InputError for a size without such games.
    """
    games, settings, recipe = shipped(size), Settings(size, width=32, depth=5), RECIPE
    digest = hashlib.sha256(repr((settings, recipe, [game.key for game in games])).encode()).hexdigest()[:16]
    file = user_cache_path("convscope") / f"go-{digest}.safetensors"
    with suppress(InputError):  # not there, or damaged: made anew
        return load(file)

    def make(checkpoint: Path) -> Trained:
        return train(games, settings, recipe, checkpoint=checkpoint, progress=progress)

    return keeping.fitted(file, make, lambda made: save(made, file), resume=True)


def save(trained: Trained, file: str | os.PathLike[str]) -> Path:
    """Write a trained network. Raises InputError where it cannot be written."""
    facts = {
        "network": asdict(trained.settings),
        "games": trained.games,
        "recipe": asdict(trained.recipe),
        "history": trained.history,
        "weights": weights_of(trained.model),
    }
    return keeping.save(file, "go", trained.model, facts)


def load(file: str | os.PathLike[str]) -> Trained:
    """The network that `save` wrote. Raises InputError for anything else."""
    state, facts = keeping.load(file, "go")
    try:
        settings, recipe = Settings(**facts["network"]), Recipe(**facts["recipe"])
        games, history = int(facts["games"]), tuple(facts["history"])
    except (KeyError, TypeError):
        raise InputError(f"{file}: its notes do not describe a network for Go; train it again") from None
    model = policy(settings)
    keeping.fill(model, state, file)
    return Trained(model, settings, games, recipe, history)
