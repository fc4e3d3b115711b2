"""Objectives that name units: a channel, one position of it, a class, a direction, a whole layer."""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import SupportsFloat, SupportsIndex

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives.algebra import Objective, Scene
from convscope.lens.objectives.targets import Numbers, Target

Units = SupportsIndex | Iterable[SupportsIndex]
LEAST_COSINE = 0.1  # below it the power would turn gradients round or put them out (as in Lucid)


def channel(layer: str, unit: Units) -> Objective:
    """The mean of one channel over all its positions: (n, units, *positions) -> (n,); of a vector the unit itself."""
    return _of_units("channel", layer, unit, lambda own: own.reshape(len(own), -1).mean(1), local=True)


def neuron(
    layer: str,
    unit: Units,
    row: int | None = None,
    column: int | None = None,
    *,
    place: Sequence[int] | None = None,
) -> Objective:
    """One unit: of a vector (n, units) the unit itself, of a map (n, units, *positions) one position of it.

    The position is `row` and `column` of a map with two axes, or `place`, one number an axis, of any map. It is
    the middle, half of each axis, where none is given.

    Raises InputError, when it is evaluated, for a position outside the map.
    """
    if place is not None and not row is column is None:
        raise InputError(f"neuron({layer!r}): place={tuple(place)} and row or column; give one of the two")

    def at(own: Tensor) -> Tensor:
        if own.ndim == 1:
            return own
        if place is None and not row is column is None and own.ndim != 3:
            raise InputError(
                f"neuron({layer!r}): a unit of this layer has {own.ndim - 1} axes, not rows and columns; use place="
            )
        asked = place if place is not None else (row, column) if own.ndim == 3 else ()
        return own[:, *_position(f"neuron({layer!r})", asked, own.shape[1:])]

    where = _where(row, column, place)
    return _of_units("neuron", layer, unit, at, where)


def logit(layer: str, unit: Units) -> Objective:
    """The score of one class before any softmax: (n, classes) -> (n,).

    Raises InputError, when it is evaluated, for a layer that is a map: that one has channels, not classes.
    """

    def score(own: Tensor) -> Tensor:
        if own.ndim != 1:
            raise InputError(f"logit({layer!r}): the layer's units are maps, not scores; use channel or neuron")
        return own

    return _of_units("logit", layer, unit, score)


def direction(
    layer: str, vector: Numbers, place: Sequence[int] | None = None, *, cosine_power: SupportsFloat = 0
) -> Objective:
    """The activation along a vector over the units: the mean over positions of a . v * max(0.1, cos(a, v))^p.

    vector: (units,), or (k, units) with one for each picture. a: the activations at one position, (units,).
    place: only that position of the map, one number an axis. With p = cosine_power above 0 the length of the
    activation counts for less and its direction for more. (Lucid's `direction` with `cossim_pow`; Carter et al.:
    Activation Atlas, 2019.)

    Raises InputError for a negative power, and when evaluated for a vector of another length than the layer.

    >>> scene = Scene(torch.zeros(1, 1, 2, 2), {"a": torch.tensor([[3.0, 4.0]])}, torch.arange(1))
    >>> direction("a", [1.0, 0.0])(scene), direction("a", [1.0, 0.0], cosine_power=2)(scene)
    (tensor([3.]), tensor([1.0800]))
    """
    power, name = float(cosine_power), f"direction({layer!r})"
    if power < 0:
        raise InputError(f"{name}: cosine_power={power:.4g}; use 0 or more")
    try:
        vectors = torch.atleast_2d(torch.as_tensor(vector))
    except (TypeError, ValueError, RuntimeError):
        vectors = vector  # Target says what is wrong with it
    target = Target.of(name, vectors)

    def along(scene: Scene) -> Tensor:
        a = scene.activations[layer]
        if place is not None and a.ndim > 2:
            a = a[:, :, *_position(name, place, a.shape[2:])]
        a = a.flatten(2) if a.ndim > 2 else a[..., None]
        v = target.rows(scene, a[..., 0])[..., None]
        dot = (a * v).sum(1)
        if power:
            dot = dot * nn.functional.cosine_similarity(a, v).clamp(min=LEAST_COSINE) ** power
        return dot.mean(1)

    where = _where(None, None, place) + (f", cosine_power={power:.4g}" if power else "")
    text = f"direction({layer}, {target.text}{where})"
    return Objective(text, frozenset([layer]), along, target.count, local=place is None)


def layer(name: str) -> Objective:
    """A whole layer: the mean of the squares of all its activations, (n, units, *positions) -> (n,).

    (Mordvintsev, Olah, Tyka: Inceptionism, 2015, "Deep Dream".)
    """
    return Objective(
        f"layer({name})",
        frozenset([name]),
        lambda scene: scene.activations[name].flatten(1).square().mean(1),
        local=True,
    )


def as_list(units: Units) -> list[int]:
    """One number or several, of any integer type, as a list of ints. Raises InputError for anything else."""
    try:
        return [operator.index(unit) for unit in (units if isinstance(units, Iterable) else [units])]
    except TypeError:
        raise InputError(f"units={units!r}: give the number of a unit, or a list of numbers") from None


def _of_units(
    name: str, layer: str, unit: Units, value: Callable[[Tensor], Tensor], extra: str = "", *, local: bool = False
) -> Objective:
    """An objective over each picture's own unit: `value` maps (n, *positions) activations of own units to (n,)."""
    several = isinstance(unit, Iterable)
    numbers = as_list(unit)
    units = torch.tensor(numbers)
    text = f"{name}({layer}, {numbers if several else numbers[0]}{extra})"

    def own(scene: Scene) -> Tensor:
        activation = scene.activations[layer]
        available = activation.shape[1]
        for wrong in (u for u in numbers if not 0 <= u < available):
            raise InputError(f"{name}({layer!r}): unit {wrong} of {available}; units are 0 to {available - 1}")
        if not several:
            return value(activation[:, numbers[0]])
        mine = units.to(activation.device)[scene.which]
        return value(activation[torch.arange(len(mine), device=mine.device), mine])

    return Objective(text, frozenset([layer]), own, len(numbers) if several else None, local=local)


def _position(name: str, asked: Sequence[int | None], shape: Sequence[int]) -> tuple[int, ...]:
    """The position meant by `asked` (empty or None: the middle) in a map of that shape."""
    asked = tuple(asked) or (None,) * len(shape)
    if len(asked) != len(shape):
        raise InputError(f"{name}: place={asked} in a map of {len(shape)} axes; give one number for each")
    place = tuple(cells // 2 if p is None else p for p, cells in zip(asked, shape))
    if all(0 <= p < cells for p, cells in zip(place, shape)):
        return place
    if len(shape) == 2:
        raise InputError(
            f"{name[:-1]}, row={place[0]}, column={place[1]}): outside the map of {shape[0]} x {shape[1]}; "
            f"rows are 0 to {shape[0] - 1}, columns 0 to {shape[1] - 1}"
        )
    raise InputError(
        f"{name[:-1]}, place={place}): outside the map of {' x '.join(map(str, shape))}; positions count from 0"
    )


def _where(row: int | None, column: int | None, place: Sequence[int] | None) -> str:
    if place is not None and len(place) != 2:
        return f", place={tuple(place)}"
    row, column = (row, column) if place is None else place
    return "" if row is column is None else f", row={row}, column={column}"
