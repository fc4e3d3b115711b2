"""Which word a recording holds, how sure the network is, and whether it should rather say that it does not know."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from convscope.pictures import Picture
from convscope.tasks.fitting import Held, answers
from convscope.tasks.speech import audio, look
from convscope.tasks.speech.melspectrogram import logmel
from convscope.tasks.speech.training import Trained

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Heard:
    """What a network makes of a recording. probability: of `best`, the likeliest word, calibrated; word: that, or
    UNKNOWN where the probability does not reach the threshold. seconds: how long it is, silence around it taken off.
    """

    word: str
    best: str
    probability: float
    runner_up: str
    runner_up_probability: float
    seconds: float
    picture: Float[np.ndarray, "bands frames"]

    def as_dict(self) -> dict[str, Any]:
        """All but the picture, for JSON."""
        keys = ("word", "best", "probability", "runner_up", "runner_up_probability", "seconds")
        return {key: getattr(self, key) for key in keys}

    def __str__(self) -> str:
        likeliest = f"{self.best}, {self.probability:.1%}" if self.word == UNKNOWN else f"{self.probability:.1%}"
        cut = "" if self.seconds <= audio.SECONDS else f"; of {self.seconds:.1f} s the loudest {audio.SECONDS:g}"
        return f"{self.word} ({likeliest}; next {self.runner_up}, {self.runner_up_probability:.1%}{cut})"


def hear(trained: Trained, samples: audio.Samples) -> Heard:
    """One recording, as `audio.read` gives it: any length. Raises InputError for silence."""
    word = audio.held(audio.word(samples))
    picture = logmel(word[None])
    logits = answers(trained.network, Held(picture, torch.zeros(1, dtype=torch.int64)))
    probabilities = trained.confidence.probabilities(logits)[0]
    second, best = (int(k) for k in probabilities.argsort()[-2:])
    sure = probabilities[best] >= trained.confidence.threshold
    return Heard(
        word=trained.words[best] if sure else UNKNOWN,
        best=trained.words[best],
        probability=float(probabilities[best]),
        runner_up=trained.words[second],
        runner_up_probability=float(probabilities[second]),
        seconds=len(audio.trimmed(samples)) / audio.RATE,
        picture=picture[0, 0].numpy(),
    )


def drawn(trained: Trained, heard: Heard, name: str) -> Picture:
    """The spectrogram with what carried the decision for the likeliest word."""
    relevance = look.carried(trained, heard.picture, trained.words.index(heard.best))
    title = f"{name}: what spoke for {heard.best} (red), against it (blue)"
    return look.spectrogram_picture(heard.picture, relevance, title)
