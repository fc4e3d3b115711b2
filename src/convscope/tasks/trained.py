"""LeNet-5 on digits from data to verdict: train, evaluate, keep, find again."""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from convscope.errors import InputError
from convscope.files import check_can_write
from convscope.nn.lenet import LeNet5
from convscope.nn.train import Recipe, Step, evaluate, train
from convscope.nn.weights import read_arrays, write_arrays
from convscope.ops import softmax
from convscope.tasks import digits
from convscope.tasks.augment import Vary, warped
from convscope.tasks.imagesets import ImageData
from convscope.tasks.runs import digest

BEYOND_USE = 1e4  # a weight so large is none that was learned; of smaller ones no answer overflows
ROOM = 2**20  # bytes that the weights and a checkpoint need
VALIDATION = 5000  # training pictures held out to choose the epoch by; a tenth of a smaller set


@dataclass(frozen=True)
class Trained:
    """A trained network and where it comes from."""

    network: LeNet5
    classes: tuple[str, ...]
    data: str  # name of the set
    recipe: Recipe
    vary: Vary
    history: tuple[dict[str, float], ...]  # one row an epoch, see `nn.train.Epoch`

    @property
    def told(self) -> str:
        """The recipe in a line."""
        r, v = self.recipe, self.vary
        return (
            f"SGD with Nesterov momentum {r.momentum:g}, one-cycle rate up to {r.rate:g}, batch {r.batch}, "
            f"{r.epochs} epochs, weight decay {r.weight_decay:g}; pictures turned up to {v.turn:g} degrees, scaled "
            f"{v.scale:.0%}, sheared {v.shear:.0%}, moved {v.move:g} pixels; the epoch that validated best; "
            f"seed {r.seed}"
        )


@dataclass(frozen=True)
class Verdict:
    """How a network reads the test pictures.

    confusion   (classes, classes): how often the row's class was read as the column's
    misread     (place, true class, read class, probability of the read class) of each picture read wrongly
    """

    data: str
    classes: tuple[str, ...]
    loss: float
    accuracy: float
    confusion: np.ndarray
    misread: tuple[tuple[int, int, int, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """The same in numbers, lists and texts, for JSON."""
        return {
            **asdict(self),
            "confusion": self.confusion.tolist(),
            "misread": [
                {"place": place, "true": self.classes[t], "read": self.classes[r], "probability": round(p, 4)}
                for place, t, r, p in self.misread
            ],
        }

    def __str__(self) -> str:
        n, width = int(self.confusion.sum()), max(5, *(len(name) for name in self.classes)) + 1
        lines = [
            f"test accuracy {self.accuracy:.2%} ({n - len(self.misread):,} of {n:,} {self.data} pictures), "
            f"loss {self.loss:.4f}",
            "true class down, read class across:",
            "".join(f"{name:>{width}}" for name in ("", *self.classes)),
        ]
        for name, row in zip(self.classes, self.confusion, strict=True):
            lines.append("".join(f"{cell:>{width}}" for cell in (name, *(count or "." for count in row))))
        worst = sorted(self.misread, key=lambda one: -one[3])[:10]
        if worst:
            lines.append(f"read wrongly: {len(self.misread)}; with most conviction:")
            lines += [
                f"  test picture {place}: a {self.classes[t]} read as {self.classes[r]} ({p:.1%})"
                for place, t, r, p in worst
            ]
        return "\n".join(lines)


def judge(network: LeNet5, pictures: ImageData) -> Verdict:
    """Read the test pictures of a set."""
    score = evaluate(network, digits.normalise(pictures.test_images), pictures.test_labels)
    read, k = score.logits.argmax(axis=1), len(pictures.classes)
    confusion = np.bincount(pictures.test_labels * k + read, minlength=k * k).reshape(k, k)
    wrong = np.flatnonzero(read != pictures.test_labels)
    sure = softmax(score.logits).max(axis=1)
    misread = tuple((int(i), int(pictures.test_labels[i]), int(read[i]), float(sure[i])) for i in wrong)
    return Verdict(pictures.name, pictures.classes, score.loss, score.accuracy, confusion, misread)


def fit(
    pictures: ImageData,
    recipe: Recipe | None = None,
    vary: Vary | None = None,
    *,
    checkpoint: Path | None = None,
    tell: Callable[[Step], None] | None = None,
) -> Trained:
    """Train a LeNet-5 on the training pictures of a set; which epoch to keep is chosen on a part of them held out."""
    recipe, vary = recipe or Recipe(), vary or Vary()
    n = len(pictures.train_labels)
    learned, held = digits.split(pictures.train_labels, min(VALIDATION, max(1, n // 10)), recipe.seed)
    labels = pictures.train_labels[learned]
    levels = digits.normalise(np.arange(256, dtype=np.uint8).reshape(1, 1, 256)).ravel()
    size = (pictures.train_images.shape[1], pictures.train_images.shape[2])

    def draw(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return warped(pictures.train_images, learned[places], vary.maps(len(places), size, rng), levels)

    network = LeNet5(recipe.seed, classes=len(pictures.classes))
    validation = digits.normalise(pictures.train_images[held]), pictures.train_labels[held]
    subject = f"{_digest(pictures)[:16]} {vary}" if checkpoint else ""
    history = train(network, draw, labels, validation, recipe, checkpoint=checkpoint, subject=subject, tell=tell)
    return Trained(network, pictures.classes, pictures.name, recipe, vary, tuple(asdict(row) for row in history))


def save(trained: Trained, file: str | os.PathLike[str]) -> Path:
    """Write a trained network as safetensors, with its history and recipe; an InputError where it cannot be written."""
    notes = {"recipe": asdict(trained.recipe), "vary": asdict(trained.vary), "history": trained.history}
    told = {"network": "LeNet-5", "data": trained.data, "classes": trained.classes, **notes}
    return write_arrays(file, trained.network.state(), {key: json.dumps(value) for key, value in told.items()})


def load(file: str | os.PathLike[str]) -> Trained:
    """The network that `save` wrote. Raises InputError for anything else."""
    arrays, told = read_arrays(file)
    try:
        notes = {key: json.loads(value) for key, value in told.items()}
        history = tuple({name: float(number) for name, number in row.items()} for row in notes["history"])
        classes, recipe, vary = tuple(map(str, notes["classes"])), Recipe(**notes["recipe"]), Vary(**notes["vary"])
        trained = Trained(LeNet5(classes=len(classes)), classes, str(notes["data"]), recipe, vary, history)
        _ = trained.told  # a recipe of anything but numbers cannot be told
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{file}: these weights do not say what they are; give weights that `convscope train digits` wrote"
        ) from None
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise InputError(f"{file}: {name} is {array.dtype}; the weights of a LeNet-5 are float32, give such")
    try:
        trained.network.load_state(arrays)
    except InputError as problem:
        raise InputError(f"{file}: {problem}") from None
    if not (np.abs(trained.network.vector) < BEYOND_USE).all():  # neither is NaN
        raise InputError(f"{file}: the weights hold NaN or numbers beyond {BEYOND_USE:g}; train them again")
    return trained


def cached(pictures: ImageData, recipe: Recipe | None = None, *, tell: Callable[[Step], None] | None = None) -> Trained:
    """The network of this data and recipe: as it was trained before, or else trained now and kept for the next time.

    Kept in the user's cache folder; where that cannot be written, the network is trained each time.
    """
    recipe, vary = recipe or Recipe(), Vary()
    what = json.dumps([asdict(recipe), asdict(vary), pictures.classes, _digest(pictures)])
    key = hashlib.sha256(what.encode()).hexdigest()[:16]
    file = user_cache_path("convscope") / f"lenet5-{key}.safetensors"
    with suppress(InputError):  # not there, or damaged: made anew
        return load(file)
    try:
        check_can_keep(file)
    except InputError:
        return fit(pictures, recipe, vary, tell=tell)
    checkpoint = _checkpoint(file)
    try:
        read_arrays(checkpoint)
    except InputError:
        checkpoint.unlink(missing_ok=True)
    trained = _fit_from(checkpoint, pictures, recipe, vary, tell=tell)
    save(trained, file)
    checkpoint.unlink(missing_ok=True)  # only now: until the weights are written it is all there is
    return trained


def fit_and_save(
    pictures: ImageData,
    recipe: Recipe,
    file: Path,
    *,
    resume: bool = True,
    tell: Callable[[Step], None] | None = None,
) -> Trained:
    """`fit` and `save`; a training that was stopped goes on from FILE.checkpoint, unless `resume` is False."""
    check_can_keep(file)
    checkpoint = _checkpoint(file)
    if not resume:
        checkpoint.unlink(missing_ok=True)
    again = "the same command" if resume else "the same command without --fresh"
    trained = _fit_from(checkpoint, pictures, recipe, again=again, tell=tell)
    save(trained, file)
    checkpoint.unlink(missing_ok=True)  # only now: until the weights are written it is all there is
    return trained


def check_can_keep(file: Path) -> None:
    """Say now that `fit_and_save` could not write its weights; an InputError then."""
    check_can_write(file, ROOM)
    check_can_write(_checkpoint(file), ROOM)


def _fit_from(
    checkpoint: Path, *how: Any, tell: Callable[[Step], None] | None, again: str = "the same command"
) -> Trained:
    """`fit`; on Ctrl-C it says what is kept."""
    try:
        return fit(*how, checkpoint=checkpoint, tell=tell)
    except KeyboardInterrupt:
        kept = f"the epochs that were over are kept, {again} goes on" if checkpoint.exists() else "no epoch was over"
        raise KeyboardInterrupt(f"stopped while training; {kept}") from None


def _checkpoint(file: Path) -> Path:
    return file.with_name(file.name + ".checkpoint")


def _digest(pictures: ImageData) -> str:
    return digest(pictures.train_images, pictures.train_labels)
