"""What the commands share that train a network by Lightning: their options, and the words about what was skipped."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convscope.cli.commands import say_error

if TYPE_CHECKING:
    from convscope.tasks.fitting import Machines

Epochs = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How often all is learned from. [default: by task]", show_default=False),
]
Batch = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Examples a step. [default: by task]", show_default=False),
]
Rate = Annotated[
    float | None,
    typer.Option(metavar="R", help="The highest learning rate. [default: by task]", show_default=False),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Stop after N epochs without a better validation. [default: never]", show_default=False
    ),
]
Out = Annotated[Path, typer.Option(metavar="FILE", readable=False, help="The weights to write.")]
Weights = Annotated[
    Path,
    typer.Argument(metavar="FILE", readable=False, help="Weights that `convscope train` wrote.", show_default=False),
]
Resume = Annotated[
    bool,
    typer.Option("--resume/--fresh", help="Go on where a stopped training of the same settings was, or begin anew."),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="T", help="Processor cores to use. [default: all]", show_default=False),
]
Chart = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", readable=False, help="Also write a chart: .png, .jpg or .webp."),
]
Seeds = Annotated[int, typer.Option(min=2, metavar="N", help="How many seeds each kind is trained with.")]
Accelerator = Annotated[str, typer.Option(metavar="A", help="Where it trains: cpu, gpu, mps, or auto.")]
Devices = Annotated[int, typer.Option(min=1, metavar="N", help="How many of them on each machine.")]
Nodes = Annotated[int, typer.Option(min=1, metavar="N", help="How many machines.")]
Strategy = Annotated[str, typer.Option(metavar="S", help="Lightning's name for how they share the work, such as ddp.")]
Precision = Annotated[
    str,
    typer.Option(metavar="P", help="Lightning's name; auto is bfloat16 where the processor multiplies it fast."),
]


def machines(
    accelerator: str, devices: int, nodes: int, strategy: str, threads: int | None = None, precision: str = "32-true"
) -> "Machines":
    """Where to train; takes as many threads as were asked for."""
    import torch

    from convscope.tasks.fitting import Machines

    if threads is not None:
        torch.set_num_threads(threads)
    return Machines(accelerator, devices, nodes, strategy, precision)


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, for a recipe whose own numbers hold where none was."""
    return {name: value for name, value in options.items() if value is not None}


def say_notice(words: str) -> None:
    """On stderr; of the processes that train together on one machine, only the first does."""
    if os.environ.get("LOCAL_RANK", "0") == "0":  # Lightning and torchrun number them so
        say_error(words)


def say_left_out(what: str, skipped: tuple[str, ...], most: int = 10) -> None:
    """On stderr, which files or rows of the data could not be used, and why."""
    if skipped:
        say_notice(f"skipped {len(skipped)} {what}:")
        for line in skipped[:most]:
            say_notice(f"  {line}")
        if len(skipped) > most:
            say_notice(f"  and {len(skipped) - most} more")
