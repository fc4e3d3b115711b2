"""Picture files wherever they lie, in a folder or an object store: found in one listing, read one by one."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem
from jaxtyping import Int64
from PIL import Image

from convscope.errors import InputError
from convscope.imagefiles import read_picture
from convscope.lens.photos import ENDINGS, class_of, is_picture, picture_files

WAITING = 16
"""Files that are fetched from another machine at a time: most of that time is spent waiting."""


class Unreadable(Exception):
    """One picture that is gone, locked away or broken; the message is a line that names it."""


@dataclass(frozen=True)
class PictureFiles:
    """files: an fsspec file system, which pickles as its settings. root: the folder there that names are relative to.
    names: with "/" between folders, in order. sizes: in bytes, -1 where the file system does not tell. classes: the
    folders directly in the root, where every picture of a folder lies in one."""

    files: Any
    root: str
    names: tuple[str, ...]
    sizes: Int64[np.ndarray, " n"]
    classes: tuple[str, ...]

    @property
    def threads(self) -> int:
        """How many of them are read at a time."""
        return os.cpu_count() or 1 if isinstance(self.files, LocalFileSystem) else WAITING

    def decode(self, i: int) -> Image.Image:
        """Picture i as people see it. May run in several threads (see `read_picture`).

        Raises Unreadable for one that is no sound picture, and InputError where it may be one and could not be had.
        """
        name = self.names[i]
        try:
            data = self.files.cat_file(f"{self.root}/{name}")
        except (FileNotFoundError, IsADirectoryError):
            if not self.files.exists(self.root):  # not one that vanished: this machine never had any
                raise InputError(f"pictures: {self.root} is not there; every machine that works needs it") from None
            raise Unreadable(f"{name}: no such file; check the name") from None
        except PermissionError:
            raise Unreadable(f"{name}: may not be read (permission denied); change its permissions") from None
        except OSError as problem:
            raise InputError(f"{name}: cannot be read now ({problem}); run the command again, it goes on") from problem
        try:
            return read_picture(name, data)
        except InputError as problem:
            raise Unreadable(str(problem)) from problem


def find(source: str | os.PathLike[str], limit: int | None = None) -> PictureFiles:
    """The pictures of a folder, a pattern such as "photos/**/*.jpg", a single file, or of any of these as an fsspec URL
    ("s3://bucket/photos", "memory://photos/*.webp").

    Which files of a folder count, their order and their classes are as `lens.Photos` has them. limit: take at most
    that many, spread evenly over all.

    Raises InputError where there are none, and for a URL that cannot be listed.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit={limit}: at least 1 picture is needed")
    files, root, sizes, is_folder = _remote(str(source)) if "://" in str(source) else _local(source)
    if not sizes:
        raise InputError(
            f"pictures: none found in {source}; give a folder of picture files ({' '.join(ENDINGS)}), a pattern, or "
            "an fsspec URL of either"
        )
    names = sorted(sizes, key=lambda name: name.split("/"))
    if limit is not None and limit < len(names):
        names = [names[i * len(names) // limit] for i in range(limit)]
    folders = {class_of(name.split("/")) for name in names} if is_folder else {""}
    classes = () if "" in folders else tuple(sorted(folders))
    return PictureFiles(files, root, tuple(names), np.array([sizes[name] for name in names], np.int64), classes)


Listed = tuple[Any, str, dict[str, int], bool]
"""The file system, the root, sizes by name, and whether the source is a folder."""


def _local(source: str | os.PathLike[str]) -> Listed:
    found, folder = picture_files(source)
    root = os.path.abspath(folder if folder is not None else _above(os.fspath(source)))  # noqa: PTH100  # keeps links
    sizes = {}
    for file in found:
        try:
            sizes[os.path.relpath(file, root).replace(os.sep, "/")] = file.stat().st_size
        except OSError:
            continue  # gone since it was listed
    return LocalFileSystem(), root.replace(os.sep, "/").rstrip("/"), sizes, folder is not None


def _remote(url: str) -> Listed:
    try:
        files, path = fsspec.core.url_to_fs(url)
        if isinstance(files, LocalFileSystem):
            return _local(path)
        path = path.rstrip("/")
        if _is_pattern(path):
            found, root, is_folder = files.glob(path, detail=True), _above(path).rstrip("/"), False
        elif files.isdir(path):
            found, root, is_folder = files.find(path, detail=True), path, True
        elif files.exists(path):
            found, root, is_folder = {path: files.info(path)}, _above(path).rstrip("/"), False
        else:
            found, root, is_folder = {}, path, True
        sizes = dict(_sizes(found, root))
    except InputError:
        raise
    except Exception as problem:  # each store's client has its own
        told = str(problem) or type(problem).__name__
        raise InputError(f"pictures: {url} cannot be listed ({told}); check the URL and its access") from problem
    counts = is_picture if is_folder else _is_plain
    sizes = {name: size for name, size in sizes.items() if counts(name.split("/"))}
    return files, root, sizes, is_folder


def _sizes(found: dict[str, dict[str, Any]], root: str) -> Iterator[tuple[str, int]]:
    for path, info in found.items():
        if info.get("type") == "file":
            size = info.get("size")
            yield path[len(root) :].lstrip("/"), -1 if size is None else int(size)


def _is_plain(parts: Sequence[str]) -> bool:
    """Whether nothing is hidden: a pattern finds no hidden files in a folder either."""
    return not any(part.startswith(".") for part in parts)


def _is_pattern(path: str) -> bool:
    return any(mark in path for mark in "*?[")


def _above(path: str) -> str:
    """The folder that holds all that a pattern or the name of a file can mean."""
    parts = path.replace(os.sep, "/").split("/")
    first = next((k for k, part in enumerate(parts) if _is_pattern(part)), len(parts) - 1)
    return "/".join(parts[: min(first, len(parts) - 1)]) or ("/" if path.startswith("/") else "")
