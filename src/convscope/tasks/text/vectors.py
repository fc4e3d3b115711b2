"""Word vectors from a file: word2vec's text and binary forms, GloVe's text; each perhaps packed by gzip."""

import gzip
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from convscope.errors import InputError

LONGEST_WORD = 1000  # bytes; beyond it the file is none of vectors


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors by their words, all of `dim` numbers."""

    name: str
    dim: int
    of: dict[str, Float32[np.ndarray, " dim"]]

    def put(self, table: Tensor, words: Sequence[str]) -> int:
        """Fill the rows (words, dim) of known words; the others are drawn anew, as spread as those. Gives how many.

        Raises InputError where no word is known.
        """
        known = [k for k, word in enumerate(words) if word in self.of]
        if not known:
            raise InputError(f"{self.name}: knows none of the {len(words)} words; give vectors of the same language")
        rows = torch.from_numpy(np.stack([self.of[words[k]] for k in known]))
        reach = float(rows.std()) * 3**0.5  # uniform within +-reach has the same variance (Kim 2014, section 4.3)
        with torch.no_grad():
            table[2:].uniform_(-reach, reach)  # not padding, nor the word that stands for all unknown ones
            table[known] = rows
        return len(known)


def read(file: str | os.PathLike[str], words: Collection[str] | None = None) -> WordVectors:
    """The vectors of a file, of `words` alone where they are given: the others are not held in memory.

    A word that only stands in the file with capitals is found too. Which form it is shows in its first line: two
    whole numbers are word2vec's, and what follows them is text or not.

    Raises InputError, with the line or word, for what is not such a file or is cut short.
    """
    path, wanted = Path(file), None if words is None else set(words)
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            found = _kept(_vectors(stream, path), wanted)  # type: ignore[arg-type]
    except (EOFError, gzip.BadGzipFile) as problem:
        raise InputError(f"{path}: damaged gzip file ({problem}); fetch it again") from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise InputError(f"{path}: {reason}; name a file of word vectors") from None
    if not found:
        some = "" if wanted is None else f" of the {len(wanted)} words wanted"
        raise InputError(f"{path}: no vector{some} in it; give a file for the same language")
    return WordVectors(path.name, len(next(iter(found.values()))), found)


def _kept(vectors: Iterator[tuple[str, np.ndarray]], wanted: set[str] | None) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    by_case: dict[str, np.ndarray] = {}
    for word, vector in vectors:
        if wanted is None or word in wanted:
            found.setdefault(word, vector)
        elif word.lower() in wanted:
            by_case.setdefault(word.lower(), vector)
    return {**by_case, **found}


def _vectors(stream: BinaryIO, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    first = stream.readline(2**20)
    header = first.split()
    if len(header) == 2 and all(part.isdigit() for part in header):
        count, dim = map(int, header)
        if not (count and dim):
            raise InputError(f"{path}: its first line promises {count} vectors of {dim} numbers; give another file")
        start = stream.peek(2**16)  # type: ignore[attr-defined]
        yield from (_text if _is_text(start, dim) else _binary)(stream, path, count, dim)
        return
    dim = len(header) - 1
    if dim < 1 or _numbers(header[1:]) is None:
        raise InputError(f"{path}: line 1 is no word with its numbers; give word2vec's or GloVe's form")
    yield _row(first, path, 1, dim)
    yield from _text(stream, path, None, dim, line=2)


def _is_text(start: bytes, dim: int) -> bool:
    """Whether what follows the first line is a word and `dim` numbers in text, as far as it can be seen."""
    parts = start.split(b"\n", 1)[0].split()[1 : dim + 1]
    return bool(parts) and _numbers(parts[: max(len(parts) - 1, 1)]) is not None


def _text(
    stream: BinaryIO, path: Path, count: int | None, dim: int, line: int = 2
) -> Iterator[tuple[str, np.ndarray]]:
    done = 0
    for text in stream:
        if text.strip():
            yield _row(text, path, line, dim)
            done += 1
        line += 1
    if count is not None and done < count:
        raise InputError(f"{path}: cut short, {done} of {count} vectors; fetch it again")


def _row(text: bytes, path: Path, line: int, dim: int) -> tuple[str, np.ndarray]:
    word, *parts = text.rstrip().rsplit(None, dim)  # from the right: some of GloVe's words hold spaces
    numbers = _numbers(parts) if len(parts) == dim else None
    if numbers is None:
        raise InputError(f"{path}: line {line} is no word with {dim} numbers; fetch the file again")
    return word.decode("utf-8", "replace"), numbers


def _numbers(parts: Sequence[bytes]) -> np.ndarray | None:
    try:
        numbers = np.array(parts, dtype=np.float32)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _binary(stream: BinaryIO, path: Path, count: int, dim: int) -> Iterator[tuple[str, np.ndarray]]:
    for done in range(count):
        word = bytearray()
        while (byte := stream.read(1)) not in (b" ", b"") and len(word) < LONGEST_WORD:
            word += byte
        data = stream.read(4 * dim)
        if len(data) < 4 * dim:
            raise InputError(f"{path}: cut short, {done} of {count} vectors; fetch it again")
        vector = np.frombuffer(data, "<f4").astype(np.float32)
        if len(word) >= LONGEST_WORD or not np.isfinite(vector).all():
            raise InputError(f"{path}: vector {done + 1} is none of word2vec's binary form; give another file")
        yield word.decode("utf-8", "replace").strip("\n"), vector
