"""What an objective is, and how objectives add, subtract and multiply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import torch
from torch import Tensor

from convscope.errors import InputError


@dataclass(frozen=True)
class Scene:
    """What an objective looks at.

    pictures: (n, c, *positions) in the network's own units, before any transform.
    activations: layer name -> (n, units, *positions), for the pictures after the transforms.
    which: (n,) the place of each picture in the whole list of pictures, by which it finds its own unit.
    groups: (n,) the number of the group that each picture belongs to, such as the unit whose facets it shows with
    others. None: every picture stands alone.
    """

    pictures: Tensor
    activations: Mapping[str, Tensor]
    which: Tensor
    groups: Tensor | None = None

    def only(self, places: Tensor, layers: frozenset[str]) -> "Scene":
        """The same for some of the pictures, by their places (k,) in this batch, and some of the layers."""
        return Scene(
            self.pictures[places],
            {name: self.activations[name][places] for name in layers},
            self.which[places],
            None if self.groups is None else self.groups[places],
        )


@dataclass(frozen=True)
class Objective:
    """A function from a Scene to one value per picture (n,), the layers it needs, and how it is written down.

    count: the number of pictures it speaks of, None where it serves any number.
    local: whether it is a mean over the positions of a layer of what each position says alone, or adds up such means
    and plain numbers; so it can be found piece by piece.
    parts: objectives whose values add up to its own; empty where it is of one piece.
    """

    text: str
    layers: frozenset[str]
    value: Callable[[Scene], Tensor]
    count: int | None = None
    is_sum: bool = False  # its text needs brackets inside a product
    local: bool = False
    parts: tuple["Objective", ...] = field(default=(), repr=False, compare=False)

    @property
    def terms(self) -> tuple["Objective", ...]:
        """Its parts, or itself where it is of one piece.

        >>> from convscope.lens.objectives import channel, l1
        >>> [str(term) for term in (2 * (channel("a", 1) - l1()) + 1).terms]
        ['2 * channel(a, 1)', '2 * -1 * l1(0)', '1']
        """
        return self.parts or (self,)

    def __call__(self, scene: Scene) -> Tensor:
        return self.value(scene)

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: object) -> "Objective":
        return _join(self, _lift(other), "+", lambda a, b: a + b)

    def __radd__(self, other: object) -> "Objective":
        if isinstance(other, Real) and other == 0:  # where sum(objectives) starts
            return self
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


def each(objectives: Sequence[Objective]) -> Objective:
    """Picture i has objective i: different objectives in one forward pass.

    Pictures that share one objective (the same object, several times in the list) meet in it, so that
    `diversity` sees them together.

    Raises InputError for an empty list and for a member that itself speaks of another number of pictures.

    >>> from convscope.lens.objectives import channel, l1
    >>> str(each([channel("a", 1), channel("b", 0) - l1()]))
    'each(channel(a, 1); channel(b, 0) - l1(0))'
    """
    members = list(objectives)
    if not members:
        raise InputError("each([]): no objectives; give one for each picture")
    for member in members:
        if member.count not in (None, len(members)):
            raise InputError(
                f"each: {member} speaks of {member.count} pictures, the list of {len(members)}; "
                "name one unit in it, or as many as the list is long"
            )
    distinct = list(dict.fromkeys(members))
    number = torch.tensor([distinct.index(member) for member in members])

    def value(scene: Scene) -> Tensor:
        mine = number.to(scene.which.device)[scene.which]
        parts, order = [], []
        for k in mine.unique().tolist():
            places = (mine == k).nonzero().flatten()
            parts.append(distinct[k](scene.only(places, distinct[k].layers)))
            order.append(places)
        return torch.cat(parts)[torch.cat(order).argsort()]

    layers = frozenset[str]().union(*(member.layers for member in members))
    return Objective(f"each({'; '.join(map(str, members))})", layers, value, len(members))


def _lift(term: object) -> Objective:
    if isinstance(term, Objective):
        return term
    if isinstance(term, Real):
        number = float(term)
        return Objective(
            f"{number:.4g}",
            frozenset(),
            lambda scene: scene.pictures.new_full((len(scene.which),), number),
            local=True,
        )
    raise InputError(f"{term!r} ({type(term).__name__}): an objective combines with objectives and numbers only")


def _join(a: Objective, b: Objective, sign: str, combine: Callable[[Tensor, Tensor], Tensor]) -> Objective:
    if a.count is not None and b.count is not None and a.count != b.count:
        raise InputError(f"{a.text} {sign} {b.text}: they speak of {a.count} and {b.count} pictures; give both as many")
    is_sum = sign in "+-"
    left = f"({a.text})" if a.is_sum and not is_sum else a.text
    right = f"({b.text})" if b.is_sum and sign in "-*" else b.text
    return Objective(
        f"{left} {sign} {right}",
        a.layers | b.layers,
        lambda scene: combine(a.value(scene), b.value(scene)),
        b.count if a.count is None else a.count,
        is_sum,
        a.local and b.local and (is_sum or _is_number(a) or _is_number(b)),
        _parts(a, b, sign),
    )


def _parts(a: Objective, b: Objective, sign: str) -> tuple[Objective, ...]:
    if sign == "+":
        return a.terms + b.terms
    if sign == "-":
        return a.terms + tuple(-term for term in b.terms)
    if _is_number(b):
        return tuple(part * b for part in a.parts)
    return tuple(a * part for part in b.parts) if _is_number(a) else ()


def _is_number(objective: Objective) -> bool:
    return objective.local and not objective.layers
