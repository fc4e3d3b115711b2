"""Small networks in files of every kind."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

NETS = Path(__file__).with_name("nets.py")


@pytest.fixture(scope="session")
def nets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_nets", NETS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["small_nets"] = module  # where a pickle of one of its classes looks
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def factory() -> str:
    return f"python:{NETS}:Small"


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(4, 2, 9, 7, generator=torch.Generator().manual_seed(1))
