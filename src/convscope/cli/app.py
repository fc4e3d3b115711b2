"""All commands under one name."""

from typing import Annotated

import typer

from convscope import __version__
from convscope.cli import (
    atlas,
    conv,
    digits,
    drawing,
    dreaming,
    evidence,
    explain,
    go,
    grade,
    lab,
    looking,
    recover,
    speech,
    styling,
    text,
    why,
)
from convscope.cli.commands import group

app = group("See what a convolutional network learns: from one kernel to a whole network.")
train = group("Train a network: on digits (by hand-written gradients), boards, sounds, sentences, or for a style.")
evaluate = group("Measure a trained network on what it has not learned from, beside simple guesses.")
predict = group("Say what a trained network sees in your own files.")
ablate = group("Is it the convolution? Networks of equally many weights, several seeds, and what the figures support.")
boards = group("Go: let a trained network play.")
sentences = group("Text: what a trained network looks for.")

for name, commands in (("train", train), ("evaluate", evaluate), ("predict", predict), ("ablate", ablate)):
    app.add_typer(commands, name=name)
for name, task in (("digits", digits), ("go", go), ("speech", speech), ("text", text)):
    train.command(name)(task.train)
    evaluate.command(name)(task.evaluate)
    predict.command(name)(task.predict)
    ablate.command(name)(why.ablate if task is digits else task.ablate)
train.command("style")(styling.train)
app.add_typer(boards, name="go")
boards.command("gtp")(go.gtp)
app.add_typer(sentences, name="text")
sentences.command("filters")(text.filters)
app.command("conv")(conv.conv)
app.command("explain")(explain.explain)
app.add_typer(atlas.app, name="atlas")
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
app.command("lab")(lab.lab)


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
