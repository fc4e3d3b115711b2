from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.tasks.speech import audio


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_any_kind_and_rate_holds_the_same_tone(tmp_path: Path, ending: str, rate: int):
    file = tmp_path / f"tone.{ending}"
    left = sine(440, rate)
    soundfile.write(file, np.stack([left, 0 * left], 1), rate)
    heard = audio.read(file)
    assert abs(len(heard) - 4000) < 500  # mp3 pads
    inner = heard[1000:3000]
    assert np.abs(np.fft.rfft(inner)).argmax() == round(440 * 2000 / 8000)
    assert np.abs(inner).max() == pytest.approx(0.25, abs=0.02)  # the mean of a channel and silence


def test_what_lies_above_the_band_does_not_fold_into_it():
    assert np.abs(audio.at_rate(sine(7000, 22050), 22050)[400:-400]).max() < 0.02


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no sound that can be read"),
        (b"RIFF" + bytes(20), "no sound that can be read"),
        (b"not sound at all, only text", "no sound that can be read"),
    ],
)
def test_broken_files_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "x.wav"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        audio.read(file)
    assert str(refused.value).startswith(f"{file}: ")


def test_empty_long_and_unsound_recordings_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "x.wav"
    with pytest.raises(InputError, match="no such file"):
        audio.read(file)
    with pytest.raises(InputError, match="not a file"):
        audio.read(tmp_path)
    soundfile.write(file, np.zeros(0), 8000)
    with pytest.raises(InputError, match="no samples in it"):
        audio.read(file)
    soundfile.write(file, np.array([0.0, np.nan, 1.0]), 8000, subtype="FLOAT")
    with pytest.raises(InputError, match="NaN or infinite"):
        audio.read(file)
    monkeypatch.setattr(audio, "LONGEST", 0.1)
    soundfile.write(file, sine(440, 8000), 8000)
    with pytest.raises(InputError, match="0 s long; at most 0 s are read"):
        audio.read(file)
    with pytest.raises(InputError, match="10 samples a second"):
        audio.at_rate(np.ones(5), 10)


def test_silence_around_a_word_is_taken_off(tone: np.ndarray):
    word = audio.trimmed(np.concatenate([np.zeros(3000), 0.5 * np.ones(800), 0.0004 * np.ones(500)]).astype(np.float32))
    assert len(word) in range(800, 960)
    with pytest.raises(InputError, match="only silence"):
        audio.trimmed(np.zeros(100, np.float32))


@given(before=st.integers(0, 4000), after=st.integers(0, 4000), gain=st.floats(0.01, 10))
def test_a_word_is_the_same_wherever_and_however_loud_it_was_recorded(before: int, after: int, gain: float):
    sound = np.hanning(1600).astype(np.float32) * sine(300, 8000, 0.2)
    frame = 80 * (before // 80)  # trimming is by frames
    padded = gain * np.concatenate([np.zeros(frame), sound, np.zeros(after)]).astype(np.float32)
    ours, plain = audio.held(audio.word(padded)), audio.held(audio.word(sound))
    assert np.abs(ours.astype(int) - plain).max() <= 1


def test_of_a_long_recording_the_loudest_part_is_kept(tone: np.ndarray):
    quiet = 0.02 * sine(200, 8000, 2.0)
    word = audio.word(np.concatenate([quiet, tone, quiet]))
    assert len(word) == audio.LENGTH
    assert (word**2).sum() == pytest.approx((tone**2).sum(), rel=0.02)


def test_a_missing_microphone_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with pytest.raises(InputError, match="sounddevice is not installed"):
        audio.listen()

    class PortAudioError(Exception):
        pass

    class Device:
        @staticmethod
        def rec(*_: object, **__: object) -> None:
            raise PortAudioError("Error querying device -1")

    monkeypatch.setitem(__import__("sys").modules, "sounddevice", Device)
    with pytest.raises(InputError, match="Error querying device -1; plug one in"):
        audio.listen()


def test_what_the_microphone_gives_is_a_recording(monkeypatch: pytest.MonkeyPatch, tone: np.ndarray):
    class Device:
        @staticmethod
        def rec(count: int, samplerate: int, **_: object) -> np.ndarray:
            assert count == 2 * samplerate
            return tone[:, None]

    monkeypatch.setitem(__import__("sys").modules, "sounddevice", Device)
    assert np.array_equal(audio.listen(2), tone)
