"""Short recipes over the one loop: draw what a unit looks for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, SupportsFloat
from warnings import warn

import numpy as np
from jaxtyping import Bool, Float

from convscope.errors import InputError
from convscope.lens.canvas import Frame, canvas_for
from convscope.lens.fields import Visit, visited
from convscope.lens.images import Box, Fourier, Prior
from convscope.lens.models import AnyModel, Best, Network, Preprocessing, World, network
from convscope.lens.objectives import Bound, Units, as_list, channel, diversity, neuron, total_variation
from convscope.lens.objectives import l1 as ink
from convscope.lens.render import Rendering, Stopped, render
from convscope.lens.shown import Card, Shown, as_picture, recipe_of
from convscope.lens.shown import framed as outlined
from convscope.lens.transforms import Transform
from convscope.pictures import Picture, crop

Level = SupportsFloat | Sequence[SupportsFloat]  # an input: one number for all channels, or one for each


@dataclass(frozen=True)
class Drawing(Shown):
    """What units of one layer look for. Shows itself in notebooks; `save(path)` writes it with its recipe.

    units: one a picture; a unit with several facets stands there as many times.
    pictures: (k, c, ...) in the network's own units, on the canvas they were made on.
    values: (k,) the unit's activation on its finished picture.
    dead: (k,) True where nothing that was tried moves the unit.
    place: where on the map of that canvas's window the unit sits; None where its whole map counts, and for a
    vector.
    frame: (top, left, bottom, right) of what the unit sees in the picture, half open; None for all of it.
    preprocessing: how pictures become inputs, where that is known; box: the inputs for (black, white).
    input_shape: of the network. recipe: everything that it takes to make them again, as plain numbers and text.
    world: how its inputs look, of a network that takes no photographs.
    """

    layer: str
    units: tuple[int, ...]
    pictures: Float[np.ndarray, "k c ..."]
    values: Float[np.ndarray, " k"]
    dead: Bool[np.ndarray, " k"]
    place: tuple[int, ...] | None
    frame: Frame | None
    preprocessing: Preprocessing | None
    box: tuple[Bound, Bound]
    input_shape: tuple[int, ...]
    recipe: dict[str, Any] = field(default_factory=dict)
    world: World | None = None

    def cards(self) -> Iterator[Card]:
        """Each picture cut to what the unit sees, with the unit's number and what it answers."""
        for k, (unit, picture) in enumerate(zip(self.units, self.seen(), strict=True)):
            facet = self.units[:k].count(unit) if self.units.count(unit) > 1 else None
            name = f"unit-{unit}" + ("" if facet is None else f"-{facet}")
            says = "dead" if self.dead[k] else f"{self.values[k]:.3g}"
            yield Card(self._shown(picture), f"{unit}: {says}", name)

    def in_context(self) -> list[Picture]:
        """Each picture in the middle of an input of the full size, with a frame around what the unit sees."""
        if self.frame is None or len(self.input_shape) != 3 or self.world is not None:
            return [self._shown(picture) for picture in self.pictures]
        (top, left, bottom, right), (rows, columns) = self.frame, self.input_shape[1:]
        down, along = (rows - bottom - top) // 2, (columns - right - left) // 2
        pages = []
        for picture in self.pictures:
            drawn = self._shown(picture)
            page = crop(drawn.transpose(2, 0, 1), (-down, -along, rows - down, columns - along), fill=128)
            page = np.ascontiguousarray(page.transpose(1, 2, 0))
            pages.append(outlined(page, (top + down, left + along, bottom + down, right + along)))
        return pages

    def seen(self) -> Float[np.ndarray, "k c ..."]:
        """The pictures cut to `frame`: what the unit sees, without the margin that the moves drew on."""
        if self.frame is None:
            return self.pictures
        top, left, bottom, right = self.frame
        return self.pictures[:, :, top:bottom, left:right]

    def _shown(self, picture: np.ndarray) -> Picture:
        if self.world is not None:
            return self.world.show(picture)
        return as_picture(picture, self.preprocessing, self.box)


class DrawingStopped(KeyboardInterrupt):
    """Ctrl-C came while units were drawn; `drawing` has those that are finished, None where none was."""

    def __init__(self, drawing: Drawing | None) -> None:
        super().__init__("stopped")
        self.drawing = drawing


def draw(
    model: AnyModel,
    layer: str,
    units: Units | None = None,
    *,
    size: Iterable[int] | None = None,
    preprocessing: Preprocessing | None = None,
    box: Sequence[Level] | None = None,
    prior: Prior | None = None,
    facets: int = 1,
    diverse: SupportsFloat = 1.0,
    l1: SupportsFloat = 0,
    tv: SupportsFloat = 0,
    whole: bool = False,
    ground: Level | None = None,
    transforms: Sequence[Transform] | None = None,
    steps: int = 128,
    rate: SupportsFloat = 0.1,
    settled: SupportsFloat = 0.02,
    seed: int = 0,
    batch: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Drawing:
    """Draw, for each unit of a layer, a picture that excites it as much as can be found.

    units: which (default: all). size: the shape of one input, (c, h, w) or with other axes; default: the
    network's own, or what is found by trying. box: the inputs for (black, white); default: what the
    preprocessing says.
    Of a map (n, units, h, w) the picture raises one position in the middle, on a canvas just as large as that
    position sees; with `whole`, or where it sees all of the input, the channel's mean on a canvas of the full
    size. Of a vector (n, units) it raises the unit itself, on the full size.
    prior: what pictures look like (lens.images.Prior); default: photographs, for three channels whose
    preprocessing is known.
    facets: how many different pictures for each unit; `diverse` weighs how different, as a share of what the
    unit reaches alone.
    l1: weight of the ink, mean |picture - ground| (middle grey without a ground); it leaves only the strokes
    that pay. tv: weight of roughness.
    ground: what lies beyond the picture's border. By default the picture itself goes on there, by a margin as
    wide as the moves need; it is part of `pictures`, and `frame` tells what the unit sees.
    transforms: what the picture must withstand, instead of the usual moves: shifts by up to a fourteenth of
    what is seen, scale 0.9 to 1.1, turns of up to 10 degrees; full canvases less, with a ground more.
    steps, rate, settled: see lens.render.Schedule. batch: pictures at a time; default: by their size.

    The picture starts as faint noise and is described by its frequencies (lens.images.Fourier), clipped to the
    box. Unit u's picture depends on (seed, u), not on the other units drawn with it. Where the network's world knows
    a better way to what excites its units (boards, words), that is taken, and of the settings only the seed counts.

    Raises InputError for an unknown layer or unit, a size the model cannot take, settings out of range;
    DrawingStopped, with what is finished, for Ctrl-C.

    >>> from torch import nn
    >>> edge = nn.Conv2d(1, 1, (1, 2), bias=False)
    >>> edge.weight.data = edge.weight.data.new_tensor([[[[-1.0, 1.0]]]])
    >>> draw(nn.Sequential(edge), "0", size=(1, 8, 8), box=(0, 1), rate=0.3).seen().round(1).tolist()
    [[[[0.0, 1.0]]]]
    """
    settings = _unusual(draw, locals())
    given = network(model, size, preprocessing)
    target = visited(given, layer)
    wanted = _wanted(units, target)
    if units is not None:
        settings["units"] = wanted
    if given.world is not None and given.world.searches:
        if ignored := sorted(settings.keys() - {"units", "seed"}):
            raise InputError(
                f"{', '.join(ignored)}: what excites a unit of this network most is searched for, not drawn; give only "
                "units and seed"
            )
        best = given.world.best(given, layer, wanted, seed, progress)
        recipe = {"layer": layer, **best.how, "seed": seed, **recipe_of(given, "draw", [layer], settings)}
        return _found(given, layer, wanted, best, recipe)
    keys = [unit for unit in wanted for _ in range(facets)]
    black, white = _ends(box, given)
    ground = None if ground is None else _level(ground)
    canvas = canvas_for(given.model, target, given.input_shape, whole, ground, upright=given.world is not None)
    sides = (given.input_shape[0], *canvas.size)
    if prior is None and ground is None and given.preprocessing is not None:
        prior = _photographs(given.preprocessing)
    on_map = len(target.shape) > 1
    unit = channel(layer, keys) if on_map and canvas.place is None else neuron(layer, keys, place=canvas.place)
    objective = unit
    if facets > 1 and float(diverse):
        objective = objective * (1 + float(diverse) * diversity(layer))
    if float(l1):
        objective = objective - float(l1) * ink(_between(black, white) if ground is None else ground)
    if float(tv):
        objective = objective - float(tv) * total_variation()

    def drawing(rendering: Rendering, places: Sequence[int]) -> Drawing:
        recipe = {"layer": layer, **rendering.recipe, **recipe_of(given, "draw", [layer], settings)}
        recipe["settings"] = {name: _plain(value) for name, value in settings.items()}
        shown = tuple(keys[place] for place in places)
        frame, pictures = canvas.frame, rendering.pictures
        if ground is not None and frame is not None:  # nothing was drawn around it
            pictures = pictures[:, :, frame[0] : frame[2], frame[1] : frame[3]]
            frame = None
        return Drawing(
            layer,
            shown,
            pictures,
            rendering.values,
            rendering.dead,
            canvas.place,
            frame,
            given.preprocessing,
            (black, white),
            given.input_shape,
            recipe,
            given.world,
        )

    try:
        rendering = render(
            given.model,
            objective,
            Fourier(sides, Box(black, white, by="clip"), prior=prior),
            keys,
            measure=unit,
            transforms=[canvas.moves] if transforms is None else transforms,
            view=canvas.view if any(canvas.margins) else None,
            steps=steps,
            rate=float(rate),
            settled=float(settled),
            seed=seed,
            batch=_batch(canvas.size) if batch is None else batch,
            facets=facets,
            progress=progress,
        )
    except Stopped as stop:
        raise DrawingStopped(None if stop.rendering is None else drawing(stop.rendering, stop.done)) from None
    return drawing(rendering, range(len(keys)))


def _found(given: Network, layer: str, units: Sequence[int], best: Best, recipe: dict[str, Any]) -> Drawing:
    """What was searched for rather than drawn."""
    return Drawing(
        layer,
        tuple(units),
        best.inputs,
        best.values,
        np.zeros(len(units), bool),
        best.place,
        best.box,
        None,
        (0.0, 1.0),
        given.input_shape,
        recipe,
        given.world,
    )


AT_ONCE = 800_000
"""Cells of all pictures that are worked on together: enough to keep two cores and a small GPU busy, and some
hundred megabytes of activations for the networks of the field."""


def _batch(sides: Sequence[int]) -> int:
    return int(np.clip(AT_ONCE // int(np.prod(sides, initial=1)), 4, 64))


def _unusual(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a picture depends on and that are not as they are by default."""
    free = ("model", "layer", "batch", "progress")
    parameters = {name: each.default for name, each in signature(function).parameters.items() if name not in free}
    return {
        name: value
        for name, usual in parameters.items()
        if (value := values[name]) is not usual and not (isinstance(value, int | float) and value == usual)
    }


def _plain(value: Any) -> Any:
    """A setting as a file can hold it: numbers and lists of them as they are, a prior or a transform by its words."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, int | float | str) else repr(value)


def _wanted(units: Units | None, target: Visit) -> list[int]:
    count = target.shape[0]
    wanted = list(range(count)) if units is None else as_list(units)
    for unit in wanted:
        if not 0 <= unit < count:
            raise InputError(
                f"units: {unit} of layer {target.name!r}, which has {count}; units are 0 to {count - 1}"
            )
    return wanted


def _ends(box: Sequence[Level] | None, given: Network) -> tuple[Bound, Bound]:
    """The inputs for black and white."""
    if box is not None:
        if len(box) != 2:
            raise InputError(f"box={box!r}: give two, the inputs for black and white, such as (0, 1)")
        black, white = box
        return _level(black), _level(white)
    if given.preprocessing is not None:
        return given.preprocessing.black, given.preprocessing.full
    if given.world is not None:
        return given.world.box
    warn(
        "nobody said how pictures become this network's inputs: black is drawn as 0 and white as 1; "
        "give preprocessing= or box=(black, white)",
        stacklevel=3,
    )
    return 0.0, 1.0


def _level(level: Level) -> Bound:
    return tuple(map(float, level)) if isinstance(level, Sequence) else float(level)


def _between(black: Bound, white: Bound) -> Bound:
    middle = (np.asarray(black) + np.asarray(white)) / 2
    return tuple(middle.tolist()) if middle.ndim else float(middle)


def _photographs(preprocessing: Preprocessing) -> Prior | None:
    return Prior.natural(preprocessing.order) if preprocessing.order in ("RGB", "BGR", "grey") else None
