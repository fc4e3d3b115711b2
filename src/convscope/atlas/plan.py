"""From the facts about a network and its data to the tasks that make an atlas. No torch, no arrays."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

FORMAT = 2
"""Raised whenever `work` makes other records of the same task: older ones are then made again."""

UNITS_AT_ONCE = 64
"""How many pictures one task draws: enough to fill a batch, few enough that stopping loses little."""

L1_SHARE = 2.0
"""What an all-white picture would pay for its ink, as a multiple of what a typical output can reach: with so
much to pay, only the strokes that count are left."""


@dataclass(frozen=True)
class Layer:
    """A layer as the atlas tells of it: facts only, one entry per leaf module.

    `shape` is what one picture becomes there, (c, h, w) or (units,). A cell of it sees a "part" of the
    picture, the "whole" of it, or "unknown" where that cannot be followed; `size`, `stride` and `offset`
    (rows, columns) tell of the part, the receptive field.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    sees: Literal["part", "whole", "unknown"]
    size: tuple[int, int]
    stride: tuple[int, int]
    offset: tuple[int, int]

    @property
    def units(self) -> int:
        """Filters of a convolution, units of a fully connected layer."""
        return self.shape[0]

    @property
    def learned(self) -> bool:
        """Whether the layer has units of its own, which are worth a card each: it has weights."""
        return self.kind in ("Conv2d", "Linear")

    @property
    def slug(self) -> str:
        """The name as part of a file name and of a link."""
        slug = re.sub(r"[^A-Za-z0-9_.]+", "-", self.name)
        return f"layer-{slug}" if slug == "index" else slug


@dataclass(frozen=True)
class Facts:
    """What the plan needs to know; `weights` and `data` are digests."""

    layers: tuple[Layer, ...]
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    pictures: int
    seed: int
    weights: str
    data: str

    @property
    def learned(self) -> tuple[Layer, ...]:
        """The layers with cards, in order; the last is the output."""
        return tuple(layer for layer in self.layers if layer.learned)


@dataclass(frozen=True)
class Task:
    """One piece of work, to be pickled and done anywhere; `kind` says which function of `work` does it."""

    kind: str
    name: str
    recipe: str
    layer: str = ""
    units: tuple[int, ...] = ()
    seed: int = 0
    l1_share: float = 0.0

    @property
    def key(self) -> str:
        """The record's name in the store: the task's name and the first digits of its recipe's hash."""
        return f"{self.name}-{self.recipe[:10]}"


def tasks(facts: Facts) -> tuple[Task, ...]:
    """Everything an atlas of this network is made of, quick things first."""
    return tuple(_tasks(facts))


def _tasks(facts: Facts) -> Iterator[Task]:
    def task(kind: str, name: str, **options: Any) -> Task:
        depends = {
            "format": FORMAT,
            "kind": kind,
            "weights": facts.weights,
            "input": facts.input_shape,
            **options,
        }
        if kind in ("verdicts", "maps", "examples"):
            depends |= {"data": facts.data, "classes": facts.classes}
        text = json.dumps(depends, sort_keys=True)
        return Task(kind, name, hashlib.sha256(text.encode()).hexdigest(), **options)

    yield task("verdicts", "verdicts")
    for layer in facts.learned:
        yield task("kernels", f"kernels-{layer.slug}", layer=layer.name)
    yield task("maps", "maps")
    yield task("examples", "examples")
    output = facts.learned[-1]
    for layer in facts.learned:
        for first in range(0, layer.units, UNITS_AT_ONCE):
            units = tuple(range(first, min(first + UNITS_AT_ONCE, layer.units)))
            options: dict[str, Any] = {"layer": layer.name, "units": units, "seed": facts.seed}
            if layer == output:
                options["l1_share"] = L1_SHARE
            yield task("draw", f"draw-{layer.slug}-{first}", **options)


def layers_as_data(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """The layers as plain data, for the manifest."""
    return [
        asdict(layer) | {"units": layer.units, "learned": layer.learned, "slug": layer.slug}
        for layer in layers
    ]
