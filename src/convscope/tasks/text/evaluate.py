"""How well a network for texts reads texts that it has not seen, and what counting words achieves on the same."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.tasks.fitting import answers
from convscope.tasks.text.baselines import baselines
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.tokens import Encoded
from convscope.tasks.text.training import Parts, Trained

NETWORK = "network"


@dataclass(frozen=True)
class Verdict:
    """How the test texts were read.

    accuracy   of the network, and of each baseline where those were asked, as shares by name
    confusion  (classes, classes): how often the row's class was read as the column's, by the network
    """

    data: str
    classes: tuple[str, ...]
    accuracy: dict[str, float]
    confusion: np.ndarray

    @property
    def texts(self) -> int:
        return int(self.confusion.sum())

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**asdict(self), "texts": self.texts, "confusion": self.confusion.tolist()}

    def __str__(self) -> str:
        width = max(map(len, self.accuracy))
        lines = [f"accuracy on {self.texts:,} {self.data} texts that were not learned from"]
        lines += [f"  {name:<{width}}  {share:.2%}" for name, share in self.accuracy.items()]
        if len(self.accuracy) > 1:
            best = max(self.accuracy, key=lambda name: self.accuracy[name])
            lines[0] += f"; highest: {best}"
        wide = max(len(str(self.confusion.max())), *(len(name) for name in self.classes)) + 2
        lines.append("true class down, read class across:")
        lines.append("".join(f"{name:>{wide}}" for name in ("", *self.classes)))
        for name, row in zip(self.classes, self.confusion, strict=True):
            lines.append("".join(f"{cell:>{wide}}" for cell in (name, *(count or "." for count in row))))
        return "\n".join(lines)


def read_all(trained: Trained, texts: Texts) -> np.ndarray:
    """The class of each text, as a place in the network's classes."""
    encoded = Encoded(trained.vocabulary.encode(texts.texts), texts.labels)
    return answers(trained.model, encoded).argmax(1)


def judge(trained: Trained, texts: Texts, parts: Parts | None = None) -> Verdict:
    """Read the test texts; with `parts`, the baselines learn from the same texts as the network and are asked too.

    Raises InputError for texts of classes that the network does not know.
    """
    unknown = sorted(set(texts.classes) - set(trained.classes))
    if unknown:
        known = ", ".join(trained.classes)
        raise InputError(f"{texts.name}: class {unknown[0]!r} is none of the network's ({known}); give texts of those")
    tested = texts if parts is None else texts.pick(parts.test)
    place = np.array([trained.classes.index(name) for name in tested.classes])
    true, read, k = place[tested.labels], read_all(trained, tested), len(trained.classes)
    accuracy = {NETWORK: float((read == true).mean())}
    if parts is not None:
        v = trained.vocabulary
        for name, guessed in baselines(texts, parts, v.kind, v.longest).items():
            accuracy[name] = float((place[guessed] == true).mean())
    confusion = np.bincount(true * k + read, minlength=k * k).reshape(k, k)
    return Verdict(texts.name, trained.classes, accuracy, confusion)
