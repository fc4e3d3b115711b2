"""A network for texts from data to weights: train, keep, find again."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.tasks import keeping
from convscope.tasks.fitting import Machines, Progress, Recipe, fit, seeded
from convscope.tasks.text.network import Sentences, Shape
from convscope.tasks.text.reading import Texts, fold_of
from convscope.tasks.text.tokens import LONGEST, PADDING, UNKNOWN, Encoded, Vocabulary, kind_for
from convscope.tasks.text.vectors import WordVectors

TASK = "text"
FOLDS = 10
RECIPE = Recipe(epochs=4, batch=64, rate=4e-3)
FORGOTTEN = 0.2
"""The share of words that training takes for unknown, others each time: a text is known by more than one word."""


@dataclass(frozen=True)
class Settings:
    """What a person chooses besides the recipe; see `Shape` and `Vocabulary`. tokens: "" for what the texts ask for."""

    tokens: str = ""
    dim: int = 128
    windows: tuple[int, ...] = (3, 4, 5)
    filters: int = 100
    dropout: float = 0.5
    norm: float = 3.0
    frozen: bool = False
    longest: int = LONGEST
    forgotten: float = FORGOTTEN

    def __post_init__(self) -> None:
        if not 0 <= self.forgotten < 1:
            raise InputError(f"forgotten={self.forgotten}: a share of the words; give 0 to below 1")


    def kind(self, texts: Texts) -> str:
        """How these texts are split."""
        return self.tokens or kind_for(texts.texts)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, what its numbers and classes mean, and where it comes from."""

    model: Sentences
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    data: str  # name of the set
    digest: str  # of the set, see `Texts`
    recipe: Recipe
    history: tuple[dict[str, float], ...]

    @property
    def told(self) -> str:
        """What it is, in a line."""
        s, r, v = self.model.shape, self.recipe, self.vocabulary
        windows, frozen = "/".join(map(str, s.windows)), " (frozen)" if s.frozen else ""
        return (
            f"vocabulary of {len(v):,} {v.kind}, vectors of {s.dim}{frozen}, windows {windows} with {s.filters} "
            f"filters each, dropout {s.dropout:g}, norm {s.norm:g}; {r.epochs} epochs, batch {r.batch}, "
            f"rate {r.rate:g}, seed {r.seed}; trained on {self.data}"
        )


@dataclass(frozen=True)
class Parts:
    """Places of the texts to learn from, to choose the epoch by, and to test on."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def parts(texts: Texts, fold: int = 0, seed: int = 0) -> Parts:
    """Tenths: `fold` is the test, the one after it the validation, eight are learned from."""
    number = fold_of(texts.labels, FOLDS, seed)
    held = (fold + 1) % FOLDS
    chosen = ~np.isin(number, (fold, held)), number == held, number == fold
    return Parts(*(np.flatnonzero(each) for each in chosen))


def train(
    texts: Texts,
    chosen: Parts,
    settings: Settings | None = None,
    recipe: Recipe = RECIPE,
    *,
    vectors: WordVectors | None = None,
    checkpoint: Path | None = None,
    machines: Machines | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Learn from the training texts; the validation texts choose the epoch; the test texts are not looked at.

    vectors: for the words that they hold; the others begin at random, as spread as those. The vocabulary is that of
    the training texts.

    Raises InputError where vectors and settings do not fit.
    """
    settings = settings or Settings()
    if settings.frozen and vectors is None:
        raise InputError("frozen: there are no vectors to keep as they are; give some with --vectors")
    own = [texts.texts[k] for k in chosen.train]
    vocabulary = Vocabulary.of(own, settings.kind(texts), longest=settings.longest)
    shape = Shape(
        *(len(vocabulary), len(texts.classes), vectors.dim if vectors else settings.dim, settings.windows),
        *(settings.filters, settings.dropout, settings.norm, settings.frozen),
    )
    with seeded(recipe.seed):
        model = Sentences(shape)
        if vectors is not None:
            vectors.put(model.embed.table.weight, vocabulary.words)
    history = learn(model, texts, chosen, vocabulary, recipe, settings.forgotten, checkpoint, machines, progress)
    return Trained(model, vocabulary, texts.classes, texts.name, texts.digest, recipe, history)


def learn(
    model: Sentences,
    texts: Texts,
    chosen: Parts,
    vocabulary: Vocabulary,
    recipe: Recipe,
    forgotten: float = FORGOTTEN,
    checkpoint: Path | None = None,
    machines: Machines | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, float], ...]:
    """Train a network, in place, whose first weights are made."""
    learned, held = (
        Encoded(vocabulary.encode(texts.texts[k] for k in places), texts.labels[places])
        for places in (chosen.train, chosen.validation)
    )

    def forget(numbers: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = torch.rand(numbers.shape, generator=generator, device=numbers.device)
        return torch.where((drawn < forgotten) & (numbers != PADDING), UNKNOWN, numbers), labels

    subject = f"{texts.digest} {len(learned)} {vocabulary.kind} {vocabulary.longest} {model.shape} {forgotten}"
    return fit(
        *(model, learned, held, recipe),
        vary=forget if forgotten else None,
        after_step=lambda _: model.limit(),
        checkpoint=checkpoint,
        subject=subject,
        machines=machines,
        progress=progress,
    )


def save(trained: Trained, file: keeping.AnyPath) -> Path:
    """Write a trained network; raises InputError where it cannot be written."""
    v = trained.vocabulary
    facts = {
        "shape": trained.model.shape.as_dict(),
        "vocabulary": {"kind": v.kind, "words": v.words, "longest": v.longest},
        "classes": trained.classes,
        "data": trained.data,
        "digest": trained.digest,
        "recipe": asdict(trained.recipe),
        "history": trained.history,
    }
    return keeping.save(file, TASK, trained.model, facts)


def load(file: keeping.AnyPath) -> Trained:
    """What `save` wrote. Raises InputError for anything else."""
    state, facts = keeping.load(file, TASK)
    try:
        told = facts["vocabulary"]
        vocabulary = Vocabulary(str(told["kind"]), tuple(map(str, told["words"])), int(told["longest"]))
        shape, recipe = Shape.told(facts["shape"]), Recipe(**facts["recipe"])
        classes, history = tuple(map(str, facts["classes"])), tuple(dict(row) for row in facts["history"])
        data, digest = str(facts["data"]), str(facts["digest"])
        fits = shape.words == len(vocabulary) and shape.classes == len(classes)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(f"{file}: its notes do not describe a network for texts; train it again") from None
    if not fits:
        raise InputError(f"{file}: its notes contradict each other; train the network again")
    model = Sentences(shape)
    keeping.fill(model, state, file)
    return Trained(model, vocabulary, classes, data, digest, recipe, history)

