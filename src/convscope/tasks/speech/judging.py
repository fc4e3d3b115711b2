"""How well a network knows the words of recordings: by speaker, by word, and where it says that it does not know."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64

from convscope.errors import InputError
from convscope.lens.shown.results import as_text
from convscope.tasks.fitting import Held, answers
from convscope.tasks.speech.audio import shifted
from convscope.tasks.speech.melspectrogram import Warp, logmel
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.training import Trained

MOST_SPEAKERS = 12
"""Lines of a printed verdict; of more speakers only the hardest are shown."""


@dataclass(frozen=True)
class Verdict:
    """How a network knows recordings. accuracy: share that is right, of all, whether it is sure or not.

    known: the share that it is sure of; right_when_known: of those. by_speaker: accuracy and number. confusion:
    (words, words), how often the row's word was taken for the column's.
    """

    data: str
    words: tuple[str, ...]
    count: int
    accuracy: float
    known: float
    right_when_known: float
    by_speaker: dict[str, tuple[float, int]]
    confusion: Int64[np.ndarray, "words words"]

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        speakers = {name: {"accuracy": share, "count": n} for name, (share, n) in self.by_speaker.items()}
        plain = {key: getattr(self, key) for key in ("data", "words", "count", "accuracy", "known", "right_when_known")}
        return {**plain, "by_speaker": speakers, "confusion": self.confusion.tolist()}

    def __str__(self) -> str:
        right = f"; of those {self.right_when_known:.1%} right" if self.known else ""
        lines = [
            f"accuracy {self.accuracy:.1%} of {self.count:,} recordings ({self.data})",
            f"sure enough to name a word for {self.known:.1%}{right}",
        ]
        hardest = sorted(self.by_speaker.items(), key=lambda each: each[1][0])[:MOST_SPEAKERS]
        if len(self.by_speaker) > 1:
            rows = [(name or "(not known)", f"{share:.1%}", f"{n:,}") for name, (share, n) in hardest]
            lines.append(as_text(("speaker", "accuracy", "recordings"), rows))
            if len(hardest) < len(self.by_speaker):
                lines.append(f"and {len(self.by_speaker) - len(hardest)} more speakers, with which it does better")
        counts = [[str(count or ".") for count in row] for row in self.confusion]
        lines.append("spoken word down, understood word across:")
        lines.append(as_text(("", *self.words), [[w, *row] for w, row in zip(self.words, counts, strict=True)]))
        return "\n".join(lines)


def judge(trained: Trained, recordings: Recordings) -> Verdict:
    """Ask a network for every recording. Raises InputError for recordings of words that it was not trained for."""
    strange = sorted(set(recordings.words) - set(trained.words))
    if strange:
        raise InputError(f"data={recordings.name}: the network does not know {', '.join(strange)}; leave them out")
    labels = np.array([trained.words.index(word) for word in recordings.words])[recordings.labels]
    probabilities = trained.confidence.probabilities(logits(trained, recordings))
    said, right = probabilities.argmax(1), probabilities.argmax(1) == labels
    known = probabilities.max(1) >= trained.confidence.threshold
    speakers = np.array(recordings.speakers)
    own = {name: right[speakers == name] for name in sorted(set(recordings.speakers))}
    k = len(trained.words)
    return Verdict(
        data=recordings.name,
        words=trained.words,
        count=len(labels),
        accuracy=float(right.mean()),
        known=float(known.mean()),
        right_when_known=float(right[known].mean()) if known.any() else 0.0,
        by_speaker={name: (float(each.mean()), len(each)) for name, each in own.items()},
        confusion=np.bincount(labels * k + said, minlength=k * k).reshape(k, k),
    )


def logits(
    trained: Trained, recordings: Recordings, warp: Warp | None = None, milliseconds: float = 0.0
) -> Float[np.ndarray, "n words"]:
    """What a network says of recordings, of which vocal tract and timing may be changed first."""
    pictures = logmel(shifted(recordings.samples, milliseconds), warp)
    return answers(trained.network, Held(pictures, torch.from_numpy(recordings.labels)))


def accuracy(trained: Trained, recordings: Recordings, **changed: Any) -> float:
    """In per cent, of recordings with the network's own words; `changed` as `logits` takes it."""
    return 100 * float((logits(trained, recordings, **changed).argmax(1) == recordings.labels).mean())
