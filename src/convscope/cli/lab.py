"""`convscope lab`: convolution to touch, in the browser."""

import re
from pathlib import Path
from typing import Annotated

import typer

from convscope.cli.commands import say_error
from convscope.errors import InputError


def lab(
    atlas: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[ATLAS]...", help="Folders of atlases to show in their room.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8765,
    host: Annotated[
        str, typer.Option(metavar="NAME", help="Where to listen. Beyond this machine, visitors need a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="What visitors must know. [default: made up where one is needed]",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where uploads, trained networks and atlases are kept. [default: the user's folder for data]",
            show_default=False,
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the first page in the browser.")] = True,
) -> None:
    """Open the lab: one kernel, learning it, networks, dreams, boards, sounds and words, in English and Chinese.

    It answers this machine only, needs no network, and keeps what you upload in --folder. Ctrl-C ends it.

    \b
    Examples:
      convscope lab
      convscope lab atlas-of-squeezenet --port 0
      convscope lab --host 0.0.0.0 --no-browser        # for a class: prints the address with its token
    """
    try:
        from convscope.web.serve import serve, settings_for
    except ModuleNotFoundError as problem:
        raise InputError(
            f"lab: the package {problem.name} is not installed; pip install 'convscope[web]'"
        ) from None
    from convscope.files import check_can_write

    if token is not None and len(token) < 8:
        raise InputError(f"token={token!r}: {len(token)} characters; give at least 8")
    atlases = _named(atlas or [])
    settings = settings_for(host, token=token, folder=folder, atlases=atlases)
    check_can_write(settings.folder / "uploads" / "file")

    def say(address: str) -> None:
        typer.echo(f"the lab is open: {address}")
        say_error("Ctrl-C ends it")

    serve(settings, host, port, opened=browser, say=say)


def _named(folders: list[Path]) -> dict[str, Path]:
    """The atlases by names that may stand in a link. Raises InputError where one is none."""
    from convscope.atlas.store import Store

    named: dict[str, Path] = {}
    for folder in folders:
        Store.open(folder)
        name = re.sub(r"[^\w.-]+", "-", folder.resolve().name).strip("-.") or "atlas"
        while name in named:
            name += "-"
        named[name] = folder.resolve()
    return named
