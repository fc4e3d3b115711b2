"""Strangers' sounds: what the decoding process does with them, and WAV files. Light, as that process imports it."""

import io
import wave
from functools import cache

import numpy as np
from jaxtyping import Int16

from convscope.errors import InputError
from convscope.tasks.speech import audio
from convscope.tasks.speech.voices import Synthesiser

LONGEST = 20.0
"""Seconds of a recording."""
_SIXTEEN = np.float32(32768)

Samples = Int16[np.ndarray, " n"]


def read(data: bytes, name: str) -> bytes:
    """A recording's file as a WAV file of what the network hears: mono, 8 kHz, 16 bits, as loud as can be.

    WAV files of 16 bits, as browsers' pages write them, need no further package. Raises InputError for what is no
    sound, only silence, or too long.
    """
    try:
        samples = _plain(data)
        heard = audio.decoded(data, name, LONGEST) if samples is None else audio.at_rate(*samples)
        audio.trimmed(heard)  # raises where there is only silence
    except MemoryError:
        raise InputError(f"{name}: takes too much memory; save it as mono, 8 to 48 kHz") from None
    except InputError as problem:
        raise problem if str(problem).startswith(name) else InputError(f"{name}: {problem}") from None
    if len(heard) > LONGEST * audio.RATE:
        raise InputError(f"{name}: {len(heard) / audio.RATE:.0f} s long; at most {LONGEST:.0f} s are read, cut it")
    return written(audio.held(heard))


def said(text: str, voice: str, words_a_minute: int) -> bytes:
    """What a synthetic voice says, likewise. Raises InputError as `Synthesiser` does."""
    return written(audio.held(_synthesiser().say(text, voice, words_a_minute=words_a_minute)))


def written(samples: Samples) -> bytes:
    """The WAV file of samples at `audio.RATE`."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(audio.RATE)
        sound.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def samples_of(data: bytes) -> audio.Samples:
    """Back from `written`, as `audio.read` gives them. Raises InputError for any other file."""
    found = _plain(data)
    if found is None or found[1] != audio.RATE or found[0].shape[1] != 1:
        raise InputError("sound: what was uploaded is none; upload a recording")
    return found[0][:, 0]


def _plain(data: bytes) -> tuple[np.ndarray, int] | None:
    """Samples (n, channels) and rate of a WAV file of 16 bits; None for any other file."""
    try:
        with wave.open(io.BytesIO(data)) as sound:
            channels, rate = sound.getnchannels(), sound.getframerate()
            if sound.getsampwidth() != 2:
                return None
            values = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    except Exception:  # what is broken makes the reader fail in many ways
        return None
    return values[: len(values) // channels * channels].reshape(-1, channels) / _SIXTEEN, rate


@cache
def _synthesiser() -> Synthesiser:
    return Synthesiser()
