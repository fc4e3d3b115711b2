"""Which units of the layers before drive a unit, and how: expanded weights.

Between two layers of an atlas lie norms, activations, pools and joins. Taken together over real pictures they are,
near enough, one linear map: its kernel is the mean slope of a unit in the middle of its map over the cells of the
layers directly before it. Where nothing but a convolution lies between, it is that convolution's own kernel.

Source: Voss et al. 2021, "Visualizing Weights", Distill, https://distill.pub/2020/circuits/visualizing-weights/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.atlas.plan import Task
from convscope.atlas.store import Record
from convscope.atlas.subject import Subject
from convscope.errors import InputError
from convscope.lens.axes import Axes, FollowAxes, canonical, unit_axis
from convscope.lens.calls import Watched
from convscope.lens.probe import at_rest, call_number, find_layer, first_tensor, hook, own_randomness, to_model

MOST = 5
"""Units of a parent that are told at each end: those with the strongest positive and the strongest negative weight."""
WIDEST = 11
"""Cells: of wider kernels the sum alone is told."""
ROOM = 250_000
"""Numbers: a layer whose kernels have more tells of their sums alone, or its record would take megabytes."""
FLAT = 1e-4
"""Kernels whose cells differ by less, as a share of the largest, come from a mean over the map: they are no pattern."""


@dataclass(frozen=True)
class Parent:
    """A layer directly before another.

    size: of the window around the middle that slopes come from, one number for each axis of its map. weights: the sum
    over the window, for each unit of the later layer and each of this one. kernels: the windows themselves, by (later
    unit, unit), of the units with the strongest weights; not those that are too wide, one cell, or flat.
    """

    layer: str
    size: tuple[int, ...]
    weights: Float[np.ndarray, "units others"]
    kernels: dict[tuple[int, int], np.ndarray]


def follow(subject: Subject, task: Task) -> Record:
    """The record of a layer's parents, with the strongest links of each of its units."""
    network = subject.members[task.member].network
    names = [layer.name for layer in subject.members[task.member].layers]
    inputs = _pictures(subject, task.member)
    noise = inputs is None
    if inputs is None:
        random = np.random.default_rng(subject.seed)
        shape = subject.recipe.links, *network.input_shape
        inputs = torch.from_numpy(random.standard_normal(shape, dtype=np.float32))
    parents = expanded(network.model, task.layer, names, inputs)
    told = [{"layer": parent.layer, "size": list(parent.size), "most": _most(parent)} for parent in parents]
    numbers = {"layer": task.layer, "pictures": len(inputs), "of": "noise" if noise else "pictures", "parents": told}
    return Record(task.key, numbers)


def expanded(model: nn.Module, layer: str, others: Sequence[str], inputs: Tensor) -> list[Parent]:
    """The expanded weights of all units of `layer` over those of the layers directly before it, nearest first.

    others: names of the layers that may be parents. A layer counts as directly before where some way leads from it
    that crosses no other of them; so a skip connection leads to a parent far back. inputs: (n, c, ...), over which
    slopes are averaged.

    Raises InputError for a layer that the model has not or never runs, and for slopes that are not finite.
    """
    said, cuts = _run(model, layer, others, inputs)
    if not said.requires_grad:
        return []
    # a mixture of all units shows at once which cells matter to any
    mix = torch.from_numpy(np.random.default_rng(0).uniform(0.5, 1, len(said))).to(said)
    slopes = torch.autograd.grad((said * mix).sum(), [cut.leaf for cut in cuts], retain_graph=True, allow_unused=True)
    reached = [(cut, slope) for cut, slope in zip(cuts, slopes, strict=True) if slope is not None][::-1]
    near, leaves = [cut for cut, _ in reached], [cut.leaf for cut, _ in reached]
    windows = [_support(cut.laid_out(slope)) for cut, slope in reached]
    shown = [len(window) < 3 and 1 < max(map(_cells, window), default=1) <= WIDEST for window in windows]
    weights: list[list[np.ndarray]] = [[] for _ in near]
    kernels: list[dict[tuple[int, int], np.ndarray]] = [{} for _ in near]
    for unit in range(len(said)):
        slopes = torch.autograd.grad(said[unit], leaves, retain_graph=True, materialize_grads=True)
        for k, slope in enumerate(slopes):
            mean = near[k].laid_out(slope).float().mean(0)
            weight = mean.reshape(len(mean), -1).sum(1).cpu().numpy()
            if not np.isfinite(weight).all():
                raise InputError(f"layer {layer!r}: a slope is not finite; check weights and pictures for NaN")
            weights[k].append(weight)
            for j in strongest(weight) if shown[k] else ():
                kernel = mean[(j, *windows[k])].cpu().numpy()
                if np.ptp(kernel) > FLAT * np.abs(kernel).max():
                    kernels[k][unit, j] = kernel
    kernels = [some if sum(kernel.size for kernel in some.values()) <= ROOM else {} for some in kernels]
    return [
        Parent(cut.name, tuple(map(_cells, windows[k])), np.stack(weights[k]), kernels[k]) for k, cut in enumerate(near)
    ]


def strongest(weights: Float[np.ndarray, " others"]) -> list[int]:
    """The units of the most positive weights, then those of the most negative ones; what weighs nothing is left out."""
    order = np.argsort(-weights, kind="stable")
    return [int(j) for j in order[:MOST] if weights[j] > 0] + [int(j) for j in order[::-1][:MOST] if weights[j] < 0]


@dataclass(frozen=True)
class _Cut:
    """Where the network was cut behind a layer: what follows starts from `leaf`, a copy of the layer's output."""

    name: str
    leaf: Tensor
    axes: Axes

    def laid_out(self, slope: Tensor) -> Tensor:
        return _laid_out(slope, self.axes)


def _run(model: nn.Module, layer: str, others: Sequence[str], inputs: Tensor) -> tuple[Tensor, list[_Cut]]:
    """All units of a layer in the middle of its map, summed over the inputs, and the cuts behind the others that ran
    before it, in running order. Slopes flow back to the nearest cuts and no further."""
    wanted: dict[nn.Module, dict[int, str]] = {}
    for name in dict.fromkeys([*others, layer]):
        wanted.setdefault(find_layer(model, name), {})[call_number(name)] = name
    target = find_layer(model, layer), call_number(layer)
    x = to_model(model, inputs)
    follow, calls, cuts = FollowAxes(x), dict.fromkeys(wanted, 0), []

    def cut(module: nn.Module, _: Any, output: Any) -> Any:
        calls[module] += 1
        name, made = wanted[module].get(calls[module]), first_tensor(output)
        if (module, calls[module]) == target:
            raise _Reached(None if made is None else _laid_out(made, follow.of(made)))
        if name is None or made is None or not made.is_floating_point():
            return None
        leaf, axes = made.detach().clone().requires_grad_(), follow.of(made)
        cuts.append(_Cut(name, leaf, axes))
        # a copy goes on, since what follows may overwrite its input, as nn.ReLU(inplace=True) does
        return _replaced(output, made, leaf.clone())

    handles = []
    try:
        with at_rest(model), own_randomness(), torch.enable_grad():
            for module, names in wanted.items():
                handles.append(hook(module, cut, next(iter(names.values()))))
            with Watched(follow.saw):
                model(x)
    except _Reached as reached:
        if reached.maps is None:
            raise InputError(f"layer {layer!r}: it gives no tensor; name another layer") from None
        middle = tuple(side // 2 for side in reached.maps.shape[2:])
        return reached.maps[(slice(None), slice(None), *middle)].sum(0), cuts
    finally:
        for handle in handles:
            handle.remove()
    raise InputError(f"layer {layer!r} takes no part in the model's forward pass; name one that does")


def _laid_out(x: Tensor, axes: Axes) -> Tensor:
    """As (n, units, *positions); what has no units is one."""
    return canonical(x, axes) if unit_axis(axes) is not None else x[:, None]


class _Reached(BaseException):
    """Ends a forward pass at the layer; no Exception, so that a model's own `except Exception` lets it through."""

    def __init__(self, maps: Tensor | None) -> None:
        self.maps = maps


def _replaced(output: Any, old: Tensor, new: Tensor) -> Any:
    """A layer's output with another tensor in the first one's place, wherever in it that stands."""
    if output is old:
        return new
    if isinstance(output, tuple | list):
        parts = [_replaced(part, old, new) for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    if isinstance(output, dict):
        return type(output)((key, _replaced(part, old, new)) for key, part in output.items())
    return output


def _support(slope: Tensor) -> tuple[slice, ...]:
    """Of slopes (n, units, *positions), for each axis of positions: from the first cell that is not 0 to the last."""
    alive = (slope != 0).any(0).any(0)
    where = alive.nonzero()
    if not len(where):
        return tuple(slice(side // 2, side // 2 + 1) for side in alive.shape)
    low, high = where.amin(0).tolist(), where.amax(0).tolist()
    return tuple(slice(first, last + 1) for first, last in zip(low, high, strict=True))


def _cells(span: slice) -> int:
    return span.stop - span.start


def _most(parent: Parent) -> list[list[dict[str, Any]]]:
    """For each unit of the later layer its strongest links, as plain data."""
    return [
        [
            {"unit": j, "weight": _plain(weights[j], 4), "kernel": _rows(parent.kernels.get((unit, j)))}
            for j in strongest(weights)
        ]
        for unit, weights in enumerate(parent.weights)
    ]


def _rows(kernel: np.ndarray | None) -> list[list[float]] | None:
    return None if kernel is None else [[_plain(value, 3) for value in row] for row in np.atleast_2d(kernel)]


def _plain(value: Any, digits: int) -> float:
    return float(f"{float(value):.{digits}g}")


def _pictures(subject: Subject, member: int) -> Tensor | None:
    """Real inputs, evenly spread over the gallery; None where there is no sound one."""
    gallery = subject.gallery
    if gallery is None or not len(gallery):
        return None
    count = min(subject.recipe.links, len(gallery))
    numbers = np.linspace(0, len(gallery) - 1, count).round().astype(int).tolist()
    found = gallery.stack(subject.members[member].network, numbers).inputs
    return found if len(found) else None
