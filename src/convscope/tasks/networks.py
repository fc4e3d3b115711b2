"""The networks of this project as `load` knows them: `lenet5` by name, those of the tasks by their files."""

import importlib
from pathlib import Path

from convscope.lens.models import Network, Preprocessing, load, register, register_files
from convscope.tasks import keeping

__all__ = ["lenet5", "load"]


def lenet5(weights: Path | None = None) -> Network:
    """LeNet-5 as a PyTorch module that reads MNIST's digits.

    weights: a file of `convscope train digits`. Without one, the weights kept from an earlier run; the very
    first time they are trained, which takes minutes, and kept.

    Raises InputError for a file that holds no such weights.
    """
    from convscope.bridge import to_torch
    from convscope.tasks import digits, trained

    found = trained.load(weights) if weights is not None else trained.cached(digits.load())
    taken = Preprocessing((28, 28), (digits.MEAN,), (digits.STD,), order="grey")
    return Network(to_torch(found.network), taken.shape, taken, found.classes)


def of_file(file: Path) -> Network | None:
    """The network in a file that `convscope train` wrote; None for any other file."""
    task = keeping.task_of_file(file)
    if task == "digits":
        return lenet5(file)
    if task not in WORLDS:
        return None
    return importlib.import_module(f"convscope.tasks.{task}.world").network(file)


WORLDS = ("go", "speech", "text")
register("lenet5", lenet5)
register_files(of_file)
