"""`convscope explain`: one cell of what a kernel makes of a picture, product by product."""

import io
from pathlib import Path
from typing import Annotated, Any

import typer

from convscope.cli.commands import Json, numbers, print_json
from convscope.errors import InputError

COLOURS = ("red", "green", "blue")


def explain(
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", readable=False, help="The picture: PNG, JPEG, GIF, BMP, TIFF, WebP or PPM."),
    ],
    kernel: Annotated[
        str,
        typer.Option(
            "--kernel",
            "-k",
            metavar="KERNEL",
            help='A name (sobel-x, blur, ...; a wrong one lists all), numbers with "," between columns and '
            '";" between rows, or a .npy file of a matrix.',
        ),
    ],
    at: Annotated[
        str | None, typer.Option(metavar="ROW,COLUMN", help="The cell of the output to explain, counted from 0.")
    ] = None,
    input_cell: Annotated[
        str | None,
        typer.Option(metavar="ROW,COLUMN", help="Instead: the cell of the picture whose traces to follow."),
    ] = None,
    channel: Annotated[int, typer.Option(min=0, metavar="C", help="Of a colour picture: 0 red, 1 green, 2 blue.")] = 0,
    stride: Annotated[str, typer.Option(metavar="S", help="Step of the window: one number, or rows,columns.")] = "1",
    padding: Annotated[
        str,
        typer.Option(
            metavar="P",
            help="Cells added around: one number, rows,columns, top,bottom,left,right, valid or same.",
        ),
    ] = "0",
    dilation: Annotated[
        str, typer.Option(metavar="D", help="Distance of the kernel's taps: one number, or two.")
    ] = "1",
    padding_mode: Annotated[
        str,
        typer.Option(metavar="MODE", help="What the added cells hold: zeros, reflect, replicate or circular."),
    ] = "zeros",
    flip: Annotated[
        bool, typer.Option("--flip", help="Strict convolution: turn the kernel by 180 degrees first.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Products to show; the rest is counted and summed. 0: all.")
    ] = 64,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX instead of text.")] = False,
    as_json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            readable=False,
            help="Draw it too, into a .png: the window on the picture, the kernel, the products.",
        ),
    ] = None,
) -> None:
    """Explain one cell of what `convscope conv` gives: the window, each product, the sum.

    Pixels count from 0 (black) to 1 (white). Cells of the window that lie in the padding stand in brackets. With
    --input-cell: every cell of the output that one pixel touches, and what it gives to each.

    \b
    Examples:
      convscope explain photo.jpg --kernel sobel-x --at 10,12
      convscope explain photo.jpg --kernel blur --at 0,0 --padding 1 --padding-mode reflect -o corner.png
      convscope explain photo.jpg --kernel "1,-1" --input-cell 10,12 --stride 2 --json
    """
    import numpy as np

    from convscope import filters
    from convscope.files import check_can_write, write_whole
    from convscope.imagefiles import read_channels
    from convscope.ops.arguments import conv2d_arguments
    from convscope.ops.explain import explain as explain_cell
    from convscope.ops.explain import touches

    if (at is None) == (input_cell is None):
        raise InputError("give one of --at (a cell of the output) and --input-cell (a cell of the picture)")
    if as_json and as_latex:
        raise InputError("--json and --latex: one form at a time; leave one of them out")
    taps = filters.read_kernel(kernel)
    if taps.ndim != 2:
        raise InputError(
            f"kernel={kernel!r}: {taps.shape[0]} x {taps.shape[1]} kernels, and a cell is explained under one; "
            "save one of them, as in kernel[0, 0]"
        )
    how: dict[str, Any] = {
        "stride": numbers("stride", stride),
        "padding": padding if padding in ("valid", "same") else numbers("padding", padding),
        "dilation": numbers("dilation", dilation),
        "padding_mode": padding_mode,
        "flip": flip,
    }
    if output is not None:
        if output.suffix.lower() != ".png" or at is None:
            raise InputError(f"output={str(output)!r}: a .png of an output cell is drawn; end the name so, give --at")
        check_can_write(output)
    picture = read_channels(image) / np.float32(255)
    if channel >= len(picture):
        raise InputError(f"channel={channel}: {image} has {len(picture)}; give 0 to {len(picture) - 1}")
    x, w = picture[None, channel, None], taps[None, None]
    g = conv2d_arguments(x, w, None, groups=1, **how)[-1]
    inputs = {"x": x, "w": w, **how}
    if at is not None:
        shown = explain_cell("conv2d", inputs, (0, 0, *_cell("at", at, g.out, "the output")))
    else:
        assert input_cell is not None
        shown = touches("conv2d", inputs, "x", (0, 0, *_cell("input-cell", input_cell, g.size, str(image))))

    facts = {"image": str(image), "kernel": taps.tolist(), "channel": channel, **how}
    if output is not None:
        from convscope.cli.explain_figure import draw
        from convscope.pictures import png

        write_whole(output, png(draw(shown, x[0, 0]), facts | {"at": at}))
    if as_json:
        print_json(facts | {"input_size": g.size, "output_size": g.out, **shown.to_dict()})
    elif as_latex:
        typer.echo(shown.latex(limit or None))
    else:
        colour = f", {COLOURS[channel]}" if len(picture) == 3 else ""
        typer.echo(f"{filters.describe(image, picture)}{colour}; kernel {g.r} x {g.s}; output {g.out_h} x {g.out_w}")
        typer.echo(_coloured(shown, limit or None), nl=False)


def _cell(name: str, text: str, size: tuple[int, ...], what: str) -> tuple[int, int]:
    given = numbers(name, text)
    rows, columns = size
    if not isinstance(given, tuple) or len(given) != 2:
        raise InputError(f"{name}={text!r}: a row and a column are needed; write {name} as {rows // 2},{columns // 2}")
    if not (0 <= given[0] < rows and 0 <= given[1] < columns):
        raise InputError(
            f"{name}={text}: {what} has {rows} x {columns} cells; give a cell from 0,0 to {rows - 1},{columns - 1}"
        )
    return given[0], given[1]


def _coloured(shown: Any, limit: int | None) -> str:
    """In colours, which typer takes away again where no terminal is."""
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, force_terminal=True, color_system="standard").print(shown.rich(limit), soft_wrap=True)
    return page.getvalue()
