"""Where a picture comes from, as a short text that stands in links: built in, uploaded, or painted cell by cell."""

import base64
import binascii
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from convscope.errors import InputError
from convscope.imagefiles import read_picture

if TYPE_CHECKING:
    from convscope.web.lab import Lab

Pixels = UInt8[np.ndarray, "h w c"]
PHOTOS = Path(__file__).parents[1] / "data" / "photos"
MOST_CELLS = 4096
"""of a painted picture: 64 x 64"""
_CONVERTING = Lock()
"""To scale a large picture takes several times its memory: one at a time does, however many ask."""


def _band() -> np.ndarray:
    picture = np.full((12, 16), 255, np.uint8)
    picture[:, 4:12] = 0
    return picture


def _square() -> np.ndarray:
    picture = np.zeros((12, 12), np.uint8)
    picture[3:9, 3:9] = 255
    return picture


def _steps() -> np.ndarray:
    return np.repeat(np.linspace(0, 255, 8).round().astype(np.uint8), 2)[None].repeat(12, 0)


def _point() -> np.ndarray:
    picture = np.zeros((9, 9), np.uint8)
    picture[4, 4] = 255
    return picture


def _checks() -> np.ndarray:
    return (np.indices((12, 12)).sum(0) // 2 % 2 * 255).astype(np.uint8)


def _ring() -> np.ndarray:
    rows, columns = np.indices((16, 16)) - 7.5
    distance = np.hypot(rows, columns)
    return (np.clip(1.5 - np.abs(distance - 5), 0, 1) * 255).round().astype(np.uint8)


DRAWN: dict[str, Callable[[], np.ndarray]] = {
    "band": _band, "square": _square, "steps": _steps, "point": _point, "checks": _checks, "ring": _ring,
}  # fmt: skip
"""Small pictures whose every cell can be looked at."""
TAKEN = ("castle", "windmill", "dog", "owl", "giraffes", "church", "cafe-terrace")
"""Photographs, and two paintings by Van Gogh, that come along (NOTICE)."""
PAINTINGS = ("church", "cafe-terrace")


@dataclass(frozen=True)
class Source:
    """One picture, not yet read. `text` is what stands in links:

    builtin:NAME            a name of DRAWN or TAKEN
    upload:IDENTITY         what was uploaded
    cells:ROWSxCOLUMNS:B64  painted: grey values row by row, one byte each, as base64url without padding
    """

    text: str
    kind: str
    value: str

    @staticmethod
    def parse(text: str) -> "Source":
        """Raises InputError for what names no picture."""
        kind, _, value = text.partition(":")
        known = {
            "builtin": lambda: value in DRAWN or value in TAKEN,
            "upload": lambda: re.fullmatch(r"[0-9a-f]{32}", value),
            "cells": lambda: re.fullmatch(r"\d{1,4}x\d{1,4}:[\w-]*", value, re.ASCII),
        }
        if kind not in known or not known[kind]():
            names = ", ".join([*DRAWN, *TAKEN])
            raise InputError(
                f"picture={text[:60]!r}: give builtin:NAME ({names}), upload:ID or cells:ROWSxCOLUMNS:DATA"
            )
        return Source(text, kind, value)

    def pixels(self, lab: "Lab") -> Pixels:
        """The picture as it is, uint8 (h, w, 1) or (h, w, 3). Raises InputError where it cannot be had."""
        if self.kind == "cells":
            return _cells(self.value)[..., None]
        if self.kind == "upload":
            return lab.decoded(self.value)
        return _builtin(self.value)

    def grey(self, lab: "Lab", longest: int | None = None) -> UInt8[np.ndarray, "h w"]:
        """One channel, weighted as ITU-R 601-2 luma; scaled down where a side is longer than `longest`."""
        from PIL import Image

        pixels = shrunk(self.pixels(lab), longest)
        if pixels.shape[2] == 1:
            return pixels[..., 0]
        with _CONVERTING:
            return np.asarray(Image.fromarray(pixels).convert("L"))

    def python(self, longest: int | None = None) -> str:
        """Lines of Python that make `picture`, an array uint8 (h, w) or (h, w, 3), the same numbers as `pixels`.

        An upload is read from "picture.png", which is to be the visitor's own file.
        """
        if self.kind == "cells":
            rows = ",\n".join(f"    {row}" for row in _cells(self.value).tolist())
            return f"import numpy as np\n\npicture = np.array([\n{rows},\n], np.uint8)"
        lines = ["import numpy as np", "from PIL import Image", ""]
        if self.kind == "upload":
            lines += ["from convscope.imagefiles import read_picture", ""]
            lines += ['image = read_picture("picture.png")  # your own file']
        else:
            lines += ["from convscope.web.sources import builtin", ""]
            lines += [f"image = Image.fromarray(builtin({self.value!r}).squeeze())"]
        if longest is not None:
            lines.append(f"image.thumbnail(({longest}, {longest}), Image.Resampling.BOX)")
        return "\n".join([*lines, "picture = np.asarray(image)"])


def shrunk(pixels: Pixels, longest: int | None) -> Pixels:
    """The picture, no side longer than `longest`: each new pixel the mean of those that it stands for."""
    from PIL import Image

    if longest is None or max(pixels.shape[:2]) <= longest:
        return pixels
    with _CONVERTING:
        image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
        image.thumbnail((longest, longest), Image.Resampling.BOX)
    small = np.asarray(image)
    return small if small.ndim == 3 else small[..., None]


def builtin(name: str) -> Pixels:
    """A picture that comes along, uint8 (h, w, 1) or (h, w, 3). Raises InputError for another name.

    >>> builtin("band").shape, builtin("castle").shape
    ((12, 16, 1), (342, 560, 3))
    """
    return Source.parse(f"builtin:{name}") and _builtin(name)


@cache
def _builtin(name: str) -> Pixels:
    if name in DRAWN:
        pixels = DRAWN[name]()[..., None]
    else:
        pixels = np.array(read_picture(PHOTOS / f"{name}.webp"))
    pixels.flags.writeable = False
    return pixels


def painted(cells: UInt8[np.ndarray, "h w"]) -> str:
    """The text of a painted picture.

    >>> painted(np.array([[0, 255, 7]], np.uint8))
    'cells:1x3:AP8H'
    """
    rows, columns = cells.shape
    return f"cells:{rows}x{columns}:{base64.urlsafe_b64encode(cells.tobytes()).decode().rstrip('=')}"


def _cells(value: str) -> UInt8[np.ndarray, "h w"]:
    size, _, data = value.partition(":")
    rows, columns = map(int, size.split("x"))
    if not 0 < rows * columns <= MOST_CELLS:
        raise InputError(f"picture: {rows} x {columns} painted cells; give 1 to {MOST_CELLS}")
    try:
        values = base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        values = b""
    if len(values) != rows * columns:
        raise InputError(
            f"picture: {len(values)} values for {rows} x {columns} cells; give one byte for each, as base64url"
        )
    return np.frombuffer(values, np.uint8).reshape(rows, columns)


def as_png(pixels: np.ndarray) -> bytes:
    """The file of a picture, uint8 (h, w), (h, w, 1) or (h, w, 3), quickly and without notes."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels.squeeze(2) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(
        file, "PNG", compress_level=1
    )
    return file.getvalue()
