"""The promise of the first task: our own network reads at least 99 % of MNIST's test digits."""

import numpy as np
import pytest

from convscope.nn.train import Recipe
from convscope.tasks import digits, trained
from convscope.tasks.augment import Vary


@pytest.mark.slow
def test_six_epochs_read_99_percent():
    """A short training on the digits as they are; `benchmarks/accuracy.py` has the whole recipe and more seeds."""
    pictures = digits.load()
    network = trained.fit(pictures, Recipe(epochs=6), Vary(0.0, 0.0, 0.0, 0.0))
    verdict = trained.judge(network.network, pictures)
    assert verdict.accuracy >= 0.99
    assert verdict.confusion.sum() == 10_000
    assert np.trace(verdict.confusion) == 10_000 - len(verdict.misread)
