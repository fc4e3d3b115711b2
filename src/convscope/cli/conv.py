"""`convscope conv`: one kernel over one picture."""

from pathlib import Path
from typing import Annotated

import typer

from convscope.cli.commands import Json, numbers, print_json
from convscope.errors import InputError


def conv(
    image: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGE", readable=False, help="The picture: PNG, JPEG, GIF, BMP, TIFF, WebP or PPM."
        ),
    ],
    kernel: Annotated[
        str,
        typer.Option(
            "--kernel",
            "-k",
            metavar="KERNEL",
            help='A name (sobel-x, blur, ...; a wrong one lists all), numbers with "," between columns and '
            '";" between rows, or a .npy file, as recover saves it.',
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            readable=False,
            help="What to write: .png to look at, .npy for the numbers.",
        ),
    ],
    stride: Annotated[
        str, typer.Option(metavar="S", help="Step of the window: one number, or rows,columns.")
    ] = "1",
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
        typer.Option(
            metavar="MODE", help="What the added cells hold: zeros, reflect, replicate or circular."
        ),
    ] = "zeros",
    bias: Annotated[
        str, typer.Option(metavar="B", help="Added to the result: one number, or one for each channel of it.")
    ] = "0",
    flip: Annotated[
        bool, typer.Option("--flip", help="Strict convolution: turn the kernel by 180 degrees first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one kernel over a picture and write what comes out.

    Pixels count from 0 (black) to 1 (white); a colour picture is worked on channel by channel. The kernel is
    laid on as it is written (cross-correlation, what deep learning calls convolution). The colours of a .png
    follow a scale that is printed; a .npy holds the float32 values themselves, of shape (rows, columns) or
    (3, rows, columns).

    \b
    Examples:
      convscope conv photo.jpg --kernel sobel-x -o edges.png
      convscope conv photo.jpg --kernel "1,-1" --padding same -o edges.npy --json
      convscope conv photo.jpg -k "0,1,0;1,-4,1;0,1,0" --padding 1 --padding-mode reflect -o out.png
    """
    import io

    import numpy as np

    from convscope import filters
    from convscope.files import check_can_write, write_whole
    from convscope.imagefiles import read_channels
    from convscope.pictures import png

    as_picture = output.suffix.lower() == ".png"
    if not as_picture and output.suffix.lower() != ".npy":
        raise InputError(f"output={str(output)!r}: neither .png nor .npy; end the name in one of them")
    taps = filters.read_kernel(kernel)
    how = {
        "stride": numbers("stride", stride),
        "padding": padding if padding in ("valid", "same") else numbers("padding", padding),
        "dilation": numbers("dilation", dilation),
        "padding_mode": padding_mode,
        "flip": flip,
    }
    added = _biases(bias)
    check_can_write(output)
    picture = read_channels(image) / np.float32(255)
    result = filters.apply(picture, taps, **how)
    if len(added) not in (1, len(result)):
        raise InputError(f"bias={bias!r}: {len(added)} numbers for {len(result)} channels; give one, or one for each")
    result += np.array(added, np.float32)[:, None, None]
    rows, columns = filters.left_over(picture, taps, **how)
    facts = {"image": str(image), "kernel": taps.tolist(), **how, "bias": added}
    if as_picture:
        shown = filters.show(result, taps, added)
        facts["scale"] = shown.scale
        write_whole(output, png(shown.picture, facts))
    else:
        values = io.BytesIO()
        np.save(values, result[0] if len(result) == 1 else result)
        write_whole(output, values.getvalue())

    facts |= {"output": str(output), "channels": len(result)}
    facts |= {"input_size": picture.shape[1:], "output_size": result.shape[1:], "left_over": (rows, columns)}
    facts |= {"least": float(result.min()), "greatest": float(result.max())}
    if as_json:
        print_json(facts)
        return
    typer.echo(f"{filters.describe(image, picture)}; kernel {taps.shape[-2]} x {taps.shape[-1]}")
    typer.echo(f"{filters.describe(output, result)}; values from {result.min():.4g} to {result.max():.4g}")
    if rows or columns:
        typer.echo(f"left over by the stride: {rows} rows at the bottom, {columns} columns at the right")
    if as_picture:
        typer.echo(f"scale: {facts['scale']}")


def _biases(text: str) -> list[float]:
    try:
        given = [float(part) for part in text.split(",")]
    except ValueError as problem:
        raise InputError(f"bias={text!r}: not numbers; write bias as 0.5 or 0.5,0,0.1") from problem
    if not all(abs(bias) < 1e30 for bias in given):
        raise InputError(f"bias={text!r}: holds NaN or numbers too large; pixels count from 0 to 1")
    return given
