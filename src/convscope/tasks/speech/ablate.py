"""Along which axis a kernel should move: kinds of network on speakers never heard, as they are and changed."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.lens.shown.results import as_text
from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.fitting import Recipe
from convscope.tasks.runs import Figures, Kept
from convscope.tasks.speech.judging import accuracy
from convscope.tasks.speech.network import Settings
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.splits import folds
from convscope.tasks.speech.tract import Tract
from convscope.tasks.speech.training import RECIPE, VARY, train

KINDS: dict[str, dict[str, Any]] = {
    "frequency": {"kernels": "frequency"},
    "frequency, no pooling": {"kernels": "frequency", "pool": False},
    "frequency, 4 sections": {"kernels": "frequency", "sections": 4},
    "time": {"kernels": "time"},
    "time, no pooling": {"kernels": "time", "pool": False},
    "both": {"kernels": "both"},
    "connected": {"kernels": "connected"},
}
"""Networks of equally many weights; see `network.Settings`."""

WARPS = (0.8, 0.9, 1.1, 1.25)
SHIFTS = (50, 100, 150)
CHANGES: dict[str, tuple[dict[str, Any], ...]] = {
    "as it is": ({},),
    **{f"warp {factor:g}": ({"warp": Tract(factor)},) for factor in WARPS},
    **{f"shift {ms} ms": ({"milliseconds": ms}, {"milliseconds": -ms}) for ms in SHIFTS},
}
"""What is done to the test recordings: a vocal tract of another length; earlier and later, of which the mean counts."""


@dataclass(frozen=True)
class Trial:
    """One training and its test. accuracy: per cent under each of CHANGES."""

    kind: str
    seed: int
    part: str
    accuracy: Figures


@dataclass(frozen=True)
class Ablation:
    """What the trials show: accuracy, and what of it is lost under changes; parts are speakers, or groups of them."""

    data: str
    varied: bool
    trials: tuple[Trial, ...]

    def under(self, change: str = "as it is") -> Comparison:
        """Accuracy under one of CHANGES."""
        told = f"accuracy on speakers never heard ({self.data}), {change}, learned from {self._how}"
        return Comparison(told, tuple(Run(t.kind, t.seed, t.part, t.accuracy[change]) for t in self.trials))

    def change(self, kind: str) -> Comparison:
        """The points of accuracy that "warp" or "shift" costs, below 0; the mean over all changes of that kind."""
        names = [name for name in CHANGES if name.startswith(kind)]
        runs = (
            Run(t.kind, t.seed, t.part, float(np.mean([t.accuracy[name] for name in names])) - t.accuracy["as it is"])
            for t in self.trials
        )
        told = f"points of accuracy gained under {kind} ({', '.join(names)}), learned from {self._how}"
        return Comparison(told, tuple(runs))

    def sentences(self) -> list[str]:
        """What the figures support of the lecture's "kernels move along frequency only", with speakers as pairs."""
        known = {trial.kind for trial in self.trials}
        asked = [
            ("accuracy", self.under(), "frequency", "connected"),
            ("accuracy", self.under(), "frequency", "time"),
            ("accuracy", self.under(), "frequency", "both"),
            ("accuracy", self.under(), "frequency", "frequency, 4 sections"),
            ("accuracy", self.under(), "frequency", "frequency, no pooling"),
            ("kept under warp", self.change("warp"), "frequency", "time"),
            ("kept under warp", self.change("warp"), "frequency", "frequency, no pooling"),
            ("kept under shift", self.change("shift"), "time", "frequency"),
            ("kept under shift", self.change("shift"), "time", "time, no pooling"),
        ]
        return [
            f"{what}: {found.by_part().compare(a, b)}" for what, found, a, b in asked if {a, b} <= known
        ]

    def __str__(self) -> str:
        tables = [self.under().table(by_part=True), self._robustness()]
        return "\n\n".join([*(as_text(*table) for table in tables), "\n".join(self.sentences()), NOTE])

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "data": self.data,
            "varied": self.varied,
            "trials": [asdict(trial) for trial in self.trials],
            "sentences": self.sentences(),
        }

    def _robustness(self) -> tuple[list[str], list[list[str]]]:
        found = {change: self.under(change) for change in CHANGES}
        rows = [[kind, *(f"{each.mean(kind):.1f}" for each in found.values())] for kind in self.under().rows]
        return ["", *CHANGES], rows

    @property
    def _how(self) -> str:
        return "varied words" if self.varied else "words as they are"


NOTE = (
    "The lecture's claim is about networks that read some frames around one moment and leave time to a hidden Markov "
    "model; these read whole words."
)


def ablate(
    recordings: Recordings,
    kinds: Sequence[str] = tuple(KINDS),
    seeds: int = 3,
    varied: bool = True,
    recipe: Recipe = RECIPE,
    *,
    weights: int = 40_000,
    kept: Kept | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Ablation:
    """Train every kind once for each seed and each of `recordings.folds`, and test it on the speakers left out.

    varied: whether they learn from `training.VARY`, or from the words as they are. kept: finished trials, by kind,
    part, seed and how they learned.

    Raises InputError for kinds that are not in KINDS, and as `recordings.folds`.
    """
    strange = [kind for kind in kinds if kind not in KINDS]
    if strange or seeds < 1:
        raise InputError(f"kinds={'; '.join(kinds)}, seeds={seeds}: give some of {'; '.join(KINDS)}")
    kept = kept or Kept()
    parts = {seed: folds(recordings, seed=seed) for seed in range(seeds)}
    every = [(kind, seed, part) for seed in range(seeds) for part, kind in product(parts[seed], kinds)]
    trials = []

    def figures(kind: str, seed: int, part: str) -> Figures:
        progress(len(trials), len(every), f"{kind}, {part}, seed {seed}")
        settings = Settings(len(recordings.words), weights=weights, **KINDS[kind])
        split, vary = parts[seed][part], VARY if varied else None
        trained = train(recordings, split, settings, replace(recipe, seed=seed), vary)
        test = recordings.of(split.test)
        found = {name: [accuracy(trained, test, **how) for how in ways] for name, ways in CHANGES.items()}
        return {name: float(np.mean(values)) for name, values in found.items()}

    for key in every:
        name = "{}, seed {}, without {}".format(*key) + ("" if varied else ", words as they are")
        trials.append(Trial(*key, kept.run(name, partial(figures, *key))))
    return Ablation(recordings.name, varied, tuple(trials))
