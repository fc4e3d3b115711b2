"""What each cell of a tensor sees of the input: its shadow, and how shadows are joined, slid over and moved."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import torch
from torch import Tensor

NUDGE = 1e-6  # of a cell: rounding of strides that are no whole numbers


@dataclass(frozen=True)
class Shadow:
    """The input cells, from the first to the last, that can reach each cell of a tensor.

    bounds: two for each input axis, the first cell and minus the one after the last, so that two shadows are joined
    by the minimum. Float64, of the tensor's rank, size 1 along axes on which they do not depend; infinite for cells
    that nothing of the input reaches. Cells that see beyond the input's border go on counting there.
    steps: for each input axis, by how many input cells the shadow moves from one cell of the tensor to the next; 0
    where all see the same.
    exact: False once something was met that is not known, and taken to see all that its inputs see.
    """

    bounds: tuple[Tensor, ...]
    steps: tuple[int | float, ...]
    exact: bool = True

    @classmethod
    def of_input(cls, shape: Sequence[int], first: int = 2) -> "Shadow":
        """The shadow of the input itself, whose positions are the axes from `first` on: each sees itself."""
        bounds = []
        for axis in range(first, len(shape)):
            cells = torch.arange(shape[axis], dtype=torch.float64).reshape(
                [-1 if d == axis else 1 for d in range(len(shape))]
            )
            bounds += [cells, -cells - 1]
        return cls(tuple(bounds), (1,) * (len(bounds) // 2))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "Shadow":
        return replace(self, bounds=tuple(tidy(change(bound)) for bound in self.bounds))


def tidy(bound: Tensor) -> Tensor:
    """The same bounds with size 1 along every axis on which they do not depend."""
    for axis, size in enumerate(bound.shape):
        if size > 1:
            first = bound.narrow(axis, 0, 1)
            if bound.stride(axis) == 0 or bool((bound == first).all()):
                bound = first
    return bound


def join(shadows: Iterable[Shadow], rank: int) -> Shadow:
    """What cells see that are made from the cells at the same place of several tensors; shapes broadcast."""
    first, *others = shadows
    bounds = [_of_rank(bound, rank) for bound in first.bounds]
    if not others:
        return replace(first, bounds=tuple(bounds))
    for other in others:
        bounds = [torch.minimum(a, _of_rank(b, rank)) for a, b in zip(bounds, other.bounds)]
    bounds = [tidy(bound) for bound in bounds]
    steps = [max((shadow.steps[k] for shadow in (first, *others)), key=abs) for k in range(len(first.steps))]
    for k in range(len(steps)):
        moved = any(_varies(shadow, k) for shadow in (first, *others))
        if moved and not _varies(Shadow(tuple(bounds), first.steps), k):
            steps[k] = 0  # one of them sees everything
    return Shadow(tuple(bounds), tuple(steps), all(shadow.exact for shadow in (first, *others)))


def hull(shadow: Shadow, axes: Iterable[int], exact: bool = True) -> Shadow:
    """What cells see that are made from all cells along these axes, which are kept with size 1."""
    rank = shadow.bounds[0].ndim if shadow.bounds else 0
    along = sorted({axis % rank for axis in axes}) if rank else []
    bounds = tuple(bound.amin(along, keepdim=True) if along else bound for bound in shadow.bounds)
    after = Shadow(bounds, shadow.steps, shadow.exact and exact)
    steps = list(shadow.steps)
    for k in range(len(steps)):
        alone = rank == len(steps) + 2 and 2 + k in along  # a map may have one cell along this axis
        if not _varies(after, k) and (alone or _varies(shadow, k)):
            steps[k] = 0
    return replace(after, steps=tuple(steps))


def slide(
    shadow: Shadow,
    axis: int,
    size: int,
    taps: Tensor,
    factor: int | float,
    own: int | None = None,
    valid: Tensor | None = None,
) -> Shadow:
    """What the windows of one axis see: window i has the cells `taps[i]` of that axis, which has `size` cells.

    Cells beyond the ends see what would lie there: the shadow goes on in its steps. `factor`: by how many cells of
    this axis a window moves from one to the next. `own`: the input axis that runs along this one if it has only one
    cell. `valid`: which taps there are.
    """
    inside = taps.clamp(0, size - 1)
    beyond = taps - inside
    bounds, steps = list(shadow.bounds), list(shadow.steps)
    for k in range(len(steps)):
        pair = shadow.bounds[2 * k : 2 * k + 2]
        if not (any(bound.shape[axis] > 1 for bound in pair) or (size == 1 and own == k and not _varies(shadow, k))):
            continue
        steps[k] *= factor
        form = [1] * pair[0].ndim + [taps.shape[1]]
        form[axis] = taps.shape[0]
        for b, sign in ((2 * k, 1), (2 * k + 1, -1)):
            bound = shadow.bounds[b].expand(*_with(shadow.bounds[b].shape, axis, size))
            cells = bound.index_select(axis, inside.flatten()).unflatten(axis, taps.shape).movedim(axis + 1, -1)
            cells = cells + sign * shadow.steps[k] * beyond.reshape(form)
            if valid is not None:
                cells = cells.masked_fill(~valid.reshape(form), inf)
            bounds[b] = tidy(torch.floor(cells.amin(-1) + NUDGE))
    return Shadow(tuple(bounds), tuple(steps), shadow.exact)


def moved(shadow: Shadow, shape: Sequence[int], change: Callable[[Tensor], Any]) -> list[Shadow]:
    """What is seen after cells were only moved: the same operation upon the bounds. One shadow for each result."""
    results = [change(bound.expand(shape)) for bound in shadow.bounds]
    if not results or isinstance(results[0], Tensor):
        results = [[result] for result in results]
    return [
        _measured(replace(shadow, bounds=tuple(tidy(bound) for bound in bounds)))
        for bounds in zip(*results, strict=True)
    ]


def _measured(shadow: Shadow) -> Shadow:
    """With the steps that its bounds show, where they show even ones: slices may skip cells, flips turn back."""
    steps = list(shadow.steps)
    for k in range(len(steps)):
        first = shadow.bounds[2 * k]
        if first.numel() > 1 and first.numel() == max(first.shape):
            between = first.flatten().diff()
            if bool((between == between[0]).all()) and float(between[0]):
                steps[k] = float(between[0])
    return replace(shadow, steps=tuple(steps))


def _varies(shadow: Shadow, k: int) -> bool:
    return any(bound.numel() > 1 for bound in shadow.bounds[2 * k : 2 * k + 2])


def _of_rank(bound: Tensor, rank: int) -> Tensor:
    return bound.reshape((1,) * (rank - bound.ndim) + tuple(bound.shape))


def _with(shape: Sequence[int], axis: int, size: int) -> list[int]:
    return [*shape[:axis], size, *shape[axis + 1 :]]


def nothing(axes: int, rank: int) -> Shadow:
    """The shadow of a tensor that does not depend on the input."""
    return Shadow((torch.full((1,) * rank, inf, dtype=torch.float64),) * (2 * axes), (0,) * axes)
