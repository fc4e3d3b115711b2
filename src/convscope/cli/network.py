"""The network that a command works with: the weights that were named, or LeNet-5 as trained here."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convscope.tasks.imagesets import ImageData
    from convscope.tasks.trained import Trained


def the_network(weights: Path | None, pictures: "ImageData | None" = None, seed: int = 0, *, quiet: bool) -> "Trained":
    """Weights from a file; without one, those kept from an earlier run, or a training now, on `pictures` or MNIST."""
    from convscope.nn.progress import progress_bar
    from convscope.nn.train import Recipe
    from convscope.tasks import digits, trained

    if weights is not None:
        return trained.load(weights)
    with progress_bar(quiet=quiet) as tell:
        return trained.cached(pictures or digits.load(), Recipe(seed=seed), tell=tell)
