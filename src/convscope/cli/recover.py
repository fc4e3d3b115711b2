"""`convscope recover`: which kernel made one picture from the other."""

from pathlib import Path
from typing import Annotated, Any

import typer

from convscope.cli.commands import Json, numbers, print_json
from convscope.errors import InputError

NOT_BELIEVED = 1
CONV_PADS = ("zeros", "reflect", "replicate", "circular")


def recover(
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE", readable=False, help="The picture as it was.", show_default=False)
    ],
    after: Annotated[
        Path,
        typer.Argument(metavar="AFTER", readable=False, help="The same picture, filtered.", show_default=False),
    ],
    size: Annotated[
        str,
        typer.Option(metavar="SIZE", help="Rows and columns of the kernel: one number, rows,columns, or auto."),
    ] = "auto",
    stride: Annotated[
        str, typer.Option(metavar="S", help="Cells from one window to the next: one number, or rows,columns.")
    ] = "1",
    bias: Annotated[
        bool | None,
        typer.Option("--bias/--no-bias", help="Whether a number was added. [default: found out]", show_default=False),
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            metavar="HOW", help="Of a colour picture: shared (one kernel), each (one a channel), mixed, or auto."
        ),
    ] = "auto",
    nonnegative: Annotated[bool, typer.Option("--nonnegative", help="No tap is below zero.")] = False,
    sums_to_one: Annotated[bool, typer.Option("--sums-to-one", help="The taps sum to 1.")] = False,
    symmetric: Annotated[bool, typer.Option("--symmetric", help="Half a turn leaves the kernel as it is.")] = False,
    ridge: Annotated[float, typer.Option(metavar="R", help="Pull undecided taps to zero; 0 for not at all.")] = 0.0,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="Write the kernel to a .npy file.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            readable=False,
            help="Write a picture (.png) of the kernel, its standard errors and what cannot be known.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Which kernel made AFTER from BEFORE, how sure is each tap, and was it a kernel at all?

    Prints the verdict first. Exit status 0: the kernel is one to use, within its standard errors; 1: it is not, the
    verdict says why, and --save writes nothing. What is saved, `convscope conv` applies to other pictures: the
    command for that is printed.

    \b
    Examples:
      convscope recover photo.png filtered.png
      convscope recover photo.png filtered.jpg --size 5 --save kernel.npy
      convscope recover photo.png toned.png --channels mixed --size 1 -o kernel.png --json
    """
    import io

    import numpy as np

    from convscope.files import check_can_write, write_whole
    from convscope.imagefiles import read_jpeg_table, read_levels
    from convscope.inverse.recover import recover as find
    from convscope.pictures import png

    for path, ending in ((save, ".npy"), (output, ".png")):
        if path is not None:
            if path.suffix.lower() != ending:
                raise InputError(f"{str(path)!r}: end the name in {ending}")
            check_can_write(path)
    named = {"nonnegative": nonnegative, "sums to one": sums_to_one, "symmetric": symmetric}
    x, y = read_levels(before), read_levels(after)
    rows_columns: Any = "auto" if size == "auto" else numbers("size", size)
    steps: Any = numbers("stride", stride)
    found = find(
        x,
        y,
        rows_columns,
        bias=bias,
        stride=steps,
        channels=channels,
        constraints=tuple(name for name, wanted in named.items() if wanted),
        ridge=ridge,
        jpeg=read_jpeg_table(after),
    )
    facts = {"before": str(before), "after": str(after), **found.to_dict()}
    if output is not None:
        write_whole(output, png(found.picture(), {"before": str(before), "after": str(after), "size": size}))
        facts["output"] = str(output)
    if save is not None and found.believable:
        values = io.BytesIO()
        np.save(values, found.kernel)
        write_whole(save, values.getvalue())
        facts["saved"] = str(save)
        facts["apply"] = _how_to_apply(found, x, y, str(save))
    if as_json:
        print_json(facts)
    else:
        typer.echo(str(found))
        if save is not None and not found.believable:
            typer.echo(f"not saved: {save}, as the kernel is not one to use")
        for what, name in (("output", "picture"), ("saved", "kernel"), ("apply", "apply it")):
            if facts.get(what):
                typer.echo(f"{name + ':':<11}{facts[what]}")
    if not found.believable:
        raise typer.Exit(NOT_BELIEVED)


def _how_to_apply(found: Any, before: Any, after: Any, kernel: str) -> str | None:
    """The command that does to another picture what was done to this one; None where `conv` cannot."""
    import shlex

    import numpy as np

    if after.dtype.kind == "f":
        return None  # floats have no black and white that two programs would agree on
    pads = []
    for first, taps, step, have, made in zip(
        found.offset, found.kernel.shape[-2:], found.stride, before.shape[1:], after.shape[1:], strict=True
    ):
        pads += [-first, max((made - 1) * step + taps + first - have, 0)]
    if min(pads) < 0:
        return None
    words = ["convscope", "conv", "PICTURE", "--kernel", kernel]
    if any(pads):
        words += ["--padding", ",".join(map(str, pads if len(set(pads)) > 1 else pads[:1]))]
        modes = [mode for mode in found.border if mode in CONV_PADS]
        words += ["--padding-mode", modes[0]] if modes else []
    if found.stride != (1, 1):
        words += ["--stride", ",".join(map(str, found.stride))]
    bias = np.atleast_1d(found.bias) / np.iinfo(after.dtype).max
    if bias.any():
        words += ["--bias=" + ",".join(f"{one:.6g}" for one in bias)]
    return shlex.join([*words, "-o", "result.png"])
