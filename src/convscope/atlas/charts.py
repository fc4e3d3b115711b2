"""Geometry of the small drawings on the pages (SVG): curves with axes, a receptive field, a layer's planes.

Only numbers come out; the templates draw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Number = float | int


@dataclass(frozen=True)
class Tick:
    """A tick: where it lies in the drawing, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Curves:
    """Lines over epochs in a drawing of `width` by `height`; the plot's box is left, top, right, bottom."""

    width: int
    height: int
    box: tuple[int, int, int, int]
    epochs: tuple[Tick, ...]
    values: tuple[Tick, ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]


def ticks(low: Number, high: Number, about: int = 5) -> tuple[float, ...]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high, some `about` of them.

    >>> ticks(0.03, 0.94)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    span = high - low or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= about)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return tuple(round(step * k, digits) for k in range(first, max(last, first + 1) + 1))


def curves(epochs: Sequence[Number], series: Sequence[Sequence[Number]], percent: bool = False) -> Curves:
    """Lay out lines (one number per epoch each) with axes; values are shown as they are or in per cent."""
    width, height, box = 420, 260, (48, 12, 408, 218)
    left, top, right, bottom = box
    everything = [value for line in series for value in line]
    levels = ticks(min(everything), max(everything))
    low, high = levels[0], levels[-1]
    first, last = min(epochs), max(epochs)

    def column(epoch: Number) -> float:
        return round(left + (right - left) * ((epoch - first) / (last - first) if last > first else 0.5), 1)

    def row(value: Number) -> float:
        return round(bottom - (bottom - top) * (value - low) / (high - low), 1)

    step = max(1, math.ceil(len(epochs) / 8))
    shown = [epoch for k, epoch in enumerate(epochs) if k % step == 0]
    return Curves(
        width,
        height,
        box,
        epochs=tuple(Tick(column(epoch), f"{epoch:g}") for epoch in shown),
        values=tuple(
            Tick(row(level), f"{100 * level:g}\u202f%" if percent else f"{level:g}") for level in levels
        ),
        lines=tuple(tuple((column(e), row(v)) for e, v in zip(epochs, line, strict=True)) for line in series),
    )


def field_box(
    size: Sequence[int],
    stride: Sequence[int],
    offset: Sequence[int],
    shape: Sequence[int],
    picture: Sequence[int],
) -> tuple[int, int, int, int]:
    """What the middle cell of a layer sees: (top, left, height, width) in pixels, cut to the picture (rows,
    columns).

    >>> field_box((5, 5), (1, 1), (-2, -2), (6, 28, 28), (28, 28))
    (12, 12, 5, 5)
    """
    cells = tuple(shape[1:]) or (1, 1)
    first = [o + s * (n // 2) for o, s, n in zip(offset, stride, cells, strict=True)]
    last = [min(f + k, limit) for f, k, limit in zip(first, size, picture, strict=True)]
    top, left = (max(0, f) for f in first)
    return top, left, last[0] - top, last[1] - left


def planes(shape: Sequence[int], largest: int) -> list[tuple[float, float, float, float]]:
    """A layer as a pile of planes (left, top, width, height) in a 64 x 40 drawing, back to front.

    At most eight planes stand for the channels; a plane's side grows with the map's (`largest` is the
    network's largest); a layer of single units is one thin column, its height by the logarithm of their
    number.
    """
    if len(shape) == 1:
        tall = 8 + 30 * min(1.0, math.log10(max(1, shape[0])) / 3)
        return [(30.0, round((40 - tall) / 2, 1), 4.0, round(tall, 1))]
    count = min(8, shape[0])
    tall, wide = (4 + 24 * side / largest for side in shape[1:])
    left, top = (64 - wide - 3 * (count - 1)) / 2, (40 - tall - 1.5 * (count - 1)) / 2
    return [
        (round(left + 3 * k, 1), round(top + 1.5 * (count - 1 - k), 1), round(wide, 1), round(tall, 1))
        for k in reversed(range(count))
    ]
