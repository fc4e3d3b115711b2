"""What all commands share that look into a network: which network, how it is loaded and where it runs."""

import functools
import inspect
import re
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convscope.cli.commands import numbers
from convscope.errors import InputError

if TYPE_CHECKING:
    from convscope.lens.models import Network, Preprocessing

Layer = Annotated[
    str, typer.Argument(metavar="LAYER", help="Its name, as `convscope layers MODEL` lists it.", show_default=False)
]
Units = Annotated[
    str | None,
    typer.Option(metavar="LIST", help="Which units, such as 0,3-7. [default: all]", show_default=False),
]
Images = Annotated[
    Path,
    typer.Option(metavar="DIR", readable=False, help="A folder of pictures, sub-folders too.", show_default=False),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE|DIR",
        readable=False,
        help="What to write: one page, if the name ends in .png, else a folder with a file for each picture.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Asked:
    """The network a command was asked about, as it was written on the command line."""

    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Where the network comes from: squeezenet, efficientnet-lite0, lenet5, python:module:factory, "
            "timm:NAME, torchvision:NAME, hf:NAME, a .pt2, .pt or .onnx file, or what `convscope train` wrote.",
            show_default=False,
        ),
    ]
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", readable=False, help="Weights for the network of a factory.", show_default=False
        ),
    ] = None
    input_shape: Annotated[
        str | None,
        typer.Option(
            metavar="C,H,W", help="Shape of one input. [default: what the network says]", show_default=False
        ),
    ] = None
    preprocessing: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="How pictures become inputs: imagenet, inception, unit, caffe, or settings such as "
            '"mean=0.5;std=0.25;order=BGR;size=64x96". [default: what the source says]',
            show_default=False,
        ),
    ] = None
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Run the code that a pickled model file contains.")
    ] = False
    device: Annotated[str, typer.Option(metavar="D", help="Where it runs: cpu, cuda, cuda:1 or mps.")] = "cpu"
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of the processor. [default: one a core]", show_default=False),
    ] = None
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Pictures in the network at a time. [default: by command]", show_default=False
        ),
    ] = None

    def open(self) -> "Network":
        """Load it and put it where it is to run. Raises InputError for what cannot be loaded or is not there."""
        import torch

        from convscope.tasks.networks import load

        device = _device(self.device)
        shape = None if self.input_shape is None else numbers("input-shape", self.input_shape)
        network = load(
            self.model,
            weights=self.weights,
            input_shape=(shape,) if isinstance(shape, int) else shape,
            preprocessing=self.preprocessing,
            trust_pickle=self.trust_pickle,
        )
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        network.model.to(device)
        return network

    def in_batches(self) -> dict[str, Any]:
        """The batch as an argument, where one was given."""
        return {} if self.batch is None else {"batch": self.batch}


def about_a_network(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command, for its first parameter `asked`, the argument MODEL and the options of `Asked`."""
    model, *shared = inspect.signature(Asked).parameters.values()
    return _with(command, [model], shared)


def through_a_network(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command about one picture: the network is an option too, and there are no batches."""
    model, *shared = inspect.signature(Asked).parameters.values()
    option = typer.Option(metavar="MODEL", help="Where the network comes from, as `convscope draw` says it.")
    model = model.replace(annotation=Annotated[str, option], default="squeezenet")
    return _with(command, [], [model, *(each for each in shared if each.name != "batch")])


def _with(
    command: Callable[..., None], before: list[inspect.Parameter], after: list[inspect.Parameter]
) -> Callable[..., None]:
    _, *own = inspect.signature(command).parameters.values()

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        asked = Asked(**{each.name: given.pop(each.name) for each in (*before, *after)})
        command(asked, **given)

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*before, *own, *after)]
    with_options.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def this_command() -> str:
    """What was typed, as one line that makes the same again."""
    return shlex.join(["convscope", *sys.argv[1:]])


def read_units(text: str | None) -> tuple[int, ...] | None:
    """`0,3-7` as numbers, None for none given. Raises InputError for anything else."""
    if text is None:
        return None
    units: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if ends is None or (ends[2] is not None and int(ends[2]) < int(ends[1])):
            raise InputError(f"units={text!r}: {part!r} is no unit and no range of them; write them as 0,3-7")
        units += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return tuple(dict.fromkeys(units))


def check_units(network: "Network", layers: list[str], units: tuple[int, ...] | None) -> None:
    """Says before long work that a layer has not all those units. Raises InputError; unknown layers are let through."""
    from convscope.lens.fields import trace

    if units is not None:
        for visit in trace(network):
            count = visit.shape[0]
            if visit.name in layers and max(units) >= count:
                raise InputError(
                    f"units: {max(units)} of layer {visit.name!r}, which has {count}; units are 0 to {count - 1}"
                )


def read_inputs(network: "Network", files: list[Path]) -> Any:
    """Picture files, or those of the network's own world, as it takes them, a tensor (n, c, h, w).

    Raises InputError for a file that is no picture, and where nobody said how pictures become inputs.
    """
    import numpy as np

    from convscope.imagefiles import read_picture

    if network.world is not None:
        import torch

        return torch.cat([network.world.read(file, 1).values for file in files])
    taken = with_preprocessing(network)
    return taken.to_inputs(np.stack([taken.fit(read_picture(file)) for file in files]))


def with_preprocessing(network: "Network") -> "Preprocessing":
    """How pictures become its inputs. Raises InputError where nobody said."""
    if network.world is not None:
        raise InputError(f"model {network.source!r}: takes no photographs, which this command is about; name another")
    if network.preprocessing is None:
        raise InputError(
            f"model {network.source!r}: nobody said how pictures become its inputs; give --preprocessing, such as "
            "imagenet or unit"
        )
    return network.preprocessing


def stopped_once() -> None:
    """Takes a Ctrl-C as heard: what is finished can be written, unless another one comes."""
    if hasattr(signal, "alarm"):
        signal.alarm(0)


def _device(name: str) -> Any:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device={name!r}: no kind that is known; give cpu, cuda, cuda:1 or mps") from None
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError):  # each kind has its own way to be absent
        raise InputError(f"device={name!r}: PyTorch finds none here; give --device cpu, or leave it out") from None
    return device
