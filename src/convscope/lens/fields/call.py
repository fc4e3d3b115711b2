"""One call of an operator, with what its arguments see of the input."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from convscope.lens.calls import tensors_in
from convscope.lens.fields.shadows import Shadow, hull, join, nothing


class Call:
    """One call of an operator, with the shadows of those of its arguments that have one."""

    def __init__(
        self, name: str, func: Any, given: dict[str, Any], args: tuple, kwargs: dict[str, Any],
        shadows: dict[int, Shadow], made: list[Tensor],
    ) -> None:  # fmt: skip
        self.name, self.func, self.given, self.args, self.kwargs = name, func, given, args, kwargs
        self.shadows, self.made = shadows, made
        self.axes = len(next(iter(shadows.values())).steps)

    def shadow(self, x: Tensor) -> Shadow:
        return self.shadows.get(id(x)) or nothing(self.axes, x.ndim)

    @property
    def source(self) -> Tensor:
        """The first tensor argument that depends on the input."""
        return next(x for x in tensors_in((self.args, self.kwargs)) if id(x) in self.shadows)

    def rest(self, *used: Tensor) -> list[Shadow]:
        """All that the arguments but these see, as when a kernel is computed from the input."""
        others = [shadow for key, shadow in self.shadows.items() if key not in {id(x) for x in used}]
        return [_all_of(shadow, self.made[0].ndim) for shadow in others]

    def everything(self, x: Tensor, exact: bool = False) -> Shadow:
        """All that any argument sees, for every cell."""
        hulls = [_all_of(shadow, x.ndim) for shadow in self.shadows.values()]
        seen = join(hulls, x.ndim)
        return replace(seen, steps=(0,) * self.axes, exact=seen.exact and exact)

    def numbers(self, name: str, count: int, otherwise: int = 0) -> list[int]:
        """An argument that says one number for each of `count` axes."""
        said = self.given.get(name)
        said = [said] if isinstance(said, int) else list(said or [])
        return said * count if len(said) == 1 else said or [otherwise] * count


Rule = Callable[[Call], Sequence[Shadow | None]]  # one shadow for all results, or one for each


def _all_of(shadow: Shadow, rank: int) -> Shadow:
    return hull(shadow, range(shadow.bounds[0].ndim)).mapped(lambda bound: bound.reshape((1,) * rank))
