"""What a picture is asked to increase: small objectives that add, subtract and multiply.

An objective gives one value per picture of a batch. Where it speaks of units, it may name one unit for all
pictures or one for each, so that a single forward pass serves as many objectives as there are pictures.

>>> from convscope.lens.objectives import l1, neuron
>>> str(neuron("fc3", [0, 1, 2]) - 0.5 * l1())
'neuron(fc3, [0, 1, 2]) - 0.5 * l1(0)'
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import SupportsIndex

import torch
from torch import Tensor

from convscope.errors import InputError

Units = SupportsIndex | Iterable[SupportsIndex]
Bound = float | tuple[float, ...]  # one value for all channels, or one for each


@dataclass(frozen=True)
class Scene:
    """What an objective looks at.

    pictures: (n, c, h, w) in the network's own units, before any transform.
    activations: layer name -> (n, units, ...), for the pictures after the transforms.
    which: (n,) the place of each picture in the whole list of pictures, by which it finds its own unit.
    """

    pictures: Tensor
    activations: Mapping[str, Tensor]
    which: Tensor


@dataclass(frozen=True)
class Objective:
    """A function from a Scene to one value per picture (n,), the layers it needs, and how it is written down.

    `count` is the number of pictures it speaks of, None where it serves any number.
    """

    text: str
    layers: frozenset[str]
    value: Callable[[Scene], Tensor]
    count: int | None = None
    is_sum: bool = False  # its text needs brackets inside a product

    def __call__(self, scene: Scene) -> Tensor:
        return self.value(scene)

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: object) -> "Objective":
        return _join(self, _lift(other), "+", lambda a, b: a + b)

    def __radd__(self, other: object) -> "Objective":
        return _join(_lift(other), self, "+", lambda a, b: a + b)

    def __sub__(self, other: object) -> "Objective":
        return _join(self, _lift(other), "-", lambda a, b: a - b)

    def __rsub__(self, other: object) -> "Objective":
        return _join(_lift(other), self, "-", lambda a, b: a - b)

    def __mul__(self, other: object) -> "Objective":
        return _join(self, _lift(other), "*", lambda a, b: a * b)

    def __rmul__(self, other: object) -> "Objective":
        return _join(_lift(other), self, "*", lambda a, b: a * b)

    def __neg__(self) -> "Objective":
        return -1 * self


def channel(layer: str, unit: Units) -> Objective:
    """The mean of one channel over all its positions: (n, units, h, w) -> (n,)."""
    return _of_units("channel", layer, unit, lambda own: own.flatten(1).mean(1))


def neuron(layer: str, unit: Units, row: int | None = None, column: int | None = None) -> Objective:
    """One unit: of a vector (n, units) the unit itself, of a map (n, units, h, w) one position of it.

    The position is the middle, (h // 2, w // 2), where none is given.

    Raises InputError, when it is evaluated, for a position outside the map.
    """

    def at(own: Tensor) -> Tensor:
        if own.ndim == 1:
            return own
        if own.ndim != 3:
            raise InputError(
                f"neuron({layer!r}): a unit of this layer has {own.ndim - 1} axes; use channel(...)"
            )
        height, width = own.shape[1:]
        i, j = height // 2 if row is None else row, width // 2 if column is None else column
        if not (0 <= i < height and 0 <= j < width):
            raise InputError(
                f"neuron({layer!r}, row={i}, column={j}): outside the map of {height} x {width}; "
                f"rows are 0 to {height - 1}, columns 0 to {width - 1}"
            )
        return own[:, i, j]

    where = "" if row is None and column is None else f", row={row}, column={column}"
    return _of_units("neuron", layer, unit, at, where)


def logit(layer: str, unit: Units) -> Objective:
    """The score of one class before any softmax: (n, classes) -> (n,).

    Raises InputError, when it is evaluated, for a layer that is a map: that one has channels, not classes.
    """

    def score(own: Tensor) -> Tensor:
        if own.ndim != 1:
            raise InputError(
                f"logit({layer!r}): the layer's units are maps, not scores; use channel or neuron"
            )
        return own

    return _of_units("logit", layer, unit, score)


def l1(background: Bound = 0.0) -> Objective:
    """Ink: the mean of |picture - background| over channels, rows and columns.

    Subtract it, and only strokes remain that pay for themselves. The background is one value for all channels
    or one for each.
    """
    return _of_pictures(f"l1({_short(background)})", lambda x: _away(x, background).abs().flatten(1).mean(1))


def l2(background: Bound = 0.0) -> Objective:
    """The mean of (picture - background)^2 over channels, rows and columns."""
    return _of_pictures(
        f"l2({_short(background)})", lambda x: _away(x, background).square().flatten(1).mean(1)
    )


def total_variation() -> Objective:
    """Roughness: the mean of |difference| between neighbours, down a column plus along a row.

    A picture of one row (or column) has no neighbours that way and counts 0 there.
    """

    def roughness(x: Tensor) -> Tensor:
        down, along = x.diff(dim=2).abs().flatten(1), x.diff(dim=3).abs().flatten(1)
        return down.sum(1) / max(down.shape[1], 1) + along.sum(1) / max(along.shape[1], 1)

    return _of_pictures("total_variation()", roughness)


def as_list(units: Units) -> list[int]:
    """One number or several, of any integer type, as a list of ints. Raises InputError for anything else."""
    try:
        return [operator.index(unit) for unit in (units if isinstance(units, Iterable) else [units])]
    except TypeError:
        raise InputError(f"units={units!r}: give the number of a unit, or a list of numbers") from None


def _away(x: Tensor, background: Bound) -> Tensor:
    return x - torch.as_tensor(background, dtype=x.dtype, device=x.device).reshape(-1, 1, 1)


def _short(background: Bound) -> str:
    return (
        f"{background:.4g}"
        if isinstance(background, int | float)
        else ", ".join(f"{b:.4g}" for b in background)
    )


def _of_pictures(text: str, value: Callable[[Tensor], Tensor]) -> Objective:
    return Objective(text, frozenset(), lambda scene: value(scene.pictures))


def _of_units(
    name: str, layer: str, unit: Units, value: Callable[[Tensor], Tensor], extra: str = ""
) -> Objective:
    """An objective over each picture's own unit: `value` maps (n, ...) activations of own units to (n,)."""
    several = isinstance(unit, Iterable)
    units = torch.as_tensor(as_list(unit))
    text = f"{name}({layer}, {units.tolist() if several else int(units)}{extra})"

    def own(scene: Scene) -> Tensor:
        activation = scene.activations[layer]
        which = scene.which if several else torch.zeros_like(scene.which)
        mine = units.to(which.device)[which]
        available = activation.shape[1]
        wrong = mine[(mine < 0) | (mine >= available)]
        if len(wrong):
            raise InputError(
                f"{name}({layer!r}): unit {int(wrong[0])} of {available}; units are 0 to {available - 1}"
            )
        return value(activation[torch.arange(len(mine), device=mine.device), mine])

    return Objective(text, frozenset([layer]), own, len(units) if several else None)


def _lift(term: object) -> Objective:
    if isinstance(term, Objective):
        return term
    if isinstance(term, Real):
        number = float(term)
        return Objective(
            f"{number:.4g}", frozenset(), lambda scene: scene.pictures.new_full((len(scene.which),), number)
        )
    raise InputError(
        f"{term!r} ({type(term).__name__}): an objective combines with objectives and numbers only"
    )


def _join(a: Objective, b: Objective, sign: str, combine: Callable[[Tensor, Tensor], Tensor]) -> Objective:
    if a.count is not None and b.count is not None and a.count != b.count:
        raise InputError(
            f"{a.text} {sign} {b.text}: they speak of {a.count} and {b.count} pictures; give both as many"
        )
    is_sum = sign in "+-"
    left = f"({a.text})" if a.is_sum and not is_sum else a.text
    right = f"({b.text})" if b.is_sum and sign in "-*" else b.text
    return Objective(
        f"{left} {sign} {right}",
        a.layers | b.layers,
        lambda scene: combine(a.value(scene), b.value(scene)),
        b.count if a.count is None else a.count,
        is_sum,
    )
