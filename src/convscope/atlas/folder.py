"""One folder on any file system: files that are written whole, lists of them, and who may write. Knows no atlas."""

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, final

import fsspec
from filelock import FileLock, Timeout
from fsspec.core import url_to_fs

from convscope.errors import InputError
from convscope.files import AnyPath, check_can_claim, write_whole


class Folder(ABC):
    """A folder that need not be there yet. Paths in it are relative, with forward slashes."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """All bytes of a file. Raises FileNotFoundError, and InputError for whatever else stands in the way."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write a file; missing folders are made. Raises InputError where that cannot be done."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, and the folders that it leaves empty. Raises InputError where that cannot be done."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """The path of every file in the folder and the folders in it -> its size in bytes; links are left out."""

    @abstractmethod
    def check_can_claim(self, marker: str) -> None:
        """Raise InputError where the folder is somebody else's: it holds files, but none named `marker`."""

    @abstractmethod
    @contextmanager
    def lock(self, marker: str) -> Iterator[None]:
        """Keep others out, where the file system can; its end, however it comes, lets them in.

        Raises InputError where another process, or another `lock` of this one, keeps us out.
        """


def folder(url: AnyPath) -> Folder:
    """A folder by its path or its URL: `atlas`, `/data/atlas`, `file:///data/atlas`, `s3://bucket/atlas`, ...

    Raises InputError for a URL of a kind that fsspec does not know or that needs a package which is not there.
    """
    if "://" not in (text := os.fspath(url)):
        return LocalFolder(Path(text))
    if text.startswith("file://"):
        return LocalFolder(Path(text.removeprefix("file://")))
    try:
        files, root = url_to_fs(text)
    except (ImportError, ValueError, OSError) as problem:
        raise InputError(f"cannot open {text}: {problem}; name a folder, or a URL that fsspec knows") from problem
    return RemoteFolder(text, files, root)


@final
class LocalFolder(Folder):
    """A folder of this machine's file systems: a file has its old content or its new one, never a part."""

    def __init__(self, root: Path):
        self.root = root

    def read(self, path: str) -> bytes:
        try:
            return self._place(path).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as problem:
            raise InputError(f"cannot read {self.root / path}: {_reason(problem)}; check the path") from problem

    def write(self, path: str, data: bytes) -> None:
        write_whole(self._place(path), data)

    def remove(self, path: str) -> None:
        place = self._place(path)
        try:
            place.unlink(missing_ok=True)
        except OSError as problem:
            raise InputError(f"cannot remove {place}: {_reason(problem)}; remove it by hand") from problem
        with suppress(OSError):  # it is not empty
            for above in place.parents[: len(Path(path).parts) - 1]:
                above.rmdir()

    def sizes(self) -> dict[str, int]:
        found = {}
        for above, _, names in os.walk(self.root):
            relative = os.path.relpath(above, self.root).replace(os.sep, "/")
            for name in names:
                with suppress(FileNotFoundError):  # somebody removes things meanwhile
                    told = os.lstat(os.path.join(above, name))  # noqa: PTH118 - a Path each is slow for 100,000 files
                    if stat.S_ISREG(told.st_mode):
                        found[name if relative == "." else f"{relative}/{name}"] = told.st_size
        return found

    def check_can_claim(self, marker: str) -> None:
        check_can_claim(self.root, marker)

    @contextmanager
    def lock(self, marker: str) -> Iterator[None]:
        # named so that `check_can_claim` takes it for something of ours, also where the marker is not there yet
        lock = FileLock(self.root / f".{marker}.lock")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout as problem:
            raise InputError(f"another job writes into {self.root}; wait for it, or name another folder") from problem
        except OSError as problem:
            raise InputError(
                f"cannot write into {self.root}: {_reason(problem)}; name a place that can be written and has room"
            ) from problem
        try:
            yield
        finally:
            lock.release()

    def _place(self, path: str) -> Path:
        """Where a file lies; a link that a stranger may have put there is not followed out of the folder."""
        place = self.root / path
        if not place.resolve().is_relative_to(self.root.resolve()):
            raise InputError(f"{place} leads out of {self.root}; remove it: an atlas lies in one folder")
        return place


@final
class RemoteFolder(Folder):
    """A folder on any file system of fsspec. One request writes a file; object stores take it whole or not at all."""

    def __init__(self, url: str, files: fsspec.AbstractFileSystem, root: str):
        self.url, self.files, self.root = url, files, root.rstrip("/")

    def read(self, path: str) -> bytes:
        with self._told("read", path):
            return _as_bytes(self.files.cat_file(f"{self.root}/{path}"))

    def write(self, path: str, data: bytes) -> None:
        place = f"{self.root}/{path}"
        try:
            with self._told("write", path):
                try:
                    self.files.pipe_file(place, data)
                except FileNotFoundError:
                    # where folders are real they are made; no bucket is, only because its name was spelled wrongly
                    if not self.files.exists(self.root.rpartition("/")[0]):
                        raise
                    self.files.makedirs(place.rpartition("/")[0], exist_ok=True)
                    self.files.pipe_file(place, data)
        except FileNotFoundError as problem:
            raise InputError(f"cannot write {self.url}/{path}: no such place; make what is above it") from problem

    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError), self._told("remove", path):
            self.files.rm_file(f"{self.root}/{path}")

    def sizes(self) -> dict[str, int]:
        self.files.invalidate_cache()
        try:
            with self._told("list", ""):
                found: dict[str, Any] = self.files.find(self.root, detail=True)  # pyright: ignore[reportAssignmentType]
        except FileNotFoundError:
            return {}
        return {name.removeprefix(self.root).lstrip("/"): told["size"] for name, told in found.items()}

    def check_can_claim(self, marker: str) -> None:
        try:
            with self._told("list", ""):
                names = sorted(name.rstrip("/").rpartition("/")[2] for name in self.files.ls(self.root, detail=False))
        except FileNotFoundError:
            return
        if names and marker not in names:
            raise InputError(
                f"{self.url} holds other files ({names[0]}{', ...' if len(names) > 1 else ''}) and is not a folder "
                f"that convscope made (no {marker} in it); name a new or empty folder"
            )

    @contextmanager
    def lock(self, marker: str) -> Iterator[None]:
        yield  # object stores have no locks

    @contextmanager
    def _told(self, what: str, path: str) -> Iterator[None]:
        """Tell of what file systems raise in one line; only that a file is not there is for the caller."""
        try:
            yield
        except (FileNotFoundError, InputError):
            raise
        except Exception as problem:  # what is not allowed or not reached, each service has its own names for
            raise InputError(
                f"cannot {what} {self.url}/{path}: {type(problem).__name__}: {problem}; check the address and the keys"
            ) from problem


def _as_bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else bytes(data)


def _reason(problem: OSError) -> str:
    reason = problem.strerror or type(problem).__name__
    return f"{reason[0].lower()}{reason[1:]}"
