"""What the commands share that make one photograph anew: where they write, what they warn of, what they tell."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from convscope.cli.commands import print_json, say_error
from convscope.cli.lens import stopped_once, this_command
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.lens.shown import Remade

Tile = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Let the network see N x N pixels at a time: bounds the memory. [default: large pictures only]",
        show_default=False,
    ),
]
Value = TypeVar("Value")
Made = TypeVar("Made", bound="Remade")


def given(**options: Value | None) -> dict[str, Value]:
    """The options that somebody gave, for a function that has its own defaults."""
    return {name: value for name, value in options.items() if value is not None}


def check_apart(output: Path, *sources: Path) -> None:
    """Says that what is written would take the place of what it is made from. Raises InputError."""
    for source in sources:
        if output.exists() and source.exists() and output.samefile(source):
            raise InputError(f"output={str(output)!r}: would be written over the file it is made from; name another")


@contextmanager
def said_plainly() -> Iterator[None]:
    """What the block warns of is a line on stderr, without the code that warned."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.showwarning = lambda message, *_, **__: say_error(str(message))
        yield


def write(made: Made | None, output: Path, about: Mapping[str, Any], stopped: bool = False, go_on: str = "") -> Made:
    """Write what was made, with what the command knows of it. stopped: Ctrl-C came; go_on: what to do then.

    Raises KeyboardInterrupt, with words that say what was written, where it was stopped.
    """
    if stopped:
        stopped_once()
    if made is None:
        raise KeyboardInterrupt(f"stopped before there was anything new to see; nothing was written{go_on}")
    made = replace(made, recipe={**made.recipe, **about, "command": this_command()})
    made.save(output)
    if stopped:
        raise KeyboardInterrupt(f"stopped; the picture as it was by then is in {output}{go_on}")
    return made


def tell(facts: Mapping[str, Any], lines: Sequence[str], output: Path, as_json: bool) -> None:
    """What was done, for people or as one JSON object."""
    if as_json:
        print_json({**facts, "files": [str(output)]})
    else:
        for line in lines:
            typer.echo(line)
        typer.echo(f"written: {output}")
