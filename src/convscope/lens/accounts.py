"""Which units of a layer carried a prediction: an account that adds up, with its own proof by ablation."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens.axes import Axes, FollowAxes, canonical, plain
from convscope.lens.calls import Watched
from convscope.lens.fields import Visit, visited
from convscope.lens.models.network import AnyModel, Network, network
from convscope.lens.models.preprocessing import Preprocessing
from convscope.lens.models.world import World
from convscope.lens.probe import (
    at_rest,
    call_number,
    check_finite,
    find_layer,
    first_tensor,
    own_randomness,
    probe,
    to_model,
)
from convscope.lens.shown import Card, Shown, as_picture, heat, plot, recipe_of

Run = Callable[[Tensor], tuple[Tensor, Tensor]]
STEPS = 32
"""Points of the path from the units at rest to what they said."""
ORDERS = 5
"""Random orders beside which the cumulative ablation is shown."""

FULL_COLOUR = 99
"""Per cent of the positions that the heat shows with less than its full colour."""


@dataclass(frozen=True)
class Account(Shown):
    """What each unit of a layer gave to one value of the network, for one picture.

    of: the value's name. value: what it is; at_rest: what it is with every unit of the layer at its baseline.
    contributions: (units,), they add up to value - at_rest but for `left_over`.
    top: the k units that gave most, the largest first (fewer where fewer gave anything); where: (k, *positions) what
    each of them gave at each of its positions.
    ablated: the units that were set to their baseline one by one, the k of `top` first and then others by chance;
    falls: by how much the value fell in each of those forward passes; correlation: of contributions and falls, NaN
    where one of them does not vary.
    curve: (k + 1,) the value after 0, 1, ... k units of `top` are set to their baseline together; by_chance: the same
    for random orders of all units, (orders, k + 1).
    """

    layer: str
    of: str
    picture: np.ndarray
    value: float
    at_rest: float
    contributions: Float[np.ndarray, "units"]
    top: Int[np.ndarray, "k"]
    where: Float[np.ndarray, "k ..."]
    ablated: Int[np.ndarray, "checked"]
    falls: Float[np.ndarray, "checked"]
    curve: Float[np.ndarray, "k1"]
    by_chance: Float[np.ndarray, "orders k1"]
    field: Field | None
    preprocessing: Preprocessing | None
    recipe: dict[str, Any]
    world: World | None = None

    @property
    def left_over(self) -> float:
        """What the contributions miss of value - at_rest: the error of the sum that stands for the integral."""
        return self.value - self.at_rest - float(self.contributions.sum())

    @property
    def correlation(self) -> float:
        """Pearson's, between what the ablated units were said to give and what was lost without them."""
        said = self.contributions[self.ablated]
        if np.ptp(said) == 0 or np.ptp(self.falls) == 0:
            return float("nan")
        return float(np.corrcoef(said, self.falls)[0, 1])

    def to_dict(self) -> dict[str, Any]:
        """All numbers as plain data, for JSON; NaN as None."""
        arrays = ("contributions", "top", "ablated", "falls", "curve", "by_chance")
        correlation = None if np.isnan(self.correlation) else self.correlation
        return {
            **{key: getattr(self, key) for key in ("layer", "of", "value", "at_rest", "left_over")},
            **{key: getattr(self, key).tolist() for key in arrays},
            "correlation": correlation,
        }

    def __str__(self) -> str:
        k = len(self.top)
        lines = [
            f"{self.of}: {self.value:.4g}; {self.at_rest:.4g} with all {len(self.contributions)} units of "
            f"{self.layer} at rest",
            f"their contributions add up to {self.contributions.sum():.4g} of {self.value - self.at_rest:.4g}",
            *(
                f"  unit {unit}: {self.contributions[unit]:+.4g}; without it the value falls by {fall:.4g}"
                for unit, fall in zip(self.top, self.falls, strict=False)
            ),
            f"ablation: correlation {self.correlation:.3f} over {len(self.ablated)} units; without these {k} together "
            f"{self.curve[-1]:.4g}, without {k} others by chance {self.by_chance[:, -1].mean():.4g}",
        ]
        return "\n".join(lines)

    def cards(self) -> Iterator[Card]:
        """The picture; for each top unit where it gave what it gave; the curve of the cumulative ablation."""
        world = self.world
        plain = as_picture(self.picture, self.preprocessing) if world is None else world.show(self.picture)
        yield Card(plain, f"{self.of}\n{self.value:.4g}", "picture")
        limit = float(np.percentile(np.abs(self.where), FULL_COLOUR))  # not the largest: few cells may tower over all
        for unit, shares, fall in zip(self.top, self.where, self.falls, strict=False):
            words = f"unit {unit}: {self.contributions[unit]:+.3g}\nwithout it {-fall:+.3g}"
            shown = plain
            # laid over where a pixel is a cell of the input
            if shares.ndim == 2 and plain.shape[:2] == self.picture.shape[1:]:
                shown = heat(plain, self._spread(shares), limit)
            yield Card(shown, words, f"unit-{unit}")
        curves = np.vstack([self.by_chance.mean(0), self.curve])
        words = f"without 0 to {len(self.top)} units:\nred these, blue any"
        yield Card(plot(curves, min(0.0, curves.min()), curves.max()), words, "ablation")

    def _spread(self, shares: np.ndarray) -> np.ndarray:
        """Numbers of positions (rows, columns) over the picture's cells: between the middles of what they see."""
        for axis, cells in enumerate(self.picture.shape[1:]):
            count = shares.shape[axis]
            if self.field is None or self.field.whole:
                middles = (np.arange(count) + 0.5) * cells / count - 0.5
            else:
                seen = self.field.axis(axis)
                middles = seen.offset + (seen.size - 1) / 2 + np.arange(count) * seen.stride
            spread = np.stack([np.interp(np.arange(cells), middles, one) for one in np.eye(count)])
            shares = np.moveaxis(np.tensordot(shares, spread, (axis, 0)), -1, axis)
        return shares


def account(
    model: AnyModel,
    picture: np.ndarray | Tensor,
    layer: str,
    of: int | tuple[str, int] | None = None,
    k: int = 9,
    *,
    background: np.ndarray | Tensor | None = None,
    steps: int = STEPS,
    seed: int = 0,
    batch: int = 16,
) -> Account:
    """Which units of `layer` carried what the network says of one picture (c, h, w), in the network's units.

    of: a unit of the network's output (default: its largest), or (layer, unit) of a later one; of a map, the mean.
    background: pictures (n, c, h, w) whose mean activation is each unit's baseline, its state "at rest"; by default
    it is 0, what a unit says behind a ReLU when it is off.

    A unit's contribution is its share of the integral along the straight path from all units at rest (a') to what
    they said (a), in `steps` points t:

        contribution_u = sum over positions of (a_u - a'_u) * mean over t of d value / d a_u at a' + t (a - a')

    Unlike gradient times activation at a alone these add up to the difference that the layer makes. The proof is in
    the result: units are set to rest in real forward passes, one by one and together.

    Raises InputError for an unknown layer or unit, one that the value does not depend on, and a picture that does not
    fit. Source: Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks" (the path); Leino et al.
    2018, "Influence-directed explanations for deep convolutional networks" (units of a layer).

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    >>> net[1].weight.data[:] = torch.tensor([[3.0, -1.0]])
    >>> told = account(net, np.array([[[2.0, 1.0]]], np.float32), "0", k=1)
    >>> told.contributions.tolist(), told.falls.tolist(), told.correlation
    ([6.0, -1.0], [6.0, -1.0], 1.0)
    """
    given = network(model, tuple(picture.shape) if isinstance(model, nn.Module) else None)
    x = to_model(given.model, picture)[None]
    if x.ndim != len(given.input_shape) + 1:
        raise InputError(f"picture of shape {tuple(picture.shape)}: give one input of shape {given.input_shape}")
    for name, value in {"k": k, "steps": steps, "batch": batch}.items():
        if value < 1:
            raise InputError(f"{name}={value}: it must be at least 1")
    visit = visited(network(given, tuple(x.shape[1:])), layer)
    rest = _rest(given, visit, background)
    with _valued(given, visit, x, of, rest) as (name, run):
        every = torch.ones(1, visit.shape[0])
        value, at_rest = (_each(run, scale, batch)[0] for scale in (every, 0 * every))
        if not np.isfinite([value, at_rest]).all():
            check_finite(given.model)
            raise InputError(f"{name}: it is {value} for this picture, {at_rest} with {layer!r} at rest; look for NaN")
        gains = _integrated(run, visit.shape[0], steps, batch)
        contributions = gains.reshape(len(gains), -1).sum(1)
        order = np.argsort(-contributions, kind="stable")
        k = max(min(k, int((contributions > 0).sum())), 1)
        rng = np.random.default_rng(seed)
        ablated = np.concatenate([order[:k], rng.permutation(order[k:])[:k]])
        falls = value - _each(run, _without(ablated[:, None], len(order)), batch)
        orders = [order, *(rng.permutation(len(order)) for _ in range(ORDERS))]
        curves = _each(run, _without([one[:j] for one in orders for j in range(k + 1)], len(order)), batch)
    curves = curves.reshape(len(orders), k + 1)
    settings = {"of": of, "k": k, "steps": None if steps == STEPS else steps, "seed": seed}
    settings = {key: value for key, value in settings.items() if value is not None}
    return Account(
        layer=layer,
        of=name,
        picture=x[0].float().cpu().numpy(),
        value=float(value),
        at_rest=float(at_rest),
        contributions=contributions,
        top=order[:k],
        where=gains[order[:k]],
        ablated=ablated,
        falls=falls,
        curve=curves[0],
        by_chance=curves[1:],
        field=visit.field,
        preprocessing=given.preprocessing,
        world=given.world,
        recipe=recipe_of(given, "account", ["PICTURE"], {"layer": layer, **settings}),
    )


@contextmanager
def _valued(
    given: Network, visit: Visit, x: Tensor, of: int | tuple[str, int] | None, rest: Tensor
) -> Iterator[tuple[str, Run]]:
    """The value's name, and a function that runs the network with the layer's units turned down.

    From scales (b, units), 1 as it is and 0 at rest, to the values (b,) and the layer's activation in those passes,
    (b, units, *positions), of which the values can be differentiated.
    """
    module, time = find_layer(given.model, visit.name), call_number(visit.name)
    scales, calls = torch.ones(1, visit.shape[0]), 0
    laid: dict[int, Axes] = {}  # how the layer lays out its output for so many pictures
    turned: list[Tensor] = []
    follow = FollowAxes(x)

    def hook(module: Any, inputs: Any, output: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != time:
            return None
        own = _tensor(output).detach()
        axes = laid.setdefault(len(scales), follow.of(own))
        units = canonical(own, axes)
        level, share = (one.to(units).reshape(*one.shape, *[1] * (units.ndim - 2)) for one in (rest, scales))
        activation = (level + share * (units - level)).requires_grad_()
        turned.append(activation)
        return _with_first(output, _back(activation, own.shape, axes))

    target = None if of is None or isinstance(of, int) else of[0]
    with at_rest(given.model), probe(given.model, [target] if target else []) as look:
        handle = module.register_forward_hook(hook)
        try:

            def outputs() -> Tensor:
                nonlocal calls, follow
                calls = 0
                turned.clear()
                many = x.expand(len(scales), *x.shape[1:])
                follow = FollowAxes(many)
                with own_randomness(), nullcontext() if len(scales) in laid else Watched(follow.saw):
                    seen = look(many)[target] if target else _tensor(given.model(many))
                return seen.float() if seen.ndim == 2 else seen.float().flatten(2).mean(2)

            with torch.no_grad():
                natural = outputs()[0]
            unit = int(natural.argmax()) if of is None else of if isinstance(of, int) else of[1]
            if not 0 <= unit < len(natural):
                raise InputError(f"of={of!r}: units of {target or 'the output'} are 0 to {len(natural) - 1}")
            if not turned or target == visit.name:
                raise InputError(f"layer {visit.name!r}: {target} does not come after it; name an earlier layer")

            def run(wanted: Tensor) -> tuple[Tensor, Tensor]:
                nonlocal scales
                scales = wanted
                with torch.enable_grad():
                    return outputs()[:, unit], turned[-1]

            known = f" ({given.classes[unit]})" if not target and len(given.classes) == len(natural) else ""
            yield f"{target or 'output'} {unit}{known}", run
        finally:
            handle.remove()


def _integrated(run: Run, units: int, steps: int, batch: int) -> np.ndarray:
    """(units, *positions): each unit's share of the integral, by the middles of `steps` equal parts of the path."""
    with torch.no_grad():
        whole = run(torch.ones(1, units))[1].detach() - run(torch.zeros(1, units))[1].detach()
    total = torch.zeros_like(whole, dtype=torch.float32)
    for part in ((torch.arange(steps) + 0.5) / steps).split(batch):
        values, activation = run(part[:, None].expand(-1, units))
        slope = torch.autograd.grad(values.sum(), activation, allow_unused=True)[0] if values.requires_grad else None
        if slope is None:
            raise InputError("of: it does not depend on the layer; name a layer on its way")
        total += slope.float().sum(0, keepdim=True)
    return (whole.float() * total / steps)[0].cpu().numpy()


def _each(run: Run, scales: Tensor, batch: int) -> np.ndarray:
    """The values of real forward passes, one for each row of scales."""
    with torch.no_grad():
        return torch.cat([run(part)[0].detach() for part in scales.split(batch)]).cpu().numpy()


def _without(groups: np.ndarray | list[np.ndarray], units: int) -> Tensor:
    """Scales (groups, units) at which the units of each group are at rest."""
    scales = torch.ones(len(groups), units)
    for scale, group in zip(scales, groups, strict=True):
        scale[torch.from_numpy(group.astype(np.int64))] = 0
    return scales


def _rest(given: Network, visit: Visit, background: np.ndarray | Tensor | None) -> Tensor:
    """(units,): what each unit says when it is at rest."""
    if background is None:
        return torch.zeros(visit.shape[0])
    with torch.no_grad(), probe(given.model, [visit.name]) as look:
        said = look(to_model(given.model, background))[visit.name].float()
    return said.movedim(1, 0).flatten(1).mean(1).cpu()


def _tensor(output: Any) -> Tensor:
    tensor = first_tensor(output)
    if tensor is None:
        raise InputError(f"of: the model gives a {type(output).__name__} without a tensor; name a (layer, unit) in it")
    return tensor


def _back(activation: Tensor, shape: torch.Size, axes: Axes) -> Tensor:
    """(n, units, *positions) laid out as the layer had it: the way back from `canonical`; never the tensor itself."""
    if axes == plain(shape):
        return activation.clone()
    places = canonical(torch.arange(shape.numel(), device=activation.device).reshape(shape), axes).flatten()
    return torch.zeros_like(activation).flatten().scatter(0, places, activation.flatten()).reshape(shape)


def _with_first(output: Any, tensor: Tensor) -> Any:
    """What a module returns with another first tensor in it."""
    if isinstance(output, Tensor):
        return tensor
    if isinstance(output, Mapping):
        key = next(key for key, part in output.items() if first_tensor(part) is not None)
        changed = copy(output)
        changed[key] = _with_first(output[key], tensor)  # type: ignore[index]
        return changed
    if isinstance(output, tuple | list):
        place = next(i for i, part in enumerate(output) if first_tensor(part) is not None)
        parts = [*output[:place], _with_first(output[place], tensor), *output[place + 1 :]]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    name = next(name for name in output.__dataclass_fields__ if first_tensor(getattr(output, name)) is not None)
    changed = copy(output)
    object.__setattr__(changed, name, _with_first(getattr(output, name), tensor))  # a frozen one too
    return changed
