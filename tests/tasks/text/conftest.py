from pathlib import Path

import numpy as np
import pytest

from convscope.tasks.fitting import Recipe
from convscope.tasks.text.reading import Texts, gathered
from convscope.tasks.text.training import Settings, Trained, parts, train

FILLERS = ["the", "a", "film", "story", "it", "was", "is", "and", "then", "we", "saw", "some", "people", "there"]
GOOD, BAD = ("good fun", "very warm", "a joy"), ("not good", "flat", "too long")


def made(n: int = 200, seed: int = 0) -> list[tuple[str, str]]:
    """Texts that one phrase decides."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        words = list(rng.choice(FILLERS, rng.integers(3, 9)))
        words.insert(int(rng.integers(len(words) + 1)), str(rng.choice(GOOD if k % 2 else BAD)))
        rows.append((" ".join(words) + f" {k}", "yes" if k % 2 else "no"))
    return rows


@pytest.fixture(scope="session")
def toy() -> Texts:
    return gathered(made(), "toy")


@pytest.fixture(scope="session")
def small() -> Settings:
    return Settings(dim=12, filters=8, forgotten=0.1)


@pytest.fixture(scope="session")
def toy_trained(toy: Texts, small: Settings) -> Trained:
    return train(toy, parts(toy), small, Recipe(epochs=8, batch=16, rate=2e-2))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "toy.csv"
    file.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in made()))
    return file
