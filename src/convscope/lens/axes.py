"""Which axes of a tensor hold pictures, units and positions: followed through everything a network does.

A layer may give maps (n, units, rows, columns), tokens (n, tokens, units) or (tokens, n, units), maps with units last,
or windows of a map stacked into the batch. Each axis is followed as the pieces that it was put together from, the
way `(n t) d` names them in einops, from the input on; so that a layer's output can be laid out in one form,
(n, units, *positions), whatever form it has.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from convscope.lens.calls import named_arguments, op_name, tensors_in


class Piece(NamedTuple):
    """A factor of an axis. kind: "n" pictures, "u" units, "p" positions."""

    kind: str
    size: int


Axes = tuple[tuple[Piece, ...], ...]  # of one tensor: for each axis its pieces, the slowest first


def plain(shape: Sequence[int]) -> Axes:
    """A tensor of form (n, units, *positions)."""
    return tuple((Piece("nup"[min(k, 2)], size),) for k, size in enumerate(shape))


def _of_input(x: Tensor) -> Axes:
    """Of pictures and signals (n, c, *positions); of the numbers of words (n, positions), which have no units yet."""
    if x.is_floating_point():
        return plain(x.shape)
    return tuple((Piece("np"[min(k, 1)], size),) for k, size in enumerate(x.shape))


def unit_axis(axes: Axes) -> int | None:
    """The axis that holds the units, None where there is none."""
    held = [k for k, pieces in enumerate(axes) if any(piece.kind == "u" for piece in pieces)]
    return held[-1] if held else None


def canonical(x: Tensor, axes: Axes) -> Tensor:
    """The tensor as (n, units, *positions); one position axis for each axis that holds positions."""
    if axes == plain(x.shape):
        return x
    axes = tuple(_all_units(axis) for axis in axes)
    pieces = [(piece, k) for k, axis in enumerate(axes) for piece in axis]
    order = [i for kind in "nup" for i, (piece, _) in enumerate(pieces) if piece.kind == kind]
    sizes = {kind: prod(piece.size for piece, _ in pieces if piece.kind == kind) for kind in "nu"}
    places = [
        prod(p.size for p in axis if p.kind == "p") for axis in axes if not axis or any(p.kind == "p" for p in axis)
    ]
    return x.reshape([piece.size for piece, _ in pieces]).permute(order).reshape(sizes["n"], sizes["u"], *places)


def _all_units(axis: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Flattened maps: where positions were put on the axis of the units, each of them is a unit."""
    if not any(piece.kind == "u" for piece in axis):
        return axis
    return tuple(Piece("u", piece.size) if piece.kind == "p" else piece for piece in axis)


class FollowAxes:
    """Watches a forward pass; `of` then tells the axes of whatever was made from the input."""

    def __init__(self, x: Tensor) -> None:
        self._known = WeakTensorKeyDictionary()
        self._known[x] = _of_input(x)

    def of(self, x: Tensor) -> Axes:
        """The axes of a tensor; where they could not be followed, as if (n, units, *positions)."""
        return self._known.get(x) or plain(x.shape)

    def saw(self, func: Any, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        sources = [(x, axes) for x in tensors_in((args, kwargs)) if (axes := self._known.get(x)) is not None]
        if sources:
            given = named_arguments(func, args, kwargs)
            for made in tensors_in(result):
                if made not in self._known:  # in-place operations change no axes
                    self._known[made] = _after(op_name(func), given, sources, made.shape)


def _after(op: str, given: dict[str, Any], sources: list[tuple[Tensor, Axes]], shape: Sequence[int]) -> Axes | None:
    """The axes of a result of that shape; None where they cannot be told."""
    source, axes = sources[0]
    rank = source.ndim
    made = len(shape)
    if op in ("convolution", "_convolution") and rank == made > 1:
        return (axes[0], (Piece("u", shape[1]),), *_resized(axes[2:], shape[2:]))
    if op in ("mm", "addmm", "bmm", "baddbmm", "linear") and rank == made:
        return (*_resized(axes[:-1], shape[:-1]), (Piece("u", shape[-1]),))
    if op == "embedding":
        return (*axes, (Piece("u", shape[-1]),)) if made == rank + 1 else None
    if op in ("view", "_unsafe_view", "reshape", "_reshape_alias"):
        return _regrouped([piece for axis in axes for piece in axis], shape)
    if op == "permute":
        return tuple(axes[d] for d in given["dims"])
    if op == "transpose":
        swapped = list(axes)
        a, b = given["dim0"], given["dim1"]
        swapped[a], swapped[b] = axes[b], axes[a]
        return tuple(swapped)
    if op == "t":
        return axes[::-1]
    if op in ("unsqueeze", "stack"):
        place = given["dim"] % made
        return (*axes[:place], (Piece("p", shape[place]),), *axes[place:])
    if made == rank - 1 and isinstance(given.get("dim"), int):  # select, unbind, squeeze, a reduction
        gone = given["dim"] % rank
        return _resized(axes[:gone] + axes[gone + 1 :], shape)
    if made < rank and (op == "squeeze" or isinstance(given.get("dim"), list | tuple)):
        dims = given.get("dim") or [d for d in range(rank) if source.shape[d] == 1]
        dropped = {d % rank for d in dims if op != "squeeze" or source.shape[d] == 1}
        return _resized(tuple(axis for d, axis in enumerate(axes) if d not in dropped), shape)
    alike = next((known for _, known in sources if len(known) == made), None)
    return None if alike is None else _resized(alike, shape)


def _resized(axes: Axes, shape: Sequence[int]) -> Axes:
    """As many axes of other sizes: one whose size has changed becomes a single piece of its foremost kind."""
    fitted = []
    for pieces, size in zip(axes, shape, strict=True):
        if prod(piece.size for piece in pieces) == size:
            fitted.append(pieces)
        else:
            kinds = {piece.kind for piece in pieces}
            fitted.append((Piece(next((kind for kind in "nu" if kind in kinds), "p"), size),))
    return tuple(fitted)


def _regrouped(pieces: list[Piece], shape: Sequence[int]) -> Axes | None:
    """The pieces in the axes of another shape, split where they must be."""
    pieces, axes = pieces[::-1], []
    for size, following in zip(shape, (*shape[1:], 1)):
        axis: list[Piece] = []
        missing = size
        while pieces and (missing > 1 or (size == 1 and not axis and pieces[-1].size == 1)):
            kind, whole = pieces.pop()
            if missing % whole == 0:
                axis.append(Piece(kind, whole))
                missing //= whole
            elif whole % missing == 0:
                axis.append(Piece(kind, missing))
                pieces.append(Piece(kind, whole // missing))
                missing = 1
            else:
                return None
        while pieces and following > 1 and pieces[-1].size == 1 and pieces[-1].kind != "u":
            axis.append(pieces.pop())  # one picture, one position: it was put behind the others
        if missing > 1:
            return None
        axes.append(tuple(axis))
    if axes:
        axes[-1] += tuple(reversed(pieces))  # of size 1
    return tuple(axes)
