"""Finished runs of a long comparison, kept in a file, so that a comparison which was stopped goes on after them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from convscope import __version__
from convscope.errors import InputError
from convscope.files import check_can_write, write_whole

Figures = dict[str, float]
"""What one run found, by name."""


class Kept:
    """What runs found, by their keys: in memory, and in `file` where one is given.

    Raises InputError for a file that holds something else, and where it cannot be written.
    """

    def __init__(self, file: Path | None = None):
        self.file = file
        self._found: dict[str, Figures] = {}
        if file is not None and file.exists():
            try:
                found = json.loads(file.read_text())
                self._found = {key: dict(figures) for key, figures in found.items()}
            except (OSError, ValueError, TypeError, AttributeError) as problem:
                raise InputError(f"{file}: holds no finished runs ({problem}); name another file") from None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._found)

    def run(self, key: str, make: Callable[[], Figures]) -> Figures:
        """What was found before under that key, or else what `make` finds now, which is kept."""
        if key not in self._found:
            self._found[key] = make()
            if self.file is not None:
                write_whole(self.file, json.dumps(self._found, indent=1) + "\n")
        return dict(self._found[key])


def digest(*arrays: np.ndarray) -> str:
    """What tells arrays of one shape and type from others."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()


@contextmanager
def until_done(task: str, *subject: object) -> Iterator[Kept]:
    """Runs kept in the user's cache folder until the block is over; then they are taken away.

    subject: all that decides what a run finds, besides its key; runs of another subject or version are not found.
    Where the folder cannot be written, nothing is kept.

    Raises KeyboardInterrupt with one line that says what is kept.
    """
    name = hashlib.sha256(repr((__version__, subject)).encode()).hexdigest()[:16]
    file = user_cache_path("convscope") / f"ablate-{task}-{name}.json"
    try:
        kept = Kept(check_can_write(file))
    except InputError:  # no place to write, or a damaged file
        kept = Kept()
    try:
        yield kept
    except KeyboardInterrupt:
        goes_on = f"finished runs kept: {kept.count}, the same command goes on after them"
        raise KeyboardInterrupt(f"stopped; {goes_on if kept.file and kept.count else 'no run is kept'}") from None
    with suppress(OSError):
        file.unlink(missing_ok=True)
