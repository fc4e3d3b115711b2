"""Why kernels for sentences move along the words: the same number of weights, moved elsewhere; and the sharp test.

The numbers of a word's vector have no order: exchange two of them in all vectors, and all words are to each other as
they were. Kernels that move along the embedding axis, or over the plane, take neighbouring numbers for neighbours all
the same. Two measurements:

- trained, then permuted. The vectors of a trained network are put in another order. Kernels along the sequence can be
  put in that order too, and the network is the same function to rounding. The others share their weights over the
  numbers of a vector: there is nothing to put in order, and what they learned is lost.
- trained from permuted vectors. Along the sequence a training from permuted vectors and kernels is the same training,
  permuted. Of the others, one that starts from another order finds another network. It need not be a worse one: where
  the first vectors are random, or may be learned, training finds vectors for the order it is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.fitting import Progress, Recipe, answers, seeded
from convscope.tasks.runs import Figures, Kept
from convscope.tasks.text.baselines import baselines
from convscope.tasks.text.network import KERNELS, Sentences, Shape, permuted
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.tokens import Encoded, Vocabulary, kind_for
from convscope.tasks.text.training import Parts, learn

DIM, FILTERS, LONGEST = 64, 32, 50
RECIPE = Recipe(epochs=4, batch=64, rate=4e-3)
NAMES = {"sequence": "along the sequence", "embedding": "along the embedding", "plane": "over the plane (2-D)"}


@dataclass(frozen=True)
class Ablation:
    """What was found.

    accuracy    of the three kinds of kernels, and of counting words, in percent
    permuted    of trained networks whose vectors were put in another order
    retrained   of networks trained from vectors in another order
    difference  the largest change of any logit of the network along the sequence, put in another order as a whole
    weights     of each kind, without the vectors, which are the same
    """

    accuracy: Comparison
    permuted: Comparison
    retrained: Comparison
    difference: float
    weights: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).as_dict() for name in ("accuracy", "permuted", "retrained")}
        return {**parts, "difference": self.difference, "weights": self.weights}

    def __str__(self) -> str:
        sequence, *others = NAMES.values()
        lines = [str(self.accuracy), "weights besides the vectors: " + _listed(self.weights)]
        lines += [self.accuracy.compare(sequence, other) + "." for other in others]
        lines += ["", str(self.permuted)]
        kept = f"{sequence}, its kernels in the same order"
        lines.append(
            "Along the sequence, vectors and kernels in another order: no logit changes by more than "
            f"{self.difference:.1g}."
        )
        lines += [self.permuted.compare(kept, other) + "." for other in others]
        lines += ["", str(self.retrained)]
        lines += [self.retrained.compare(name, f"{name}, from permuted vectors") + "." for name in NAMES.values()]
        return "\n".join(lines)


def shapes(words: int, classes: int) -> dict[str, Shape]:
    """A network of each kind; their bodies have equal numbers of weights, as nearly as whole filters allow."""
    sequence = Shape(words, classes, DIM, filters=FILTERS, longest=LONGEST)
    budget = Sentences(replace(sequence, words=3)).weights()
    found = {"sequence": sequence}
    for kernels in KERNELS[1:]:
        one, two = (
            Sentences(replace(sequence, words=3, kernels=kernels, filters=count)).weights() for count in (1, 2)
        )
        found[kernels] = replace(sequence, kernels=kernels, filters=1 + max(0, round((budget - one) / (two - one))))
    return found


def ablate(
    texts: Texts,
    parts: Parts,
    seeds: int = 3,
    recipe: Recipe = RECIPE,
    *,
    kept: Kept | None = None,
    progress: Progress | None = None,
) -> Ablation:
    """Train each kind with `seeds` seeds, from vectors as drawn and from the same permuted.

    kept: finished runs, by kind and seed. progress: with every step of every training.
    """
    vocabulary = Vocabulary.of((texts.texts[k] for k in parts.train), kind_for(texts.texts), longest=LONGEST)
    kinds = shapes(len(vocabulary), len(texts.classes))
    kept, found = kept or Kept(), dict[tuple[str, int], Figures]()
    todo = [(kernels, seed) for seed in range(seeds) for kernels in KERNELS]
    for done, (kernels, seed) in enumerate(todo):
        tell = _after(progress, done, len(todo), f"{kernels}, seed {seed}")
        of = (kinds[kernels], texts, parts, vocabulary, replace(recipe, seed=seed), tell)
        found[kernels, seed] = kept.run(f"{kernels}, seed {seed}", partial(_measured, *of))
    counted = baselines(texts, parts, vocabulary.kind, LONGEST)
    wanted = texts.labels[parts.test]
    rows = list(_rows(found, "accuracy"))
    rows += [
        Run(name, seed, "", 100 * float((guessed == wanted).mean()))
        for name, guessed in counted.items()
        for seed in range(seeds)
    ]
    where = f"{len(wanted):,} {texts.name} texts"
    return Ablation(
        Comparison(f"accuracy on {where}, by where the kernels move", tuple(rows)),
        Comparison(
            f"trained, then the vectors' numbers put in another order: accuracy on {where}",
            tuple(_permuted_rows(found)),
        ),
        Comparison(
            f"trained from vectors as drawn, and from the same in another order: accuracy on {where}",
            tuple(_rows(found, "accuracy")) + tuple(_rows(found, "retrained", ", from permuted vectors")),
        ),
        max(figures["difference"] for (kernels, _), figures in found.items() if kernels == "sequence"),
        {NAMES[kernels]: Sentences(replace(kinds[kernels], words=3)).weights() for kernels in KERNELS},
    )


def _measured(
    shape: Shape, texts: Texts, parts: Parts, vocabulary: Vocabulary, recipe: Recipe, progress: Progress
) -> Figures:
    """Of one kind and seed: accuracies in percent, of the network as trained, permuted, and trained from permuted."""
    tested = Encoded(vocabulary.encode(texts.texts[k] for k in parts.test), texts.labels[parts.test])
    wanted = texts.labels[parts.test]
    order = np.random.default_rng(recipe.seed).permutation(shape.dim).tolist()
    sequence = shape.kernels == "sequence"

    def accuracy(model: Sentences) -> float:
        return 100 * float((answers(model, tested).argmax(1) == wanted).mean())

    with seeded(recipe.seed):
        model = Sentences(shape)
    twin = permuted(model, order, kernels=sequence)
    learn(model, texts, parts, vocabulary, recipe, progress=_after(progress, 0, 2, "as drawn"))
    learn(twin, texts, parts, vocabulary, recipe, progress=_after(progress, 1, 2, "permuted"))
    found = {
        "accuracy": accuracy(model),
        "permuted": accuracy(permuted(model, order, kernels=False)),
        "retrained": accuracy(twin),
    }
    if sequence:
        ordered = permuted(model, order, kernels=True)
        found["ordered"] = accuracy(ordered)
        found["difference"] = float(np.abs(answers(ordered, tested) - answers(model, tested)).max())
    return found


def _after(progress: Progress | None, done: int, total: int, which: str) -> Progress:
    """Tells the progress of one of `total` equal parts of the work, after `done` others."""

    def tell(step: int, steps: int, what: str) -> None:
        if progress is not None:
            progress(done * steps + step, total * steps, f"{which}, {what}")

    return tell


def _rows(found: dict[tuple[str, int], Figures], figure: str, suffix: str = "") -> Iterator[Run]:
    for (kernels, seed), figures in found.items():
        if figure in figures:
            yield Run(NAMES[kernels] + suffix, seed, "", figures[figure])


def _permuted_rows(found: dict[tuple[str, int], Figures]) -> Iterator[Run]:
    yield from _rows(found, "ordered", ", its kernels in the same order")
    yield from _rows(found, "permuted")


def _listed(weights: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in weights.items())
