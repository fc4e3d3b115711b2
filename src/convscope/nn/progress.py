"""A training's progress on stderr: a bar, loss, accuracy, pictures a second, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from convscope.nn.train import Step


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Callable[[Step], None]]:
    """A bar while the block runs; yields what `train` is to `tell`."""
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%  loss {task.fields[loss]}  accuracy {task.fields[accuracy]}"),
        TextColumn("{task.fields[speed]} images/s "),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None, epoch="-", loss="-", accuracy="-", speed="-")

        def tell(step: Step) -> None:
            bar.update(
                task,
                completed=step.done,
                total=step.total,
                epoch=step.epoch,
                loss=f"{step.loss:.4f}",
                accuracy=f"{step.accuracy:.2%}",
                speed=f"{step.images_per_second:,.0f}",
            )

        yield tell
