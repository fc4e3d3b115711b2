"""The sizes in which a picture is worked on, from small to its own."""

from collections.abc import Sequence

from torch import nn

from convscope.errors import InputError
from convscope.lens.probe import accepts


def octaves_of(
    sides: tuple[int, int], count: int | None, scale: float, least: int, usual: int
) -> list[tuple[int, int]]:
    """Rows and columns of each octave, smallest first, each `scale` times the one before; the last is `sides` itself.

    count: how many, at most; None: down to a shorter side of `usual`. None has a side under `least`.

    Raises InputError for a picture that is itself too small, a scale of 1 or less, and a count below 1.

    >>> octaves_of((200, 301), None, 2.0, least=31, usual=90)
    [(100, 150), (200, 301)]
    >>> octaves_of((200, 301), 9, 2.0, least=31, usual=90)
    [(50, 75), (100, 150), (200, 301)]
    """
    if count is not None and count < 1:
        raise InputError(f"octaves={count}: the sizes in which the picture is worked on; use 1 or more")
    if not 1 < scale <= 8:
        raise InputError(f"scale={scale:g}: from one octave to the next; use a number above 1, to 8, such as 1.4")
    if min(sides) < least:
        raise InputError(
            f"picture of {sides[0]} x {sides[1]}: the network takes no side under {least} there; give a larger picture"
        )
    sizes = [sides]
    while count is None or len(sizes) < count:
        shrink = scale ** len(sizes)
        rows, columns = (round(side / shrink) for side in sides)
        if min(rows, columns) < max(least, 1 if count is not None else min(usual, *sides)):
            break
        sizes.append((rows, columns))
    return sizes[::-1]


def least_side(model: nn.Module, layers: Sequence[str], channels: int, most: int) -> int:
    """The shortest side of pictures that reach the layers with at least one position, found by trying up to `most`."""
    small, large = 0, 1
    while large < most and not accepts(model, layers, (channels, large, large)):
        small, large = large, min(2 * large, most)
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (small, middle) if accepts(model, layers, (channels, middle, middle)) else (middle, large)
    return large
