"""Recordings of any rate and number of channels as one word of fixed length: mono, 8 kHz, trimmed, centred."""

import io
from math import gcd
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int16

from convscope.errors import InputError
from convscope.tasks.extras import need

RATE = 8000
"""Samples a second. The telephone's: every recording has the frequencies up to 4 kHz, whatever it was made with."""

SECONDS = 0.96
LENGTH = int(RATE * SECONDS)
"""Samples of a word as the networks take it."""

FULL = np.float32(32767)
"""The largest sample of 16 bits."""

LONGEST = 600.0  # seconds of a file: more is no recording of a word, and would fill the memory
QUIET = 40.0  # dB below the loudest frame: what is quieter, before and after the word, is trimmed
SLOWEST, FASTEST = 1000, 768000  # samples a second; the fastest that any converter gives
_FRAME = RATE // 100

Samples = Float32[np.ndarray, " n"]


def read(file: str | Path) -> Samples:
    """A recording (wav, flac, ogg, mp3, ...), mono at RATE, every sample between about -1 and 1.

    Channels are averaged. Raises InputError, with the file's name, for what is no sound, has none or too much of it,
    or holds NaN.
    """
    file = Path(file)
    need("soundfile", "speech")
    if not file.is_file():
        what = "not a file" if file.exists() else "no such file; check the name"
        raise InputError(f"{file}: {what}")
    try:
        return decoded(file.read_bytes(), str(file), LONGEST)
    except OSError as problem:
        raise InputError(f"{file}: cannot be read ({problem.strerror}); check its permissions") from problem


def decoded(data: bytes, file: str, longest: float) -> Samples:
    """The bytes of a file as `read` gives them. `file`: its name, for InputErrors. longest: seconds.

    Raises InputError as `read` does.
    """
    soundfile = need("soundfile", "speech")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            if sound.frames > longest * sound.samplerate:
                seconds = sound.frames / sound.samplerate
                raise InputError(f"{file}: {seconds:.0f} s long; at most {longest:.0f} s are read, cut it")
            samples, rate = sound.read(dtype="float32", always_2d=True), sound.samplerate
    except (RuntimeError, TypeError, ValueError) as problem:
        if isinstance(problem, InputError):
            raise
        reason = str(problem).removeprefix("Error opening ").split(": ", 1)[-1].strip(". ").lower()
        raise InputError(f"{file}: no sound that can be read ({reason}); give wav, flac, ogg or mp3") from problem
    try:
        return at_rate(samples, rate)
    except InputError as problem:
        raise InputError(f"{file}: {problem}") from None


def at_rate(samples: np.ndarray, rate: int) -> Samples:
    """Samples (n,) or (n, channels) at `rate` a second as mono at RATE, through a filter that lets nothing alias.

    Raises InputError for none, for NaN or infinity, and for a rate that is none.

    >>> at_rate(np.zeros((441, 2)), 44100).shape
    (80,)
    """
    from scipy.signal import resample_poly

    mono = np.asarray(samples, np.float32)
    mono = mono.mean(1) if mono.ndim == 2 else mono
    if not mono.size:
        raise InputError("no samples in it; record it again")
    if not np.isfinite(mono).all():
        raise InputError("some samples are NaN or infinite; record it again")
    if not SLOWEST <= rate <= FASTEST:
        raise InputError(f"{rate} samples a second; from {SLOWEST} to {FASTEST} are read, resample it")
    common = gcd(rate, RATE)
    if rate == RATE:
        return mono
    return resample_poly(mono, RATE // common, rate // common).astype(np.float32)


def trimmed(samples: Samples) -> Samples:
    """The part from the first to the last frame (10 ms) that is less than QUIET dB below the loudest.

    Raises InputError where all of it is silence.
    """
    frames = np.pad(samples, (0, -len(samples) % _FRAME)).reshape(-1, _FRAME)
    power = (frames**2).mean(1)
    if power.max() <= 1e-10:
        raise InputError("only silence; record it again, louder")
    loud = np.flatnonzero(power > power.max() * 10 ** (-QUIET / 10))
    return samples[loud[0] * _FRAME : (loud[-1] + 1) * _FRAME]


def word(samples: Samples, length: int = LENGTH) -> Float32[np.ndarray, " length"]:
    """One word as the networks take it: trimmed, in the middle of `length` samples, silence around it.

    Of what is longer, the loudest `length` samples. Raises InputError as `trimmed`.

    >>> word(np.ones(4, np.float32), 8)
    array([0., 0., 1., 1., 1., 1., 0., 0.], dtype=float32)
    """
    cut = trimmed(samples)
    if len(cut) > length:
        power = np.concatenate([[0.0], np.cumsum(cut.astype(np.float64) ** 2)])
        start = int((power[length:] - power[:-length]).argmax())
        return cut[start : start + length]
    before = (length - len(cut)) // 2
    return np.pad(cut, (before, length - len(cut) - before))


def held(samples: Samples) -> Int16[np.ndarray, " n"]:
    """In half the memory, and as loud as can be: how loud a word was recorded says nothing about it."""
    return (samples * (FULL / np.abs(samples).max())).round().astype(np.int16)


def listen(seconds: float = 2.0) -> Samples:
    """What the microphone hears in the next seconds. Raises InputError where there is none to be had."""
    try:
        device = need("sounddevice", "microphone")
        heard = device.rec(int(seconds * RATE), samplerate=RATE, channels=1, dtype="float32", blocking=True)
    except OSError as problem:  # PortAudio, the library under it, is not there
        raise InputError(f"microphone: {problem}; install PortAudio, or give a file") from problem
    except Exception as problem:
        if type(problem).__name__ != "PortAudioError":
            raise
        raise InputError(f"microphone: {problem}; plug one in, or give a file") from problem
    return at_rate(heard, RATE)


def shifted(samples: np.ndarray, milliseconds: float) -> np.ndarray:
    """Words (n, length) so much later, or earlier for a negative number; silence follows.

    >>> shifted(np.arange(1, 33)[None], 1)[0, :10].tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 2]
    """
    cells = round(milliseconds * RATE / 1000)
    moved = np.zeros_like(samples)
    length = samples.shape[-1]
    moved[..., max(cells, 0) : length + min(cells, 0)] = samples[..., max(-cells, 0) : length - max(cells, 0)]
    return moved
