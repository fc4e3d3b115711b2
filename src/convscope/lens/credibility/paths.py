"""The path check: does a drawing go through the network as the natural pictures do that excite the same unit?"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.lens.credibility.measures import between, likeness
from convscope.lens.credibility.natural import reading
from convscope.lens.probe import at_rest, call_number, find_layer, leaves, to_model

BATCH = 8  # pictures whose activations in all layers are held at a time
FLOOR = 0.02
"""Shares of a unit's value below this are noise: what a channel carries is told in its natural spread and this."""
TELLING = 0.3
"""Of a layer in which natural pictures of one unit are hardly more alike than those of any units nothing is said."""
ELSEWHERE = 0.5
"""A drawing that brings this share of its value through a layer by which natural pictures bring none goes astray."""


@dataclass(frozen=True)
class Path:
    """How like natural ones a drawing is carried, for each layer before the unit that has a say in it.

    likeness: 1 as natural pictures that excite the same unit are to each other, 0 as those of other units are to
    them; it may lie above 1 and below 0. lowest: the least of them, `at` its layer; NaN and empty where there is no
    layer to tell, as for a network's first. outside: at that layer the drawing is less like the unit's natural
    pictures than any of these is like the others; layers where it is come first.
    """

    likeness: dict[str, float]
    lowest: float
    at: str
    outside: bool


def follow(
    model: nn.Module,
    layer: str,
    unit: int,
    place: tuple[int, ...] | None,
    drawn: Tensor,
    same: Tensor,
    others: Tensor,
) -> Path:
    """Compare what carries a unit's value in drawings (k, c, ...), in the natural pictures that excite it most and in
    those that excite other units most, layer by layer.

    What a channel carries is activation times gradient, summed over its positions, as a share of the unit's value.
    Shares are centred and scaled by their natural spread; a picture's likeness is the cosine of its shares with
    the mean of the unit's own natural pictures (for one of these: of the others), and of several drawings the best
    one's. A unit that was made to answer to drawings by a way of its own, which nothing natural takes, comes out near
    0 at some layer, however natural its answers are.

    Source: the idea is section 4 of Geirhos et al. 2023, "Don't trust your eyes: on the (un)reliability of feature
    visualizations", which compares activations. Those differ between drawings and photographs even in honest networks,
    since drawings excite much that has no bearing on the unit; what carries its value does not.
    """
    shares = [carried(model, layer, unit, place, pictures) for pictures in (drawn, same, others)]
    scale = max(float(np.mean(shares[1][1])), 1e-12)
    own = np.maximum(np.abs(shares[0][1]), 1e-12)[:, None]
    found, beyond = {}, set()
    for name in shares[1][0]:
        score, outside = _score(shares[0][0][name] / own, shares[1][0][name] / scale, shares[2][0][name] / scale)
        if not np.isnan(score):
            found[name] = score
            beyond |= {name} if outside else set()
    at = min(beyond or found, key=found.__getitem__, default="")
    return Path(found, found.get(at, float("nan")), at, at in beyond)


def carried(
    model: nn.Module, layer: str, unit: int, place: tuple[int, ...] | None, pictures: Tensor
) -> tuple[dict[str, Float[np.ndarray, "n _"]], Float[np.ndarray, " n"]]:
    """What each channel of each layer before `layer` brings to a unit's value in pictures, and the values.

    Layers that the value does not depend on are left out, and of one that runs more than once its first run is seen.
    """
    target = find_layer(model, layer)
    modules = {module: name for name, module in leaves(model).items() if name != layer}
    parts: dict[str, list[Tensor]] = {}
    values = []
    seen: dict[str, Tensor] = {}
    runs = 0

    def keep(module: nn.Module, inputs: tuple, output: object) -> Tensor | None:
        if not isinstance(output, Tensor) or output.ndim < 2 or not output.requires_grad or modules[module] in seen:
            return None
        seen[modules[module]] = output.clone()  # goes on in the output's place, so that the value depends on it
        return seen[modules[module]]

    def stop(module: nn.Module, inputs: tuple, output: object) -> None:
        nonlocal runs
        runs += 1
        if runs == call_number(layer) and isinstance(output, Tensor):
            raise _Reached(output)

    handles = [module.register_forward_hook(keep) for module in modules if module is not target]
    handles.append(target.register_forward_hook(stop))
    try:
        with at_rest(model), torch.enable_grad():
            for start in range(0, len(pictures), BATCH):
                seen.clear()
                runs = 0
                try:
                    model(to_model(model, pictures[start : start + BATCH]).detach().clone().requires_grad_())
                except _Reached as reached:
                    value = reading(reached.output, place)[:, unit]
                values.append(value.detach())
                gradients = torch.autograd.grad(value.sum(), list(seen.values()), allow_unused=True) if seen else ()
                for (name, activation), gradient in zip(seen.items(), gradients, strict=True):
                    if gradient is not None:
                        brought = (activation.detach() * gradient).flatten(2)
                        parts.setdefault(name, []).append(brought.sum(2) if brought.ndim > 2 else brought)
    finally:
        for handle in handles:
            handle.remove()
    return (
        {name: torch.cat(part).double().cpu().numpy() for name, part in parts.items()},
        torch.cat(values).double().cpu().numpy(),
    )


def _score(drawn: np.ndarray, same: np.ndarray, others: np.ndarray) -> tuple[float, bool]:
    """Where the best drawing lies between the other units' pictures, 0, and the unit's own, 1; NaN: no telling.

    And whether it is less like the unit's own pictures than each of them is like the others.
    """
    natural = np.concatenate([same, others])
    if np.abs(natural).sum(1).max() < FLOOR:
        astray = bool(np.abs(drawn.sum(1)).min() > ELSEWHERE)
        return (0.0 if astray else float("nan")), astray
    spread = natural.std(0) + FLOOR
    drawn, same, others = ((rows - natural.mean(0)) / spread for rows in (drawn, same, others))
    total = same.sum(0, keepdims=True)
    among = np.array([likeness(row[None], total - row)[0, 0] for row in same])
    apart, best = float(likeness(others, total).mean()), float(likeness(drawn, total).max())
    if among.mean() - apart < TELLING:
        return float("nan"), False
    return between(best, apart, float(among.mean())), bool(best < among.min())


class _Reached(BaseException):
    """Ends a forward pass at the layer; no Exception, so that a model's own `except Exception` lets it through."""

    def __init__(self, output: Tensor) -> None:
        self.output = output
