"""What all commands share: how mistakes and Ctrl-C leave the program, and options that several take."""

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from convscope.cli import STOPPED
from convscope.errors import InputError

BAD_INPUT = 2
READER_GONE = 141  # 128 + SIGPIPE, as shells have it

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text for people.")]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        readable=False,  # not typer's to judge: convscope says what is wrong with it
        help="Another data set: a folder of four IDX files as MNIST has them, or of one folder of pictures "
        "per class. [default: the MNIST that comes with convscope]",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="S", help="One seed gives one result.")]


class _Group(TyperGroup):
    """Commands whose mistakes end in one line on stderr."""

    def make_context(self, *words: Any, **how: Any) -> Any:
        with _one_line():
            return super().make_context(*words, **how)

    def invoke(self, ctx: Any) -> Any:
        with _one_line():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    """What stops the block for a reason that is the user's ends in one line and the exit status for it."""
    try:
        yield
    except TyperException as problem:
        message, context = problem.format_message(), getattr(problem, "ctx", None)
        if "\n" in message:
            raise  # the help, for whoever gives no command
        say_error(message.removesuffix(".") + (f"; see {context.command_path} --help" if context else ""))
        raise typer.Exit(BAD_INPUT) from problem
    except InputError as problem:
        say_error(problem)
        raise typer.Exit(BAD_INPUT) from problem
    except KeyboardInterrupt as stop:
        _ignore_stops()
        say_error(str(stop) or "stopped")
        raise typer.Exit(STOPPED) from stop
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        if _while_printing(problem):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python writes when it ends
            if problem.errno == errno.EPIPE:
                raise typer.Exit(READER_GONE) from problem
            say_error(f"cannot write to stdout: {reason}; send it to a place with room")
        elif problem.errno == errno.ENOSPC:
            say_error(f"{reason}: not even for compiled code; make room, or set NUMBA_CACHE_DIR to a folder with room")
        else:
            raise
        raise typer.Exit(BAD_INPUT) from problem


def _while_printing(problem: OSError) -> bool:
    """Whether it was typer that failed, which does nothing to files but print."""
    *_, (frame, _) = traceback.walk_tb(problem.__traceback__)
    return frame.f_globals["__name__"].startswith("typer.")


def _ignore_stops() -> None:
    """From now on: nothing is left to stop but the way out."""
    for name in ("SIGINT", "SIGALRM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


@contextmanager
def when_stopped(tell: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C in the block ends the program with the line `tell()`: what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(tell()) from None


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


def defaulting(command: str, about: str) -> typer.Typer:
    """Commands one of which is meant where none is named: `convscope atlas MODEL` for `convscope atlas make MODEL`."""

    class Group(_Group):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            named = not args or args[0] in self.commands or args[0] == "--help"
            return super().parse_args(ctx, args if named else [command, *args])

    made = group(about)
    made.info.cls = Group
    return made


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
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield progress


def say_error(problem: Exception | str) -> None:
    """One line on stderr, if that can be written."""
    with suppress(OSError):
        typer.echo(f"convscope: {problem}", err=True)


def say_skipped(skipped: tuple[str, ...]) -> None:
    """On stderr, what of a data set could not be used."""
    if skipped:
        say_error(f"skipped {len(skipped)} files that are no pictures:")
        for line in skipped:
            say_error(f"  {line}")


def numbers(name: str, text: str) -> int | tuple[int, ...]:
    """An option of one whole number, or of several with commas between."""
    try:
        given = tuple(int(part) for part in text.split(","))
    except ValueError as problem:
        raise InputError(f"{name}={text!r}: not whole numbers; write {name} as 1 or 1,2") from problem
    return given[0] if len(given) == 1 else given


def print_json(value: Any) -> None:
    """One JSON object on stdout, on one line."""
    typer.echo(json.dumps(value, allow_nan=False))
