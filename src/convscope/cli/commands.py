"""What all commands share: how mistakes and Ctrl-C leave the program, and options that several take."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from convscope.errors import InputError

BAD_INPUT = 2
STOPPED = 130  # 128 + SIGINT, as shells have it

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text for people.")]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Another data set: a folder of four IDX files as MNIST has them, or of one folder of pictures "
        "per class. [default: the MNIST that comes with convscope]",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="S", help="One seed gives one result.")]


class _Group(TyperGroup):
    """Commands whose mistakes end in one line on stderr."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as problem:
            say_error(problem)
            raise typer.Exit(BAD_INPUT) from problem
        except KeyboardInterrupt as stop:
            say_error(str(stop) or "stopped")
            raise typer.Exit(STOPPED) from stop


def group(about: str) -> typer.Typer:
    """A command that holds other commands."""
    return typer.Typer(
        cls=_Group,
        help=about,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # a mistake of this program keeps Python's own traceback
        rich_markup_mode=None,  # plain help: the same in a terminal, a file and the documentation
    )


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on stderr while the block runs; yields what moves it: `progress(done, total, what)`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield progress


def say_error(problem: Exception | str) -> None:
    """One line on stderr."""
    typer.echo(f"convscope: {problem}", err=True)


def say_skipped(skipped: tuple[str, ...]) -> None:
    """On stderr, what of a data set could not be used."""
    if skipped:
        say_error(f"skipped {len(skipped)} files that are no pictures:")
        for line in skipped:
            say_error(f"  {line}")


def print_json(value: Any) -> None:
    """One JSON object on stdout, on one line."""
    json.dump(value, sys.stdout, allow_nan=False, ensure_ascii=False)
    sys.stdout.write("\n")
