"""The IDX format, which MNIST and its relatives use: one array of numbers, perhaps gzipped.

0 0 | type code | number of dimensions | each size, 4 bytes big-endian | the numbers, last axis fastest
"""

import gzip
import hashlib
import math
import struct
import zlib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO

import numpy as np

from convscope.errors import InputError

MOST_BYTES = 2**30
"""What a header may announce; no more than it announces is unpacked, so this bounds a gzip bomb too."""

_TYPES = {8: "unsigned byte", 9: "signed byte", 11: "short", 12: "int", 13: "float", 14: "double"}
_CONTENTS = {1: "labels", 3: "pictures"}


def read(file: Path | Traversable, dimensions: int, md5: str | None = None) -> np.ndarray:
    """Read one IDX file of unsigned bytes, gzipped or not (told by its content, not by its name).

    `dimensions` is what the caller expects, 1 for labels and 3 for pictures; the result is a uint8 array of
    that many axes. With `md5` (hexadecimal) the unpacked content must have that hash.

    Raises InputError, with the file's name, for anything but one whole and sound file of that kind.
    Source: http://yann.lecun.com/exdb/mnist/, "the IDX file format".
    """
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return _parse(raw, file, dimensions, md5)
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _parse(unpacked, file, dimensions, md5)
    except EOFError as problem:
        raise InputError(f"{file}: the gzip data ends too early (truncated file); copy it again") from problem
    except (gzip.BadGzipFile, zlib.error) as problem:
        raise InputError(f"{file}: the gzip data is corrupt ({problem}); copy the file again") from problem
    except OSError as problem:
        raise InputError(f"{file}: cannot be read ({problem.strerror}); name an IDX file") from problem


def _parse(stream: IO[bytes] | gzip.GzipFile, file: Path | Traversable, dimensions: int, md5: str | None):
    """The array in `stream`. One byte more than announced is asked for: that finds too few and too many."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        raise InputError(
            f"{file}: not an IDX file (it begins with {start.hex(' ') or 'nothing'}, IDX with 00 00, a type "
            "code 08..0e and the number of dimensions); name one that is"
        )
    kind, found = start[2], start[3]
    if kind != 0x08:
        raise InputError(
            f"{file}: holds numbers of type {kind:#04x} ({_TYPES[kind]}); only 0x08 (unsigned byte) is read "
            "here, save it as bytes"
        )
    if found != dimensions:
        raise InputError(
            f"{file}: holds {_count(found)}, but {_count(dimensions)} were expected here; "
            "are the pictures and labels files interchanged?"
        )
    header = stream.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise InputError(f"{file}: truncated within its header; copy the file again")
    shape = struct.unpack(f">{dimensions}I", header)
    size = math.prod(shape)
    if size > MOST_BYTES:
        raise InputError(f"{file}: announces {_text(shape)} = {size} bytes; at most {MOST_BYTES} are read")
    body = stream.read(size + 1)
    if len(body) < size:
        raise InputError(
            f"{file}: truncated: its header announces {_text(shape)} = {size} bytes, {len(body)} follow; "
            "copy the file again"
        )
    if len(body) > size:
        raise InputError(
            f"{file}: bytes follow after the {_text(shape)} = {size} that its header announces; "
            "it is damaged or mislabelled"
        )
    if md5 is not None:
        digest = hashlib.md5(start + header, usedforsecurity=False)
        digest.update(body)
        if (found := digest.hexdigest()) != md5:
            raise InputError(f"{file}: its content has MD5 {found}, not {md5}; install convscope again")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _count(dimensions: int) -> str:
    content = _CONTENTS.get(dimensions, "an array")
    return f"{content} ({dimensions} dimension{'' if dimensions == 1 else 's'})"


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
