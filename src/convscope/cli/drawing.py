"""`convscope draw`: the picture that a unit looks for."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from convscope.cli.commands import Json, Seed, print_json, progress_bar
from convscope.cli.lens import Asked, Layer, Output, Units, about_a_network, read_units, stopped_once, this_command


@about_a_network
def draw(
    asked: Asked,
    layer: Layer,
    output: Output,
    units: Units = None,
    facets: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures of each unit, unlike each other.")] = 1,
    whole: Annotated[
        bool, typer.Option("--whole", help="Raise the channel everywhere, on a canvas of the full size.")
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many steps. [default: by network]", show_default=False),
    ] = None,
    l1: Annotated[float, typer.Option(min=0, metavar="W", help="Weight of ink: leaves the strokes that pay.")] = 0.0,
    tv: Annotated[float, typer.Option(min=0, metavar="W", help="Weight of roughness: smooths.")] = 0.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw, from noise, the picture that excites a unit of a layer most.

    By default one position of the layer's map is raised, on a canvas as large as it sees. Ctrl-C keeps the units
    that are finished. Each file carries its recipe, and the command that makes it again.

    \b
    Examples:
      convscope draw squeezenet features.3 --units 0,3-7 -o fire.png
      convscope draw squeezenet classifier.1 --units 285 --facets 4 --whole -o cats
    """
    from convscope import lens
    from convscope.lens.recipes import DrawingStopped
    from convscope.lens.shown.results import saved_as

    wanted, place = read_units(units), saved_as(output)
    network = asked.open()
    how = {"facets": facets, "whole": whole, "l1": l1, "tv": tv, "seed": seed, **asked.in_batches()}
    how |= {} if steps is None else {"steps": steps}
    try:
        with progress_bar("draw", quiet=as_json) as progress:
            drawing, stopped = lens.draw(network, layer, wanted, **how, progress=progress), False
    except DrawingStopped as stop:
        stopped_once()
        drawing, stopped = stop.drawing, True
    if drawing is None:
        raise KeyboardInterrupt("stopped before a unit was finished; nothing was written")
    drawing = replace(drawing, recipe={**drawing.recipe, "command": this_command()})
    files = [str(file) for file in drawing.save(place)]
    if stopped:
        raise KeyboardInterrupt(f"stopped; the {len(drawing.units)} pictures that were finished are in {place}")
    _tell(asked, drawing, str(place), files, as_json)


def _tell(asked: Asked, drawing: Any, place: str, files: list[str], as_json: bool) -> None:
    told = [
        {"unit": int(unit), "value": None if dead else float(value), "dead": bool(dead)}
        for unit, value, dead in zip(drawing.units, drawing.values, drawing.dead, strict=True)
    ]
    if as_json:
        print_json({"model": asked.model, "layer": drawing.layer, "pictures": told, "files": files})
        return
    dead = [str(each["unit"]) for each in told if each["dead"]]
    typer.echo(f"{drawing.layer}: {len(told)} pictures of {' x '.join(map(str, drawing.seen().shape[2:]))} cells")
    if dead:
        typer.echo(f"dead, nothing excites them: units {', '.join(dead)}")
    typer.echo(f"written: {place}")
