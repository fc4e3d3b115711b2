"""LeNet-5 by its name, wherever a model is taken."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convscope as cs
from convscope.errors import InputError
from convscope.lens.models import Preprocessing
from convscope.nn.lenet import LeNet5
from convscope.nn.train import Recipe
from convscope.tasks import digits, trained
from convscope.tasks.augment import Vary


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    network = LeNet5(seed=5, classes=3)
    made = trained.Trained(network, ("a", "b", "c"), "letters", Recipe(), Vary(), ())
    return trained.save(made, tmp_path / "w.safetensors")


def test_lenet5_with_weights_of_its_own(weights: Path):
    found = cs.load(f"lenet5@{weights}")
    assert (found.input_shape, found.classes, found.model.training) == ((1, 28, 28), ("a", "b", "c"), False)
    assert found.preprocessing == Preprocessing((28, 28), (0.1307,), (0.3081,), order="grey")
    pictures = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.uint8)
    assert found.preprocessing is not None
    inputs = found.preprocessing.to_inputs(pictures[..., None])
    np.testing.assert_allclose(inputs.numpy(), digits.normalise(pictures), atol=1e-5)
    ours = trained.load(weights).network(digits.normalise(pictures))
    np.testing.assert_allclose(found.model(inputs).detach().numpy(), ours, atol=1e-4)


def test_a_file_of_train_digits_says_itself_what_it_is(weights: Path):
    found = cs.load(str(weights))
    assert found.classes == ("a", "b", "c")
    assert (found.source, found.input_shape) == (str(weights), (1, 28, 28))


def test_lenet5_as_trained_before(weights: Path, monkeypatch):
    monkeypatch.setattr(trained, "cached", lambda pictures: trained.load(weights))
    monkeypatch.setattr(digits, "load", lambda: None)
    assert cs.load("lenet5").classes == ("a", "b", "c")


def test_strange_weights_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"nothing.safetensors: no such file"):
        cs.load("lenet5", weights=tmp_path / "nothing.safetensors")


def test_whoever_takes_a_model_knows_lenet5():
    code = "import convscope as cs; cs.layers; from convscope.lens.models import BUILT_IN; print(*BUILT_IN)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["squeezenet", "efficientnet-lite0", "lenet5"]
