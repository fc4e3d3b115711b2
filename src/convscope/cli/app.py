"""All commands under one name."""

from typing import Annotated

import typer

from convscope import __version__
from convscope.cli import atlas, conv, digits, drawing, dreaming, evidence, explain, grade, looking, recover, styling
from convscope.cli.commands import group

app = group("See what a convolutional network learns: from one kernel to a whole network.")
train = group("Train a network: one that reads digits, by hand-written gradients, or one that knows a style.")
predict = group("Say what a trained network sees in your own files.")

app.add_typer(train, name="train")
app.add_typer(predict, name="predict")
train.command("digits")(digits.train)
train.command("style")(styling.train)
predict.command("digits")(digits.predict)
app.command("conv")(conv.conv)
app.command("explain")(explain.explain)
app.command("atlas")(atlas.atlas)
app.command("recover")(recover.recover)
app.command("grade")(grade.grade)
app.command("layers")(looking.layers)
app.command("fields")(looking.fields)
app.command("maps")(looking.maps)
app.command("draw")(drawing.draw)
app.command("examples")(evidence.examples)
app.command("trust")(evidence.trust)
app.command("account")(evidence.account)
app.command("dream")(dreaming.dream)
app.command("style")(styling.style)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"convscope {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass
