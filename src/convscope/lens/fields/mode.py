"""Follows what reaches what, while a network runs."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from convscope.lens.calls import tensors_in
from convscope.lens.fields.rules import follow
from convscope.lens.fields.shadows import Shadow, nothing, tidy


class FollowShadows:
    """Watches a forward pass; `of` then tells the shadow of whatever was made from the input."""

    def __init__(self, x: Tensor) -> None:
        self._known = WeakTensorKeyDictionary()  # None for what was met and does not depend on the input
        first = 2 if x.is_floating_point() else 1  # numbers of words (n, positions) have no channels
        self.sizes = tuple(x.shape[first:])
        self._known[x] = Shadow.of_input(x.shape, first)

    def of(self, x: Tensor) -> Shadow | None:
        return self._known.get(x)

    def saw(self, func: Any, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        shadows = follow(func, args, kwargs, result, self.of)
        written = [
            value
            for argument, value in zip(func._schema.arguments, args)
            if argument.alias_info and argument.alias_info.is_write and isinstance(value, Tensor)
        ]
        for x in tensors_in((args, kwargs)):
            if x not in self._known:
                self._known[x] = None
        for x, shadow in zip(tensors_in(result), shadows):
            self._known[x] = shadow
        for x in written:
            self._written(x)

    def _written(self, x: Tensor) -> None:
        """Other tensors in the memory that was written to see what it sees, wherever they overlap."""
        memory = x.untyped_storage()._cdata
        others = [other for other in self._known if other is not x and other.untyped_storage()._cdata == memory]
        if not others:
            return
        count = max(1 + other.storage_offset() + _extent(other) for other in (x, *others))
        old = {id(other): self._known[other] for other in (x, *others)}
        if not any(old.values()):
            return
        dense: list[Tensor] = []
        for b in range(2 * len(self.sizes)):
            cells = torch.full((count,), float("inf"), dtype=torch.float64)
            for other in (*sorted(others, key=Tensor.numel), x):  # what was written last
                shadow = old[id(other)] or nothing(len(self.sizes), other.ndim)
                if other is x or old[id(other)] is not None:
                    _at(cells, other).copy_(shadow.bounds[b].expand(other.shape))
            dense.append(cells)
        like = next(shadow for shadow in (old[id(x)], *old.values()) if shadow is not None)
        for other in others:
            bounds = tuple(tidy(_at(cells, other).clone()) for cells in dense)
            steps = (old[id(other)] or like).steps
            self._known[other] = Shadow(bounds, steps, like.exact)


def _extent(x: Tensor) -> int:
    return sum((size - 1) * stride for size, stride in zip(x.shape, x.stride())) if x.numel() else -1


def _at(cells: Tensor, x: Tensor) -> Tensor:
    return cells.as_strided(x.shape, x.stride(), x.storage_offset())
