"""`convscope style` and `convscope train style`: a photograph in the style of other pictures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convscope.cli.commands import Json, Seed, progress_bar
from convscope.cli.lens import Asked, Images, stopped_once, this_command, through_a_network
from convscope.cli.remaking import Tile, check_apart, given, said_plainly, tell, write
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.lens.shown import Remade
    from convscope.lens.styles import Stage, Styled

EVERY = 5.0
"""Seconds between the pictures that --preview writes."""
PHOTOREALISTIC = 1e4
"""What Luan et al. 2017 take for lambda."""

Strength = Annotated[
    float | None,
    typer.Option(metavar="S", help="Of the style against the content. [default: by what is done]", show_default=False),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew where this was stopped before.")]
Steps = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most. [default: by what is done]", show_default=False)
]


@through_a_network
def style(
    asked: Asked,
    content: Annotated[
        Path, typer.Argument(metavar="CONTENT", readable=False, help="A photograph.", show_default=False)
    ],
    styles: Annotated[
        list[Path],
        typer.Argument(
            metavar="STYLE...",
            readable=False,
            help="Pictures whose style it is to have, or one .safetensors of `convscope train style`.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", readable=False, help="A .png, .jpg or .webp to write."),
    ],
    mix: Annotated[
        str | None,
        typer.Option(metavar="W,W", help="How much of each style. [default: all the same]", show_default=False),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Longest side of OUT, in pixels. [default: 512]", show_default=False),
    ] = None,
    strength: Strength = None,
    style_scale: Annotated[
        float | None,
        typer.Option(metavar="F", help="How large the style's strokes are taken. [default: 1]", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="content|noise|FILE", help="What it begins as. [default: content]", show_default=False),
    ] = None,
    scales: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Sizes, coarse to fine. [default: by size]", show_default=False),
    ] = None,
    steps: Steps = None,
    optimiser: Annotated[Literal["lbfgs", "adam"] | None, typer.Option(help="[default: lbfgs]")] = None,
    pooling: Annotated[Literal["max", "average"] | None, typer.Option(help="What its pools do. [default: max]")] = None,
    colours: Annotated[Literal["style", "content"] | None, typer.Option(help="Whose. [default: style]")] = None,
    covariance: Annotated[
        bool, typer.Option("--covariance", help="Compare how features vary together, not how they occur together.")
    ] = False,
    tv: Annotated[float | None, typer.Option(metavar="W", help="Weight of roughness.", show_default=False)] = None,
    photorealistic: Annotated[
        bool, typer.Option("--photorealistic", help="Let colours change as in a photograph only: edges stay straight.")
    ] = False,
    lambda_: Annotated[
        float | None, typer.Option("--lambda", metavar="L", help="The same, this strictly. [default: 10000]")
    ] = None,
    content_mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="Regions of CONTENT, by colour or grey level: each takes the style of the region of the same colour.",
            show_default=False,
        ),
    ] = None,
    style_mask: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", readable=False, help="Those of each STYLE, in order.", show_default=False),
    ] = None,
    no_smooth: Annotated[
        bool, typer.Option("--no-smooth", help="Leave out the last smoothing of --photorealistic.")
    ] = False,
    tile: Tile = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Write OUT every few seconds while the work goes on.")
    ] = False,
    fresh: Fresh = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """A photograph's content in the style of other pictures, made step by step, from the coarse to the fine.

    Ctrl-C writes the best picture so far; the same command then goes on where it was stopped. A style that
    `convscope train style` has learned takes one pass. The file carries its recipe, and the command that makes it
    again.

    \b
    Examples:
      convscope style house.jpg wheatfield.jpg -o painted.png
      convscope style house.jpg wheatfield.jpg harbour.jpg --mix 2,1 --colours content -o painted.jpg
      convscope style street.jpg evening.jpg --photorealistic -o street-at-evening.png
      convscope style house.jpg wheatfield.safetensors -o painted.webp
    """
    begun = None if start in (None, "content", "noise") else Path(start)
    check_apart(output, content, *styles, *given(start=begun, mask=content_mask).values(), *(style_mask or []))
    how: dict[str, Any] = given(
        mix=None if mix is None else _weights(mix),
        strength=strength,
        style_scale=style_scale,
        scales=scales,
        steps=steps,
        optimiser=optimiser,
        pooling=pooling,
        colours=colours,
        centred=covariance or None,
        tv=tv,
        photorealistic=PHOTOREALISTIC if photorealistic and lambda_ is None else lambda_,
        smooth=False if no_smooth else None,
        start=start if begun is None else begun,
        masks=_masks(styles, content_mask, style_mask),
        seed=seed or None,
    )
    about = {"content": str(content), "style": [str(each) for each in styles]}
    if styles[0].suffix.lower() == ".safetensors":
        made = _in_one_pass(content, styles, output, size, tile, how, about)
        told: list[dict[str, Any]] = []
    else:
        how |= {"size": size} if size else {}
        made = _step_by_step(asked, content, styles, output, how | given(tile=tile), about, preview, fresh, as_json)
        told = [asdict(scale) for scale in made.scales]
    rows, columns = made.picture.shape[:2]
    facts = {"model": asked.model if told else None, **about, "size": [rows, columns], "scales": told}
    tell(facts, [f"{rows} x {columns} pixels", *_lines(told)], output, as_json)


def _in_one_pass(
    content: Path,
    styles: list[Path],
    output: Path,
    size: int | None,
    tile: int | None,
    how: dict[str, Any],
    about: dict[str, Any],
) -> "Remade":
    from convscope.lens.anysize import as_photograph, shrunk
    from convscope.lens.shown.remade import Remade, written_as
    from convscope.lens.styles.feedforward import FastStyle

    if how or len(styles) > 1:
        raise InputError(f"{styles[0]}: a trained style takes one pass; give it alone, with --size or --tile at most")
    photo = shrunk(as_photograph(content), size)
    written_as(output, photo.shape[:2])
    fast = FastStyle.load(styles[0])
    return write(Remade(fast(photo, **given(tile=tile)), fast.recipe), output, about)


def _step_by_step(
    asked: Asked,
    content: Path,
    styles: list[Path],
    output: Path,
    how: dict[str, Any],
    about: dict[str, Any],
    preview: bool,
    fresh: bool,
    quiet: bool,
) -> "Styled":
    from convscope.lens.anysize import as_photograph
    from convscope.lens.shown.remade import Remade, written_as
    from convscope.lens.styles import StyleStopped
    from convscope.lens.styles import style as make

    photo, *paintings = (as_photograph(picture) for picture in (content, *styles))
    longest = (how.get("size") or 512) / max(photo.shape[:2])
    written_as(output, [round(side * longest) for side in photo.shape[:2]])
    state, network, shown = _state(output, fresh), asked.open(), time.monotonic()

    def watch(stage: "Stage") -> None:
        nonlocal shown
        if preview and time.monotonic() - shown > EVERY:
            Remade(stage.picture, {"made": "preview", **about}).save(output)
            shown = time.monotonic()

    try:
        with said_plainly(), progress_bar("style", quiet=quiet) as progress, _going_on(state):
            how |= {"model": network, "keep": state, "watch": watch, "progress": progress}
            made, stopped = make(photo, paintings, **how), False
    except StyleStopped as stop:
        made, stopped = stop.styled, True
    return write(made, output, about, stopped, "; the same command goes on from there" if state.exists() else "")


def _lines(scales: list[dict[str, Any]]) -> Iterator[str]:
    """What each size began with and came to, by the names of the losses."""
    for scale in scales:
        yield f"at {' x '.join(map(str, scale['size']))}, {scale['steps']} steps:"
        yield from (f"  {name}: {scale['start'][name]:.3g} -> {last:.3g}" for name, last in scale["end"].items())


def _weights(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"mix={text!r}: not numbers; write one for each STYLE, such as 2,1") from None


def _masks(styles: list[Path], content: Path | None, style: list[Path] | None) -> Any:
    """The masks' files as `style` takes them; None for none. Raises InputError where one is missing."""
    if content is None and not style:
        return None
    if content is None or len(style or ()) != len(styles):
        raise InputError(
            f"masks: {'none' if content is None else 'one'} of CONTENT and {len(style or ())} of {len(styles)} styles; "
            "give --content-mask, and --style-mask once for each STYLE"
        )
    return content, style


@through_a_network
def train(
    asked: Asked,
    style: Annotated[Path, typer.Argument(metavar="STYLE", readable=False, help="A picture.", show_default=False)],
    images: Images,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", readable=False, help="A .safetensors to write.", show_default=False
        ),
    ],
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="[default: 2000]", show_default=False)] = None,
    size: Annotated[
        int | None, typer.Option(metavar="N", help="Sides of what it is trained on. [default: 128]", show_default=False)
    ] = None,
    style_size: Annotated[
        int | None,
        typer.Option(metavar="N", help="Longest side of the style. [default: three times --size]", show_default=False),
    ] = None,
    strength: Strength = None,
    fresh: Fresh = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train a small network that gives any photograph the style of one picture, in one pass.

    --images is a folder of photographs of all kinds; some hundred are enough. Ctrl-C keeps what was learned; the same
    command then goes on where it was stopped. Use it with `convscope style CONTENT FILE.safetensors`.

    \b
    Examples:
      convscope train style wheatfield.jpg --images photos -o wheatfield.safetensors
    """
    from convscope.files import check_can_write
    from convscope.lens.styles.training import TrainingStopped, train_style

    if output.suffix.lower() != ".safetensors":
        raise InputError(f"output={str(output)!r}: a trained style is a .safetensors; end the name in that")
    check_can_write(output)
    state = _state(output, fresh)
    how: dict[str, Any] = given(steps=steps, size=size, style_size=style_size, strength=strength)
    how |= {"model": asked.open(), "seed": seed, "keep": state}
    try:
        with said_plainly(), progress_bar("train", quiet=as_json) as progress, _going_on(state):
            fast = train_style(style, images, **how, progress=progress)
    except TrainingStopped as stop:
        stopped_once()
        raise KeyboardInterrupt(f"stopped after {stop.steps} steps; the same command goes on from there") from None
    fast = replace(fast, recipe={**fast.recipe, "style_file": str(style), "command": this_command()})
    fast.save(output)
    losses = fast.recipe["losses"]
    lines = [f"{name}: {first:.3g} -> {last:.3g}" for name, (first, last) in losses.items()]
    tell({"model": asked.model, "style": str(style), "losses": losses}, lines, output, as_json)


def _state(output: Path, fresh: bool) -> Path:
    """The hidden file beside the output that unfinished work is kept in, removed where it is to begin anew."""
    state = output.with_name(f".{output.name}.state")
    if fresh:
        state.unlink(missing_ok=True)
    return state


@contextmanager
def _going_on(state: Path) -> Iterator[None]:
    """Says of a state that the block refuses what to do on the command line."""
    try:
        yield
    except InputError as problem:
        if not str(problem).startswith("keep="):
            raise
        raise InputError(f"{state}: work with other pictures or settings; give --fresh to begin anew") from problem
