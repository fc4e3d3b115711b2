"""`convscope atlas`: every unit of a network, as pages to look at."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convscope.cli.commands import (
    Json,
    Seed,
    defaulting,
    print_json,
    progress_bar,
    say_error,
    say_skipped,
    when_stopped,
)
from convscope.cli.lens import Asked, about_a_network, read_units, this_command, with_preprocessing
from convscope.errors import InputError
from convscope.files import check_can_claim

if TYPE_CHECKING:
    from convscope.atlas.gallery import Gallery
    from convscope.atlas.subject import Subject
    from convscope.lens.models import Network

Place = Annotated[
    str, typer.Argument(metavar="FOLDER", help="An atlas: a folder or an fsspec URL.", show_default=False)
]

app = defaulting(
    "make",
    "Everything a network learned, unit by unit, as a folder of pages that opens without network or server.\n\n"
    "`convscope atlas MODEL --images DIR` makes one (all its options: `convscope atlas make --help`).",
)


@app.command("make")
@about_a_network
def make(
    asked: Asked,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|PATTERN|URL",
            help="The real pictures: a folder, a pattern such as 'photos/**/*.jpg', or an fsspec URL of either; for "
            "networks of boards, sounds or words what holds those. [default: none; of digits MNIST's test set]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write; a folder or an fsspec URL.")
    ] = "atlas",
    also: Annotated[
        list[str],
        typer.Option(
            metavar="MODEL",
            help="Another network, or another checkpoint of the same, to stand beside it; several times.",
            show_default=False,
        ),
    ] = [],  # noqa: B006  # typer asks for it
    layers: Annotated[
        list[str],
        typer.Option(
            metavar="PATTERN",
            help="Layers by name or pattern, such as 'features.*'; several times. [default: all with kernels or "
            "weights between units, and blocks of them]",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    units: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Units to draw in each layer, such as 0-15. [default: all]", show_default=False
        ),
    ] = None,
    recipe: Annotated[
        Literal["quick", "full"],
        typer.Option(help="quick: one drawing of each unit; full: three, and every one is judged at length."),
    ] = "quick",
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Draw as many units of every layer as that time allows, such as 20m or 1.5h.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many pictures, spread evenly.", show_default=False),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Do the I-th of N parts only; `convscope atlas merge` joins what several machines made.",
            show_default=False,
        ),
    ] = None,
    runner: Annotated[
        Literal["serial", "ray"], typer.Option(help="serial: here, one task after another; ray: on a Ray cluster.")
    ] = "serial",
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of Ray: tasks at a time. [default: one a core]", show_default=False),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Of Ray: a cluster that runs already.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure a sample and say what it will cost; write nothing.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Make an atlas of a network, or go on with one that was stopped, and say which page to open.

    Every unit gets a card: a picture drawn to excite it, the real pictures that do and what it sees of them, its
    kernel, what it hangs on, units like it, and how far the drawing can be believed. What is finished is kept
    whatever happens; changed settings redo only what they touch.

    \b
    Examples:
      convscope atlas squeezenet --images photos --dry-run
      convscope atlas squeezenet --images photos
      convscope atlas efficientnet-lite0 --images photos --layers '_blocks.*' --units 0-15 -o lite
      convscope atlas e1.safetensors --also e2.safetensors --also e9.safetensors -o training
      convscope atlas squeezenet --images photos --runner ray --workers 2
    """
    from dataclasses import replace
    from functools import partial

    from convscope.atlas import cost, job
    from convscope.atlas.runners import serial
    from convscope.atlas.store import MANIFEST
    from convscope.atlas.subject import RECIPES, Subject
    from convscope.atlas.survey import survey

    if "://" not in out and not dry_run:
        check_can_claim(out, MANIFEST)  # said before a network is trained
    wanted, share = read_units(units), _part(part)
    seconds = None if budget is None else cost.seconds_of(budget)
    history = _trained(asked, quiet=as_json)
    own = asked.model if asked.weights is None else f"{asked.model}@{asked.weights}"  # one string says it to workers
    sources = [own, *also]
    networks = [replace(asked, model=source, weights=None).open() for source in sources]
    gallery = _gallery(asked, networks, images, limit)
    members = tuple(
        survey(network, label, layers or None, wanted)
        for network, label in zip(networks, _labels(sources), strict=True)
    )
    subject = Subject(members, gallery, RECIPES[recipe], seed)
    begun = None if seconds is None or dry_run else _as_begun(out, subject)
    if begun is not None:
        subject = begun
    elif seconds is not None or dry_run:
        told = cost.cost(subject)
        if seconds is not None:
            subject = cost.within(subject, told, seconds)
            told = cost.cost(subject)
        if dry_run:
            print_json(_costs(told)) if as_json else typer.echo(str(told))
            return
        if not as_json:
            say_error(str(told))
    run = serial.run
    if runner == "ray":
        from convscope.atlas.runners import ray

        gpus = 0.0 if asked.device == "cpu" else 1.0
        run = partial(ray.run, address=address, workers=workers, gpus=gpus, device=asked.device)
    with (
        when_stopped(lambda: f"stopped; what was finished is kept in {out}, the same command goes on"),
        progress_bar("atlas", quiet=as_json) as progress,
    ):
        index = job.build(
            out,
            subject,
            runner=run,
            progress=progress,
            command=this_command(),
            part=share,
            history={members[0].label: history},
        )
    if as_json:
        print_json({"index": index, "folder": out})
    elif index is None:
        typer.echo(f"part {part} of {out} is done; join the parts with `convscope atlas merge`")
    else:
        typer.echo(f"open {_shown(index)}")


@app.command("verify")
def verify(folder: Place, as_json: Json = False) -> None:
    """Check every file of an atlas against its hash: exit status 0 if all are whole, 1 if not.

    \b
    Example:
      convscope atlas verify atlas
    """
    from convscope.atlas.store import Store

    problems = Store.open(folder).verify()
    if as_json:
        print_json({"folder": folder, "problems": problems})
    else:
        typer.echo("\n".join(problems) if problems else f"{folder}: every file is whole")
    if problems:
        raise typer.Exit(1)


@app.command("merge")
def merge(
    folders: Annotated[
        list[str], typer.Argument(metavar="FOLDER...", help="Atlases of the same networks.", show_default=False)
    ],
    out: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where the whole one is written.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Join atlases that were made apart: parts of one (`--part 1/2`), or other layers of the same networks.

    \b
    Example:
      convscope atlas merge half1 half2 -o whole
    """
    from convscope.atlas import job

    joined = job.join(folders, out)
    for line in joined.damaged:
        say_error(f"left out: {line}")
    if as_json:
        print_json({"index": joined.index, "folder": out, "damaged": joined.damaged})
    elif joined.index is None:
        typer.echo(f"joined in {out}; what is left, the pages too, is made by: {_without_part(joined.command, out)}")
    else:
        typer.echo(f"open {_shown(joined.index)}")


def _without_part(command: str, out: str) -> str:
    """The command that made a part, as one that makes the whole in another folder."""
    words = shlex.split(command)
    for option in ("--part", "--output", "-o"):
        words = [
            word
            for before, word in zip(["", *words], words)
            if option not in (word, before) and not word.startswith(f"{option}=")
        ]
    return shlex.join([*words, "-o", out])


def _as_begun(out: str, subject: "Subject") -> "Subject | None":
    """With the units that the same command chose when it began here: times are never measured twice alike."""
    from dataclasses import replace

    from convscope.atlas.store import Store
    from convscope.atlas.survey import drawing

    told = Store(out).manifest().get("facts", {})
    if told.get("command") != this_command() or len(told["networks"]) != len(subject.members):
        return None
    chosen = [{layer["name"]: layer["drawn"] for layer in network["layers"]} for network in told["networks"]]
    members = (drawing(member, units) for member, units in zip(subject.members, chosen, strict=True))
    return replace(subject, members=tuple(members))


def _gallery(asked: Asked, networks: list["Network"], images: str | None, limit: int | None) -> "Gallery | None":
    """The real pictures. Digits have some of their own; a folder of IDX files is read as a set of digits is."""
    from convscope.atlas.gallery import ArrayGallery, open_gallery
    from convscope.tasks import digits

    of_digits = _reads_digits(asked)
    idx = images is not None and Path(images).is_dir() and any(Path(images).glob("t10k-images*"))
    if not (idx or (of_digits and images is None)):
        if images is None:
            return None
        for network in networks:
            if network.world is None and len(network.input_shape) == 3:
                with_preprocessing(network)
        return open_gallery(images, networks, limit)
    data = digits.load(None if images is None else Path(images))
    say_skipped(data.skipped)
    pictures, labels = data.test_images[..., None], data.test_labels
    if limit is not None and limit < len(pictures):
        places = [i * len(pictures) // limit for i in range(limit)]
        pictures, labels = pictures[places], labels[places]
    return ArrayGallery(pictures, labels, data.classes, data.name)


def _reads_digits(asked: Asked) -> bool:
    from convscope.tasks import keeping

    file = Path(asked.model)
    return asked.model == "lenet5" or (file.is_file() and keeping.task_of_file(file) == "digits")


def _trained(asked: Asked, quiet: bool) -> tuple[dict[str, float], ...]:
    """How a LeNet-5 came about: trained now, with a bar, if that was never done."""
    from convscope.cli.network import the_network

    if not _reads_digits(asked):
        return ()
    file = asked.weights if asked.model == "lenet5" else Path(asked.model)
    return the_network(file, quiet=quiet).history


def _labels(sources: list[str]) -> list[str]:
    """A name for each network: its source without what all have in common, such as the folder."""
    labels = [Path(source).stem if Path(source).is_file() else source for source in sources]
    return [label if labels.count(label) == 1 else f"{label} {place}" for place, label in enumerate(labels, 1)]


def _part(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    which, _, of = text.partition("/")
    if not (which.isdecimal() and of.isdecimal() and 1 <= int(which) <= int(of)):
        raise InputError(f"part={text!r}: write the first of two parts as 1/2")
    return int(which), int(of)


def _costs(told: Any) -> dict[str, Any]:
    return {key: getattr(told, key) for key in ("seconds", "memory", "disk", "units", "tasks")}


def _shown(index: str) -> str:
    return index if "://" in index else str(Path(index).resolve())
