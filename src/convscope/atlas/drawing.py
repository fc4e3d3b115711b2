"""Draw what units look for: the pictures as files, and what all units of the layer say to them as they are stored."""

import io
import shlex
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from convscope import lens
from convscope.atlas.judging import plain_reasons
from convscope.atlas.plan import Task
from convscope.atlas.store import Record, packed
from convscope.atlas.subject import Layer, Recipe, Subject
from convscope.lens.anysize import shrunk
from convscope.lens.credibility.judge import LEAST, MOST
from convscope.lens.credibility.natural import batches, reading, window
from convscope.lens.models import BUILT_IN, Network
from convscope.lens.probe import probe, to_model
from convscope.pictures import Picture, webp

LARGEST = 256
"""Pixels: what has a longer side is made smaller, for its file."""
SMALL = 32
"""Pixels: pictures with no longer side are stored as they are. Colours of half the resolution, which WebP has
otherwise, would be seen in them, and cost their units up to 17 % of their value."""
QUALITY = 90
LARGE, ENOUGH = 96, 128
"""Cells a side from which on a drawing takes the recipe's steps, and the most that smaller ones, which cost little,
take."""
FOLDER = "drawings"


def draw(subject: Subject, task: Task) -> Record:
    """The record of some units' drawings, one file for each facet of each."""
    member = subject.members[task.member]
    network, layer = member.network, member.layer(task.layer)
    drawing = _drawn(network, layer, task.units, subject.recipe, subject.seed)
    facets = len(drawing.units) // len(task.units)
    pictures = [card.picture for card in drawing.cards()]
    files = [_encoded(shrunk(picture, LARGEST)) for picture in pictures]
    answers = _answers(network, layer.name, _as_stored(network, drawing, pictures), drawing.place)
    own = [float(row[unit]) for row, unit in zip(answers, drawing.units, strict=True)]
    sizes = [shrunk(picture, LARGEST).shape for picture in pictures]

    def by_unit(values: Sequence[Any]) -> list[list[Any]]:
        return [list(values[k : k + facets]) for k in range(0, len(values), facets)]

    numbers = {
        "layer": layer.name,
        "units": list(task.units),
        "facets": facets,
        "value": by_unit([value if np.isfinite(value) else None for value in own]),
        "dead": [all(dead) for dead in by_unit(drawing.dead.tolist())],
        "size": [max(size[axis] for size in sizes) for axis in (0, 1)],
        "how": {key: value for key, value in drawing.recipe.items() if key not in ("command", "keys")},
        "command": _command(network, drawing),
        "answers": packed(answers),
        "trust": _trust(subject, network, drawing),
    }
    names = [f"unit-{unit}-{facet}.webp" for unit in task.units for facet in range(facets)]
    return Record(task.key, numbers, dict(zip(names, files, strict=True)))


def steps_for(layer: Layer, sides: Sequence[int], recipe: Recipe) -> int:
    """How many steps a drawing of a layer's units takes, at most. sides: of the network's input."""
    seen = sides if layer.field is None or layer.field.whole else layer.field.size
    side = min(max(seen, default=1), max(sides, default=1))
    return max(recipe.steps, min(recipe.steps * LARGE // side, ENOUGH))


def _drawn(network: Network, layer: Layer, units: Sequence[int], recipe: Recipe, seed: int) -> lens.Drawing:
    if network.world is not None and network.world.searches:  # settings other than the seed count for nothing
        return lens.draw(network, layer.name, units, seed=seed)
    steps = steps_for(layer, network.input_shape[1:], recipe)
    with warnings.catch_warnings():  # that nobody said what black and white are; the atlas tells it of the network
        warnings.filterwarnings("ignore", "nobody said how pictures become")
        return lens.draw(network, layer.name, units, facets=recipe.facets, steps=steps, seed=seed)


def _encoded(picture: Picture) -> bytes:
    return webp(picture, None if max(picture.shape[:2]) <= SMALL else QUALITY)


def _as_stored(network: Network, drawing: lens.Drawing, pictures: Sequence[Picture]) -> Float[np.ndarray, "k c ..."]:
    """What the network gets of each drawing: of photographs what the file keeps, on the canvas it was cut from."""
    taken = network.preprocessing
    if taken is None or taken.channels not in (1, 3) or network.world is not None or drawing.pictures.ndim != 4:
        return drawing.pictures
    kept = np.stack([_decoded(_encoded(picture)) for picture in pictures])
    kept = kept[..., :1] if taken.channels == 1 else kept
    stored = drawing.pictures.copy()
    top, left, bottom, right = drawing.frame or (0, 0, *stored.shape[2:])
    stored[:, :, top:bottom, left:right] = taken.to_inputs(kept).numpy()
    return stored


def _decoded(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        return np.array(image.convert("RGB"))


def _answers(
    network: Network, layer: str, drawn: Float[np.ndarray, "k c ..."], place: tuple[int, ...] | None
) -> Float[np.ndarray, "k units"]:
    """What every unit says to each drawing: at `place`, or, where none is given, its largest value."""
    inputs = torch.from_numpy(drawn).float()
    if network.world is None or not network.world.searches:  # what was searched for has no margin
        inputs = window(network.model, layer, network.input_shape, place).of(inputs)
    found: list[Tensor] = []
    with torch.no_grad(), probe(network.model, [layer]) as look:
        for batch in batches(inputs):
            said = look(to_model(network.model, batch))[layer]
            at_place = place is not None and said.ndim > 2
            found.append(reading(said, place) if at_place else said.reshape(*said.shape[:2], -1).amax(2))
    return torch.cat(found).float().cpu().numpy()


def _command(network: Network, drawing: lens.Drawing) -> str:
    """The line that makes the same pictures again: for the shell, or, of a module that came from no source, Python."""
    line = drawing.recipe["command"]
    if not network.source or not line.startswith("convscope "):
        return line
    more = ["--output", FOLDER]
    if network.source not in BUILT_IN and network.world is None:
        more += ["--input-shape", ",".join(map(str, network.input_shape))]
        more += [] if network.preprocessing is None else ["--preprocessing", str(network.preprocessing)]
    return f"{line} {shlex.join(more)}"


def _trust(subject: Subject, network: Network, drawing: lens.Drawing) -> list[dict[str, Any]] | None:
    """All that `lens.trust` says, where the recipe asks for it and there are enough real pictures."""
    gallery = subject.gallery
    searched = network.world is not None and network.world.searches
    if not subject.recipe.trust or searched or gallery is None or len(gallery) < LEAST:
        return None
    numbers = np.linspace(0, len(gallery) - 1, min(MOST, len(gallery))).round().astype(int).tolist()
    inputs = gallery.stack(network, numbers).inputs
    if len(inputs) < LEAST:
        return None
    found = lens.trust(network, drawing, inputs, seed=subject.seed)
    return [{"label": each.label, "reasons": plain_reasons(each.reasons)} for each in found]
