"""Words spoken by synthetic voices, in this process and offline: data where there are no recordings."""

import ctypes
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.tasks.extras import need
from convscope.tasks.speech import audio
from convscope.tasks.speech.recordings import DIGITS, Recordings, collect

VOICES, TAKES = 200, 2
"""How many voices speak unless told otherwise, and how often each says each word: at other pitches and rates."""
FEWEST = 4

LEFT_OUT = {
    "robots": "UniRobot anikaRobot robosoft robosoft2 robosoft3 robosoft4 robosoft5 robosoft6 robosoft7 robosoft8 "
    "RicishayMax RicishayMax2 RicishayMax3 announcer Tweaky",
    "whispers, which have no pitch": "whisper whisperf caleb",
    "monsters, cartoons and other novelties": "Demonic AnxiousAndy croak zac kaukovalta boris shelby Jacky Lee Storm "
    "travis victor fast",
    "breathes by chance, never the same twice": "Reed",
}
"""Variants of the synthesiser that do not speak here, and why."""
_SHAVIAN = "en-Shaw"  # English in an alphabet of its own, in which no word will be given

_SYNCHRONOUS, _UTF8, _RATE, _PITCH = 2, 1, 1, 3  # numbers of the synthesiser's own interface, speak_lib.h


class Synthesiser:
    """espeak-ng, as if just started: the same words asked of a new one in the same order sound the same.

    The library keeps the state of its voices for as long as its process lives, so each synthesiser loads a copy of
    its own.

    Raises InputError where espeakng-loader is not installed, or its library does not start.
    """

    def __init__(self, seed: int = 0):
        loader = need("espeakng_loader", "speech")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # some systems keep what is in use
            self._library: Any = ctypes.CDLL(str(shutil.copy(loader.get_library_path(), folder)))
        data = Path(loader.get_data_path())
        self._rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), 0)
        if self._rate <= 0:
            raise InputError("speech: espeak-ng does not start; install espeakng-loader again, or give recordings")
        self._heard: list[np.ndarray] = []
        self._hear = _HEAR(self._add)  # kept, or it would be collected while the library calls it
        self._library.espeak_SetSynthCallback(self._hear)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed + 1))
        # sorted, as no two machines list files alike
        self._accents = sorted({file.name for file in (data / "lang").rglob("*") if file.is_file()} - {_SHAVIAN})
        self._variants = sorted(file.name for file in (data / "voices" / "!v").iterdir())

    def voices(self, language: str = "en") -> tuple[str, ...]:
        """Every voice of a language: each of its accents, in each of the human variants; such as "en-US+f2".

        Raises InputError for a language that it does not speak.
        """
        left_out = {name for group in LEFT_OUT.values() for name in group.split()}
        variants = [name for name in self._variants if name not in left_out]
        accents = [accent for accent in self._accents if f"{accent}-".lower().startswith(f"{language}-".lower())]
        if not accents:
            raise InputError(f"language={language!r}: espeak-ng does not speak it; it speaks en, de, fr, es, cmn, ...")
        return tuple(f"{accent}+{variant}" for accent in accents for variant in variants)

    def say(self, text: str, voice: str, *, pitch: int = 50, words_a_minute: int = 175) -> audio.Samples:
        """What a voice says, at `audio.RATE`, without silence around it. pitch: 0 to 100.

        Raises InputError for a voice that is not there, and for text of which nothing can be heard.
        """
        accent, _, variant = voice.partition("+")
        # asked for a variant that it does not have, the library would speak without one
        known = accent in self._accents and variant in ("", *self._variants)
        if not known or self._library.espeak_SetVoiceByName(voice.encode()):
            raise InputError(f"voice {voice!r}: espeak-ng has none of that name; `voices` lists those of a language")
        for parameter, value in ((_RATE, words_a_minute), (_PITCH, pitch)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._heard.clear()
        data = text.encode()
        self._library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None)
        samples = np.concatenate([np.zeros(0, np.int16), *self._heard])
        try:
            return audio.trimmed(audio.at_rate(samples / np.float32(32768), self._rate))
        except InputError:
            raise InputError(f"word {text!r}: nothing can be heard of it; give words that can be spoken") from None

    def _add(self, samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            self._heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


_HEAR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def spoken(
    words: Sequence[str] = DIGITS,
    *,
    voices: int = VOICES,
    takes: int = TAKES,
    language: str = "en",
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> Recordings:
    """Every word by each of so many voices, `takes` times. A speaker is a variant, in whatever accent it speaks.

    Which voices of the language, and their pitch (30 to 70 of 100) and rate (120 to 220 words a minute) in each take,
    are the seed's choice.

    Raises InputError for fewer than two words, one that is given twice or cannot be heard, and fewer than FEWEST
    voices or more than there are.
    """
    words = tuple(word.strip() for word in words)
    if len(words) < 2 or len(set(words)) < len(words) or not all(words):
        raise InputError(f"words={','.join(words)}: give two or more different words, such as yes,no")
    synthesiser = Synthesiser(seed)
    known = synthesiser.voices(language)
    if not FEWEST <= voices <= len(known) or takes < 1:
        raise InputError(
            f"voices={voices}, takes={takes}: give {FEWEST} to {len(known)} voices of {language}, 1 take or more"
        )
    rng = np.random.default_rng(seed)
    chosen = [known[k] for k in rng.permutation(len(known))[:voices]]
    samples, said, speakers, names = [], [], [], []
    for done, voice in enumerate(chosen):
        for word in words:
            for _ in range(takes):
                pitch, words_a_minute = int(rng.integers(30, 71)), int(rng.integers(120, 221))
                samples.append(audio.word(synthesiser.say(word, voice, pitch=pitch, words_a_minute=words_a_minute)))
                said.append(word)
                speakers.append(voice.partition("+")[2])
                names.append(f"{word} by {voice}")
        if progress is not None:
            progress(done + 1, voices, voice)
    return collect(samples, said, speakers, names, f"{voices} synthetic voices ({language})")
