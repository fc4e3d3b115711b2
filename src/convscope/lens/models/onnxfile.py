"""ONNX files as PyTorch modules, through the converter onnx2torch."""

import importlib
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from convscope.errors import InputError
from convscope.lens.models.network import Network
from convscope.lens.probe import first_line


def read_onnx(file: Path) -> nn.Module | Network:
    """The graph of an ONNX file as a module; its layers have the names of the graph's nodes.

    Raises InputError where onnx2torch is not installed, for a broken file and for an operator it does not know.
    """
    with _without_torchvision():
        try:
            onnx, converter = importlib.import_module("onnx"), importlib.import_module("onnx2torch")
        except ModuleNotFoundError as problem:
            raise InputError(f"{file}: {problem.name} is not installed; pip install 'convscope[onnx]'") from None
    try:
        graph = onnx.load(file)
        onnx.checker.check_model(file)  # by name: of graphs above 2 GB the weights lie beside the file
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's own, about PyTorch's age
            model = converter.convert(graph)
    except NotImplementedError as problem:
        raise InputError(f"{file}: onnx2torch cannot convert it ({first_line(problem)})") from problem
    except Exception as problem:
        raise InputError(f"{file}: cannot be read as ONNX ({first_line(problem)})") from problem
    filled = {weights.name for weights in graph.graph.initializer}
    inputs = [each for each in graph.graph.input if each.name not in filled]
    if len(inputs) != 1:
        raise InputError(f"{file}: a graph of {len(inputs)} inputs; give a network that takes one batch of inputs")
    sizes = [axis.dim_value for axis in inputs[0].type.tensor_type.shape.dim][1:]
    return Network(model, tuple(sizes)) if sizes and all(sizes) else model  # 0 stands for a size left open


@contextmanager
def _without_torchvision() -> Iterator[None]:
    """onnx2torch takes two operators of object detection from torchvision; without it all others work."""
    try:
        importlib.import_module("torchvision")
        names: dict[str, types.ModuleType] = {}
    except Exception:  # not there, or built for another PyTorch
        ops: Any = types.ModuleType("torchvision.ops")
        ops.roi_align = None
        names = {"torchvision": types.ModuleType("torchvision"), "torchvision.ops": ops}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
