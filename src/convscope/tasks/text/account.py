"""Why a network gave a text its class: which windows the maximum picked, and what each word counted for.

Exact, because kernels have no bias and the head is linear. A kernel's answer at the window picked is the sum over its
places of (weights . vector); ReLU passes it whole or not at all; the head multiplies it. So a class's logit is the
head's bias and a sum over picked windows, and each window's part is a sum over its words. A constant that is the same
for all classes says nothing of the class, so weights are taken less their mean over the classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from convscope.errors import InputError
from convscope.tasks.text.tokens import UNKNOWN, Token, padded
from convscope.tasks.text.training import Trained


@dataclass(frozen=True)
class Window:
    """Words that a kernel was most excited by, and what they counted for, in the logit of the class predicted.

    start, end  of the words in the text, as text[start:end]
    words       the window's tokens; a window over the text's border has fewer than its size
    size        of the kernels that picked it
    filters     how many of them
    weight      the sum of their parts; negative where it spoke against the class
    parts       each filter's number and its part, the largest (either sign) first
    """

    start: int
    end: int
    words: tuple[str, ...]
    size: int
    filters: int
    weight: float
    parts: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Answer:
    """The class of a text, and what it was made of.

    probabilities  of each class
    windows        the picked windows, those of the largest weight (either sign) first
    tokens, parts  the tokens that were read, and each one's part in the logit of the class predicted
    bias           what the logit is without a word: bias + the sum of parts is the logit less its mean over classes
    cut            whether the text went on behind the last token read
    """

    text: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    windows: tuple[Window, ...]
    tokens: tuple[Token, ...]
    parts: tuple[float, ...]
    bias: float
    cut: bool

    @property
    def place(self) -> int:
        return int(np.argmax(self.probabilities))

    @property
    def label(self) -> str:
        return self.classes[self.place]

    @property
    def probability(self) -> float:
        return self.probabilities[self.place]

    def as_dict(self, windows: int = 5) -> dict[str, Any]:
        """The same for JSON, with the first `windows`."""
        return {
            "text": self.text,
            "class": self.label,
            "probability": self.probability,
            "probabilities": dict(zip(self.classes, self.probabilities)),
            "windows": [
                {name: value for name, value in asdict(window).items() if name != "parts"}
                for window in self.windows[:windows]
            ],
            "tokens": [{**asdict(token), "weight": part} for token, part in zip(self.tokens, self.parts)],
            "bias": self.bias,
            "cut": self.cut,
        }


def account(trained: Trained, texts: Sequence[str]) -> Iterator[Answer]:
    """The answer for each text, one after the other.

    Raises InputError for a text without a token, and for a network of other kernels than those along the sequence.
    """
    if trained.model.shape.kernels != "sequence":
        raise InputError(f"kernels={trained.model.shape.kernels!r}: only those along the sequence see windows of words")
    read, model = trained.vocabulary.reader(), trained.model.eval()
    with torch.inference_mode():
        for text in texts:
            numbers, tokens = read(text)
            if not tokens:
                raise InputError(f"{text!r}: no word in it; give a text with at least one")
            yield _answer(trained, text, numbers, tokens, model)


def _answer(trained: Trained, text: str, numbers: np.ndarray, tokens: list[Token], model: Any) -> Answer:
    batch = padded([numbers])
    vectors = model.embed(batch)
    probabilities = model.body(vectors).softmax(1)[0]
    chosen = int(probabilities.argmax())
    head, filters = model.body.head, model.shape.filters
    weights = (head.weight - head.weight.mean(0))[chosen].reshape(-1, filters)
    parts = np.zeros(len(tokens))
    windows: list[Window] = []
    for own, (name, kernels) in zip(weights, model.body.windows.items()):
        size = int(name)
        excited, at = kernels(vectors)[0].max(1)
        picked = torch.nonzero(excited > 0)[:, 0]
        first = (at[picked] - (size - 1)).tolist()  # of the window, perhaps before the text
        for place in range(size):
            word = torch.tensor(first, dtype=torch.long) + place
            inside = (word >= 0) & (word < len(tokens))
            rows = picked[inside]
            answers = (kernels.weight[rows, :, place] * vectors[0, :, word[inside]].T).sum(1)
            np.add.at(parts, word[inside].numpy(), (own[rows] * answers).double().numpy())
        for start in sorted(set(first)):
            here = picked[torch.tensor([f == start for f in first])]
            inside = tokens[max(start, 0) : start + size]
            own_parts = own[here] * excited[here]
            span, words = (inside[0].start, inside[-1].end), tuple(token.word for token in inside)
            each = sorted(zip(here.tolist(), own_parts.tolist()), key=lambda one: -abs(one[1]))
            windows.append(Window(*span, words, size, len(here), float(own_parts.sum()), tuple(each)))
    windows.sort(key=lambda window: -abs(window.weight))
    bias = float((head.bias - head.bias.mean())[chosen])
    cut = bool(text[tokens[-1].end :].strip())
    return Answer(
        *(text, trained.classes, tuple(probabilities.tolist()), tuple(windows)),
        *(tuple(tokens), tuple(parts.tolist()), bias, cut),
    )


@dataclass(frozen=True)
class Strongest:
    """What excites one filter.

    seen     its strongest n-grams in real texts, each with its answer
    best     the n-gram of the vocabulary that excites it most of all, and how much. Exact: the answer is a sum over
             the window's places, so the best word of each place together are the best of all n-grams
    weights  what the head makes of its answer, for each class, less the mean over classes
    """

    window: int
    unit: int
    seen: tuple[tuple[str, float], ...]
    best: tuple[str, float]
    weights: tuple[float, ...]

    def speaks_for(self, classes: Sequence[str]) -> str:
        """The class whose logit it raises most."""
        return classes[int(np.argmax(self.weights))]


def strongest(
    trained: Trained, window: int, units: Sequence[int], texts: Sequence[str], count: int = 5
) -> tuple[Strongest, ...]:
    """For each of these filters, its `count` strongest n-grams in the texts (each once), and the best there can be.

    Raises InputError for windows and units that the network has not.
    """
    model, shape = trained.model.eval(), trained.model.shape
    if shape.kernels != "sequence" or window not in shape.windows:
        known = ", ".join(map(str, shape.windows if shape.kernels == "sequence" else ()))
        raise InputError(f"window={window}: no such kernels along the sequence; it has {known or 'none'}")
    if wrong := [unit for unit in units if not 0 <= unit < shape.filters]:
        raise InputError(f"unit={wrong[0]}: there are {shape.filters} of window {window}, 0 to {shape.filters - 1}")
    grams = _grams(trained.vocabulary.encode(texts), window)
    words, found = trained.vocabulary.words, []
    head = model.body.head.weight.detach()
    first = shape.filters * shape.windows.index(window)
    weights = (head - head.mean(0))[:, first : first + shape.filters]
    with torch.inference_mode():
        table = model.embed.table.weight
        for unit in units:
            # of each word at each place; an n-gram's answer is their sum
            scores = (table @ model.body.windows[str(window)].weight[unit]).numpy()
            answers = scores[grams, np.arange(window)].sum(1)
            top = np.argsort(-answers, kind="stable")[:count]
            seen = tuple((" ".join(words[k] for k in grams[row]), float(answers[row])) for row in top)
            known = scores[UNKNOWN + 1 :]
            best = " ".join(words[UNKNOWN + 1 + k] for k in known.argmax(0))
            highest = best, float(known.max(0).sum())
            found.append(Strongest(window, unit, seen, highest, tuple(weights[:, unit].tolist())))
    return tuple(found)


def _grams(numbers: Sequence[np.ndarray], window: int) -> np.ndarray:
    """All different runs of `window` words in the texts, as numbers (n, window)."""
    long = [own for own in numbers if len(own) >= window]
    runs = [np.lib.stride_tricks.sliding_window_view(own, window) for own in long]
    return np.unique(np.concatenate([np.empty((0, window), np.int64), *runs]), axis=0)
