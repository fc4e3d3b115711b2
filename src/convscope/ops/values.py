"""One value at a time: what a caller gave -> an array, a pair, a size, or an `InputError` that names it."""

import operator
from reprlib import repr as short
from typing import Any

import numpy as np

from convscope.errors import InputError

MOST = 2**31 - 1
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_EACH = {2: "a pair (rows, columns)", 3: "three (planes, rows, columns)"}
SIDES = {1: "left, right", 2: "top, bottom, left, right", 3: "front, back, top, bottom, left, right"}
"""In what order numbers for two and three axes, and for both ends of each axis, are given."""


def array(value: Any, name: str) -> np.ndarray:
    """What `np.asarray` makes of a value, if that is made of numbers."""
    try:
        made = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as problem:
        raise InputError(
            f"{name}={short(value)} does not make an array ({problem}); give a NumPy array, or lists of "
            f"equal length"
        ) from None
    if made.dtype.kind not in "fiu":
        raise InputError(
            f"{name}={short(value)} has dtype {made.dtype}: an array of real numbers is needed; give a "
            f"NumPy array of float32 or float64"
        )
    return made


def floats(value: Any, name: str, axes: str = "") -> np.ndarray:
    """An array of float32 or float64; with `axes` (letters as in "n c h w") one of just that many axes."""
    made = value if type(value) is np.ndarray else array(value, name)
    if made.dtype not in FLOATS:
        made = array(made, name)
        raise InputError(
            f"{name} has dtype {made.dtype}: operators take float32 or float64; use {name}.astype(np.float32)"
        )
    if axes and made.ndim != axes.count(" ") + 1:
        raise wrong_axes(made, name, axes)
    return made


def wrong_axes(given: np.ndarray, name: str, axes: str) -> InputError:
    """The error for a number of axes other than that of `axes`; the fix depends on which are more."""
    wanted = axes.split()
    missing = len(wanted) - given.ndim
    if missing > 0:
        fix = f"add what is missing, as in {name}[{', '.join(['None'] * missing)}]"
    else:
        fix = f"take one, as in {name}[{', '.join(['0'] * -missing)}], or reshape"
    return InputError(
        f"{name} has shape {given.shape}: {len(wanted)} axes ({', '.join(wanted)}) are needed, not "
        f"{given.ndim}; {fix}"
    )


def same_dtype(a: np.ndarray, a_name: str, b: np.ndarray, b_name: str) -> None:
    """Nothing is converted silently, so what is computed together has one dtype."""
    if a.dtype != b.dtype:
        raise InputError(
            f"{a_name} is {a.dtype} and {b_name} is {b.dtype}: they must have one dtype; use "
            f"{b_name}.astype({a_name}.dtype)"
        )


def same_shape(given: np.ndarray, name: str, shape: tuple[int, ...], origin: str) -> None:
    """`origin` says where the wanted shape comes from."""
    if given.shape != shape:
        raise InputError(f"{name} has shape {given.shape}: {origin} asks for {shape}; give {name} that shape")


def integer(value: Any, name: str, least: int = 1) -> int:
    """A whole number of at least `least`; True and False are no numbers here."""
    if type(value) is not int:
        if isinstance(value, (bool, np.bool_)):
            raise InputError(f"{name}={value}: a whole number is needed; use {name}={max(least, 1)}")
        try:
            value = operator.index(value)
        except TypeError:
            raise InputError(
                f"{name}={short(value)}: a whole number is needed; use {name}={max(least, 1)}"
            ) from None
    if value < least:
        raise InputError(f"{name}={value}: it must be at least {least}; use {name}={least}")
    if value > MOST:
        raise InputError(f"{name}={short(value)}: more than {MOST}, which no array has room for; give a smaller one")
    return value


def integers(value: Any, name: str, counts: tuple[int, ...], form: str, least: int) -> tuple[int, ...]:
    """A tuple of whole numbers, of a length among `counts`; `form` tells people which lengths mean what."""
    try:
        items = tuple(value)
    except TypeError:
        items = ()
    if isinstance(value, (str, bytes)) or len(items) not in counts:
        raise InputError(f"{name}={short(value)}: it must be {form}")
    return tuple(integer(item, name, least) for item in items)


def per_axis(value: Any, name: str, axes: int, least: int = 1) -> tuple[int, ...]:
    """`3` or, for two axes, `(3, 5)` -> one number for each of so many axes, `(3, 3)` or `(3, 5)`."""
    if type(value) is int or not np.iterable(value):
        return (integer(value, name, least),) * axes
    form = "one whole number" + (f" or {_EACH[axes]}" if axes > 1 else "")
    return integers(value, name, (axes,), form, least)


def pair(value: Any, name: str, least: int = 1) -> tuple[int, int]:
    """`3` or `(3, 5)`, rows and columns -> `(3, 5)`."""
    rows, columns = per_axis(value, name, 2, least)
    return rows, columns


def pads_of(padding: Any, name: str, axes: int) -> tuple[int, ...]:
    """One number, one an axis, or (before, after) each axis -> the last of these, in one row."""
    if type(padding) is int or not np.iterable(padding):
        return (integer(padding, name, 0),) * (2 * axes)
    form = "one whole number" + (f", {_EACH[axes]}" if axes > 1 else "") + f" or ({SIDES[axes]})"
    given = integers(padding, name, (axes, 2 * axes), form, 0)
    return tuple(one for one in given for _ in (0, 1)) if len(given) == axes else given


def pads(padding: Any, name: str = "padding") -> tuple[int, int, int, int]:
    """`1`, `(rows, columns)` or `(top, bottom, left, right)` -> the last of these."""
    top, bottom, left, right = pads_of(padding, name, 2)
    return top, bottom, left, right


def size(value: Any, name: str, axes: str) -> tuple[int, ...]:
    """The shape of an array that is not there (yet), as `input_size`; the batch `n` may be 0."""
    letters = axes.split()
    form = f"the shape ({', '.join(letters)})"
    given = integers(value, name, (len(letters),), form, 0)
    if 0 in given[1:]:
        raise InputError(f"{name}={given}: every axis but the batch has at least one cell")
    return given


def choice(value: Any, name: str, among: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in among:
        raise InputError(f"{name}={short(value)}: it must be one of {', '.join(map(repr, among))}")
    return value
