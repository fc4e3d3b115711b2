"""`convscope examples`, `trust` and `account`: what real pictures say about a network's units."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from convscope.cli.commands import Json, Seed, print_json, progress_bar, say_skipped
from convscope.cli.lens import (
    Asked,
    Images,
    Layer,
    Output,
    Units,
    about_a_network,
    check_units,
    read_inputs,
    read_units,
    stopped_once,
    this_command,
    with_preprocessing,
)

MOST = 4000
"""Inputs of a network's own world that are gone through, spread evenly over all there are."""


@about_a_network
def examples(
    asked: Asked,
    layers: Annotated[
        list[str],
        typer.Argument(metavar="LAYER...", help="Names, as `convscope layers MODEL` lists them.", show_default=False),
    ],
    images: Images,
    output: Output,
    units: Units = None,
    k: Annotated[int, typer.Option("-k", min=1, metavar="K", help="Pictures at each end.")] = 9,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Which real pictures excite each unit of a layer most, and which least: what the unit sees of them.

    One page a unit: the strongest first, and below them the weakest. The folder is gone through once, whatever its
    size; broken files are skipped and named. Ctrl-C keeps what was found until then. For a network that plays Go or
    knows words, the folder (or file) holds games or recordings, for one of texts the file has a text on each line.

    \b
    Examples:
      convscope examples squeezenet features.3 --images photos -o examples
      convscope examples squeezenet classifier.1 --units 281-285 --images photos -k 5 -o cats.png
    """
    from convscope import lens
    from convscope.lens.exemplars import pages
    from convscope.lens.shown.results import saved_as

    wanted, place = read_units(units), saved_as(output)
    network = asked.open()
    check_units(network, layers, wanted)
    photos, told = _real(network, images)
    with progress_bar("examples", quiet=as_json) as progress:
        how = {"seed": seed, "on_stop": "keep", "progress": progress, **asked.in_batches()}
        found = lens.examples(network, layers, photos, k, **how)
    if not found.complete:
        stopped_once()
    with progress_bar("pages", quiet=as_json) as progress:
        book = pages.Pages(found, photos, wanted, {**found.recipe, "command": this_command()}, progress)
        files = [str(file) for file in book.save(place)]
    say_skipped(told.skipped)
    if not found.complete:
        raise KeyboardInterrupt(f"stopped; what was found in the first {found.pictures} pictures is in {place}")
    if as_json:
        names = told.names
        listed = {layer: [book.listed(layer, unit, names) for unit in book.units(layer)] for layer in found}
        print_json({"model": asked.model, "pictures": found.pictures, "layers": listed, "files": files})
    else:
        typer.echo(f"{found.pictures} pictures seen; written: {place}")


@about_a_network
def trust(
    asked: Asked,
    layer: Layer,
    images: Images,
    units: Units = None,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE|DIR", readable=False, help="Write the drawings too.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw units and say of each picture how far it can be believed: clear, mixed, do not trust, or dead; and why.

    The drawing is held against real pictures, at least 40: does it excite the unit more, is it carried through the
    network like them, does an independent network know by it what the unit likes?

    \b
    Examples:
      convscope trust squeezenet features.7 --units 0-3 --images photos
      convscope trust squeezenet features.7 --units 12 --images photos -o unit.png --json
    """
    from convscope import lens
    from convscope.lens.credibility import trust as judge
    from convscope.lens.photos import Photos
    from convscope.lens.shown.results import saved_as

    wanted, place = read_units(units), None if output is None else saved_as(output)
    network = asked.open()
    photos = Photos(images, with_preprocessing(network))
    with progress_bar("draw", quiet=as_json) as progress:
        drawing: Any = lens.draw(network, layer, wanted, seed=seed, progress=progress, **asked.in_batches())
    with progress_bar("trust", quiet=as_json) as progress:
        judged = judge(network, drawing, photos, seed=seed, progress=progress)
    say_skipped(photos.skipped)
    facts: dict[str, Any] = {"model": asked.model, "units": [_told(each) for each in judged]}
    if place is not None:
        labels = {"trust": {str(each.unit): each.label for each in judged}, "command": this_command()}
        named = replace(drawing, recipe={**drawing.recipe, **labels})
        facts["files"] = [str(file) for file in named.save(place)]
    if as_json:
        print_json(facts)
    else:
        for each in judged:
            typer.echo(str(each))
        if place is not None:
            typer.echo(f"written: {place}")


@about_a_network
def account(
    asked: Asked,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", readable=False, help="What the network is to see.")],
    layer: Annotated[str, typer.Option(metavar="LAYER", help="Whose units are to account for it.")],
    of: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="UNIT", help="Of the output, such as a class. [default: the largest]", show_default=False
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, metavar="K", help="Units to name and to prove.")] = 9,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Points on the way from rest.")] = 32,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR",
            readable=False,
            help="Draw it too: where in the picture each unit gave what it gave.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Which units of a layer carried what the network says of a picture, and is that so?

    Each unit's contribution is integrated from the layer at rest to what it said; they add up. Then the units are
    taken out, in real forward passes, and the value's fall is set beside what was said of them.

    \b
    Examples:
      convscope account squeezenet cat.jpg --layer features.12
      convscope account squeezenet cat.jpg --layer features.12 --of 281 -k 5 -o why.png
    """
    from convscope.lens.accounts import account as give_account
    from convscope.lens.shown.results import saved_as

    place = None if output is None else saved_as(output)
    network = asked.open()
    inputs = read_inputs(network, [picture])
    told = give_account(network, inputs[0], layer, of, k, steps=steps, seed=seed, **asked.in_batches())
    facts = told.to_dict() | {"model": asked.model, "picture": str(picture)}
    if place is not None:
        recipe = {**told.recipe, "picture": str(picture), "command": this_command()}
        facts["files"] = [str(file) for file in replace(told, recipe=recipe).save(place)]
    if as_json:
        print_json(facts)
    else:
        typer.echo(str(told))
        if place is not None:
            typer.echo(f"written: {place}")


def _real(network: Any, images: Path) -> tuple[Any, Any]:
    """The real pictures in a folder, or what it holds of the network's own world; and what tells their names."""
    from convscope.lens.photos import Photos

    if network.world is None:
        photos = Photos(images, with_preprocessing(network))
        return photos, photos
    inputs = network.world.read(images, MOST)
    return inputs.values, inputs


def _told(judged: Any) -> dict[str, Any]:
    """A `Trust` as plain data, its reasons also in words; NaN as None."""
    data = asdict(judged)
    for data_of, reason in zip(data["reasons"], judged.reasons, strict=True):
        data_of["text"] = str(reason)
    return _plain(data)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    plain = getattr(value, "item", lambda: value)()  # a NumPy number as Python's
    return None if plain != plain else plain
