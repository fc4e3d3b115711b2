"""`convscope layers`, `fields` and `maps`: what there is in a network, how far it sees, what it says of a picture."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convscope.cli.commands import Json, print_json, progress_bar, say_skipped
from convscope.cli.lens import Asked, Output, about_a_network, read_inputs, this_command, with_preprocessing
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.lens.models import Network

PICTURES = 16
"""On so many a field is measured: gradients of more hardly move it."""


@about_a_network
def layers(asked: Asked, as_json: Json = False) -> None:
    """List what there is to look at in a network, in running order.

    Every layer has a name, by which the other commands know it; a block, such as a Fire block, is a layer too.

    \b
    Examples:
      convscope layers squeezenet
      convscope layers python:mynets.small:build --weights trained.safetensors --input-shape 3,64,96
    """
    from convscope import lens

    network = asked.open()
    found = lens.layers(network)
    if as_json:
        listed = [
            {**{key: value for key, value in vars(each).items() if key != "field"}, "field": _field(each.field)}
            for each in found
        ]
        print_json({"model": asked.model, "input_shape": network.input_shape, "layers": listed})
    else:
        typer.echo(f"{asked.model}: input {_shape(network.input_shape)}")
        typer.echo(str(found))


@about_a_network
def fields(
    asked: Asked,
    layer: Annotated[
        str | None, typer.Argument(metavar="[LAYER]", help="One layer. [default: all]", show_default=False)
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            readable=False,
            help="Measure too, on pictures of this folder, how far units really look.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """How much of the input a unit of each layer sees: its receptive field.

    Size and stride in cells of the input; offset is the first cell that the first unit sees, negative where that is
    padding. Axes are rows x columns. With pictures also the effective field: the side of the square of cells that
    together move the unit in the middle by 95 %, and its share of the receptive field's side.

    \b
    Examples:
      convscope fields squeezenet
      convscope fields squeezenet features.7 --images photos --json
    """
    from convscope import lens
    from convscope.lens.shown.results import as_text

    network = asked.open()
    if layer is None:
        known = {each.name: each.field for each in lens.layers(network)}
    else:
        known = {layer: lens.receptive_field(network, layer)}
    measured = {} if images is None else _effective(network, [name for name in known if known[name]], images, as_json)
    if as_json:
        told = {name: _field(field) for name, field in known.items()}
        print_json({"model": asked.model, "fields": told} | ({"effective": measured} if measured else {}))
        return
    rows = []
    for name, field in known.items():
        told = _field(field)
        if told is None:
            row = ("not known", "", "")
        elif told["whole"]:
            row = ("whole input", "", "")
        else:
            row = tuple(_shape(told[key]) for key in ("size", "stride", "offset"))
        looks = measured.get(name)
        rows.append((name, *row, *((f"{looks['size']:.1f}", f"{looks['share']:.0%}") if looks else ("", ""))))
    columns = ("layer", "size", "stride", "offset") + (("looks at", "of it") if measured else ())
    typer.echo(as_text(columns, [row[: len(columns)] for row in rows]))


@about_a_network
def maps(
    asked: Asked,
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", readable=False, help="What to show to the network.")
    ],
    layer: Annotated[
        list[str], typer.Option(metavar="LAYER", help="Of which layer; may be given several times.")
    ],
    output: Output,
    as_json: Json = False,
) -> None:
    """What a layer says about pictures: a page of its feature maps for each picture and layer.

    All maps of a page share one scale, which is printed on it: blue is negative, red positive.

    \b
    Examples:
      convscope maps squeezenet cat.jpg --layer features.3 -o maps.png
      convscope maps squeezenet cat.jpg dog.jpg --layer features.3 --layer features.7 -o maps
    """
    from convscope import lens
    from convscope.files import write_whole
    from convscope.lens.activations import figure
    from convscope.lens.shown.results import saved_as
    from convscope.pictures import png

    place = saved_as(output)
    if place.suffix and len(pictures) * len(layer) > 1:
        raise InputError(
            f"output={str(output)!r}: {len(pictures)} pictures and {len(layer)} layers make several pages; name a "
            "folder"
        )
    network = asked.open()
    inputs = read_inputs(network, pictures)
    found = lens.maps(network, inputs, layer)
    written = []
    for i, picture in enumerate(pictures):
        for name in layer:
            file = place if place.suffix else place / f"{i}-{picture.stem}-{name}.png"
            recipe = {**found.recipe, "picture": str(picture), "layer": name, "command": this_command()}
            written.append(str(write_whole(file, png(figure(found, name, i), recipe))))
    if as_json:
        values = {
            name: [{"shape": one.shape, "least": float(one.min()), "greatest": float(one.max())} for one in found[name]]
            for name in layer
        }
        print_json({"model": asked.model, "pictures": list(map(str, pictures)), "maps": values, "files": written})
    else:
        for file in written:
            typer.echo(file)


def _effective(network: "Network", layers: list[str], images: Path, quiet: bool) -> dict[str, dict[str, float]]:
    """The measured field of each layer, on sixteen pictures of the folder."""
    from convscope import lens

    photos = lens.Photos(images, with_preprocessing(network), limit=PICTURES)
    inputs, measured = photos.inputs(0, PICTURES), {}
    say_skipped(photos.skipped)
    with progress_bar("measure", quiet=quiet) as progress:
        for done, name in enumerate(layers):
            progress(done, len(layers), name)
            found = lens.effective_field(network, name, inputs)
            measured[name] = {"size": found.size, "share": found.fraction}
    return measured


def _field(field: Any) -> dict[str, Any] | None:
    return None if field is None else {**asdict(field), "whole": field.whole}


def _shape(sizes: Any) -> str:
    return " x ".join(map(str, sizes))
