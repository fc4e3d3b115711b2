"""What somebody asks for: a dream or a style, as settings within bounds, as a command and as Python."""

import re
import shlex
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from convscope.errors import InputError
from convscope.web.sources import Source

PHOTOREALISTIC = 1e4
"""What Luan et al. 2017 take for lambda, and what the command line takes."""

Model = Literal["squeezenet", "efficientnet-lite0"]
Text = Annotated[str, Field(max_length=6000)]
Layer = Annotated[str, Field(max_length=80)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Dreaming(BaseModel):
    """What a layer sees grows in a picture.

    layers: what grows, all together; none: one with something to see in it. unit: of the one layer that is named; null:
    all of them. octaves: sizes, coarse to fine; null: by size. steps: at each size. strength: how far they move the
    picture, as a share of white. size: of the longest side.
    """

    model_config = ConfigDict(extra="forbid")

    picture: Text = "builtin:castle"
    network: Model = "squeezenet"
    layers: list[Layer] = Field(default=[], max_length=4)
    unit: int | None = Field(default=None, ge=0, le=5000)
    octaves: int | None = Field(default=None, ge=1, le=8)
    steps: int = Field(default=12, ge=1, le=60)
    strength: float = Field(default=0.08, ge=0.005, le=0.5)
    size: int = Field(default=400, ge=64, le=1024)
    seed: Seed = 0

    def check(self) -> None:
        """Raises InputError for what names no picture, and a unit of no layer or of several."""
        Source.parse(self.picture)
        if self.unit is not None and len(self.layers) != 1:
            raise InputError(f"unit={self.unit}: of {len(self.layers)} layers; name the one layer that it is of")

    @property
    def settings(self) -> dict[str, Any]:
        """As `convscope.dream` takes them, those that are not as they are by default."""
        usual = {"octaves": None, "steps": 12, "strength": 0.08, "seed": 0}
        given = {name: getattr(self, name) for name in ("octaves", "steps", "strength", "seed")}
        return {**{name: value for name, value in given.items() if value != usual[name]}, "size": self.size}

    @property
    def file(self) -> str:
        return f"{stem(self.picture)}-dream.png"

    @property
    def command(self) -> str:
        line = ["convscope", "dream", f"{stem(self.picture)}.png", "-o", self.file]
        line += ["--model", self.network] if self.network != "squeezenet" else []
        for layer in self.layers:
            line += ["--layer", layer] if self.unit is None else ["--unit", f"{layer}:{self.unit}"]
        return shlex.join([*line, *_options(self.settings)])

    def python(self) -> str:
        words = ["picture", f"model={self.network!r}", *(f"{name}={value!r}" for name, value in self.settings.items())]
        imports = ["import convscope as cs"]
        if self.unit is not None:
            imports.append("from convscope.lens.objectives import channel")
            words.insert(1, f"channel({self.layers[0]!r}, {self.unit})")
        elif len(self.layers) > 1:
            imports.append("from convscope.lens.objectives import layer")
            words.insert(1, " + ".join(f"layer({name!r})" for name in self.layers))
        elif self.layers:
            words.insert(1, repr(self.layers[0]))
        made = f"dreamt = cs.dream({', '.join(words)})\ndreamt.save({self.file!r})"
        return _program(imports, Source.parse(self.picture).python(), made)


class Styling(BaseModel):
    """A picture's content in the style of another.

    photorealistic: colours change as in a photograph only. strength: what style counts for against content. colours:
    whose. steps: at each size, coarse to fine. size: of the longest side.
    """

    model_config = ConfigDict(extra="forbid")

    picture: Text = "builtin:castle"
    style: Text = "builtin:cafe-terrace"
    photorealistic: bool = False
    strength: float = Field(default=10.0, ge=0.01, le=10000)
    colours: Literal["style", "content"] = "style"
    steps: int = Field(default=40, ge=1, le=300)
    size: int = Field(default=320, ge=64, le=768)
    seed: Seed = 0

    def check(self) -> None:
        """Raises InputError for what names no picture, and for a picture that is to take its own style."""
        Source.parse(self.picture)
        Source.parse(self.style)
        if self.picture == self.style:
            raise InputError("style: it is the picture itself, nothing would change; choose another one")

    @property
    def settings(self) -> dict[str, Any]:
        """As `convscope.style` takes them, those that are not as they are by default."""
        usual = {"strength": 10.0, "colours": "style", "steps": 60, "size": 512, "seed": 0}
        given = {name: getattr(self, name) for name in usual}
        settings = {name: value for name, value in given.items() if value != usual[name]}
        return {**settings, "photorealistic": PHOTOREALISTIC} if self.photorealistic else settings

    @property
    def painting(self) -> str:
        return stem(self.style, "painting")

    @property
    def file(self) -> str:
        return f"{stem(self.picture)}-{self.painting}.png"

    @property
    def command(self) -> str:
        settings = {**self.settings, "photorealistic": True} if self.photorealistic else self.settings
        names = [f"{stem(self.picture)}.png", f"{self.painting}.png"]
        return shlex.join(["convscope", "style", *names, "-o", self.file, *_options(settings)])

    def python(self) -> str:
        words = ["picture", "painting", *(f"{name}={value!r}" for name, value in self.settings.items())]
        painting = re.sub(r"\bpicture\b", "painting", Source.parse(self.style).python())
        made = f"styled = cs.style({', '.join(words)})\nstyled.save({self.file!r})"
        return _program(["import convscope as cs"], Source.parse(self.picture).python(), painting, made)


def stem(source: str, unnamed: str = "picture") -> str:
    """What the file of a picture is called in commands."""
    kind, _, value = source.partition(":")
    return value if kind == "builtin" else unnamed


def _options(settings: dict[str, Any]) -> list[str]:
    line = []
    for name, value in settings.items():
        written = f"{value:g}" if isinstance(value, float) else str(value)
        line += [f"--{name}"] if value is True else [f"--{name}", written]
    return line


def _program(imports: list[str], *parts: str) -> str:
    """Parts one after another, each import once and first."""
    lines = [*imports, *(line for part in parts for line in part.splitlines() if line)]
    first = dict.fromkeys(line for line in lines if line.startswith(("import ", "from ")))
    rest = [line for line in lines if line not in first]
    return "\n".join([*first, "", *rest])
