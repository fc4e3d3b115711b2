"""`convscope atlas`: everything a network learned, as pages to look at."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from convscope.cli.commands import Data, Json, Seed, print_json, progress_bar, say_skipped, when_stopped
from convscope.cli.network import the_network
from convscope.errors import InputError


def atlas(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Where to write; a second run into its own folder goes on there.",
            readable=False,  # not typer's to judge: convscope says what is wrong with a file, here and below
        ),
    ] = Path("atlas"),
    data: Data = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="A trained LeNet-5 (.safetensors). "
            "[default: trained now, or what was trained before with this data and seed]",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write a folder of pages that shows what a LeNet-5 has learned, and say which file to open.

    The pages need no network and no server. Without --weights the network is trained first.

    \b
    Examples:
      convscope atlas
      convscope atlas what-it-learned --weights lenet5.safetensors
      convscope atlas fashion --data fashion-mnist
    """
    from convscope import bridge
    from convscope.atlas import job
    from convscope.atlas.store import MANIFEST, Store
    from convscope.tasks import digits

    Store(folder)  # a place that cannot be written is said before the network is trained
    pictures = digits.load(data)
    say_skipped(pictures.skipped)
    trained = the_network(weights, pictures, seed, quiet=as_json)
    if trained.classes != pictures.classes:
        raise InputError(
            f"{weights} knows the classes {', '.join(trained.classes)} and {pictures.name} has "
            f"{', '.join(pictures.classes)}: give --data the set that it was trained on"
        )

    def kept() -> str:
        begun = (folder / MANIFEST).exists()
        return f"stopped; what was drawn is kept in {folder}, the same command goes on" if begun else "stopped"

    with when_stopped(kept), progress_bar("atlas", quiet=as_json) as progress:
        index = job.build(
            folder,
            model=bridge.to_torch(trained.network),
            classes=pictures.classes,
            images=pictures.test_images,
            inputs=digits.normalise(pictures.test_images),
            labels=pictures.test_labels,
            history=trained.history,
            metadata={
                "network": "LeNet-5",
                "data": pictures.name,
                "recipe": trained.told,
                "seed": seed,
                "command": shlex.join(["convscope", *sys.argv[1:]]),
            },
            progress=progress,
        )
    if as_json:
        print_json({"index": str(index)})
    else:
        typer.echo(f"open {index.resolve()}")
