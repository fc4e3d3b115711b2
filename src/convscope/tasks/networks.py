"""The networks of this project under names that `load` knows: `lenet5`."""

from pathlib import Path

from convscope.lens.models import Network, Preprocessing, load, register

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


register("lenet5", lenet5)
