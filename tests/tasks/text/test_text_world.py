"""The lens on a network for sentences: vectors shown as words, and the n-gram that excites a kernel most, exactly."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

import convscope as cs
from convscope.errors import InputError
from convscope.tasks.fitting import Recipe, seeded
from convscope.tasks.text import training, world
from convscope.tasks.text.network import Sentences, Shape
from convscope.tasks.text.tokens import Vocabulary

WORDS = ("<padding>", "<unknown>", "good", "bad", "film", "very")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with seeded(0):
        model = Sentences(Shape(words=len(WORDS), classes=2, dim=8, windows=(2, 3), filters=4))
    made = training.Trained(model, Vocabulary("words", WORDS), ("no", "yes"), "toys", "", Recipe(), ())
    return training.save(made, tmp_path_factory.mktemp("text") / "text.safetensors")


def test_lines_become_vectors_and_vectors_words(file: Path, tmp_path: Path):
    net = cs.load(file)
    assert net.world is not None
    lines = tmp_path / "lines.txt"
    lines.write_text("a very good film\n\nbad\n")
    found = net.world.read(lines)
    assert found.names == ("a very good film", "bad")
    assert found.values.shape == (2, 8, 4)
    picture = net.world.show(found.values[0].numpy())
    assert np.array_equal(picture, world.words_picture(["·", "very", "good", "film"]))
    assert cs.maps(net, found.values, "windows.2")["windows.2"].shape[:2] == (2, 4)
    lines.write_text("\n")
    with pytest.raises(InputError, match="no text in it"):
        net.world.read(lines)


@pytest.mark.parametrize("size", [2, 3])
def test_no_other_n_gram_excites_a_kernel_more(file: Path, size: int):
    net = cs.load(file)
    drawing = cs.draw(net, f"windows.{size}")
    trained = training.load(file)
    vectors = trained.model.embed.table.weight.detach()
    kernels = trained.model.body.windows[str(size)].weight.detach()
    every = torch.stack([vectors[list(gram)].T for gram in itertools.product(range(2, 6), repeat=size)])
    answers = torch.einsum("gcp,ucp->ug", every, kernels)
    assert np.allclose(drawing.values, answers.amax(1).numpy(), atol=1e-6)
    assert np.allclose(drawing.pictures, every[answers.argmax(1)].numpy(), atol=1e-6)
    assert drawing.sheet().shape[2] == 3


def test_settings_of_a_drawing_have_no_place_in_a_search(file: Path):
    with pytest.raises(InputError, match="facets, tv: what excites a unit of this network most is searched for"):
        cs.draw(cs.load(file), "windows.2", facets=2, tv=0.1)


def test_a_class_has_no_best_n_gram(file: Path):
    with pytest.raises(InputError, match=r"n-grams are found for windows\.2, windows\.3"):
        cs.draw(cs.load(file), "head")


def test_chinese_without_a_font_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(world, "FONTS", ("/nowhere",))
    world._font.cache_clear()
    with pytest.raises(InputError, match="sudo apt-get install fonts-noto-cjk"):
        world.words_picture(["好"])
    world._font.cache_clear()
