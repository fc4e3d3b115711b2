from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.tasks import keeping
from convscope.tasks.fitting import Recipe
from convscope.tasks.runs import Kept
from convscope.tasks.speech import ablate, look, predicting, training
from convscope.tasks.speech.audio import FULL, LENGTH, RATE
from convscope.tasks.speech.judging import judge
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, logmel
from convscope.tasks.speech.network import Settings
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.splits import Split
from convscope.tasks.speech.training import Confidence, Trained, calibrated
from convscope.tasks.speech.voices import Synthesiser


def test_two_words_are_learned(trained: Trained, voices: Recordings):
    assert trained.words == ("no", "yes")
    assert trained.how == "by speaker"
    assert len(trained.history) == 15
    verdict = judge(trained, voices)
    assert verdict.accuracy > 0.8
    assert verdict.count == verdict.confusion.sum() == 24
    assert verdict.accuracy == pytest.approx(np.trace(verdict.confusion) / 24)
    assert sum(share * n for share, n in verdict.by_speaker.values()) == pytest.approx(24 * verdict.accuracy)
    assert "spoken word down" in str(verdict)
    assert verdict.as_dict()["confusion"] == verdict.confusion.tolist()


def test_a_file_holds_the_same_network(trained: Trained, voices: Recordings, tmp_path: Path):
    file = training.save(trained, tmp_path / "w.safetensors")
    again = training.load(file)
    assert replace(again, network=trained.network) == trained
    assert judge(again, voices).as_dict() == judge(trained, voices).as_dict()


def test_files_that_are_none_are_refused(trained: Trained, tmp_path: Path):
    file = tmp_path / "w.safetensors"
    keeping.save(file, "text", nn.Linear(1, 1), {})
    with pytest.raises(InputError, match="a network for text"):
        training.load(file)
    keeping.save(file, "speech", nn.Linear(1, 1), {})
    with pytest.raises(InputError, match="its notes lack 'input'"):
        training.load(file)
    training.save(replace(trained, words=("no", "yes", "more")), file)
    with pytest.raises(InputError, match="names 3 words for 2 outputs"):
        training.load(file)


def test_settings_for_another_number_of_words(voices: Recordings, parts: Split):
    with pytest.raises(InputError, match="the recordings are of 2 words"):
        training.train(voices, parts, Settings(3))


def test_words_that_it_does_not_know_are_refused(trained: Trained, voices: Recordings):
    with pytest.raises(InputError, match="the network does not know maybe"):
        judge(trained, replace(voices, words=("maybe", "yes")))


def test_confidence_comes_down_to_how_often_it_is_right():
    rng = np.random.default_rng(0)
    right = rng.random(4000) < 0.8
    labels = rng.integers(0, 2, 4000)
    said = np.where(right, labels, 1 - labels)
    logits = 20.0 * np.eye(2)[said] + rng.normal(0, 0.01, (4000, 2))
    found = calibrated(logits, labels, kept=0.9)
    sure = found.probabilities(logits).max(1)
    assert sure.mean() == pytest.approx(right.mean(), abs=0.01)
    assert (sure >= found.threshold).mean() == pytest.approx(0.9, abs=0.001)


def test_a_recording_of_any_length_is_heard_and_noise_is_not_known(trained: Trained):
    word = Synthesiser().say("yes", "en-US+f2")
    heard = predicting.hear(trained, np.concatenate([np.zeros(9000, np.float32), word, np.zeros(12000, np.float32)]))
    assert heard.best == "yes"
    assert heard.seconds == pytest.approx(len(word) / RATE, abs=0.02)
    assert heard.probability + heard.runner_up_probability == pytest.approx(1)
    unsure = replace(trained, confidence=Confidence(trained.confidence.temperature, 1.1))
    assert predicting.hear(unsure, word).word == predicting.UNKNOWN
    assert str(predicting.hear(unsure, word)).startswith("unknown (yes, ")
    long = predicting.hear(trained, np.ones(3 * LENGTH, np.float32))
    assert "of 2.9 s the loudest 0.96" in str(long)
    with pytest.raises(InputError, match="only silence"):
        predicting.hear(trained, np.zeros(100, np.float32))


class Corner(nn.Module):
    """Says how loud one patch is, less another."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value = x[:, 0, 10:14, 20:24].sum((1, 2)) - x[:, 0, 30:34, 20:24].sum((1, 2))
        return torch.stack([value, -value], 1)


def test_what_carried_the_decision_is_where_the_network_looks(trained: Trained):
    relevance = look.carried(replace(trained, network=Corner()), np.ones((BANDS, FRAMES), np.float32), 0)
    assert relevance.shape == (BANDS, FRAMES)
    assert np.unravel_index(relevance.argmax(), relevance.shape)[0] in range(10, 14)
    assert np.unravel_index(relevance.argmin(), relevance.shape)[0] in range(30, 34)
    assert np.abs(relevance[:, :10]).max() == np.abs(relevance[:, 34:]).max() == 0


def test_a_picture_has_low_bands_at_the_bottom(trained: Trained, voices: Recordings):
    word = np.zeros((BANDS, FRAMES), np.float32)
    word[0, 0] = 1
    plain = look.spectrogram_picture(word)
    rows, columns = np.nonzero((plain == 0).all(2)[30:-45, 60:-15])
    assert rows.min() > 0.9 * 400 - 10
    assert columns.max() < 12
    heard = predicting.hear(trained, voices.samples[0] / FULL)
    drawn = predicting.drawn(trained, heard, "first")
    assert drawn.shape == plain.shape
    colours = drawn.astype(int)
    assert (np.abs(colours[..., 0] - colours[..., 2]) > 60).any()
    np.testing.assert_allclose(heard.picture, logmel(voices.samples[:1])[0, 0], atol=0.02)


def test_an_ablation_goes_on_where_it_was_and_pairs_speakers(voices: Recordings, monkeypatch: pytest.MonkeyPatch):
    kinds, recipe = ("frequency", "connected"), Recipe(epochs=1, batch=8)
    kept, trained, train = Kept(), list[str](), ablate.train
    three = voices.of(np.flatnonzero(np.isin(voices.speakers, sorted(set(voices.speakers))[:3])))

    def stops_the_fourth(recordings: Recordings, split: Split, settings: Settings, *how: Any) -> training.Trained:
        trained.append(settings.kernels)
        if len(trained) == 4:
            raise KeyboardInterrupt
        return train(recordings, split, settings, *how)

    monkeypatch.setattr(ablate, "train", stops_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        ablate.ablate(three, kinds, 1, recipe=recipe, weights=10_000, kept=kept)
    assert kept.count == 3
    found = ablate.ablate(three, kinds, 1, recipe=recipe, weights=10_000, kept=kept)
    assert (len(trained), kept.count, len(found.trials)) == (7, 6, 6)
    assert all(set(trial.accuracy) == set(ablate.CHANGES) for trial in found.trials)
    told = str(found)
    assert "shift 150 ms" in told
    assert "hidden Markov" in told
    assert len(found.sentences()) == 1
    with pytest.raises(InputError, match="give some of frequency; "):
        ablate.ablate(three, ("frequency", "space"))


def test_sentences_are_about_speakers_not_trainings():
    def trial(kind: str, seed: int, part: str, value: float, warped: float) -> ablate.Trial:
        accuracy = {name: warped if name.startswith("warp") else value for name in ablate.CHANGES}
        return ablate.Trial(kind, seed, part, accuracy)

    trials = [
        trial(kind, seed, part, value + seed, value + seed - lost + k)
        for k, part in enumerate("abc")
        for seed in range(3)
        for kind, value, lost in (("frequency", 80, 5), ("time", 75, 15))
    ]
    found = ablate.Ablation("made up", False, tuple(trials))
    accuracy, warp, shift = found.sentences()
    assert accuracy == "accuracy: frequency is better than time by 5.0 points (95 %: 5.0 to 5.0, 3 pairs)"
    assert "kept under warp: frequency is better than time by 10.0 points" in warp
    assert "equal in all 3 pairs" in shift
