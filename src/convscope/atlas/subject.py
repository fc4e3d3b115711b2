"""What an atlas is of: networks, the pictures they are shown, and how much is to be found out. Can be pickled."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from convscope.atlas.gallery import Gallery
from convscope.geometry import Field
from convscope.lens.models import Network


@dataclass(frozen=True)
class Recipe:
    """How much is found out of each unit.

    facets: drawings of each unit. steps: of each drawing, at most. examples: real pictures at each end.
    links: real pictures over which slopes between layers are averaged.
    trust: whether every drawing goes through all of `lens.trust`; else what follows from the records is said.
    """

    name: str
    facets: int
    steps: int
    examples: int
    links: int
    trust: bool


RECIPES = {
    "quick": Recipe("quick", facets=1, steps=32, examples=9, links=8, trust=False),
    "full": Recipe("full", facets=3, steps=128, examples=9, links=32, trust=True),
}


@dataclass(frozen=True)
class Layer:
    """One layer as the atlas tells of it: facts only.

    shape: of its output for one input, (units, *positions). field: None where nothing of the input reaches it.
    kernel: (rows, columns) of a 2-D convolution's kernels, else None. copies: units that only repeat a unit of an
    earlier layer of the atlas (behind a ReLU or a concatenation), by number: (layer, unit) of that one.
    units: those that are drawn, ascending; statistics are of all.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    field: Field | None
    is_block: bool
    kernel: tuple[int, int] | None
    units: tuple[int, ...]
    copies: Mapping[int, tuple[str, int]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """One network of an atlas. label: its name there, unlike all others'. weights: SHA-256 (`lens.weights_hash`)."""

    label: str
    network: Network
    weights: str
    layers: tuple[Layer, ...]

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)


@dataclass(frozen=True)
class Subject:
    """Everything that a worker has to know. gallery: None for an atlas without real pictures."""

    members: tuple[Member, ...]
    gallery: Gallery | None
    recipe: Recipe
    seed: int
