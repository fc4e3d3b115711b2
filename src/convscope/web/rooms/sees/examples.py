"""Digits that people wrote: MNIST's test pictures, by what they are, or those that the network misreads."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np

from convscope.tasks import idx
from convscope.web.rooms.sees.network import Drawing, measured

Of = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "misread"]


@dataclass(frozen=True)
class Example:
    """A test picture: its place among the 10,000, what it is, and how many of its kind there are."""

    place: int
    digit: int
    pixels: Drawing
    count: int


@cache
def _pictures() -> tuple[np.ndarray, np.ndarray]:
    folder = files("convscope") / "data" / "mnist"
    return idx.read(folder / "t10k-images-idx3-ubyte.gz", 3), idx.read(folder / "t10k-labels-idx1-ubyte.gz", 1)


def example(of: Of, number: int) -> Example:
    """The test picture of that number among those of one digit, or the misread; after the last comes the first."""
    pictures, labels = _pictures()
    places = np.array(measured()["misread"]) if of == "misread" else np.flatnonzero(labels == int(of))
    place = int(places[number % len(places)])
    return Example(place, int(labels[place]), pictures[place], len(places))
