"""Game records wherever they lie: files, folders, .zip and .tar archives, .gz files. Nothing is unpacked to disk."""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from convscope.errors import InputError

ENDINGS = (".sgf", ".mgt")
ARCHIVES = (".zip", ".tar", ".tgz", ".txz", ".tar.xz", ".tar.bz2")
"""Of these too a .gz is read, except of .zip."""
LARGEST_FILE, LARGEST_ARCHIVE = 64 << 20, 1 << 30
"""Bytes, unpacked. Hundreds of thousands of games fit; what is larger was made to fill a memory."""
_BROKEN = (
    *(OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError),
)


@dataclass(frozen=True)
class Skipped:
    """A record that was not read, and why."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def contents(path: Path, skipped: list[Skipped]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each record in a folder (and the folders in it), an archive or a file, in order of names.

    A name inside an archive is `archive!member`. What cannot be read is added to `skipped`. A file named itself is
    read whatever its ending; of a folder, only files with the endings of records and archives.

    Raises InputError where `path` does not exist.
    """
    if path.is_dir():
        for child in sorted(path.rglob("*")):
            if child.is_file() and _is_ours(child.name, (*ENDINGS, *ARCHIVES)):
                yield from contents(child, skipped)
        return
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; name one that holds SGF records")
    name = path.name.lower()
    archive = name.removesuffix(".gz").endswith(ARCHIVES)
    try:
        if archive:
            yield from (_zip if name.endswith(".zip") else _tar)(path, skipped)
        else:
            with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
                yield str(path), _read(file)
    except _BROKEN as problem:
        what = "cannot be read to its end" if archive else "cannot be read"
        skipped.append(Skipped(str(path), f"{what} ({_said(problem)})"))


def _is_ours(name: str, endings: tuple[str, ...]) -> bool:
    """Hidden files are not: file managers leave some with a record's name and other contents."""
    base = PurePosixPath(name).name.lower()
    return not base.startswith(".") and base.removesuffix(".gz").endswith(endings)


def _zip(path: Path, skipped: list[Skipped]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        total = 0
        for member in sorted(archive.infolist(), key=lambda each: each.filename):
            if not member.is_dir() and _is_ours(member.filename, ENDINGS):
                name = f"{path}!{member.filename}"
                try:
                    with archive.open(member) as file:
                        data = _read(file)
                except _BROKEN as problem:
                    skipped.append(Skipped(name, f"cannot be read ({_said(problem)})"))
                    continue
                total = _add(total, len(data))
                yield name, data


def _tar(path: Path, skipped: list[Skipped]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, mode="r|*") as archive:
        total = 0
        for member in archive:
            total = _add(total, member.size)  # of all members, as what is passed over has to be unpacked too
            if member.isfile() and _is_ours(member.name, ENDINGS):
                name = f"{path}!{member.name}"
                file = archive.extractfile(member)
                assert file is not None
                try:
                    yield name, _read(file)
                except _TooLarge as problem:
                    skipped.append(Skipped(name, f"cannot be read ({problem})"))


class _TooLarge(OSError):
    pass


def _read(file: gzip.GzipFile | IO[bytes]) -> bytes:
    data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise _TooLarge(f"more than {LARGEST_FILE >> 20} MB unpacked")
    return data


def _add(total: int, size: int) -> int:
    if total + size > LARGEST_ARCHIVE:
        raise _TooLarge(f"more than {LARGEST_ARCHIVE >> 30} GB unpacked")
    return total + size


def _said(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
