"""What all pages of an atlas are told alike: its layers, its pictures and how numbers are written."""

import struct
from collections.abc import Mapping
from typing import Any

from convscope.atlas import charts
from convscope.atlas.store import Store

Data = dict[str, Any]


class Book:
    """One store as the pages of one language see it; their links lead to the atlas's folder through `root`.

    facts: as `job` puts them into the manifest. keys: the records' names -> their keys in the store.
    """

    def __init__(self, store: Store, facts: Data, keys: Mapping[str, str], root: str):
        self.facts, self.root = facts, root
        self._store, self._keys = store, keys
        self.records = {name: store.numbers(key) for name, key in keys.items()}
        self.classes: list[str] = facts["classes"]
        self.size: tuple[int, int] = tuple(facts["input_shape"][1:])
        self.layers = [self._layer(layer) for layer in facts["layers"]]
        self.learned = [layer for layer in self.layers if layer["learned"]]
        self.output = self.learned[-1]

    def image(self, record: str, name: str) -> Data:
        """A picture of a record: src, width, height."""
        path = self._store.picture(self._keys[record], name)
        with (self._store.folder / path).open("rb") as file:
            head = file.read(24)  # a PNG begins with its signature and a chunk that holds width and height
        width, height = struct.unpack(">II", head[16:])
        return {"src": self.root + path, "width": width, "height": height}

    def strip(self, record: str, name: str, count: int) -> Data:
        """A strip of `count` pictures: src, the size of one, and what the style sheet must know."""
        image = self.image(record, name)
        height, width = image["height"], image["width"] // count
        rim = f"{100 / height:.2f}% {100 / width:.2f}%"  # one pixel, see work._strip
        style = f"--last:{max(1, count - 1)};--ratio:{width}/{height};--rim:{rim}"
        return {"src": image["src"], "height": height, "width": width, "style": style}

    def made(self, recipes: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """(term, value) of how something was made: `recipes` and what is common to all of the atlas."""
        return [
            *recipes,
            ("made.seed", str(self.facts["seed"])),
            ("made.weights", f"SHA-256 {self.facts['weights']}"),
            ("made.command", self.facts["command"]),
        ]

    def _layer(self, layer: Data) -> Data:
        box = (0, 0, *self.size)
        if layer["sees"] == "part":
            box = charts.field_box(layer["size"], layer["stride"], layer["offset"], layer["shape"], self.size)
        sides = [side for other in self.facts["layers"] for side in other["shape"][1:]]
        return layer | {
            "page": f"{layer['slug']}.html",
            "box": box,
            "planes": charts.planes(layer["shape"], max(*sides, *self.size)),
            "parameters_text": f"{layer['parameters']:,}" if layer["parameters"] else "–",
            "spatial": len(layer["shape"]) == 3,
            "output": layer["name"] == self.facts["output"],
        }


def number(value: float | int) -> str:
    """A measured value for reading: about three digits, with a true minus sign.

    >>> number(-3.14159), number(12.345), number(123.45)
    ('−3.14', '12.3', '123')
    """
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}".replace("-", "−")


def percent(share: float | int, digits: int = 1) -> str:
    """A share for reading; before the sign stands a narrow space, at which no line ends."""
    return f"{100 * share:.{digits}f}\u202f%"
