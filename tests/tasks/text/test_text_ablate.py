import json

import pytest

from convscope.tasks.fitting import Recipe
from convscope.tasks.runs import Kept
from convscope.tasks.text import ablate as task
from convscope.tasks.text.ablate import Ablation, ablate
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.training import parts

RECIPE = Recipe(epochs=2, batch=16, rate=1e-2)


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept()


@pytest.fixture(scope="module")
def found(toy: Texts, kept: Kept) -> Ablation:
    told: list[tuple[int, int, str]] = []
    ablation = ablate(
        *(toy, parts(toy), 2, RECIPE),
        kept=kept,
        progress=lambda done, total, what: told.append((done, total, what)),
    )
    shares = [done / total for done, total, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return ablation


def test_along_the_sequence_an_order_is_nothing_and_training_is_the_same(found: Ablation):
    sequence = task.NAMES["sequence"]
    assert found.difference < 1e-4
    kept = f"{sequence}, its kernels in the same order"
    assert f"{sequence} and {sequence}, from permuted vectors are equal in all 2 pairs" in str(found)
    assert found.permuted.mean(kept) == found.accuracy.mean(sequence)
    assert len(set(found.weights.values())) == 3
    assert max(found.weights.values()) / min(found.weights.values()) < 1.01


def test_it_says_what_the_figures_support(found: Ablation):
    told = str(found)
    for name in task.NAMES.values():
        assert name in told
    assert "naive Bayes" in told
    assert found.accuracy.rows[-1] == "TF-IDF + logistic regression"
    assert json.loads(json.dumps(found.as_dict()))["weights"] == found.weights


def test_what_is_known_is_not_trained_again(
    toy: Texts, found: Ablation, kept: Kept, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(task, "learn", None)
    assert ablate(toy, parts(toy), 2, RECIPE, kept=kept) == found
