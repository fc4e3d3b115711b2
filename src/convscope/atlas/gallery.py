"""The real pictures of an atlas: files, an array, or what else a network takes (boards, sounds, sentences)."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from convscope.atlas.picturefiles import PictureFiles, Unreadable, find
from convscope.errors import InputError
from convscope.imagefiles import quiet
from convscope.lens.exemplars.keeping import SAMPLE
from convscope.lens.models import Inputs, Network, Preprocessing, World
from convscope.lens.models.network import preprocessing_of

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Stack:
    """Some pictures of a gallery. numbers: those that are sound. inputs: these as a network takes them. pictures: as
    people see them, None where they are none. problems: a line for each that is not sound."""

    numbers: tuple[int, ...]
    inputs: Tensor
    pictures: UInt8[np.ndarray, "n h w c"] | None
    problems: tuple[str, ...] = ()


class Gallery(ABC):
    """Numbered pictures, the same on every machine; which of them are sound is known only once they are read.

    name: what people call all of them. names: of each, "dir/a.jpg" for a file. classes: their names, where pictures
    have classes.
    """

    name: str
    names: Sequence[str]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def stacks(self, network: Network, numbers: Sequence[int], size: int) -> Iterator[Stack]:
        """The pictures of those numbers, `size` of them at a time (sound or not), read ahead of whoever takes them."""

    @abstractmethod
    def show(self, network: Network, i: int) -> UInt8[np.ndarray, "h w c"] | None:
        """Picture i as people see it, in the part and size that the network gets of it; None where it is not sound."""

    @abstractmethod
    def _digests(self, first: int, stop: int) -> Iterator[bytes]:
        """What else than name and class tells these pictures from others."""

    def stack(self, network: Network, numbers: Sequence[int]) -> Stack:
        """The pictures of those numbers, at least one."""
        return next(self.stacks(network, numbers, max(len(numbers), 1)))

    def label(self, i: int) -> int | None:
        """Picture i's place in `classes`; None where it has no class."""
        return None

    def labels_of(self, first: int, stop: int) -> list[int | None]:
        return [self.label(i) for i in range(first, stop)]

    def sample(self, seed: int) -> Int64[np.ndarray, " s"]:
        """Numbers of the pictures whose values are kept for every unit, ascending: all, or 1000 drawn evenly.

        One draw for the whole gallery, so that every layer of every network has the same.
        """
        count = len(self)
        if count <= SAMPLE:
            return np.arange(count)
        return np.sort(np.random.default_rng(seed).choice(count, SAMPLE, replace=False, shuffle=False))

    def identity(self, first: int, stop: int) -> str:
        """Forty hexadecimal digits that stand for pictures `first` to `stop` with their names and classes.

        A file counts as the same while its name and size are.
        """
        hashed = hashlib.sha256()
        for i, label in enumerate(self.labels_of(first, stop), first):
            told = (self.names[i], None if label is None else self.classes[label])
            hashed.update(repr(told).encode("utf-8", "surrogateescape"))
        for part in self._digests(first, stop):
            hashed.update(part)
        return hashed.hexdigest()[:40]


class FileGallery(Gallery):
    """Picture files of a folder, a pattern or an fsspec URL (see `picturefiles.find`), decoded when asked for.

    Identity follows from names and sizes, which one listing tells: no file is read for it.
    """

    def __init__(self, source: AnyPath, limit: int | None = None):
        self.files: PictureFiles = find(source, limit)
        self.name = PurePosixPath(self.files.root).name or str(source)
        self.names = self.files.names
        self.classes = self.files.classes

    def label(self, i: int) -> int | None:
        return self.classes.index(self.names[i].partition("/")[0]) if self.classes else None

    def labels_of(self, first: int, stop: int) -> list[int | None]:
        place = {name: k for k, name in enumerate(self.classes)}
        return [place.get(name.partition("/")[0]) for name in self.names[first:stop]]

    def stacks(self, network: Network, numbers: Sequence[int], size: int) -> Iterator[Stack]:
        taken = preprocessing_of(network)
        todo, waiting = deque(numbers), deque[tuple[int, Future[Image.Image]]]()
        with quiet(), ThreadPoolExecutor(self.files.threads) as pool:
            try:
                while todo or waiting:
                    while todo and len(waiting) < 2 * size:
                        waiting.append((todo[0], pool.submit(self.files.decode, todo.popleft())))
                    yield _stacked([waiting.popleft() for _ in range(min(size, len(waiting)))], taken)
            finally:
                pool.shutdown(cancel_futures=True)

    def show(self, network: Network, i: int) -> UInt8[np.ndarray, "h w c"] | None:
        with quiet():
            try:
                return preprocessing_of(network).fit(self.files.decode(i))
            except Unreadable:
                return None

    def _digests(self, first: int, stop: int) -> Iterator[bytes]:
        yield self.files.sizes[first:stop].astype("<i8").tobytes()


def _stacked(read: Sequence[tuple[int, Future[Image.Image]]], taken: Preprocessing) -> Stack:
    numbers, pictures, problems = [], [], []
    for i, image in read:
        try:
            pictures.append(taken.fit(image.result()))
            numbers.append(i)
        except Unreadable as problem:
            problems.append(str(problem))
    whole = np.stack(pictures) if pictures else np.zeros((0, *taken.size, taken.channels), np.uint8)
    return Stack(tuple(numbers), taken.to_inputs(whole), whole, tuple(problems))


class ArrayGallery(Gallery):
    """Pictures that are at hand, uint8 (n, h, w, c) or (n, h, w), such as MNIST's.

    Those that are not of the network's size are resized and cut to it as its preprocessing says.

    labels: for each its place in `classes`. names: for each; by default their numbers.

    Raises InputError for what is no array of pictures, and for labels and names that do not fit it.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Sequence[int] | np.ndarray | None = None,
        classes: Sequence[str] = (),
        name: str = "pictures",
        names: Sequence[str] | None = None,
    ):
        if not isinstance(images, np.ndarray):
            raise InputError(f"images: a {type(images).__name__}; give an array, uint8 (n, h, w, c)")
        images = images[..., None] if images.ndim == 3 else images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
            raise InputError(
                f"images: {images.dtype} of shape {images.shape}; give uint8 (n, h, w), or with 1 or 3 channels behind"
            )
        own = None if labels is None else _labels(labels, len(images), len(classes))
        if names is not None and len(names) != len(images):
            raise InputError(f"names: {len(names)} for {len(images)} images; give one each")
        self.images = images
        self.labels = own
        self.classes = tuple(classes) if own is not None else ()
        self.name = name
        self.names = tuple(map(str, range(len(images)))) if names is None else tuple(names)

    def label(self, i: int) -> int | None:
        return None if self.labels is None else int(self.labels[i])

    def stacks(self, network: Network, numbers: Sequence[int], size: int) -> Iterator[Stack]:
        taken = preprocessing_of(network)
        for some in _parts(numbers, size):
            whole = np.stack([self._fitted(taken, i) for i in some])
            yield Stack(some, taken.to_inputs(whole), whole)

    def show(self, network: Network, i: int) -> UInt8[np.ndarray, "h w c"] | None:
        return self._fitted(preprocessing_of(network), i)

    def _fitted(self, taken: Preprocessing, i: int) -> UInt8[np.ndarray, "h w c"]:
        image = self.images[i]
        if image.shape == (*taken.size, taken.channels):
            return image
        return taken.fit(Image.fromarray(image[..., 0] if image.shape[2] == 1 else image))

    def _digests(self, first: int, stop: int) -> Iterator[bytes]:
        for image in self.images[first:stop]:
            yield repr(image.shape).encode() + image.tobytes()


class WorldGallery(Gallery):
    """What a network takes that takes no photographs, read from a file or folder as its world does.
    What of the source cannot be read has no number; the stack that holds the first input tells of it.

    It is read again by whoever got the gallery from elsewhere, who must find the same there. Other networks may use
    it if their worlds are of the same kind and find the same inputs.
    """

    def __init__(self, source: AnyPath, network: Network, limit: int | None = None):
        if "://" in str(source):
            raise InputError(f"pictures: {source}: boards, sounds and words are read from this machine; copy them")
        self.source = Path(source)
        self.limit = limit
        self.name = self.source.name
        found = self._found(network)
        self._read: list[tuple[World, Inputs]] = [(_world(network), found)]  # by each world that has asked
        self.names = found.names
        self.skipped = found.skipped
        self._values = tuple(hashlib.sha256(value.numpy().tobytes()).digest() for value in found.values)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_read": []}

    def stacks(self, network: Network, numbers: Sequence[int], size: int) -> Iterator[Stack]:
        values = self.values(network)
        for some in _parts(numbers, size):
            yield Stack(some, values[list(some)], None, self.skipped if 0 in some else ())

    def show(self, network: Network, i: int) -> UInt8[np.ndarray, "h w c"] | None:
        return _world(network).show(self.values(network)[i].numpy())

    def values(self, network: Network) -> Tensor:
        """All inputs (n, ...) as the network takes them. Raises InputError where they are not those of this gallery."""
        world = _world(network)
        for known, inputs in self._read:
            if known is world:
                return inputs.values
        inputs = self._found(network)
        if inputs.names != self.names:
            raise InputError(
                f"{self.source}: {len(inputs.names)} inputs are found here, {len(self.names)} or others were found for "
                "the atlas; give each network an atlas of its own, and all machines the same files"
            )
        self._read.append((world, inputs))
        return inputs.values

    def _found(self, network: Network) -> Inputs:
        """What the source holds for a network; files are named from the source on."""
        found = _world(network).read(self.source, self.limit)
        root = f"{self.source if self.source.is_dir() else self.source.parent}/"
        names, skipped = (tuple(line.removeprefix(root) for line in told) for told in (found.names, found.skipped))
        return Inputs(found.values, names, skipped)

    def _digests(self, first: int, stop: int) -> Iterator[bytes]:
        yield from self._values[first:stop]


def open_gallery(source: AnyPath, networks: Sequence[Network], limit: int | None = None) -> Gallery:
    """The gallery in a file, folder, pattern or fsspec URL, as these networks take it; at most `limit`, spread evenly.

    Raises InputError where there is none, for networks of different worlds or of no pictures, and where it is not known
    how pictures enter a network.
    """
    worlds = {type(network.world) for network in networks}
    if len(worlds) > 1:
        told = " and ".join(sorted("photographs" if kind is type(None) else kind.__name__ for kind in worlds))
        raise InputError(f"networks: they take {told}; make an atlas of each kind")
    if networks[0].world is None:
        for network in networks:
            if len(network.input_shape) != 3:
                raise InputError(
                    f"pictures: the network takes inputs of shape {network.input_shape}, which no photograph becomes; "
                    "leave pictures out"
                )
            preprocessing_of(network)
        return FileGallery(source, limit)
    gallery = WorldGallery(source, networks[0], limit)
    for network in networks[1:]:
        gallery.values(network)
    return gallery


def _labels(labels: Sequence[int] | np.ndarray, count: int, classes: int) -> np.ndarray:
    own = np.asarray(labels)
    if own.dtype.kind not in "iu":
        raise InputError(f"labels: {own.dtype}; give whole numbers, each the place of a class")
    if own.shape != (count,):
        raise InputError(f"labels: of shape {own.shape} for {count} images; give one number each")
    if own.min() < 0 or own.max() >= classes:
        raise InputError(
            f"labels: from {own.min()} to {own.max()} with {classes} classes; give places in classes, from 0"
        )
    return own


def _world(network: Network) -> World:
    if network.world is None:
        raise InputError(f"network {network.source or type(network.model).__name__}: it takes photographs; give such")
    return network.world


def _parts(numbers: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(numbers), size):
        yield tuple(numbers[start : start + size])
