"""ONNX files through onnx2torch."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional as F

from convscope.errors import InputError
from convscope.lens.models import load

RNG = np.random.default_rng(0)
KERNEL, BIAS = RNG.normal(size=(4, 3, 3, 2)).astype(np.float32), RNG.normal(size=4).astype(np.float32)
MATRIX = RNG.normal(size=(4, 5)).astype(np.float32)


@pytest.fixture
def converter() -> None:
    if find_spec("onnx2torch") is None:
        pytest.skip("onnx2torch is not installed; pip install 'convscope[onnx]'")


def graph(path: Path, *, sizes: tuple[Any, ...] = ("n", 3, 9, 7), last: str = "MatMul") -> str:
    nodes = [
        helper.make_node("Conv", ["x", "k", "b"], ["c"], "first", strides=[2, 1], pads=[1, 0, 1, 0]),
        helper.make_node("Relu", ["c"], ["r"], "act"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flat"),
        helper.make_node(last, ["f", "m"], ["y"], "head"),
    ]
    weights = [numpy_helper.from_array(each, name) for each, name in ((KERNEL, "k"), (BIAS, "b"), (MATRIX, "m"))]
    whole = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 5))],
        weights,
    )
    onnx.save(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)]), path)
    return str(path)


@pytest.mark.usefixtures("converter")
def test_a_graph_computes_what_it_says(tmp_path: Path):
    found = load(graph(tmp_path / "small.onnx"))
    assert found.input_shape == (3, 9, 7)
    x = torch.randn(2, 3, 9, 7)
    maps = F.relu(F.conv2d(x, torch.from_numpy(KERNEL), torch.from_numpy(BIAS), (2, 1), (1, 0)))
    assert torch.allclose(found.model(x), maps.mean((2, 3)) @ torch.from_numpy(MATRIX), atol=1e-5)
    assert [name for name, _ in found.model.named_children()][:2] == ["first", "act"]
    assert "torchvision" not in sys.modules or hasattr(sys.modules["torchvision"], "__file__")


@pytest.mark.usefixtures("converter")
def test_sizes_left_open_are_found_by_trying(tmp_path: Path):
    assert load(graph(tmp_path / "open.onnx", sizes=("n", 3, "h", "w"))).input_shape == (3, 224, 224)


@pytest.mark.usefixtures("converter")
def test_an_operator_that_cannot_be_converted_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"strange.onnx: onnx2torch cannot convert it \(.*MatMulInteger"):
        load(graph(tmp_path / "strange.onnx", last="MatMulInteger"))


def test_a_missing_converter_is_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(InputError, match=r"onnx2torch is not installed; pip install 'convscope\[onnx\]'"):
        load(graph(tmp_path / "small.onnx"))
