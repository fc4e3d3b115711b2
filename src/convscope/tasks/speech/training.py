"""A network that knows words: trained on recordings or voices, its confidence calibrated, and kept in a file."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from torch import nn

from convscope.errors import InputError
from convscope.tasks import keeping
from convscope.tasks.fitting import Held, Machines, Recipe, answers, fit
from convscope.tasks.runs import digest
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, logmel
from convscope.tasks.speech.network import Settings, build
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.splits import Split
from convscope.tasks.speech.vary import Vary

TASK = "speech"
RECIPE = Recipe(epochs=12, batch=64, rate=3e-3, decay=1e-2, smoothing=0.1)
VARY = Vary()
KEPT = 0.95
"""The share of the validation recordings whose confidence reaches the threshold: fewer are said to be unknown."""


@dataclass(frozen=True)
class Confidence:
    """Logits over `temperature` make probabilities that are right as often as they say; below `threshold`: unknown.

    Source: Guo et al. 2017, "On calibration of modern neural networks".
    """

    temperature: float
    threshold: float

    def probabilities(self, logits: Float[np.ndarray, "n classes"]) -> Float[np.ndarray, "n classes"]:
        """Of each word, for each recording."""
        return softmax(logits / self.temperature, axis=1)


@dataclass(frozen=True)
class Trained:
    """A trained network and where it comes from; `data` and `how` are its recordings and how they were split."""

    network: nn.Module
    settings: Settings
    words: tuple[str, ...]
    confidence: Confidence
    recipe: Recipe
    vary: Vary | None
    data: str
    how: str
    history: tuple[dict[str, float], ...]


def train(
    recordings: Recordings,
    split: Split,
    settings: Settings,
    recipe: Recipe = RECIPE,
    vary: Vary | None = VARY,
    *,
    checkpoint: Path | None = None,
    machines: Machines | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Trained:
    """Train a network of those settings on one part of recordings; another chooses the epoch and the confidence.

    Raises InputError where settings and recordings differ in the number of words, and KeyboardInterrupt as
    `fitting.fit`.
    """
    if settings.classes != len(recordings.words):
        raise InputError(f"{settings}: the recordings are of {len(recordings.words)} words; give classes as many")
    pictures, labels = logmel(recordings.samples), torch.from_numpy(recordings.labels)
    learned, held = (Held(pictures[part], labels[part]) for part in (split.train, split.validation))
    network = build(settings, recipe.seed)
    data = digest(recordings.samples, recordings.labels, split.train, split.validation)
    subject = f"{settings} {vary} {recordings.name} {data}"
    history = fit(
        network,
        learned,
        held,
        recipe,
        vary=vary,
        checkpoint=checkpoint,
        subject=subject,
        machines=machines,
        progress=progress,
    )
    confidence = calibrated(answers(network, held), held.targets.numpy())
    return Trained(
        network, settings, recordings.words, confidence, recipe, vary, recordings.name, split.how, history
    )


def calibrated(
    logits: Float[np.ndarray, "n classes"], labels: Int64[np.ndarray, " n"], kept: float = KEPT
) -> Confidence:
    """The temperature under which these labels are likeliest, and the threshold that the share `kept` reaches."""

    def loss(logarithm: float) -> float:
        return -float(log_softmax(logits / np.exp(logarithm), axis=1)[np.arange(len(labels)), labels].mean())

    found: Any = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    temperature = float(np.exp(found.x))
    best = softmax(logits / temperature, axis=1).max(1)
    return Confidence(temperature, float(np.quantile(best, 1 - kept, method="lower")))


def save(trained: Trained, file: Path) -> Path:
    """Write it. Raises InputError where the place cannot be written."""
    facts = {
        "settings": asdict(trained.settings),
        "words": trained.words,
        "confidence": {**asdict(trained.confidence), "kept": KEPT},
        "recipe": asdict(trained.recipe),
        "vary": asdict(trained.vary) if trained.vary else None,
        "data": trained.data,
        "split": trained.how,
        "history": trained.history,
        "input": [1, BANDS, FRAMES],
    }
    return keeping.save(file, TASK, trained.network, facts)


def load(file: Path) -> Trained:
    """Read what `save` wrote. Raises InputError for anything else."""
    state, facts = keeping.load(file, TASK)
    try:
        if facts["input"] != [1, BANDS, FRAMES]:
            raise InputError(f"{file}: reads words as {facts['input']}, not as {[1, BANDS, FRAMES]}; train it again")
        settings, words = Settings(**facts["settings"]), tuple(facts["words"])
        if len(words) != settings.classes:
            raise InputError(f"{file}: names {len(words)} words for {settings.classes} outputs; train it again")
        return Trained(
            network=keeping.fill(build(settings), state, file),
            settings=settings,
            words=words,
            confidence=Confidence(facts["confidence"]["temperature"], facts["confidence"]["threshold"]),
            recipe=Recipe(**facts["recipe"]),
            vary=Vary(**facts["vary"]) if facts["vary"] else None,
            data=facts["data"],
            how=facts["split"],
            history=tuple(facts["history"]),
        )
    except (KeyError, TypeError) as problem:
        raise InputError(f"{file}: its notes lack {problem}; train the network again") from None
