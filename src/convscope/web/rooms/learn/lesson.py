"""The pictures of a task: small ones, where a kernel is learned step by step, and whole ones, where it is found."""

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from convscope import ops
from convscope.errors import InputError
from convscope.imagefiles import read_jpeg_table
from convscope.inverse.pairs import Pair, read_pairs
from convscope.inverse.tiles import Region, Taps, interior
from convscope.web.lab import Lab
from convscope.web.rooms.learn.done import DONE
from convscope.web.rooms.learn.task import Task
from convscope.web.sources import Source, shrunk

SIDE = 96
"""Cells along a side that a descent sees at most: enough to learn nine taps, and quick."""
COLOURED = 2 * 2**20
"""Pixels up to which colours are kept when the kernel is found exactly; larger pictures are read in grey."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a descent is given: x (h, w) and y, float64, 0 black and 1 white, for a kernel (rows, columns) = `size`.

    truth  the secret kernel where each of its taps has its place in one of that size, or None
    cut    the cells of before, and of after, that x and y are   whole  the size of before
    jpeg, greyed  of two pictures, whether after's JPEG quanta are known, and whether their colours are left out
    """

    x: np.ndarray
    y: np.ndarray
    size: tuple[int, int]
    truth: np.ndarray | None
    cut: tuple[tuple[slice, slice], tuple[slice, slice]]
    whole: tuple[int, int]
    jpeg: bool = False
    greyed: bool = False


@dataclass(frozen=True, eq=False)
class Whole:
    """What the kernel is found from: before and after as `recover` takes them, and the quanta of after's JPEG file."""

    before: np.ndarray
    after: np.ndarray
    jpeg: np.ndarray | None = None
    greyed: bool = False


_one_pair = Lock()


def lesson(task: Task, lab: Lab) -> Lesson:
    """Raises InputError for pictures and kernels that do not go together."""
    secret, size = task.secret(), task.size()
    if secret is None:
        return _of_two(lab, task.picture, task.after or "", size)
    taps = Taps.around(*size)
    grey = shrunk(Source.parse(task.picture).grey(lab)[..., None], SIDE)[..., 0] / 255
    centre = (secret.shape[0] - 1) // 2, (secret.shape[1] - 1) // 2
    pair = Pair(grey[None], _made(grey, secret, task)[None], centre)
    return Lesson(**_seen(pair, taps, interior(pair, taps)), truth=_placed(secret, taps))


def _of_two(lab: Lab, picture: str, after: str, size: tuple[int, int]) -> Lesson:
    """One at a time: two large pictures take much memory while the part of them is found."""
    with _one_pair:
        return _found(lab, picture, after, size)


@lru_cache(16)
def _found(lab: Lab, picture: str, after: str, size: tuple[int, int]) -> Lesson:
    """Kept, as it takes longer than an answer may that a slider waits for."""
    both, taps = two_pictures(picture, after, lab), Taps.around(*size)
    pair = read_pairs(_grey(both.before), _grey(both.after), 1, False)[0]
    seen = _seen(pair, taps, _most_detailed(pair, taps, interior(pair, taps)))
    return Lesson(**seen, truth=None, jpeg=both.jpeg is not None, greyed=both.greyed)


def _seen(pair: Pair, taps: Taps, region: Region) -> dict[str, Any]:
    """x and y of a region of `after`, and where they lie."""
    unit = 255 if pair.step else 1
    top, left = (at + first for at, first in zip(pair.centre, (taps.first_row, taps.first_column), strict=True))
    seen = (
        slice(region.top + top, region.bottom - 1 + top + taps.rows),
        slice(region.left + left, region.right - 1 + left + taps.columns),
    )
    x, y = pair.before[0][seen] / unit, pair.after[0][region.cells] / unit
    h, w = pair.before.shape[1:]
    return {"x": x, "y": y, "size": taps.size, "cut": (seen, region.cells), "whole": (h, w)}


def whole(task: Task, lab: Lab) -> Whole:
    """Of a task with a secret kernel floats from 0 to 1, all cells whose window lies inside; else as they are."""
    secret = task.secret()
    if secret is None:
        return two_pictures(task.picture, task.after or "", lab)
    before = Source.parse(task.picture).grey(lab) / 255
    return Whole(before, _made(before, secret, task))


def two_pictures(picture: str, named: str, lab: Lab) -> Whole:
    """Before and after, uint8 (h, w) or both (h, w, 3)."""
    before = Source.parse(picture).pixels(lab)
    large = before.shape[0] * before.shape[1] > COLOURED
    kind, _, name = named.partition(":")
    if kind == "done":
        if name not in DONE:
            raise InputError(f"after={named[:60]!r}: give done:NAME ({', '.join(DONE)}) or the source of a picture")
        shown = _grey(before) if large else _plain(before)
        return Whole(shown, DONE[name].act(shown), greyed=large)
    source = Source.parse(named)
    after = source.pixels(lab)
    jpeg = _quanta(source, lab) if source.kind == "upload" else None
    greyed = large or before.shape[2] != after.shape[2]
    one = _grey if greyed else _plain
    return Whole(one(before), one(after), jpeg, greyed)


def _made(grey: np.ndarray, kernel: np.ndarray, task: Task) -> np.ndarray:
    made = ops.corr2d(grey, kernel)
    if task.noise:
        made = made + np.random.default_rng(task.seed + 1).normal(0, task.noise / 255, made.shape)
    return made


def _placed(kernel: np.ndarray, taps: Taps) -> np.ndarray | None:
    """The kernel among more taps, zero elsewhere; None where it does not fit in."""
    own = Taps.around(*kernel.shape)
    top, left = own.first_row - taps.first_row, own.first_column - taps.first_column
    if min(top, left) < 0 or top + own.rows > taps.rows or left + own.columns > taps.columns:
        return None
    full = np.zeros(taps.size)
    full[top : top + own.rows, left : left + own.columns] = kernel
    return full


def _most_detailed(pair: Pair, taps: Taps, region: Region) -> Region:
    """Of a large region the part that a descent sees whose neighbouring cells differ most."""
    rows, columns = (max(SIDE - n + 1, 1) for n in taps.size)
    height, width = region.bottom - region.top, region.right - region.left
    rows, columns = min(rows, height), min(columns, width)
    down, across = height // rows, width // columns
    top, left = region.top + pair.centre[0], region.left + pair.centre[1]
    cells = pair.before[0, top : top + down * rows, left : left + across * columns].astype(np.int32)
    change = np.abs(np.diff(cells, axis=0, append=cells[-1:])) + np.abs(np.diff(cells, axis=1, append=cells[:, -1:]))
    row, column = divmod(int(change.reshape(down, rows, across, columns).sum((1, 3)).argmax()), across)
    first, start = region.top + row * rows, region.left + column * columns
    return Region(first, first + rows, start, start + columns)


def _quanta(source: Source, lab: Lab) -> np.ndarray | None:
    try:
        return read_jpeg_table(lab.uploads.path(source.value))
    except InputError:  # what cannot be read twice is read without
        return None


def _plain(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Grey (h, w), weighted as ITU-R 601-2 luma."""
    from PIL import Image

    plain = _plain(pixels)
    return plain if plain.ndim == 2 else np.asarray(Image.fromarray(plain).convert("L"))
