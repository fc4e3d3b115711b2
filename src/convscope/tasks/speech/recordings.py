"""Recordings with their words and speakers: folders of class folders, FSDD's file names, or a table."""

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int16, Int64

from convscope.errors import InputError
from convscope.tasks.speech import audio

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aif", ".aiff", ".au")
FSDD = re.compile(r"(?P<word>.+)_(?P<speaker>[^_]+)_(?P<take>\d+)")
"""How the Free Spoken Digit Dataset names its files."""
_COLUMNS = ("file", "label", "speaker")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Recordings:
    """Spoken words, trimmed and centred (see `audio.word`), each as loud as can be: what was recorded, by whom.

    A label is a place in `words`. speakers: of each recording, empty where not known. names: the files. name: of the
    whole. skipped: a line for each file that could not be used.
    """

    samples: Int16[np.ndarray, "n length"]
    labels: Int64[np.ndarray, " n"]
    words: tuple[str, ...]
    speakers: tuple[str, ...]
    names: tuple[str, ...]
    name: str
    skipped: tuple[str, ...] = ()

    def of(self, places: Sequence[int] | Int64[np.ndarray, " k"]) -> "Recordings":
        """Some of them."""
        chosen = np.asarray(places, np.int64)
        speakers, names = (tuple(all_[k] for k in chosen) for all_ in (self.speakers, self.names))
        return Recordings(self.samples[chosen], self.labels[chosen], self.words, speakers, names, self.name)


def collect(
    samples: Sequence[Float32[np.ndarray, " length"]],
    labels: Sequence[str],
    speakers: Sequence[str],
    names: Sequence[str],
    name: str,
    skipped: Sequence[str] = (),
) -> Recordings:
    """Recordings of words that are equally long, in the order of the words' names. Raises InputError for only one."""
    words = tuple(sorted(set(labels)))
    if len(words) < 2:
        found = f"only recordings of {words[0]!r}" if words else "no recording that can be used"
        raise InputError(f"data={name}: {found}; give two or more words, some recordings of each")
    places = np.array([words.index(label) for label in labels], np.int64)
    loud = np.stack([audio.held(each) for each in samples])
    return Recordings(loud, places, words, tuple(speakers), tuple(names), name, tuple(skipped))


def read(source: str | Path, words: Sequence[str] | None = None, progress: Progress | None = None) -> Recordings:
    """The recordings in a folder, or in a table (.csv) that names files.

    Class folders: each is named as the word whose recordings it holds (hidden ones, and those that begin with _, are
    left out); the speaker is what stands before "_nohash_" in a file's name, as in Speech Commands. Files in the folder
    itself: word_speaker_take.wav, as in FSDD, where the digits 0 to 9 are the English words. A table has columns file
    and label, perhaps speaker, found by name; files are looked for from the table's folder on.

    words: take only these. Sounds that cannot be read, and silent ones, are skipped and named.

    Raises InputError for a folder that holds none of these or two of them, for a word of which there is nothing, and
    for one word only.
    """
    source = Path(source)
    found = [entry for entry in _entries(source) if words is None or entry[1] in words]
    missing = sorted(set(words or ()) - {word for _, word, _ in found})
    if missing:
        raise InputError(f"words={','.join(words or ())}: {source} has no recording of {', '.join(missing)}")
    home = source if source.is_dir() else source.parent
    samples, kept, skipped = [], [], []
    for done, (file, word, speaker) in enumerate(found):
        try:
            samples.append(audio.word(audio.read(file)))
            kept.append((word, speaker, os.path.relpath(file, home)))
        except InputError as problem:
            if "package" in str(problem):  # not the file's fault
                raise
            line = str(problem)
            skipped.append(line if line.startswith(str(file)) else f"{file}: {line}")
        if progress is not None:
            progress(done + 1, len(found), word)
    labels, speakers, names = zip(*kept, strict=True) if kept else ((), (), ())
    return collect(samples, labels, speakers, names, source.name or str(source), skipped)


def _entries(source: Path) -> list[tuple[Path, str, str]]:
    """File, word and speaker of each recording, in the order of the names."""
    if source.suffix.lower() == ".csv":
        return list(_table(source))
    if not source.is_dir():
        what = "no folder and no .csv" if source.exists() else "no such folder"
        raise InputError(f"data={source}: {what}; name a folder of recordings, or a .csv that lists them")
    try:
        folders = [each for each in sorted(source.iterdir()) if each.is_dir() and each.name[0] not in "._"]
        classes = [(file, each.name, _nohash(file)) for each in folders for file in _sounds(each)]
        flat = _sounds(source)
    except OSError as problem:
        reason = f"cannot be looked into ({problem.strerror})"
        raise InputError(f"data={source}: {reason}; change its permissions") from problem
    if classes and flat:
        raise InputError(
            f"data={source}: holds both sounds ({flat[0].name}, ...) and folders of sounds ({classes[0][1]}, ...); "
            "keep one kind, a folder for each word or files named word_speaker_take"
        )
    if classes:
        return classes
    named = [
        (file, DIGITS[int(word)] if re.fullmatch("[0-9]", word := match["word"]) else word, match["speaker"])
        for file in flat
        if (match := FSDD.fullmatch(file.stem))
    ]
    if len(named) < len(flat) or not flat:
        strange = next((file.name for file in flat if not FSDD.fullmatch(file.stem)), None)
        what = f"{strange} is not named word_speaker_take" if strange else f"no sounds in it ({', '.join(ENDINGS)})"
        raise InputError(f"data={source}: {what}; give a folder for each word, or such names")
    return named


def _sounds(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and file.name[0] != ".")


def _nohash(file: Path) -> str:
    speaker, known, _ = file.stem.partition("_nohash_")
    return speaker if known else ""


def _table(file: Path) -> Iterator[tuple[Path, str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text)
            missing = sorted(set(_COLUMNS[:2]) - set(rows.fieldnames or ()))
            if missing:
                columns = " or ".join(missing)
                raise InputError(f"data={file}: no column named {columns}; the first line names the columns")
            for row in rows:
                name, word, speaker = ((row.get(column) or "").strip() for column in _COLUMNS)
                if not name or not word:
                    raise InputError(f"data={file}: line {rows.line_num} has no file or no label; fill it in")
                yield file.parent / name, word, speaker
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"data={file}: cannot be read ({problem}); give a table in UTF-8") from problem
