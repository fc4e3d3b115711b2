"""The one loop that makes pictures: gradient ascent on an objective, for many pictures at once.

Every picture has its own starting noise, its own moves and its own objective, and Adam treats every number on
its own; so a picture does not depend on the others that happen to be in its batch, but for the rounding of
batched sums.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import cos, pi
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives import Objective, Scene
from convscope.lens.probe import Look, probe, to_model
from convscope.lens.redirect import folded_gradients, open_relus
from convscope.lens.transforms import Transform, apply

B1, B2 = 0.9, 0.999  # what Adam keeps of its two moments at each step
OPEN_STEPS = 16  # of each picture's first steps, with ReLUs that pass every gradient (as in Lucid)


@runtime_checkable
class Image(Protocol):
    """How pictures are described; see lens.images."""

    @property
    def noise_shape(self) -> tuple[int, ...]: ...

    def initial(self, noise: Tensor) -> Tensor: ...

    def __call__(self, parameters: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Rendering:
    """Pictures made for units, and how they were made.

    pictures: (k, c, h, w) in the network's own units.
    values: (k,) what was measured on each finished picture, without transforms and penalties.
    dead: (k,) True where the measure does not react to any change of the picture, whatever noise it started
    from.
    recipe: everything that it takes to make them again, as plain numbers and text.
    """

    pictures: Float[np.ndarray, "k c h w"]
    values: Float[np.ndarray, " k"]
    dead: Bool[np.ndarray, " k"]
    recipe: dict[str, Any] = field(default_factory=dict)


def render(
    model: nn.Module,
    objective: Objective,
    image: Image,
    keys: Sequence[int],
    *,
    measure: Objective | None = None,
    transforms: Sequence[Transform] = (),
    steps: int = 256,
    rate: float = 0.05,
    seed: int = 0,
    batch: int = 64,
    retries: int = 2,
) -> Rendering:
    """One picture for each key, each raising `objective` from noise by `steps` steps of Adam.

    The step size falls from `rate` to 0 along half a cosine. `keys` are whole numbers that stand for the
    pictures (their units, say): picture i draws its noise and moves from (seed, keys[i]) alone. `measure`
    (default: the objective) is what `values` and `dead` tell about; a dead picture is tried again with
    `retries` other noises. The forward pass ends at the layer that the objective needs, `batch` pictures at a
    time.

    Raises InputError for settings out of range, a number of keys that does not fit the objective, and values
    that are not finite. Source: Erhan et al. 2009, "Visualizing higher-layer features of a deep network";
    Kingma and Ba 2015.
    """
    measure = objective if measure is None else measure
    _check(objective, measure, keys, steps=steps, batch=batch, rate=rate, seed=seed, retries=retries)
    pictures: list[np.ndarray | None] = [None] * len(keys)
    values, dead = np.zeros(len(keys), np.float32), np.ones(len(keys), bool)
    with probe(model, sorted(objective.layers | measure.layers)) as look, folded_gradients(model):
        for attempt in range(retries + 1):
            waiting = np.flatnonzero(dead)
            for part in np.split(waiting, range(batch, len(waiting), batch)):
                if not len(part):
                    continue
                noise, moves = _draw_numbers(image, transforms, [keys[i] for i in part], steps, seed, attempt)
                which = torch.from_numpy(part)
                parameters = _ascend(model, look, objective, image, transforms, noise, moves, which, rate)
                finished, value, flat = _judge(look, measure, image, parameters, which)
                for place, i in enumerate(part):
                    if pictures[i] is None or not flat[place]:
                        pictures[i], values[i], dead[i] = finished[place], value[place], flat[place]
    recipe = {
        "objective": str(objective),
        "measure": str(measure),
        "image": repr(image),
        "transforms": [repr(transform) for transform in transforms],
        "steps": steps,
        "rate": rate,
        "seed": seed,
        "keys": [int(key) for key in keys],
        "retries": retries,
        "torch": torch.__version__,
    }
    return Rendering(np.stack([p for p in pictures if p is not None]), values, dead, recipe)


def _draw_numbers(
    image: Image, transforms: Sequence[Transform], keys: Sequence[int], steps: int, seed: int, attempt: int
) -> tuple[np.ndarray, np.ndarray]:
    """Noise (n, *noise_shape) and uniform numbers (steps, n, draws), of a generator for each picture."""
    draws = sum(transform.draws for transform in transforms)
    noise, moves = [], []
    for key in keys:
        generator = np.random.default_rng([seed, int(key), attempt])
        noise.append(generator.standard_normal(image.noise_shape, dtype=np.float32))
        moves.append(generator.random((steps, draws), dtype=np.float32))
    return np.stack(noise), np.stack(moves, axis=1)


def _ascend(
    model: nn.Module,
    look: Look,
    objective: Objective,
    image: Image,
    transforms: Sequence[Transform],
    noise: np.ndarray,
    moves: np.ndarray,
    which: Tensor,
    rate: float,
) -> Tensor:
    parameters = image.initial(to_model(model, noise))
    which, uniform = which.to(parameters.device), to_model(model, moves)
    mean, square = torch.zeros_like(parameters), torch.zeros_like(parameters)
    for step in range(len(moves)):
        with torch.enable_grad(), open_relus(model) if step < OPEN_STEPS else nullcontext():
            free = parameters.detach().requires_grad_()
            pictures = image(free)
            activations = look(apply(transforms, pictures, uniform[step]))
            # a sum, so that each picture's gradient is its own objective's
            loss = -objective(Scene(pictures, activations, which)).sum()
            gradient = _gradient(loss, free)
        _adam(parameters, gradient, mean, square, step + 1, rate * (1 + cos(pi * step / len(moves))) / 2)
    return parameters


def _adam(parameters: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, t: int, rate: float) -> None:
    """Step t = 1, 2, ... of Adam, in place; mean and square are its running moments, 0 before the first.

    parameters -= rate * (mean / (1 - b1^t)) / (sqrt(square / (1 - b2^t)) + 1e-8) (Kingma and Ba 2015,
    algorithm 1). Written out, since what torch.optim does around these lines costs more than they do.
    """
    mean.lerp_(gradient, 1 - B1)
    square.mul_(B2).addcmul_(gradient, gradient, value=1 - B2)
    root = square.sqrt().div_((1 - B2**t) ** 0.5).add_(1e-8)
    parameters.addcdiv_(mean, root, value=-rate / (1 - B1**t))


def _judge(
    look: Look, measure: Objective, image: Image, parameters: Tensor, which: Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finished pictures, what `measure` says of them, and whether it is flat there."""
    with torch.enable_grad():
        pictures = image(parameters).detach().requires_grad_()
        value = measure(Scene(pictures, look(pictures), which.to(pictures.device)))
        flat = (_gradient(value.sum(), pictures) == 0).flatten(1).all(1)
    if not bool(torch.isfinite(value).all()):
        raise InputError(
            f"{measure} is {float(value[~torch.isfinite(value)][0].detach())} for a picture: "
            "the model's weights or the objective are not finite; check them for NaN"
        )
    return pictures.detach().float().cpu().numpy(), value.detach().float().cpu().numpy(), flat.cpu().numpy()


def _gradient(value: Tensor, of: Tensor) -> Tensor:
    if not value.requires_grad:  # a model of constants, or an objective of numbers only
        return torch.zeros_like(of)
    gradient = torch.autograd.grad(value, of, allow_unused=True)[0]
    return torch.zeros_like(of) if gradient is None else gradient


def _check(
    objective: Objective,
    measure: Objective,
    keys: Sequence[int],
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
    retries: int,
) -> None:
    if not len(keys):
        raise InputError("keys: none given; a picture needs a key, such as the number of its unit")
    least_of = {"steps": (steps, 1), "batch": (batch, 1), "seed": (seed, 0), "retries": (retries, 0)}
    for name, (value, least) in least_of.items():
        if value < least:
            raise InputError(f"{name}={value}: it must be at least {least}")
    if not rate > 0:
        raise InputError(f"rate={rate}: the step size must lie above 0, such as 0.05")
    for part in (objective, measure):
        if part.count is not None and part.count != len(keys):
            raise InputError(
                f"{part}: it speaks of {part.count} pictures, not of {len(keys)}; give it as many keys"
            )
