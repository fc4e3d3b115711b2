"""A network small enough to make a whole atlas of in a second, with all that is awkward about real ones."""

import shutil
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.atlas import job, plan

CLASSES = ("bag", 'a "wide" <b>', "鞋 & boot")
"""Names with what HTML minds, longer than one letter and not all in Latin letters."""


@dataclass(frozen=True)
class Given:
    """What `job.build` is called with."""

    model: nn.Module
    arguments: dict[str, Any]

    @property
    def facts(self) -> plan.Facts:
        arrays = [self.arguments[name] for name in ("images", "inputs", "labels")]
        return job._facts(self.model, self.arguments["classes"], arrays[0], arrays[1], arrays[2], seed=5)

    def build(self, out: Path, **changes: Any) -> Path:
        arguments: dict[str, Any] = {"model": self.model, **self.arguments, **changes}
        return job.build(out, **arguments)


@pytest.fixture(scope="session")
def given() -> Given:
    """Pictures of 12 x 9 pixels in three classes; a network with a dead filter where nothing is square."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(1, 3, (3, 2), padding=(1, 0)),
            relu=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            hidden=nn.Linear(3 * 6 * 4, 7),
            bend=nn.ReLU(),
            out=nn.Linear(7, 3),
        )
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
        model.get_parameter("conv.bias")[1] = -100.0
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 9), dtype=np.uint8)
    history = [
        {
            "epoch": epoch,
            "train_loss": 1.1 / epoch,
            "train_accuracy": 1 - 0.4 / epoch,
            "validation_loss": 1.2 / epoch,
            "validation_accuracy": 1 - 0.5 / epoch,
            "images_per_second": 1000.0,
            "seconds": 0.5,
        }
        for epoch in (1, 2, 3)
    ]
    arguments = {
        "classes": CLASSES,
        "images": images,
        "inputs": ((images / np.float32(255) - np.float32(0.3)) / np.float32(0.5))[:, None],
        "labels": np.arange(40) % 3,
        "history": history,
        "metadata": {"seed": 5, "network": "Tiny", "weights": "abc123", "command": "make tiny"},
    }
    return Given(model, arguments)


@pytest.fixture(scope="session")
def atlas(given: Given, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished atlas; to be read only."""
    return given.build(tmp_path_factory.mktemp("made") / "atlas").parent


@pytest.fixture
def finished(atlas: Path, tmp_path: Path) -> Path:
    """A copy of it, to go on from."""
    return Path(shutil.copytree(atlas, tmp_path / "finished"))
