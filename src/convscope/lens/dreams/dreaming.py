"""Deep Dream: a picture in which a network sees more and more of what it sees there anyway."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.anysize import AnyPicture, as_photograph, enlarged, enter, leave, shrunk
from convscope.lens.dreams.octaves import least_side, octaves_of
from convscope.lens.fields import trace
from convscope.lens.images import Box, Photo
from convscope.lens.models import AnyModel, Network, Preprocessing, network, preprocessing_of
from convscope.lens.objectives import Objective, attraction, layer
from convscope.lens.probe import probe, to_model
from convscope.lens.render import render
from convscope.lens.rendering import Moment
from convscope.lens.shown import recipe_of
from convscope.lens.shown.remade import Remade
from convscope.lens.tiles import tile as cut
from convscope.lens.transforms import Jitter, Pad
from convscope.lens.walks import Normalised
from convscope.lens.workshop import Workshop, workshop
from convscope.pictures import Picture

DREAMY = {"squeezenet": "features.10", "efficientnet-lite0": "_blocks.9"}
"""Layers with something to see in them: whole faces, not yet whole scenes."""

USUAL = 0.4
"""Of the side that the network was trained on: the shorter side of the smallest octave. What is dreamt there is as
large as the picture."""

TILE = 512
"""Cells: a photograph of 24 megapixels then stays under 3 GB, with SqueezeNet."""

BLURS, EVENING = (1.0, 2.0), 0.5
"""Chosen by eye: unblurred, single cells sparkle in plain regions; unevened, the strongest figure takes most steps."""


@dataclass(frozen=True)
class Dream(Remade):
    """A dreamt picture; values: the objective at the end of each octave, smallest first."""

    values: tuple[float, ...] = ()


class DreamStopped(KeyboardInterrupt):
    """Ctrl-C came while a picture was dreamt; `dream`: what there is of it, in full size; None before a step."""

    def __init__(self, dream: Dream | None) -> None:
        super().__init__("stopped")
        self.dream = dream


@dataclass(frozen=True)
class Glimpse:
    """A dream on its way: `step` of `steps` in octave `octave` (from 0) of `octaves`, the objective's value there, and
    the picture at that octave's size.
    """

    octave: int
    octaves: int
    step: int
    steps: int
    value: float
    picture: Callable[[], Picture]


def dream(
    picture: AnyPicture,
    objective: Objective | str | None = None,
    *,
    model: AnyModel = "squeezenet",
    like: AnyPicture | None = None,
    octaves: int | None = None,
    scale: SupportsFloat = 1.4,
    steps: int = 12,
    strength: SupportsFloat = 0.08,
    size: int | None = None,
    tile: int | None = None,
    seed: int = 0,
    preprocessing: Preprocessing | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    watch: Callable[[Glimpse], None] | None = None,
) -> Dream:
    """Change a picture so that `objective` rises: dogs where the network saw a hint of a dog.

    picture: a file, a PIL image or an array (h, w, 3) of uint8. objective: what is to rise, or the name of a layer,
    all of which rises (lens.objectives.layer); default: a layer with something to see in it. like: another picture;
    then the layer is drawn towards what it sees there (lens.objectives.attraction).
    octaves, scale: the picture is dreamt small first, and what came of it is carried into each next octave, `scale`
    times as large; by default from 0.4 of the side that the network was trained on. No octave is smaller than the
    network takes.
    steps: in each octave. strength: how far they move the picture there, on average, as a share of white.
    size: of the longest side, if the picture is to be made smaller. tile: side of the tiles in which pictures that are
    larger than that go through the network (lens.tiles); default 512. It bounds the memory, and changes nothing else
    but for rounding, unless the layer sees the whole picture.
    progress(done, total, what) is called for every step, `watch` too, with what there is to see.

    Steps go along the gradient, blurred a little and evened out over the picture (lens.walks.Normalised). Before each
    the picture is rolled by some cells, with a mirrored margin around it, so that opposite borders never meet.

    Raises InputError for a picture that cannot be used or is smaller than the network takes, an unknown layer, and
    settings out of range; DreamStopped, with what there is, for Ctrl-C.
    Source: Mordvintsev, Olah, Tyka 2015, "Inceptionism: going deeper into neural networks".
    """
    settings = {
        "layer": objective if isinstance(objective, str) else None,
        "objective": str(objective) if isinstance(objective, Objective) else None,  # no option of the command line
        "like": None if like is None else "another picture",
        "octaves": octaves,
        "scale": float(scale),
        "steps": steps,
        "strength": float(strength),
        "size": size,
        "seed": seed,
    }
    usual = {"scale": 1.4, "steps": 12, "strength": 0.08, "seed": 0}
    given = network(model, None, preprocessing)
    dreamer = Dreamer.of(given, objective, like, scale=float(scale), steps=steps, strength=float(strength), tile=tile)
    unusual = {name: value for name, value in settings.items() if value != usual.get(name)}
    recipe = {"objective": str(dreamer.objective), **recipe_of(given, "dream", ["PICTURE"], unusual)}
    photo = shrunk(as_photograph(picture), size)
    return dreamer.dream(photo, octaves, seed, recipe, progress, watch)


@dataclass(frozen=True)
class Dreamer:
    """A network made ready to dream one thing, in picture after picture."""

    given: Network
    shop: Workshop
    objective: Objective
    least: int
    scale: float
    steps: int
    strength: float
    tile: int

    @classmethod
    def of(
        cls,
        given: Network,
        objective: Objective | str | None,
        like: AnyPicture | None,
        *,
        scale: float,
        steps: int,
        strength: float,
        tile: int | None,
    ) -> "Dreamer":
        """Raises InputError for an objective without layers, and settings out of range."""
        if steps < 1 or not 0 < strength <= 1 or (tile is not None and tile < 1):
            raise InputError(
                f"steps={steps}, strength={strength:g}, tile={tile}: use at least 1 step, a strength above 0, to 1, "
                "such as 0.08, and a tile of at least 1 cell"
            )
        taken = preprocessing_of(given)
        wanted = _objective(given, objective, like)
        if not wanted.layers:
            raise InputError(f"objective={wanted}: it looks at no layer; name one, such as {_dreamy(given)!r}")
        layers = sorted(wanted.layers)
        example = to_model(given.model, np.random.default_rng(0).uniform(-1, 1, (1, *taken.shape)).astype(np.float32))
        low, high = (torch.tensor(end).reshape(-1, 1, 1).to(example) for end in (taken.black, taken.full))
        shop = workshop(given.model, layers, (low + high) / 2 + (high - low) / 2 * example)
        least = least_side(shop.model, layers, taken.channels, max(taken.size))
        return cls(given, shop, wanted, least, scale, steps, strength, tile or TILE)

    def dream(
        self,
        photo: Picture,
        octaves: int | None,
        seed: int,
        recipe: dict[str, Any],
        progress: Callable[[int, int, str], None] | None = None,
        watch: Callable[[Glimpse], None] | None = None,
    ) -> Dream:
        """One picture, at its own size. Raises InputError and DreamStopped as the function `dream` does."""
        taken, sizes = preprocessing_of(self.given), self.octaves(photo, octaves)
        box, walk = Box(taken.black, taken.full), Normalised(BLURS, EVENING)
        values: list[float] = []
        dreamt = self._entered(photo, sizes[0])
        latest: Moment | None = None
        done = 0

        def look_on(moment: Moment) -> None:
            nonlocal latest, done
            latest, done = moment, done + 1
            if progress is not None:
                progress(done, len(sizes) * self.steps, f"octave {len(values) + 1} of {len(sizes)}")
            if watch is not None:
                here = len(values), len(sizes), int(moment.step[0]), self.steps, float(moment.values[0])
                watch(Glimpse(*here, lambda: leave(self.given, moment.pictures)))

        try:
            for sides in sizes:
                margin = min(JITTER, min(sides) - 1)  # mirrored, so that what is rolled out of it is not missed
                rows, columns = (cells + 2 * margin for cells in sides)
                shape = taken.channels, rows, columns
                tiling = cut(self.shop.model, sorted(self.objective.layers), shape, self.tile)
                made = render(
                    self.shop,
                    self.objective,
                    Photo(partial(self._carried, photo, dreamt, sides), box),
                    [len(values)],
                    transforms=[Pad(margin, by="reflect"), Jitter(margin, by="roll")],
                    view=Pad(margin, by="reflect"),
                    steps=self.steps,
                    rate=2 * self.strength / self.steps,  # a cosine's mean is half its height
                    walk=walk,
                    tiling=tiling,
                    retries=0,
                    seed=seed,
                    watch=look_on,
                )
                values.append(float(made.values[0]))
                dreamt = torch.from_numpy(made.pictures)
        except KeyboardInterrupt:
            if latest is None:
                raise DreamStopped(None) from None
            whole = self._carried(photo, latest.pictures, photo.shape[:2])
            raise DreamStopped(Dream(leave(self.given, whole), recipe, tuple(values))) from None
        return Dream(leave(self.given, dreamt), recipe, tuple(values))

    def octaves(self, photo: Picture, count: int | None) -> list[tuple[int, int]]:
        """Rows and columns of each octave, smallest first. Raises InputError as `octaves_of` does."""
        usual = round(USUAL * min(preprocessing_of(self.given).size))
        return octaves_of(photo.shape[:2], count, self.scale, self.least, usual)

    def _carried(self, photo: Picture, dreamt: Tensor, sides: tuple[int, int]) -> Tensor:
        """The photograph at those sides, with what dreaming changed in it at its last ones."""
        if dreamt.shape[2:] == sides:
            return dreamt
        changed = dreamt - self._entered(photo, dreamt.shape[2:]).to(dreamt)
        return enlarged(changed, *sides).add_(self._entered(photo, sides).to(dreamt))

    def _entered(self, photo: Picture, sides: Sequence[int]) -> Tensor:
        rows, columns = sides
        return enlarged(enter(self.given, photo), rows, columns)


JITTER = 32
"""Cells, either way: the longest stride of the networks of the field."""


def _objective(given: Network, objective: Objective | str | None, like: AnyPicture | None) -> Objective:
    if isinstance(objective, Objective):
        if like is not None:
            raise InputError(f"objective={objective} and like: give one of them; with `like`, the name of a layer")
        return objective
    name = _dreamy(given) if objective is None else objective
    if like is None:
        return layer(name)
    longest = max(preprocessing_of(given).size)
    guide = to_model(given.model, enter(given, shrunk(as_photograph(like), longest)))
    with probe(given.model, [name]) as look, torch.no_grad():
        return attraction(name, look(guide)[name])


def _dreamy(given: Network) -> str:
    """A layer for who names none: a known one, else the last whose units see about two thirds of an input's side."""
    if given.source in DREAMY:
        return DREAMY[given.source]
    wanted = 2 / 3 * min(preprocessing_of(given).size)
    seeing = {
        visit.name: abs(log(min(visit.field.size) / wanted))
        for visit in trace(given)
        if visit.field is not None and visit.field.even and not visit.field.whole and len(visit.shape) == 3
    }
    if not seeing:
        raise InputError("objective: this network has no layer that sees a part of the picture; name a layer")
    return min(reversed(seeing), key=lambda name: seeing[name])
