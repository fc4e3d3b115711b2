"""`convscope dream`: a photograph in which a network's features grow; and a film that falls into it."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convscope.cli.commands import Json, Seed, progress_bar
from convscope.cli.lens import Asked, check_units, stopped_once, this_command, through_a_network
from convscope.cli.remaking import Tile, check_apart, given, said_plainly, tell, write
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.lens.dreams import Dream
    from convscope.lens.models import Network
    from convscope.lens.objectives import Objective

FPS = 15.0


@through_a_network
def dream(
    asked: Asked,
    picture: Annotated[Path, typer.Argument(metavar="IN", readable=False, help="A photograph.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            readable=False,
            help="What to write: .png, .jpg or .webp; with --frames a film, .webp or .mp4.",
            show_default=False,
        ),
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option(metavar="L", help="Grow what this layer sees; may be given again.", show_default=False),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="L:U[=W]",
            help="Grow what unit U of layer L sees, with weight W; may be given again, for a mix.",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER", readable=False, help="Grow what the layer sees in this picture.", show_default=False
        ),
    ] = None,
    octaves: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Sizes, coarse to fine. [default: by size]", show_default=False),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(metavar="F", help="From one size to the next. [default: 1.4]", show_default=False),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At each size. [default: 12]", show_default=False)
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(metavar="S", help="How far they move the picture. [default: 0.08]", show_default=False),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Longest side of OUT, in pixels. [default: IN's]", show_default=False),
    ] = None,
    tile: Tile = None,
    frames: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Make a film of so many pictures.", show_default=False)
    ] = None,
    zoom: Annotated[
        float | None,
        typer.Option(metavar="F", help="From one picture of the film to the next.", show_default=False),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(metavar="R", help="Pictures of the film a second. [default: 15]", show_default=False),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Let what a network sees in a photograph grow in it, from the coarse to the fine, at the photograph's own size.

    By default a layer in the middle of the network grows. Ctrl-C writes the picture as it is by then, or the film so
    far. The file carries its recipe, and the command that makes it again.

    \b
    Examples:
      convscope dream sky.jpg -o dream.jpg
      convscope dream sky.jpg -o dogs.png --unit classifier.1:207 --unit classifier.1:232=0.5
      convscope dream sky.jpg -o shells.webp --like shells.jpg --layer features.9
      convscope dream sky.jpg -o falling.mp4 --frames 200 --zoom 1.02 --size 720
    """
    from convscope.lens.anysize import as_photograph
    from convscope.lens.dreams.film import Film
    from convscope.lens.shown.remade import written_as

    if like is not None and (unit or len(layer or ()) > 1):
        raise InputError("--like: is about what one layer sees; give it with one --layer or none, and no --unit")
    if frames is None and (zoom is not None or fps is not None):
        raise InputError("--zoom and --fps: are about a film; give --frames too, how many pictures it has")
    rate = FPS if fps is None else fps
    sources = [picture] if like is None else [picture, like]
    check_apart(output, *sources)
    photo, *other = (as_photograph(source) for source in sources)
    if frames is None:
        written_as(output, [min(side, size or side) for side in photo.shape[:2]])
    else:
        Film(output, rate)  # refuses, before long work, what cannot be written
    network = asked.open()
    how: dict[str, Any] = given(octaves=octaves, scale=scale, steps=steps, strength=strength, size=size, tile=tile)
    how |= {"model": network, "seed": seed, **given(like=other[0] if other else None)}
    how["objective"] = layer[0] if layer and other else _mix(network, layer or [], unit or [])
    about = {"picture": str(picture), **given(like=None if like is None else str(like))}
    facts: dict[str, Any] = {"model": asked.model, **about}
    if frames is None:
        made = _picture(photo, how, output, about, quiet=as_json)
        rows, columns = made.picture.shape[:2]
        tell(facts | {"size": [rows, columns]}, [f"{rows} x {columns} pixels"], output, as_json)
    else:
        _film(photo, how | {"frames": frames, **given(by=zoom)}, output, rate, about, quiet=as_json)
        tell(facts | {"frames": frames, "fps": rate}, [f"{frames} pictures, {rate:g} a second"], output, as_json)


def _picture(photo: Any, how: dict[str, Any], output: Path, about: dict[str, str], *, quiet: bool) -> "Dream":
    from convscope.lens import dreams

    try:
        with said_plainly(), progress_bar("dream", quiet=quiet) as progress:
            made, stopped = dreams.dream(photo, **how, progress=progress), False
    except dreams.DreamStopped as stop:
        made, stopped = stop.dream, True
    return write(made, output, about, stopped)


def _film(photo: Any, how: dict[str, Any], output: Path, fps: float, about: dict[str, str], *, quiet: bool) -> None:
    from convscope.lens import dreams
    from convscope.lens.dreams.film import Film
    from convscope.lens.weights import weights_hash

    network = how["model"]
    recipe = {"made": "film", "source": network.source, "weights": weights_hash(network.model), **about}
    recipe["command"] = this_command()
    with said_plainly(), progress_bar("film", quiet=quiet) as progress, Film(output, fps, recipe) as film:
        try:
            for frame in dreams.zooming(photo, **how):
                film.add(frame)
                progress(film.frames, how["frames"], "")
        except KeyboardInterrupt:
            stopped_once()
    if not film.frames:
        raise KeyboardInterrupt("stopped before the first picture was finished; nothing was written")
    if film.frames < how["frames"]:
        raise KeyboardInterrupt(f"stopped; the {film.frames} pictures that were finished are in {output}")


def _mix(network: "Network", layers: list[str], units: list[str]) -> "Objective | None":
    """What is to grow, as one objective; None for nothing named. Raises InputError for layers and units not there."""
    from convscope.lens.fields import visited
    from convscope.lens.objectives import channel, neuron
    from convscope.lens.objectives import layer as whole

    parts = [whole(visited(network, name).name) for name in layers]
    for text in units:
        name, unit, weight = _unit(text)
        seen = visited(network, name)
        check_units(network, [seen.name], (unit,))
        part = (channel if len(seen.shape) > 1 else neuron)(name, unit)
        parts.append(part if weight == 1 else weight * part)
    return sum(parts[1:], parts[0]) if parts else None


def _unit(text: str) -> tuple[str, int, float]:
    """`L:U` or `L:U=W` as layer, unit, weight. Raises InputError for anything else."""
    found = re.fullmatch(r"(.+):(\d+)(?:=(.+))?", text)
    try:
        weight = float(found[3] or 1) if found else math.nan
    except ValueError:
        weight = math.nan
    if found is None or not math.isfinite(weight):
        raise InputError(f"unit={text!r}: write it as LAYER:NUMBER or LAYER:NUMBER=WEIGHT, such as features.9:12=0.5")
    return found[1], int(found[2]), weight
