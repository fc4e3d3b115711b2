"""A folder of photographs as a network takes them: decoded when asked for, in threads, the broken ones left out."""

import glob
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath
from convscope.imagefiles import quiet, read_picture
from convscope.lens.models import Preprocessing

ENDINGS = (".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
"""Files of a folder that count as pictures; a file that is named, or that a pattern finds, always counts."""


class Photos:
    """The pictures of a folder or of a pattern such as "holiday/*.jpg", by their names, or of a list of files.

    A picture is resized and cut to the network's input as `preprocessing` says. Picture i is the i-th one that is
    sound: which files are, is found out by decoding them, in order and once, when a picture at or after their place
    is first asked for. Nothing but that knowledge is kept.

    recursive: look into folders inside the folder too (hidden ones are left out). limit: take at most that many
    files, spread evenly over all.

    `skipped` has one line for each broken file met so far. `files` are all files, sound or not. Where a folder's
    pictures all lie in folders inside it, these are the `classes`.

    Raises InputError where there are no pictures.
    """

    def __init__(
        self,
        source: AnyPath | Iterable[AnyPath],
        preprocessing: Preprocessing,
        *,
        recursive: bool = True,
        limit: int | None = None,
    ):
        if limit is not None and limit < 1:
            raise InputError(f"limit={limit}: at least 1 picture is needed")
        found, root = picture_files(source, recursive)
        if not found:
            raise InputError(
                f"pictures: none found in {_told(source)}; give a folder of picture files "
                f"({' '.join(ENDINGS)}), a pattern or a list of files"
            )
        if limit is not None and limit < len(found):
            found = [found[i * len(found) // limit] for i in range(limit)]
        self.files: tuple[Path, ...] = tuple(found)
        self.preprocessing = preprocessing
        own = [class_of(file.relative_to(root).parts if root is not None else ()) for file in found]
        self.classes: tuple[str, ...] = tuple(sorted(set(own))) if "" not in own else ()
        self._class = [self.classes.index(name) for name in own] if self.classes else []
        self._problem: dict[int, str | None] = {}  # of each place in files that is known; None: sound
        self._sound: list[int] = []  # the sound ones among them

    def __len__(self) -> int:
        """How many are sound; decodes those that were not met yet."""
        self._check()
        return len(self._sound)

    def __getitem__(self, i: int) -> UInt8[np.ndarray, "h w c"]:
        """Picture i as people see it, resized and cut as the network sees it."""
        if i < 0:
            i += len(self)
        self._check(i)
        if not 0 <= i < len(self._sound):
            raise IndexError(f"picture {i}: there are {len(self._sound)}")
        return self._read(self._sound[i])

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "h w c"]]:
        for pictures in self.stacks(1):
            yield pictures[0]

    @property
    def skipped(self) -> tuple[str, ...]:
        return tuple(problem for problem in self._problem.values() if problem is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """The sound pictures' files; decodes those that were not met yet."""
        self._check()
        return tuple(str(self.files[place]) for place in self._sound)

    @property
    def labels(self) -> Int[np.ndarray, " n"] | None:
        """Each sound picture's place in `classes`; None where there are none. Decodes what was not met yet."""
        self._check()
        return np.array([self._class[place] for place in self._sound], np.int64) if self.classes else None

    def label(self, i: int) -> int | None:
        """Picture i's place in `classes`; None where there are none."""
        self._check(i)
        return self._class[self._sound[i]] if self.classes else None

    def stacks(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[UInt8[np.ndarray, "n h w c"]]:
        """Pictures `start` to `stop` (all), `size` at a time, decoded in threads ahead of whoever takes them."""
        stack: list[np.ndarray] = []
        for i, picture in self._decoded(start, stop, ahead=2 * size):
            if i >= start:
                stack.append(picture)
            if len(stack) == size:
                yield np.stack(stack)
                stack = []
        if stack:
            yield np.stack(stack)

    def batches(self, size: int) -> Iterator[Float[Tensor, "n c h w"]]:
        """All pictures as the network takes them, `size` at a time."""
        return map(self.preprocessing.to_inputs, self.stacks(size))

    def inputs(self, start: int, stop: int) -> Float[Tensor, "n c h w"]:
        """Pictures start to stop as the network takes them."""
        parts = [*self.stacks(max(stop - start, 1), start, stop)]
        if not parts:
            raise InputError(f"pictures {start} to {stop}: there are {len(self)}; give start < stop within them")
        return self.preprocessing.to_inputs(np.concatenate(parts))

    def _check(self, i: int | None = None) -> None:
        """Make known which files are sound, up to picture i, or all."""
        if len(self._problem) < len(self.files) and (i is None or i >= len(self._sound)):
            for _ in self._decoded(len(self._sound), None if i is None else i + 1, ahead=16):
                pass

    def _decoded(self, start: int, stop: int | None, ahead: int) -> Iterator[tuple[int, np.ndarray]]:
        """(i, picture) for sound ones from `start`, and for all whose soundness was unknown before, below `stop`."""
        places = deque([*self._sound[start:], *(p for p in range(len(self.files)) if p not in self._problem)])
        i = min(start, len(self._sound))
        waiting: deque[tuple[int, Future]] = deque()
        with quiet(), ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                while (places or waiting) and (stop is None or i < stop):
                    while places and len(waiting) < (ahead if stop is None else min(ahead, stop - i)):
                        place = places.popleft()
                        waiting.append((place, pool.submit(self._read, place)))
                    place, picture = waiting.popleft()
                    if self._is_sound(place, picture.exception()):
                        yield i, picture.result()
                        i += 1
            finally:
                pool.shutdown(cancel_futures=True)

    def _is_sound(self, place: int, problem: BaseException | None) -> bool:
        """What is known of a file, and of one that is met for the first time, what decoding it has shown."""
        if place not in self._problem:
            if problem is not None and not isinstance(problem, InputError):
                raise problem
            self._problem[place] = problem and str(problem)
            if problem is None:
                self._sound.append(place)
        return self._problem[place] is None

    def _read(self, place: int) -> UInt8[np.ndarray, "h w c"]:
        return self.preprocessing.fit(read_picture(self.files[place]))


def picture_files(source: AnyPath | Iterable[AnyPath], recursive: bool = True) -> tuple[list[Path], Path | None]:
    """All files of a folder, of a pattern or of a list, in order; and the folder, where it is one."""
    if not isinstance(source, str | os.PathLike):
        return [Path(file) for file in source], None
    root = Path(source)
    if root.is_dir():
        inside = (root.rglob if recursive else root.glob)("*")
        return sorted(file for file in inside if is_picture(file.relative_to(root).parts) and file.is_file()), root
    if root.exists():
        return [root], None
    matching = (Path(file) for file in glob.glob(str(source), recursive=True))  # noqa: PTH207  # of any absolute pattern
    return sorted(file for file in matching if file.is_file()), None


def is_picture(parts: Sequence[str]) -> bool:
    """Whether a file of a folder counts, by its path inside: the ending says so, and nothing on the way is hidden."""
    return not any(part.startswith(".") for part in parts) and parts[-1].lower().endswith(ENDINGS)


def class_of(parts: Sequence[str]) -> str:
    """The folder directly inside the root that holds a file, by the file's path inside; empty where there is none."""
    return parts[0] if len(parts) > 1 else ""


def _told(source: AnyPath | Iterable[AnyPath]) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else "an empty list"
