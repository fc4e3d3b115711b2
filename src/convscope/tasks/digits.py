"""Handwritten digits: the data (MNIST, embedded, or a set of your own), and photos made like it."""

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from convscope.errors import InputError
from convscope.imagefiles import read_grey
from convscope.tasks import idx, ink
from convscope.tasks.imagesets import ImageData, checked, from_folder, hold_out

MEAN, STD = 0.1307, 0.3081
"""Of MNIST's training pixels, black 0 to white 1."""

_MNIST = {
    "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
}


def load(source: str | os.PathLike[str] | None = None) -> ImageData:
    """MNIST (60,000 training and 10,000 test pictures), or the set in the folder `source`.

    The embedded files must have the published MD5s. What a folder may hold, see `imagesets.from_folder`.

    Raises InputError for damaged files and for a folder without a usable set.
    """
    if source is not None:
        return from_folder(Path(source))
    folder = files("convscope") / "data" / "mnist"
    arrays = (idx.read(folder / name, 3 if "images" in name else 1, md5) for name, md5 in _MNIST.items())
    return checked(*arrays, classes=tuple("0123456789"), name="MNIST")


def split(
    labels: Int64[np.ndarray, " n"], validation: int = 5000, seed: int = 0
) -> tuple[Int64[np.ndarray, " t"], Int64[np.ndarray, " v"]]:
    """Places in `labels` to train on and to validate on: `validation` of them, each class with its share.

    Shares are rounded by largest remainder, so that they sum to `validation`; which items, is `seed`'s
    choice.

    Raises InputError unless 0 <= validation < number of labels.

    >>> train, held = split(np.array([0, 0, 0, 0, 1, 1]), validation=3)
    >>> len(train), np.bincount(np.array([0, 0, 0, 0, 1, 1])[held])
    (3, array([2, 1]))
    """
    if not 0 <= validation < len(labels):
        raise InputError(
            f"validation={validation}: must be at least 0 and below the {len(labels)} labels given"
        )
    shares = np.bincount(labels) * (validation / len(labels))
    quotas = shares.astype(int)
    quotas[np.argsort(quotas - shares, kind="stable")[: validation - quotas.sum()]] += 1
    return hold_out(labels, quotas, seed)


def normalise(images: np.ndarray) -> Float32[np.ndarray, "n 1 h w"]:
    """What the network takes: `(v / 255 - MEAN) / STD`, with an axis for the one channel.

    `images`: grey pictures, uint8 (n, h, w).

    Raises InputError for another dtype or number of axes.

    >>> normalise(np.array([[[0, 255]]], np.uint8)).round(4)
    array([[[[-0.4242,  2.8215]]]], dtype=float32)
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise InputError(
            f"images: {images.dtype} of shape {images.shape}; must be uint8 (n, h, w), convert them"
        )
    levels = ((np.arange(256) / 255 - MEAN) / STD).astype(np.float32)
    return levels[images][:, None]


def read_digit(path: str | os.PathLike[str]) -> UInt8[np.ndarray, "28 28"]:
    """The digit in a photo, scan or drawing, white on black, scaled and centred as MNIST's are; see `ink`.

    Raises InputError for what is no sound picture, and where nothing stands out from the paper.
    """
    picture = read_grey(path)
    try:
        return ink.to_mnist(picture)
    except InputError as problem:
        raise InputError(f"{path}: {problem}") from None
