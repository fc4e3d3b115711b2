"""The lens on a network that knows words: recordings read, and what excites its units shown, as spectrograms."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from convscope.errors import InputError
from convscope.lens.models import Inputs, Network, World
from convscope.pictures import Picture, enlarge, grey
from convscope.tasks.speech import audio
from convscope.tasks.speech.look import spectrogram_picture
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, logmel
from convscope.tasks.speech.training import load

ENDINGS = (".wav", ".flac", ".ogg", ".mp3")
CELL = 6
BEYOND = (255, 240, 214)
"""The colour of what a unit sees beyond the spectrogram's border."""


def network(file: Path) -> Network:
    """The network for words in a file, with its world. Raises InputError for a file that holds none."""
    trained = load(file)
    return Network(trained.network, (1, BANDS, FRAMES), classes=trained.words, world=Spectrograms())


class Spectrograms(World):
    """Words as `melspectrogram.logmel` makes them: 0 is silence, 1 the loudest cell."""

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        """The word in a recording, or those in a folder's recordings."""
        files = sorted(f for f in source.rglob("*") if f.suffix.lower() in ENDINGS) if source.is_dir() else [source]
        if limit is not None and limit < len(files):
            files = [files[k * len(files) // limit] for k in range(limit)]
        words, names, skipped = [], [], []
        for file in files:
            try:
                words.append(audio.held(audio.word(audio.read(file))))
                names.append(str(file))
            except InputError as problem:
                if not source.is_dir():
                    raise
                skipped.append(str(problem))
        if not words:
            raise InputError(f"{source}: no recording in it; give a folder of {', '.join(ENDINGS)}")
        return Inputs(logmel(np.stack(words)), tuple(names), tuple(skipped))

    def show(self, values: Float[np.ndarray, "1 bands frames"]) -> Picture:
        """Low bands below, dark is loud; with hertz and seconds beside a whole word."""
        if values.shape[1:] == (BANDS, FRAMES) and not np.isnan(values).any():
            return spectrogram_picture(values[0])
        plane = values[0, ::-1]
        picture = grey(-np.nan_to_num(plane), -1, 0)
        picture[np.isnan(plane)] = BEYOND
        return enlarge(picture, CELL)
