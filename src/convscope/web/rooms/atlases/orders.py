"""What somebody asks for when an atlas is to be made, and the atlas's subject that follows from it."""

import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from convscope.errors import InputError
from convscope.web import networks
from convscope.web.lab import Lab
from convscope.web.sources import PAINTINGS, TAKEN, Source

if TYPE_CHECKING:
    from convscope.atlas.gallery import Gallery
    from convscope.atlas.subject import Subject
    from convscope.lens.models import Network

DIGITS = "lenet5"
PHOTOGRAPHS = tuple(f"builtin:{name}" for name in TAKEN if name not in PAINTINGS)
MOST_PICTURES = 64

Text = Annotated[str, Field(max_length=80)]


class Order(BaseModel):
    """An atlas to be made.

    pictures: sources of the real ones, for a network of photographs. count: how many of MNIST's 10,000 test digits,
    spread evenly, for lenet5. layers: names or patterns; none: those worth looking at. units: drawn in each layer, the
    first ones; null: all. minutes: as many units of every layer as that time allows; null: however long it takes.
    """

    model_config = ConfigDict(extra="forbid")

    network: networks.Name = DIGITS
    pictures: list[Text] = Field(default=list(PHOTOGRAPHS), min_length=1, max_length=MOST_PICTURES)
    count: int = Field(default=1000, ge=10, le=10000)
    layers: list[Text] = Field(default=[], max_length=64)
    units: int | None = Field(default=8, ge=1, le=2000)
    minutes: float | None = Field(default=None, ge=0.1, le=1440)

    def check(self) -> None:
        """Raises InputError for what names no photograph."""
        for picture in [] if self.network == DIGITS else self.pictures:
            if Source.parse(picture).kind == "cells":
                raise InputError("pictures: one is painted; give builtin:NAME or upload:ID")

    @property
    def told(self) -> dict[str, Any]:
        """All that the atlas depends on, and no more."""
        told = self.model_dump()
        del told["pictures" if self.network == DIGITS else "count"]
        return told

    @property
    def name(self) -> str:
        """Of the atlas: the same for the same order, so that an atlas that was stopped is found again."""
        digest = hashlib.sha256(json.dumps(self.told, sort_keys=True).encode()).hexdigest()
        return f"{self.network}-{digest[:10]}"

    @property
    def patterns(self) -> list[str]:
        return self.layers or [info.name for info in networks.worth_looking_at(self.network)]

    @property
    def command(self) -> str:
        """For the command line, which takes weights and pictures from files."""
        line = ["convscope", "atlas", self.network]
        if self.network == DIGITS:
            line += ["--weights", networks.LENET5.name, "--limit", str(self.count)]
        else:
            line += ["--images", "photos"]
        for pattern in self.patterns:
            line += ["--layers", pattern]
        line += [] if self.units is None else ["--units", f"0-{self.units - 1}" if self.units > 1 else "0"]
        line += [] if self.minutes is None else ["--budget", f"{self.minutes:g}m"]
        return shlex.join([*line, "-o", self.name])

    def python(self) -> str:
        """A program that makes the same atlas, in a folder of that name."""
        lines = ["from convscope.atlas import job"]
        lines += ["from convscope.atlas.cost import cost, within"] if self.minutes is not None else []
        lines += [
            "from convscope.atlas.gallery import ArrayGallery",
            "from convscope.atlas.subject import RECIPES, Subject",
            "from convscope.atlas.survey import survey",
        ]
        lines += [
            *(_DIGITS.format(count=self.count) if self.network == DIGITS else self._photographs()).splitlines(),
            f"layers = {self.patterns!r}",
            f"units = {'None' if self.units is None else f'range({self.units})'}",
            f"network = survey(net, {self.network!r}, layers, units)",
            'subject = Subject((network,), pictures, RECIPES["quick"], seed=0)',
        ]
        if self.minutes is not None:
            lines += [f"subject = within(subject, cost(subject), {60 * self.minutes:g})"]
        return "\n".join([*lines, f"print(job.build({self.name!r}, subject))"])

    def _photographs(self) -> str:
        own = sum(picture.startswith("upload:") for picture in self.pictures)
        files = [f"read_picture('picture-{i}.png')" for i in range(1, own + 1)]  # the visitor's own
        built = [picture.removeprefix("builtin:") for picture in self.pictures if picture.startswith("builtin:")]
        loaded = ", ".join([f"*(Image.fromarray(builtin(name).squeeze()) for name in {built!r})", *files])
        names = [*built, *(f"picture-{i}" for i in range(1, own + 1))]
        return _PHOTOGRAPHS.format(network=self.network, loaded=loaded, names=names)


_DIGITS = """from convscope.tasks import digits
from convscope.tasks.networks import load
from convscope.web.networks import LENET5

net = load("lenet5", weights=LENET5)
mnist = digits.load()
some = [i * len(mnist.test_labels) // {count} for i in range({count})]
pictures = ArrayGallery(mnist.test_images[some], mnist.test_labels[some], mnist.classes, mnist.name)"""
_PHOTOGRAPHS = """from convscope.imagefiles import read_picture
from convscope.tasks.networks import load
from convscope.web.sources import builtin
import numpy as np
from PIL import Image

net = load({network!r})
images = [{loaded}]
fitted = np.stack([net.preprocessing.fit(image) for image in images])
pictures = ArrayGallery(fitted, name="photographs", names={names!r})"""


def subject(order: Order, network: "Network", lab: Lab) -> "Subject":
    """Raises InputError for pictures that are gone and layers that are not there."""
    from convscope.atlas.subject import RECIPES, Subject
    from convscope.atlas.survey import survey

    units = None if order.units is None else range(order.units)
    member = survey(network, order.network, order.patterns, units)
    return Subject((member,), _gallery(order, network, lab), RECIPES["quick"], seed=0)


def _gallery(order: Order, network: "Network", lab: Lab) -> "Gallery":
    from PIL import Image

    from convscope.atlas.gallery import ArrayGallery
    from convscope.lens.models.network import preprocessing_of
    from convscope.tasks import digits

    if order.network == DIGITS:
        mnist = digits.load()
        some = [i * len(mnist.test_labels) // order.count for i in range(order.count)]
        return ArrayGallery(mnist.test_images[some], mnist.test_labels[some], mnist.classes, mnist.name)
    taken, names, fitted = preprocessing_of(network), [], []
    sources = sorted(map(Source.parse, dict.fromkeys(order.pictures)), key=lambda source: source.kind != "builtin")
    for source in sources:
        pixels = source.pixels(lab)
        fitted.append(taken.fit(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)))
        own = len(fitted) - sum(other.kind == "builtin" for other in sources)
        names.append(source.value if source.kind == "builtin" else f"picture-{own}")
    return ArrayGallery(np.stack(fitted), name="photographs", names=names)

