"""Pictures from anywhere, batch by batch: an array, a folder, a list of batches, a generator."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.models import Preprocessing
from convscope.lens.photos import Photos

Pictures = np.ndarray | Tensor | Photos | str | os.PathLike | Iterable
"""An array or tensor (n, c, h, w) as the network takes it; uint8 (n, h, w, c) as people see it, where the preprocessing
is known; Photos, or a folder or pattern for them; or what gives arrays, or pairs (array, labels), one by one."""

Labels = Sequence[int] | np.ndarray | Tensor

NUMBERS = 2_500_000
"""In a batch of inputs, where nobody said how many pictures: 16 of 3 x 224 x 224."""


@dataclass(frozen=True)
class Batch:
    """inputs: (n, ...) as the network takes them. labels: a class for each. pictures: as people see them, where they
    came so."""

    inputs: Tensor
    labels: Int[np.ndarray, " n"] | None = None
    pictures: UInt8[np.ndarray, "n h w c"] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def parts(self, size: int) -> "list[Batch]":
        return [
            Batch(self.inputs[cut], *(None if part is None else part[cut] for part in (self.labels, self.pictures)))
            for cut in (slice(i, i + size) for i in range(0, len(self), size))
        ]


def opened(pictures: Pictures, preprocessing: Preprocessing | None) -> Pictures:
    """A folder or pattern as Photos; anything else as it is."""
    if not isinstance(pictures, str | os.PathLike):
        return pictures
    if preprocessing is None:
        raise InputError(
            f"pictures={pictures}: how files become inputs is not known; give Photos(folder, preprocessing)"
        )
    return Photos(pictures, preprocessing)


def feed(
    pictures: Pictures, preprocessing: Preprocessing | None, size: int | None, labels: Labels | None = None
) -> Iterator[Batch]:
    """Batches of at most `size` pictures, none empty; those of an iterable keep their own size unless it is larger.

    Raises InputError for what gives no arrays.
    """
    if isinstance(pictures, Photos):
        yield from _from_photos(pictures, size or batch_size(pictures.preprocessing.shape))
    elif isinstance(pictures, np.ndarray | Tensor):
        if pictures.ndim < 2:
            raise InputError(f"pictures of shape {tuple(pictures.shape)}: give an array (n, c, h, w)")
        known = None if labels is None else np.asarray(labels)
        if known is not None and known.shape != (len(pictures),):
            raise InputError(f"labels of shape {known.shape} for {len(pictures)} pictures; give one number a picture")
        step = size or batch_size(tuple(pictures.shape[1:]))
        for i in range(0, len(pictures), step):
            yield _batch(pictures[i : i + step], None if known is None else known[i : i + step], preprocessing)
    elif isinstance(pictures, Iterable):
        for item in pictures:
            inputs, own = item if isinstance(item, tuple | list) and len(item) == 2 else (item, None)
            whole = _batch(inputs, own, preprocessing)
            yield from whole.parts(size or len(whole)) if len(whole) else ()
    else:
        raise InputError(
            f"pictures: a {type(pictures).__name__}; give an array (n, c, h, w), Photos or batches of them"
        )


def batch_size(shape: tuple[int, ...]) -> int:
    """How many inputs of that shape go through a network at a time."""
    return min(256, max(1, NUMBERS // max(prod(shape), 1)))


def _from_photos(photos: Photos, size: int) -> Iterator[Batch]:
    start = 0
    for stack in photos.stacks(size):
        own = [photos.label(i) for i in range(start, start + len(stack))]
        start += len(stack)
        yield Batch(photos.preprocessing.to_inputs(stack), np.array(own) if photos.classes else None, stack)


def _batch(inputs: object, labels: object, preprocessing: Preprocessing | None) -> Batch:
    if not isinstance(inputs, np.ndarray | Tensor) or inputs.ndim < 2:
        told = f"shape {tuple(inputs.shape)}" if isinstance(inputs, np.ndarray | Tensor) else type(inputs).__name__
        raise InputError(f"pictures: a batch that is {told}; give arrays (n, c, h, w), or pairs of these and labels")
    known = None if labels is None else np.asarray(labels).astype(np.int64)
    if known is not None and (known.shape != (len(inputs),) or (known < 0).any()):
        raise InputError(f"labels of shape {known.shape} for {len(inputs)} pictures; give one number from 0 a picture")
    if inputs.dtype in (np.uint8, torch.uint8) and preprocessing is not None and inputs.ndim == 4:
        pictures = np.asarray(inputs)
        return Batch(preprocessing.to_inputs(pictures), known, pictures)
    return Batch(torch.as_tensor(inputs), known)
