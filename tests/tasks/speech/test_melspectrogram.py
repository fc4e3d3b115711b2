import librosa
import numpy as np
import pytest
import torch

from convscope.errors import InputError
from convscope.tasks.speech import audio, melspectrogram
from convscope.tasks.speech.audio import LENGTH, RATE, shifted
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, HIGHEST, HOP, LOWEST, POINTS, WINDOW, logmel
from convscope.tasks.speech.tract import Tract, tract


def test_it_is_librosas_to_rounding():
    noise = np.random.default_rng(0).normal(size=(2, LENGTH)).astype(np.float32)
    ours = melspectrogram.power(torch.from_numpy(noise)).numpy()
    theirs = librosa.feature.melspectrogram(
        y=noise,
        sr=RATE,
        n_fft=POINTS,
        win_length=WINDOW,
        hop_length=HOP,
        pad_mode="constant",
        n_mels=BANDS,
        fmin=LOWEST,
        fmax=HIGHEST,
        htk=True,
        norm=None,
    )
    assert ours.shape == (2, BANDS, FRAMES)
    np.testing.assert_allclose(ours, theirs[:, :, :FRAMES], rtol=1e-4, atol=1e-4 * theirs.max() * 1e-3)


def test_a_tone_is_loudest_in_its_band_and_gain_makes_no_difference(tone: np.ndarray):
    word = audio.word(tone)
    picture = logmel(audio.held(word)[None])
    assert picture.shape == (1, 1, BANDS, FRAMES)
    assert picture.dtype == torch.float32
    assert (float(picture.min()), float(picture.max())) == (0, 1)
    middles = melspectrogram.edges()[1:-1]
    assert int(picture[0, 0, :, FRAMES // 2].argmax()) == np.abs(middles - 1000).argmin()
    softly = logmel(audio.held(0.01 * word)[None])
    np.testing.assert_allclose(softly, picture, atol=2e-3)


def test_batches_are_only_for_memory():
    words = np.random.default_rng(1).integers(-9999, 9999, (5, LENGTH)).astype(np.int16)
    np.testing.assert_allclose(logmel(words, batch=2), logmel(words), atol=1e-6)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_a_shorter_tract_moves_a_tone_up(factor: float):
    t = np.arange(LENGTH) / RATE
    heard = logmel(audio.held(np.sin(2 * np.pi * 1000 * t).astype(np.float32))[None], Tract(factor))
    other = logmel(audio.held(np.sin(2 * np.pi * 1000 * factor * t).astype(np.float32))[None])
    middle = FRAMES // 2
    assert int(heard[0, 0, :, middle].argmax()) == int(other[0, 0, :, middle].argmax())


def test_tracts_leave_the_ends_and_undo_each_other_in_the_middle():
    frequencies = torch.linspace(0, 4000, 41, dtype=torch.float64)
    for factor in (0.8, 1.0, 1.25):
        moved = tract(frequencies, torch.tensor(factor, dtype=torch.float64))
        assert (float(moved[0]), float(moved[-1])) == (0, pytest.approx(4000))
        assert (moved.diff() > 0).all()
    with pytest.raises(InputError, match=r"factor=2: give 0.8 to 1.25"):
        Tract(2)


def test_a_shift_is_by_samples_and_silence_follows():
    words = np.arange(1, 2 * LENGTH + 1).reshape(2, LENGTH)
    later, earlier = shifted(words, 10), shifted(words, -10)
    assert (later[:, :80] == 0).all()
    np.testing.assert_array_equal(later[:, 80:], words[:, :-80])
    assert (earlier[:, -80:] == 0).all()
    np.testing.assert_array_equal(earlier[:, :-80], words[:, 80:])
    np.testing.assert_array_equal(shifted(words, 0), words)
