"""The LeNet-5 that comes along, and what each of its layers says to a drawing."""

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from convscope.geometry import Field
from convscope.nn import Conv2D, LeNet5, Linear, MaxPool2D
from convscope.nn.weights import read_arrays
from convscope.tasks import digits, trained

FILE = "data/digits/lenet5.safetensors"
SIDE = 28
DRAWING = "drawing"
"""The name of the level below the first layer: the drawing's pixels as the network takes them."""
FOLDED = {120: 24, 84: 21, 10: 10}
"""Features in a row -> how many of them are shown side by side."""

Drawing = UInt8[np.ndarray, "28 28"]
Maps = Float32[np.ndarray, "maps rows columns"]


@dataclass(frozen=True)
class Level:
    """One layer as it is shown: `maps` planes of `rows` x `columns` cells. A row of features is one plane, folded.

    kind   conv, relu, pool or linear; pixels for the drawing
    below  the level that it reads; "" for the drawing
    """

    name: str
    kind: str
    maps: int
    rows: int
    columns: int
    below: str
    flat: bool

    def __contains__(self, place: tuple[int, int, int]) -> bool:
        return all(0 <= at < size for at, size in zip(place, (self.maps, self.rows, self.columns)))


@cache
def network() -> LeNet5:
    """The trained network; nobody may change it: all visitors share it."""
    return trained.load(str(files("convscope") / FILE)).network


@cache
def measured() -> dict[str, Any]:
    """How it reads MNIST's test pictures: accuracy, loss, and the places of those that it misreads."""
    return json.loads(read_arrays(str(files("convscope") / FILE))[1]["test"])


@cache
def levels() -> dict[str, Level]:
    """All levels in order, from the drawing on. Flattening only renames cells and is none."""
    kinds = {Conv2D: "conv", MaxPool2D: "pool", Linear: "linear"}
    found = [Level(DRAWING, "pixels", 1, SIDE, SIDE, "", False)]
    for name, shape in network().shapes((1, SIDE, SIDE)).items():
        if name == "flatten":
            continue
        flat = len(shape) == 1
        maps, rows, columns = (1, shape[0] // FOLDED[shape[0]], FOLDED[shape[0]]) if flat else shape
        kind = kinds.get(type(network().layers[name]), "relu")
        found.append(Level(name, kind, maps, rows, columns, found[-1].name, flat))
    return {level.name: level for level in found}


def look(drawing: Drawing) -> dict[str, Maps]:
    """What every level says to a drawing. Safe in several threads: `predict` remembers nothing."""
    x = digits.normalise(drawing[None])
    said = {DRAWING: x[0]}
    for name, layer in network().layers.items():
        x = layer.predict(x)
        if name in levels():
            level = levels()[name]
            said[name] = x.reshape(level.maps, level.rows, level.columns)
    return said


@lru_cache(32)
def looked_at(drawing: bytes) -> dict[str, Maps]:
    """`look`, remembered for a while: a visitor asks about many cells of one drawing."""
    return look(np.frombuffer(drawing, np.uint8).reshape(SIDE, SIDE))


@cache
def seen(level: str) -> dict[str, Field]:
    """How far a unit of this level sees in each level below it, down to the drawing."""
    order = list(levels())
    fields = {}
    for k, below in enumerate(order[: order.index(level)]):
        field = Field()
        for name in order[k + 1 : order.index(level) + 1]:
            layer = network().layers[name]
            if isinstance(layer, Conv2D):
                assert not isinstance(layer.padding, str)
                field = field.through(layer.kernel_size, layer.stride, layer.padding[::2], layer.dilation)
            elif isinstance(layer, MaxPool2D):
                field = field.through(layer.kernel_size, layer.stride)
            elif isinstance(layer, Linear):
                field = Field.of_everything(levels()[below].rows, levels()[below].columns)
        fields[below] = field
    return fields
