"""`convscope ablate digits`: why convolution, measured."""

from typing import Annotated

import typer

from convscope.cli.commands import Data, Json, print_json, progress_bar, say_skipped
from convscope.cli.training import Chart, Seeds, Threads

EPOCHS = 5  # those of shifts.Budget, which is too heavy to import for --help


def ablate(
    data: Data = None,
    seeds: Seeds = 3,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="How often every digit is learned from.")] = EPOCHS,
    out: Chart = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Why convolution: learn centred digits, read shifted ones, with equal numbers of weights.

    Fully connected against convolution, without pooling, with 2 x 2 pooling, with pooling over all places; then how
    small the windows and how few the pixels may be. It takes minutes. Stopped with Ctrl-C, it goes on
    after the runs that were over.

    \b
    Examples:
      convscope ablate digits
      convscope ablate digits --seeds 5 -o shifts.png --json
    """
    from convscope.files import check_can_write, write_whole
    from convscope.ops.fast.compiled import set_threads
    from convscope.pictures import check_ending, encoded
    from convscope.tasks import digits, extras, shifts
    from convscope.tasks.runs import digest, until_done

    if out is not None:  # before long work
        extras.need("matplotlib", "charts")
        check_ending(out.suffix)
        check_can_write(out)
    if threads:
        set_threads(threads)
    pictures = digits.load(data)
    say_skipped(pictures.skipped)
    budget = shifts.Budget(epochs=epochs)
    subject = digest(pictures.train_images, pictures.train_labels, pictures.test_images, pictures.test_labels)
    with until_done("digits", subject, budget) as kept, progress_bar("ablate", quiet=as_json) as progress:
        found = shifts.study(pictures, seeds, budget, progress, kept)
    if out is not None:
        recipe = {"command": "ablate digits", "seeds": seeds, "epochs": epochs, "data": found.data}
        write_whole(out, encoded(found.chart(), out.suffix, recipe))
    if as_json:
        print_json(found.as_dict() | ({} if out is None else {"chart": str(out)}))
    else:
        typer.echo(str(found) + ("" if out is None else f"\n\nchart in {out}"))
