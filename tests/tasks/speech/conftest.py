import numpy as np
import pytest

from convscope.tasks.fitting import Recipe
from convscope.tasks.speech import training
from convscope.tasks.speech.network import Settings
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.splits import Split, split
from convscope.tasks.speech.training import Trained
from convscope.tasks.speech.voices import spoken


@pytest.fixture(scope="session")
def voices() -> Recordings:
    """Two words by a dozen synthetic voices."""
    return spoken(("yes", "no"), voices=12, takes=1)


@pytest.fixture(scope="session")
def parts(voices: Recordings) -> Split:
    return split(voices)


@pytest.fixture(scope="session")
def trained(voices: Recordings, parts: Split) -> Trained:
    """A small network that knows the two words."""
    return training.train(voices, parts, Settings(2, weights=10_000), Recipe(epochs=15, batch=4, rate=3e-3))


@pytest.fixture
def tone() -> np.ndarray:
    """Half a second of 1000 Hz, loud in the middle."""
    t = np.arange(4000) / 8000
    return (0.5 * np.sin(2 * np.pi * 1000 * t) * np.hanning(4000)).astype(np.float32)
