"""The one loop that makes pictures: gradient ascent on an objective, for many pictures at once.

Every picture has its own starting noise, its own moves, its own clock and its own objective, and Adam treats
every number on its own; so a picture does not depend on the others that happen to be in its batch, but for the
rounding of batched sums. A picture that has settled leaves the batch, and the next one takes its seat.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives import Objective, Scene
from convscope.lens.probe import Look, check_finite, probe, to_model
from convscope.lens.redirect import folded_gradients, open_relus
from convscope.lens.rendering import Held, Image, Moment, Rendering, Stopped
from convscope.lens.schedule import Batch, Schedule, pace, rest
from convscope.lens.tiles import Tiling, tiled
from convscope.lens.transforms import Transform, apply
from convscope.lens.walks import Adam, Walk
from convscope.lens.workshop import Workshop, workshop


def render(
    model: nn.Module | Workshop,
    objective: Objective,
    image: Image,
    keys: Sequence[int],
    *,
    measure: Objective | None = None,
    transforms: Sequence[Transform] = (),
    view: Transform | None = None,
    steps: int = 256,
    rate: float = 0.05,
    settled: float = 0.0,
    seed: int = 0,
    batch: int = 64,
    facets: int = 1,
    retries: int = 2,
    walk: Walk | None = None,
    tiling: Tiling | None = None,
    watch: Callable[[Moment], None] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Rendering:
    """One picture for each key, each raising `objective` from noise by `steps` steps of Adam, or fewer.

    `keys` are whole numbers that stand for the pictures (their units, say): a picture draws its noise and
    moves from (seed, key) alone, and from its number among the `facets` pictures in a row that share a key and
    that a diversity objective may compare. `measure` (default: the objective) is what `values` and `dead` tell
    about, through `view` (default: nothing) in place of the transforms; a dead picture is tried again with
    `retries` other noises and smaller steps. The forward pass ends at the layer that the objective needs,
    `batch` pictures at a time; where memory runs out, half as many, with a warning. See `Schedule` for the
    steps.
    A `Workshop` in place of the model is used as it is, for callers that render many times. `walk`: another kind of
    step (`walks`). `tiling`: the network sees each picture in tiles (`tiles`). `watch` is called with every step that
    was seen; what it raises ends the work. `progress(done, total, what)` is called as pictures are finished.

    Raises InputError for settings out of range, a number of keys that does not fit the objective, and values
    that are not finite; Stopped for Ctrl-C. Source: Erhan et al. 2009, "Visualizing higher-layer features of a
    deep network"; Kingma and Ba 2015; Olah, Mordvintsev and Schubert 2017, "Feature visualization".
    """
    measure = objective if measure is None else measure
    walk = Adam() if walk is None else walk
    schedule = Schedule(steps, rate, settled, walk.cools)
    _check(objective, measure, keys, batch=batch, seed=seed, retries=retries, facets=facets)
    layers = sorted(objective.layers | measure.layers)
    shop = model if isinstance(model, Workshop) else workshop(model, layers, _example(model, image, view))
    studio = _Studio(
        shop, objective, measure, image, tuple(transforms), view, schedule, seed, facets, keys, walk, tiling, watch
    )
    recipe = {
        "objective": str(objective),
        "measure": str(measure),
        "image": repr(image),
        "transforms": [repr(transform) for transform in transforms],
        "walk": repr(walk),
        "steps": steps,
        "rate": rate,
        "settled": settled,
        "seed": seed,
        "keys": [int(key) for key in keys],
        "facets": facets,
        "retries": retries,
        "plan": str(shop),
        "torch": torch.__version__,
    }
    results: dict[int, _Finished] = {}
    with probe(shop.model, layers) as look, folded_gradients(shop.model):
        waiting = list(range(0, len(keys), facets))
        tell = progress or (lambda done, total, what: None)
        attempt = 0
        try:
            tell(0, len(keys), "")
            for attempt in range(retries + 1):
                for finished in studio.make(look, waiting, attempt, batch):
                    if finished.place not in results or not finished.dead:
                        results[finished.place] = finished
                    tell(len(results), len(keys), "")
                waiting = [first for first in waiting if any(results[first + f].dead for f in range(facets))]
        except KeyboardInterrupt:
            # a dead one is finished when it has been tried for the last time
            done = [place for place in sorted(results) if attempt == retries or not results[place].dead]
            raise Stopped(done, _gather(results, done, recipe) if done else None) from None
    return _gather(results, range(len(keys)), recipe)


@dataclass(frozen=True)
class _Finished:
    place: int
    picture: np.ndarray
    value: float
    dead: bool
    steps: int
    history: np.ndarray


@dataclass(frozen=True)
class _Studio:
    """What stays the same while the pictures come and go."""

    shop: Workshop
    objective: Objective
    measure: Objective
    image: Image
    transforms: tuple[Transform, ...]
    view: Transform | None
    schedule: Schedule
    seed: int
    facets: int
    keys: Sequence[int]
    walk: Walk
    tiling: Tiling | None
    watch: Callable[[Moment], None] | None

    def make(self, look: Look, waiting: Sequence[int], attempt: int, batch: int) -> Iterator[_Finished]:
        """Finish all pictures of the groups that start at the places `waiting`, in whatever order they settle."""
        queue, active = list(waiting), None
        seats = 1 if self.walk.alone else max(batch // self.facets, 1)
        while queue or active is not None:
            free = seats - (len(active) // self.facets if active is not None else 0)
            if free > 0 and queue:
                fresh = self._begin(queue[:free], attempt)
                active = fresh if active is None else active.join(fresh)
                del queue[:free]
            assert active is not None
            try:
                self._step(look, active, attempt)
                finished = rest(active, self.schedule, self.facets)
                if bool(finished.all()):
                    yield from self._judge(look, active, attempt)
                    active = None
                elif bool(finished.any()):
                    yield from self._judge(look, active.keep(finished), attempt)
                    active = active.keep(~finished)
            except (RuntimeError, MemoryError, InputError) as problem:
                groups = 0 if active is None else len(active) // self.facets
                if not _out_of_memory(problem) or groups < 2 or active is None:
                    raise
                seats = groups // 2
                warnings.warn(
                    f"out of memory with {len(active)} pictures at a time; going on with {seats * self.facets}",
                    stacklevel=3,
                )
                # those sent back start anew, which gives the same pictures; so do those that were to be judged
                seated = torch.arange(len(active), device=active.step.device) < seats * self.facets
                stay = seated & (active.step < active.end)
                queue = active.which[~stay][:: self.facets].tolist() + queue
                active = active.keep(stay) if bool(stay.any()) else None

    def _begin(self, groups: Sequence[int], attempt: int) -> Batch:
        """Noise and moves of every picture from generators of its own."""
        draws = sum(transform.draws for transform in self.transforms)
        steps = self.schedule.steps
        noise, moves, which = [], [], []
        for first in groups:
            for facet in range(self.facets):
                place = first + facet
                generator = np.random.default_rng([self.seed, int(self.keys[place]), attempt, facet])
                noise.append(generator.standard_normal(self.image.noise_shape, dtype=np.float32))
                moves.append(generator.random((steps, draws), dtype=np.float32))
                which.append(place)
        start = to_model(self.shop.model, np.stack(noise))
        # the squares of gradients would leave the range of half precision
        wide = torch.promote_types(start.dtype, torch.float32)
        parameters = self.image.initial(start.to(wide))
        device, n = parameters.device, len(which)
        moments = parameters if self.walk.moments else parameters[:, :0]
        self.walk.begin()
        return Batch(
            which=torch.tensor(which, device=device),
            moves=torch.as_tensor(np.stack(moves)).to(parameters),
            parameters=parameters,
            mean=torch.zeros_like(moments),
            square=torch.zeros_like(moments),
            step=torch.zeros(n, dtype=torch.long, device=device),
            end=torch.full((n,), steps, device=device),
            settled_at=torch.full((n,), steps, device=device),
            asleep=torch.zeros(n, dtype=torch.bool, device=device),
            history=torch.full((n, steps), torch.nan, device=device),
        )

    def _step(self, look: Look, active: Batch, attempt: int) -> None:
        """One step of every picture, in place."""
        rows = torch.arange(len(active), device=active.step.device)
        opened = open_relus(active.asleep)
        with torch.enable_grad():
            free = active.parameters.detach().requires_grad_()
            pictures = self.image(free)
            seen = apply(self.transforms, pictures, active.moves[rows, active.step])
            with opened if bool(opened.which.any()) else nullcontext():
                value, gradient = self._slope(look, self.objective, pictures, seen, active.which, free)
        del free, pictures, seen  # of large pictures every copy counts
        if self.watch is not None:
            self.watch(Moment(active.step.clone(), active.which, value, self.image, active.parameters))
        active.asleep[:] = (gradient == 0).flatten(1).all(1) | opened.rescued
        active.history[rows, active.step] = value.float()
        # halved with every attempt: what killed a unit may have been a step too far
        rate = pace(active, self.schedule, 2.0**-attempt)
        self.walk(active, value, gradient, rate)
        if isinstance(self.image, Held):
            self.image.hold(active.parameters)

    def _judge(self, look: Look, done: Batch, attempt: int) -> Iterator[_Finished]:
        """Finished pictures, what `measure` says of them, and whether it never moved."""
        with torch.enable_grad():
            pictures = self.image(done.parameters).detach().requires_grad_()
            value, gradient = self._slope(look, self.measure, pictures, self._viewed(pictures), done.which, pictures)
            flat = (gradient == 0).flatten(1).all(1)
        if bool(flat.any()):  # but not where it has climbed onto a plain, such as the 6 of a ReLU6
            with torch.no_grad():
                start = self.image(self._begin(done.which[:: self.facets].tolist(), attempt).parameters)
                flat &= value <= self._slope(look, self.measure, start, self._viewed(start), done.which)[0]
        if not bool(torch.isfinite(value).all()):
            check_finite(self.shop.model)
            raise InputError(
                f"{self.measure} is {float(value[~torch.isfinite(value)][0])} for a picture: "
                "the model's weights or the objective are not finite; check them for NaN"
            )
        finished = pictures.detach().float().cpu().numpy()
        columns = (done.which, value.float(), flat, done.step)
        history = done.history.cpu().numpy()
        for i, (place, number, dead, steps) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            yield _Finished(place, finished[i], number, dead, steps, history[i])

    def _slope(
        self,
        look: Look,
        objective: Objective,
        pictures: Tensor,
        seen: Tensor,
        which: Tensor,
        start: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The objective (n,) of pictures of which the network sees `seen`; and, for `start`, from which both come, the
        gradient of minus the objective: Box.clip tells by its sign where a step would lead out.
        """

        def arranged(x: Tensor) -> dict[str, Tensor]:
            return look(self.shop.arrange(x))

        if self.tiling is None:
            value = objective(self._scene(pictures, arranged(seen), which))
            # of a sum, so that each picture's gradient is its own objective's
            gradient = value if start is None else _gradient([-value.sum()], start)
        else:
            groups = which // self.facets
            shown = pictures.detach(), seen.detach()
            value, *ways = tiled(
                arranged, self.tiling, objective, *shown, which, groups, gradient=start is not None
            )
            ways = [way if way is None else way.neg_() for way in ways]
            gradient = value if start is None else _gradient([pictures, seen], start, ways)
        return value.detach(), gradient

    def _viewed(self, pictures: Tensor) -> Tensor:
        return pictures if self.view is None else apply([self.view], pictures, _middle(self.view, pictures))

    def _scene(self, pictures: Tensor, activations: dict[str, Tensor], which: Tensor) -> Scene:
        return Scene(pictures, activations, which, which // self.facets)


def _gradient(values: Sequence[Tensor], of: Tensor, upstream: Sequence[Tensor | None] | None = None) -> Tensor:
    """d values / d of, times what comes down to each of the values (default: 1)."""
    ways = [torch.ones_like(value) for value in values] if upstream is None else upstream
    # a model of constants, or an objective of numbers only, asks for no gradient
    pairs = [(value, way) for value, way in zip(values, ways) if value.requires_grad and way is not None]
    if not pairs:
        return torch.zeros_like(of)
    outputs, ways = zip(*pairs)
    gradient = torch.autograd.grad(outputs, of, ways, allow_unused=True)[0]
    return torch.zeros_like(of) if gradient is None else gradient


def _example(model: nn.Module, image: Image, view: Transform | None) -> Tensor:
    """Two loud pictures: what the copy of a network is compared on should drive its layers far apart."""
    noise = 10 * np.random.default_rng(0).standard_normal((2, *image.noise_shape), dtype=np.float32)
    with torch.no_grad():
        pictures = image(image.initial(to_model(model, noise)))
        return apply([view], pictures, _middle(view, pictures)) if view else pictures


def _middle(view: Transform, pictures: Tensor) -> Tensor:
    """The uniform numbers of a transform that moves nothing: the middle of every range, the first where two are."""
    return pictures.new_full((len(pictures), view.draws), 0.5 - 1e-6)


def _out_of_memory(problem: BaseException) -> bool:
    """PyTorch has a class for it on GPUs only; on CPUs its allocator says so in words."""
    cause = problem.__cause__ or problem  # probe says of what a model raises that it cannot take the input
    return isinstance(cause, torch.OutOfMemoryError | MemoryError) or any(
        words in str(cause) for words in ("not enough memory", "can't allocate memory")
    )


def _gather(results: dict[int, _Finished], places: Sequence[int], recipe: dict[str, Any]) -> Rendering:
    chosen = [results[place] for place in places]
    return Rendering(
        np.stack([one.picture for one in chosen]),
        np.array([one.value for one in chosen], np.float32),
        np.array([one.dead for one in chosen], bool),
        np.array([one.steps for one in chosen], np.int64),
        np.stack([one.history for one in chosen]),
        recipe,
    )


def _check(
    objective: Objective, measure: Objective, keys: Sequence[int], *, batch: int, seed: int, retries: int, facets: int
) -> None:
    least_of = {"batch": (batch, 1), "seed": (seed, 0), "retries": (retries, 0), "facets": (facets, 1)}
    for name, (value, least) in least_of.items():
        if value < least:
            raise InputError(f"{name}={value}: it must be at least {least}")
    if not len(keys):
        raise InputError("keys: none given; a picture needs a key, such as the number of its unit")
    if len(keys) % facets:
        raise InputError(f"keys: {len(keys)} with facets={facets}; give each key as many times as it has facets")
    for part in (objective, measure):
        if part.count is not None and part.count != len(keys):
            raise InputError(
                f"{part}: it speaks of {part.count} pictures, not of {len(keys)}; give it as many keys"
            )
