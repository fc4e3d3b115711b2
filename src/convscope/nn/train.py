"""The training loop: shuffled batches, a learning rate that rises and falls, a validation after each epoch, exact
resume.

Everything random comes from generators seeded with (seed, epoch), so a training that was stopped and goes on from its
checkpoint ends with the same weights, bit for bit, as one that was not.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from convscope.errors import InputError
from convscope.nn.optim import SGD, one_cycle
from convscope.nn.sequential import Sequential
from convscope.nn.step import Stepper
from convscope.nn.weights import read_arrays, write_arrays
from convscope.ops import cross_entropy

Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Places of pictures, randomness -> the pictures (n, c, h, w) as the network takes them, perhaps varied."""


@dataclass(frozen=True)
class Recipe:
    """How to train: SGD with Nesterov momentum under a one-cycle learning rate.

    rate           the highest learning rate, reached after the part `warm_up` of the training
    weight_decay   pulls weights towards zero, as a part of them for each unit of rate
    """

    epochs: int = 20
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warm_up: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: at least 1; use {name}=1")
        if not 0 < self.rate < np.inf:
            raise InputError(f"rate={self.rate}: a learning rate is above 0; use rate=0.05")


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; losses are mean cross-entropies, accuracies parts of 1."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True)
class Step:
    """Where a training is: `done` of `total` pictures, in epoch `epoch`; loss and accuracy since its beginning."""

    epoch: int
    done: int
    total: int
    loss: float
    accuracy: float
    images_per_second: float


@dataclass(frozen=True)
class Score:
    """How a network reads labelled pictures."""

    logits: Float32[np.ndarray, "n classes"]
    loss: float
    accuracy: float


def evaluate(net: Sequential, x: Float32[np.ndarray, "n c h w"], labels: Int[np.ndarray, " n"]) -> Score:
    """Logits, mean cross-entropy and part of the pictures read rightly."""
    logits = net.predict(x)
    return Score(logits, float(cross_entropy(logits, labels)), float((logits.argmax(axis=1) == labels).mean()))


def train(
    net: Sequential,
    draw: Draw,
    labels: Int[np.ndarray, " n"],
    validation: tuple[Float32[np.ndarray, "v c h w"], Int[np.ndarray, " v"]],
    recipe: Recipe,
    *,
    checkpoint: Path | None = None,
    subject: str = "",
    tell: Callable[[Step], None] | None = None,
) -> list[Epoch]:
    """Train `net` in place and leave it with the weights of the epoch that validated best (of equals, the later).

    `draw(places, rng)` gives the pictures at some places of 0 to len(labels) - 1. With a `checkpoint` file the state
    after each epoch is kept there, and a training of the same recipe and `subject` (a name for the data and how it is
    drawn) goes on from it. A stop at any moment costs no more than the epoch that was running; the file is the caller's
    to remove, once the weights are safe. Raises InputError for another training's checkpoint, and where the loss is no
    longer a number.
    """
    run = _Run(net, recipe, len(labels), subject)
    if checkpoint is not None and checkpoint.exists():
        run.restore(checkpoint)
    gradient, schedule = Stepper(net), one_cycle(recipe.warm_up)
    steps = -(-len(labels) // recipe.batch)
    for epoch in range(len(run.history) + 1, recipe.epochs + 1):
        rng = np.random.default_rng([recipe.seed, epoch])
        order = rng.permutation(len(labels))
        begin, loss, right, done = time.perf_counter(), 0.0, 0, 0
        for step in range(steps):
            places = order[step * recipe.batch : (step + 1) * recipe.batch]
            batch = gradient(draw(places, rng), labels[places])
            if not np.isfinite(batch.loss):
                raise InputError(
                    f"the loss is {batch.loss} in epoch {epoch} at rate={recipe.rate}: the training diverged, or a "
                    f"picture holds NaN; use a smaller rate, rate={recipe.rate / 4:g}"
                )
            run.optimiser.step(batch.gradient, recipe.rate * schedule((epoch - 1 + step / steps) / recipe.epochs))
            loss, right, done = loss + batch.loss * len(places), right + batch.right, done + len(places)
            if tell is not None:
                speed = done / (time.perf_counter() - begin)
                tell(
                    Step(
                        epoch,
                        (epoch - 1) * len(labels) + done,
                        recipe.epochs * len(labels),
                        loss / done,
                        right / done,
                        speed,
                    )
                )
        seconds = time.perf_counter() - begin
        score = evaluate(net, *validation)
        run.add(Epoch(epoch, loss / done, right / done, score.loss, score.accuracy, done / seconds, seconds))
        if checkpoint is not None:
            run.keep(checkpoint)
    net.vector[:] = run.best
    return run.history


class _Run:
    """Everything a training carries from one epoch to the next."""

    def __init__(self, net: Sequential, recipe: Recipe, pictures: int, subject: str) -> None:
        self.net, self.history, self.best = net, list[Epoch](), net.vector.copy()
        self.optimiser = SGD(net.vector, recipe.momentum, recipe.weight_decay)
        # a checkpoint of anything else is another training's
        self.identity = {**asdict(recipe), "pictures": pictures, "parameters": net.vector.size, "subject": subject}

    def add(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        if epoch.validation_accuracy >= max(row.validation_accuracy for row in self.history):
            self.best = self.net.vector.copy()

    def keep(self, file: Path) -> None:
        history = {field.name: np.array([getattr(row, field.name) for row in self.history]) for field in fields(Epoch)}
        state = {"vector": self.net.vector, "velocity": self.optimiser.velocity, "best": self.best, **history}
        write_arrays(file, state, {"training": json.dumps(self.identity)})

    def restore(self, file: Path) -> None:
        anew = "begin anew with --fresh, or name another file"
        try:
            state, notes = read_arrays(file)
            identity = json.loads(notes["training"])
            different = [name for name, value in self.identity.items() if identity[name] != value]
            columns = [state[field.name].tolist() for field in fields(Epoch)]
            vector, velocity, best = state["vector"], state["velocity"], state["best"]
        except (InputError, KeyError, TypeError, ValueError):
            raise InputError(f"{file}: no checkpoint, or a damaged one; {anew}") from None
        if different:
            what = ", ".join(different)
            raise InputError(f"{file} is the checkpoint of another training (its {what} differ); {anew}")
        self.net.vector[:], self.optimiser.velocity[:], self.best = vector, velocity, best
        self.history = [Epoch(*row) for row in zip(*columns, strict=True)]
