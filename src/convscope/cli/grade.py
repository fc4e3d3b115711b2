"""`convscope grade`: somebody's own convolution, checked."""

from pathlib import Path
from typing import Annotated

import typer

from convscope.cli.commands import Json, print_json
from convscope.errors import InputError

WRONG = 1
"""The exit status where something that was found is wrong, or something that is needed is not there."""


def grade(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="A Python file with functions or classes.")
    ],
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="WHAT=NAME",
            help="What a function is, where its name does not say so: conv2d=my_function, conv2d.dx=my_gradient.",
            show_default=False,
        ),
    ] = None,
    ordered: Annotated[
        list[str] | None,
        typer.Option(
            "--args",
            metavar="NAME=A,B",
            help="What its arguments are, in order: my_function=x,w,b,stride,padding.",
            show_default=False,
        ),
    ] = None,
    needs: Annotated[
        list[str] | None,
        typer.Option("--need", metavar="WHAT", help="A part that has to be there: conv2d.dw.", show_default=False),
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Strict convolution was asked for: the kernel turned by 180 degrees.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(metavar="T", help="Stop a call that takes longer; importing has three times as long.")
    ] = 10,
    memory: Annotated[int, typer.Option(metavar="MB", help="Address space that the file may use.")] = 4096,
    language: Annotated[str, typer.Option("--lang", metavar="LANG", help="Of the report: en or zh.")] = "en",
    as_json: Json = False,
) -> None:
    """Check a convolution, pooling, linear layer or ReLU that somebody wrote, and name the mistake.

    Forward and backward, functions or classes, NumPy, PyTorch or lists, are found by their names and the names of
    their arguments. The file runs in a process of its own with limits on time and memory; that stops accidents, it
    is no sandbox: run a stranger's file in a container. Exit status: 0 all that was found is right, 1 something is
    wrong, 2 the file cannot be used.

    \b
    Examples:
      convscope grade my_conv.py
      convscope grade my_conv.py --map conv2d=blur --args blur=x,w,stride --need conv2d.dx
      convscope grade my_conv.py --flip --json
    """
    from convscope import grading
    from convscope.grading.texts import LANGUAGES

    if language not in LANGUAGES:
        raise InputError(f"lang={language!r}: reports are in {' and '.join(LANGUAGES)}; use --lang {LANGUAGES[0]}")
    mapping = dict(_pair("map", "conv2d=my_function", text) for text in mapped or ())
    roles = {name: words.split(",") for name, words in (_pair("args", "name=x,w", text) for text in ordered or ())}
    report = grading.grade(
        file, mapping=mapping, arguments=roles, needs=needs or (), flip=flip, seconds=seconds, memory=memory
    )
    if as_json:
        print_json(report.as_dict(language))
    else:
        typer.echo(report.text(language))
    if not report.right:
        raise typer.Exit(WRONG)


def _pair(name: str, form: str, text: str) -> tuple[str, str]:
    left, sign, right = text.partition("=")
    if not (left and sign and right):
        raise InputError(f"{name}={text!r}: it has two sides; write --{name} {form}")
    return left.strip(), right.strip()
