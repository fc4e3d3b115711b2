"""Networks by one string: how it is spelled, what it finds, what it says when it finds nothing."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from convscope.errors import InputError
from convscope.lens import layers
from convscope.lens.models import BUILT_IN, Network, Preprocessing, load, network, register
from convscope.lens.models.spelling import Source


def test_a_file_with_a_factory(nets, factory, x):
    found = load(factory, input_shape=(2, 9, 7))
    assert type(found.model).__name__ == "Small"
    assert not found.model.training
    assert (found.input_shape, found.preprocessing, found.classes) == ((2, 9, 7), None, ())
    assert found.source == factory
    assert torch.equal(found.model(x), nets.Small().eval()(x))


def test_arguments_reach_the_factory(factory):
    assert load(f"{factory}(5, bias=False)").model.get_parameter("conv.weight").shape == (5, 2, 3, 2)
    assert "conv.bias" not in load(f"{factory}(bias=False)").model.state_dict()


def test_a_factory_may_describe_its_network(factory):
    found = load(factory.replace("Small", "described(rows=11)"))
    assert found.input_shape == (2, 11, 7)
    assert found.classes == tuple("abcde")
    assert found.preprocessing == Preprocessing((11, 7), order="channels:2")


def test_a_module_may_stand_in_place_of_a_factory(factory):
    assert load(factory.replace("Small", "ready")).model.get_parameter("conv.bias").shape == (4,)
    with pytest.raises(InputError, match=r"arguments for something that is no factory; leave them out"):
        load(factory.replace("Small", "ready(2)"))


def test_a_package_and_one_in_the_current_folder(tmp_path: Path, monkeypatch):
    assert load("python:torch.nn:Linear(6, 4)").input_shape == (6,)
    folder = tmp_path / "package_found_here"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "parts.py").write_text("from torch import nn\nclass Nets:\n    conv = staticmethod(nn.Conv1d)\n")
    monkeypatch.chdir(tmp_path)
    assert load("python:package_found_here.parts:Nets.conv(2, 3, 4)").input_shape == (2, 224)


def test_a_file_finds_those_beside_it(tmp_path: Path):
    (tmp_path / "part_beside.py").write_text("KERNEL = (3, 2)\n")
    code = "from torch import nn\nfrom part_beside import KERNEL\ndef net():\n    return nn.Conv2d(1, 2, KERNEL)\n"
    (tmp_path / "whole.py").write_text(code)
    assert load(f"python:{tmp_path}/whole.py:net").model.kernel_size == (3, 2)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("python:NETS:Smal", r"has no Smal; did you mean Small\?"),
        ("python:NETS:WIDTH", r"WIDTH is a int; name a factory or a module"),
        ("python:NETS:broken", r"broken failed \(RuntimeError: the disk\); arguments are written"),
        ("python:NETS:no_network", r"no_network gave a list, no torch.nn.Module"),
        ("python:NETS:Small(width=WIDTH)", r"\(width=WIDTH\) cannot be read; give numbers, texts in quotes"),
        ("python:NETS:Small(**{})", r"cannot be read"),
        ("python:NETS:Small(2)(3)", r"\(2\)\(3\) cannot be read"),
        ("python:NETS:Small(depth=2)", r"Small failed \(TypeError: .*unexpected keyword argument 'depth'\)"),
        ("python:no/such/file.py:net", r"no/such/file.py: no such file; check the path"),
        ("python:no_such_package:net", r"importing no_such_package failed \(ModuleNotFoundError: No module named"),
        ("python:torch", r"no factory is named; write python:package.module:factory or"),
        ("squeezenett", r"no such source; did you mean squeezenet\?"),
        ("alexnet", r"no such source; (give|did you mean) .*[?;] else python:.*; timm:NAME; .* FILE.onnx"),
        ("nothing.pt2", r"nothing.pt2: no such file; check the path"),
    ],
)
def test_what_cannot_be_used_is_one_line(source: str, says: str):
    with pytest.raises(InputError, match=says):
        load(source.replace("NETS", str(Path(__file__).with_name("nets.py"))))


def test_a_file_with_an_error_in_it(tmp_path: Path):
    (tmp_path / "bad.py").write_text("def net(:\n")
    with pytest.raises(InputError, match=r"importing .*bad.py failed \(SyntaxError: "):
        load(f"python:{tmp_path}/bad.py:net")


def test_weights_beside_a_factory(tmp_path: Path, nets, factory, x):
    trained = nets.Small().eval()
    nn.init.normal_(trained.head.weight)
    save_file(trained.state_dict(), tmp_path / "w.safetensors")
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    for found in (
        load(f"{factory}@{tmp_path}/w.safetensors", input_shape=(2, 9, 7)),
        load(factory, weights=tmp_path / "w.pth", input_shape=(2, 9, 7)),
        load(f"{factory}(width=3)@{tmp_path}/w.pth", input_shape=(2, 9, 7)),
    ):
        assert torch.equal(found.model(x), trained(x))


def test_an_at_sign_in_a_path_is_a_path():
    assert Source.read("python:a@b/nets.py:net").name == "a@b/nets.py:net"
    assert Source.read("some@model.pt2").weights is None


def test_settings_said_apart_or_in_words(factory):
    found = load(factory, preprocessing="unit;size=9x7")
    assert found.input_shape == (2, 9, 7)
    assert found.preprocessing == Preprocessing((9, 7), order="channels:2")
    again = load(factory, input_shape=[2, 9, 7], preprocessing="unit")
    assert (again.input_shape, again.preprocessing) == (found.input_shape, found.preprocessing)


def test_a_string_is_a_model_everywhere(factory):
    listed = layers(network(factory, (2, 9, 7)).model, (2, 9, 7))
    assert [info.name for info in listed][:2] == ["conv", "norm"]


def test_registered_names_come_with_their_own_weights(monkeypatch, nets, tmp_path: Path):
    monkeypatch.setitem(BUILT_IN, "small", None)  # taken out again afterwards
    asked = []

    def make(weights: Path | None) -> Network:
        asked.append(weights)
        return Network(nets.Small(), (2, 9, 7))

    register("small", make)
    assert load("small").source == "small"
    load("small@mine.safetensors", preprocessing="unit")
    assert asked == [None, Path("mine.safetensors")]
