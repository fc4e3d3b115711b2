"""The way from coarse to fine: the picture is moved at each scale, and begins where the scale before left it."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.anysize import enlarged, enter, leave, resized
from convscope.lens.images import Box, Photo
from convscope.lens.models import Network, preprocessing_of
from convscope.lens.probe import probe
from convscope.lens.render import Moment, render
from convscope.lens.styles.keeping import Keeper, Kept
from convscope.lens.styles.losses import Losses, losses
from convscope.lens.styles.matting import photorealism
from convscope.lens.styles.terms import Terms
from convscope.lens.tiles import tile
from convscope.lens.transforms import Pad
from convscope.lens.walks import LBFGS, Adam
from convscope.lens.workshop import Workshop, workshop
from convscope.pictures import Picture

COARSEST = 128
"""The longest side below which no scale begins by itself: strokes have no room to be found there."""

ONE_PASS, TILE = 1536, 1024
"""The longest side that the network sees in one pass, and the sides of the tiles of larger pictures."""

ATTEMPTS = 5
"""How often a scale is taken up again where numbers are not finite: twice as it was, then with Adam."""

MARGIN = Pad(1, by="reflect")
"""What the network sees beyond the picture: strides of 2 would leave its last row or column unread, and so unstyled.
More is worse: what is seen twice is changed twice as readily, and the border would show."""

RATES = {"lbfgs": 1.0, "adam": 0.02}
"""Of steps in shares of the way from black to white."""

Sides = tuple[int, int]


@dataclass(frozen=True)
class Scale:
    """One size that was worked on, (rows, columns), how many steps, and the losses by name before and after."""

    size: Sides
    steps: int
    start: Mapping[str, float]
    end: Mapping[str, float]


@dataclass(frozen=True)
class Stage:
    """A step that is about to be made: `step` (from 0) of `steps` at scale `scale` (from 0) of `scales`.

    losses: by name, with their weighted sum "total".
    """

    scale: int
    scales: int
    step: int
    steps: int
    losses: Mapping[str, float]
    _show: Callable[[], Picture]

    @cached_property
    def picture(self) -> Picture:
        """The picture so far, at this scale's size."""
        return self._show()


@dataclass(frozen=True)
class Task:
    """What is asked for, the same at all scales; see `style`. content, styles: pictures at their full sizes."""

    net: Network
    terms: Terms
    content: Picture
    styles: Sequence[Picture]
    mix: Sequence[float]
    start: Picture | str
    strength: float
    style_scale: float
    centred: bool
    regions: tuple[Tensor, Sequence[Tensor]] | None
    photorealistic: float
    optimiser: str
    steps: int
    seed: int
    tile: int | None


def ladder(full: Sides, scales: int | None) -> list[Sides]:
    """The sizes from coarse to fine, each with half the sides of the next; the last is `full`.

    >>> ladder((300, 500), None), ladder((300, 500), 3)
    ([(150, 250), (300, 500)], [(75, 125), (150, 250), (300, 500)])
    """
    most = 1 + max(int(np.log2(max(full) / COARSEST)), 0) if scales is None else scales
    return [(max(round(full[0] / 2**k), 1), max(round(full[1] / 2**k), 1)) for k in reversed(range(most))]


class Work:
    """A task being done. `best`: the best picture so far (1, c, h, w) in the network's units, None before the first;
    `done`: the scales that are finished; `kept`: where to go on after a stop.
    """

    def __init__(
        self,
        task: Task,
        keeper: Keeper,
        progress: Callable[[int, int, str], None] | None,
        watch: Callable[[Stage], None] | None,
    ) -> None:
        self.task, self.keeper, self.watch = task, keeper, watch
        self.progress = progress or (lambda done, total, what: None)
        self.best: Tensor | None = None
        self.kept: Kept | None = None
        self.done: list[Scale] = []
        prepared = preprocessing_of(task.net)
        self.box = Box(prepared.black, prepared.full)
        self.span = float(np.mean(np.subtract(prepared.full, prepared.black)))

    def run(self, sizes: Sequence[Sides]) -> Tensor:
        """The picture at the last of the sizes; those that are too small for the network are left out."""
        task = self.task
        while len(sizes) > 1 and not self._takes(sizes[0]):
            sizes = sizes[1:]
        kept = self.keeper.find()
        # what the copy is compared on: two loud pictures, small where the network takes that
        seen = [cells + 2 * MARGIN.size for cells in sizes[0]]
        noise = 4 * self.span * np.random.default_rng(0).standard_normal((2, 3, *seen), dtype=np.float32)
        shop = workshop(task.net.model, task.terms.layers, torch.from_numpy(noise).to(self._content(sizes[0]).device))
        picture = self._begin(sizes[0])
        picture = self.best = picture if kept is None else kept.picture.to(picture)
        for k in range(0 if kept is None else kept.scale, len(sizes)):
            if picture.shape[2:] != sizes[k]:
                picture = self._finer(picture, sizes[k])
            picture = self._at(shop, picture, sizes, k, kept.step if kept is not None and k == kept.scale else 0)
        self.progress(len(sizes) * task.steps, len(sizes) * task.steps, "")
        return picture

    def _at(self, shop: Workshop, picture: Tensor, sizes: Sequence[Sides], k: int, made: int) -> Tensor:
        """The picture after the steps of scale k, of which some have been made before."""
        task = self.task
        wanted = self._losses(shop, sizes[k])
        rows, columns = (cells + 2 * MARGIN.size for cells in sizes[k])
        side = task.tile or (TILE if max(sizes[k]) > ONE_PASS else max(rows, columns))
        tiling = tile(shop.model, task.terms.layers, (3, rows, columns), side)
        best = _Best(picture, -float("inf"), made)
        first: Mapping[str, float] = {}
        begun, attempt = made, 0

        def see(moment: Moment) -> None:
            nonlocal first
            value, step = float(moment.values[0]), begun + int(moment.step[0])
            if not np.isfinite(value):
                raise _NotFinite
            first = first or wanted.latest
            if value > best.value:
                best.picture, best.value, best.step, best.losses = moment.pictures, value, step, wanted.latest
                self.best = best.picture
            self.kept = Kept(k, step, best.picture)
            self.keeper.note(self.kept)
            self.progress(k * task.steps + step, len(sizes) * task.steps, f"{sizes[k][0]} x {sizes[k][1]}")
            if self.watch is not None:
                shown = moment.pictures
                self.watch(Stage(k, len(sizes), step, task.steps, wanted.latest, lambda: leave(task.net, shown)))

        while begun < task.steps:
            adam = task.optimiser == "adam" or attempt > 2
            try:
                made_here = render(
                    shop,
                    wanted.objective,
                    Photo(best.picture, self.box),
                    [0],
                    steps=task.steps - begun,
                    rate=RATES["adam" if adam else "lbfgs"] / 2 ** (attempt - 3 * (attempt > 2)),
                    seed=task.seed,
                    transforms=[MARGIN],
                    view=MARGIN,
                    retries=0,
                    walk=Adam(cools=False) if adam else LBFGS(),
                    tiling=tiling,
                    watch=see,
                )
            except (_NotFinite, InputError):
                if np.isfinite(wanted.latest["total"]):
                    raise
                attempt += 1
                if attempt > ATTEMPTS:
                    break
                begun = best.step
                warnings.warn(
                    f"the loss is not finite after step {begun} at {sizes[k][0]} x {sizes[k][1]}; going on from the "
                    f"best picture so far with {'Adam' if attempt > 2 else 'steps of half the size'}",
                    stacklevel=6,
                )
            else:
                if made_here.values[0] > best.value:
                    best.picture, best.losses = torch.from_numpy(made_here.pictures).to(picture), wanted.latest
                break
        if not best.losses:
            raise InputError(f"the loss is {wanted.latest['total']} from the start; check the model's weights for NaN")
        self.best = best.picture
        self.done.append(Scale(sizes[k], task.steps, first, best.losses))
        return best.picture

    def _losses(self, shop: Workshop, sides: Sides) -> Losses:
        task = self.task
        content, longest = self._content(sides), max(round(task.style_scale * max(sides)), 1)
        styles = [enter(task.net, resized(one, *within(one, longest))) for one in task.styles]
        with probe(shop.model, task.terms.layers) as look:
            found = losses(
                lambda x: look(shop.arrange(MARGIN(x, torch.empty(0)))),
                task.terms,
                content,
                styles,
                task.mix,
                strength=task.strength,
                span=self.span,
                centred=task.centred,
                regions=task.regions,
            )
        if task.photorealistic:
            found.terms["photorealism"] = task.photorealistic, photorealism(content, self.box)
        return found

    def _content(self, sides: Sides) -> Tensor:
        return enter(self.task.net, resized(self.task.content, *sides))

    def _begin(self, sides: Sides) -> Tensor:
        start = self.task.start
        if isinstance(start, np.ndarray):
            return enter(self.task.net, resized(start, *sides))
        if start == "content":
            return self._content(sides)
        noise = np.random.default_rng(self.task.seed).normal(128, 16, (*sides, 3))
        return enter(self.task.net, noise.clip(0, 255).round().astype(np.uint8))

    def _finer(self, picture: Tensor, sides: Sides) -> Tensor:
        """Enlarged; where all began with the content, with the detail of it that the last scale could not show."""
        if self.task.start != "content":
            return enlarged(picture, *sides)
        content = self._content(sides)
        coarse = self._content((picture.shape[2], picture.shape[3]))
        return enlarged(picture, *sides) + content - enlarged(coarse, *sides)

    def _takes(self, sides: Sides) -> bool:
        with probe(self.task.net.model, self.task.terms.layers) as look, torch.no_grad():
            try:
                look(MARGIN(self._content(sides), torch.empty(0)))
            except InputError:
                return False
        return True


def within(picture: Picture, longest: int) -> Sides:
    """The sides (rows, columns) of the picture in another size, whose longer side is `longest`."""
    share = longest / max(picture.shape[:2])
    return max(round(picture.shape[0] * share), 1), max(round(picture.shape[1] * share), 1)


@dataclass
class _Best:
    picture: Tensor
    value: float
    step: int
    losses: Mapping[str, float] | None = None


class _NotFinite(Exception):
    """The loss is NaN or infinite."""
