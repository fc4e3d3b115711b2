"""Files that visitors bring: kept under a name made of their bytes, so that a link to one means the same for ever."""

import hashlib
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import final

from convscope.errors import InputError
from convscope.files import write_whole

IDENTITY = r"[0-9a-f]{32}"


@final
class Uploads:
    """A folder of bytes by their hash; those brought longest ago go when it grows beyond `most` bytes."""

    def __init__(self, folder: Path, most: int):
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()

    def keep(self, data: bytes) -> str:
        """Returns the identity, 32 hexadecimal digits."""
        identity = hashlib.sha256(data).hexdigest()[:32]
        with self._lock:
            path = self._folder / identity
            if path.exists():
                os.utime(path)
            else:
                write_whole(path, data)
                self._make_room(path)
        return identity

    def path(self, identity: str) -> Path:
        """The file. Raises InputError where it is none, or was removed to make room."""
        path = self._folder / identity if re.fullmatch(IDENTITY, identity) else None
        if path is None or not path.is_file():
            raise self._gone(identity)
        return path

    def read(self, identity: str) -> bytes:
        """The bytes. Raises InputError as `path` does."""
        path = self.path(identity)
        with suppress(FileNotFoundError):  # removed just now
            return path.read_bytes()
        raise self._gone(identity)

    def _gone(self, identity: str) -> InputError:
        return InputError(f"upload {identity[:40]!r}: not here, or no longer; upload the file again")

    def _make_room(self, newest: Path) -> None:
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.iterdir())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._most:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= size
