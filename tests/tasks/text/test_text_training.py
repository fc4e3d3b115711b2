from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from convscope.errors import InputError
from convscope.tasks import keeping
from convscope.tasks.fitting import Recipe
from convscope.tasks.text import training
from convscope.tasks.text.evaluate import judge, read_all
from convscope.tasks.text.reading import Texts, gathered
from convscope.tasks.text.training import Settings, Trained, parts
from convscope.tasks.text.vectors import WordVectors

ONE = Recipe(epochs=1, batch=32)


def test_parts_are_tenths_and_every_text_is_tested_once(toy: Texts):
    chosen = [parts(toy, fold) for fold in range(10)]
    for each in chosen:
        together = np.concatenate([each.train, each.validation, each.test])
        assert_array_equal(np.sort(together), np.arange(200))
        assert (len(each.validation), len(each.test)) == (20, 20)
    assert_array_equal(np.sort(np.concatenate([each.test for each in chosen])), np.arange(200))


def test_it_learns_which_phrase_decides_and_the_baselines_stand_beside(toy: Texts, toy_trained: Trained):
    verdict = judge(toy_trained, toy, parts(toy))
    assert list(verdict.accuracy) == ["network", "naive Bayes", "TF-IDF + logistic regression"]
    assert min(verdict.accuracy.values()) >= 0.9
    assert verdict.texts == verdict.confusion.sum() == 20
    told = str(verdict)
    assert told.startswith("accuracy on 20 toy texts that were not learned from; highest: ")
    assert "  naive Bayes  " in told
    assert verdict.as_dict()["confusion"] == verdict.confusion.tolist()


def test_classes_are_matched_by_name(toy: Texts, toy_trained: Trained):
    turned = gathered([("not good at all", "no"), ("we saw a joy", "yes")][::-1], "t", to_learn=False)
    assert judge(toy_trained, turned).accuracy == {"network": 1.0}
    only = gathered([("we saw a joy", "yes")], "t", to_learn=False)
    assert judge(toy_trained, only).confusion.tolist() == [[0, 0], [0, 1]]
    with pytest.raises(InputError, match=r"class 'maybe' is none of the network's \(no, yes\)"):
        judge(toy_trained, gathered([("x", "maybe")], "t", to_learn=False))


def test_what_is_kept_is_found_again(toy: Texts, toy_trained: Trained, tmp_path: Path):
    found = training.load(training.save(toy_trained, tmp_path / "w.safetensors"))
    assert found.vocabulary == toy_trained.vocabulary
    assert (found.told, found.history, found.digest) == (toy_trained.told, toy_trained.history, toy.digest)
    assert_array_equal(read_all(found, toy), read_all(toy_trained, toy))
    for name, value in toy_trained.model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


def test_other_files_are_refused(toy_trained: Trained, tmp_path: Path):
    file = tmp_path / "w.safetensors"
    keeping.save(file, "go", toy_trained.model, {})
    with pytest.raises(InputError, match="holds a network for go; give weights that `convscope train text` wrote"):
        training.load(file)
    keeping.save(file, "text", toy_trained.model, {"classes": []})
    with pytest.raises(InputError, match="its notes do not describe a network for texts"):
        training.load(file)
    training.save(replace(toy_trained, classes=("a", "b", "c")), file)
    with pytest.raises(InputError, match="its notes contradict each other"):
        training.load(file)


def test_one_seed_gives_one_result(toy: Texts, small: Settings):
    one, again, other = (training.train(toy, parts(toy), small, replace(ONE, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one.model.body.head.weight, again.model.body.head.weight)
    assert not torch.equal(one.model.body.head.weight, other.model.body.head.weight)


def test_vectors_begin_and_frozen_ones_stay(toy: Texts, small: Settings):
    rng = np.random.default_rng(0)
    vectors = WordVectors("v", 6, {word: rng.normal(size=6).astype(np.float32) for word in ("good", "flat", "unseen")})
    frozen = training.train(toy, parts(toy), replace(small, frozen=True), ONE, vectors=vectors)
    place = frozen.vocabulary.words.index("good")
    assert frozen.model.shape.dim == 6
    assert_array_equal(frozen.model.embed.table.weight[place].detach(), vectors.of["good"])
    free = training.train(toy, parts(toy), small, ONE, vectors=vectors)
    moved = (free.model.embed.table.weight[place].detach() - torch.from_numpy(vectors.of["good"])).abs().max()
    assert 0 < float(moved) < 0.1
    with pytest.raises(InputError, match="frozen: there are no vectors to keep"):
        training.train(toy, parts(toy), replace(small, frozen=True), ONE)


def test_a_share_is_forgotten_or_refused():
    with pytest.raises(InputError, match="forgotten=1: a share of the words"):
        Settings(forgotten=1)
