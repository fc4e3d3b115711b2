"""Files of trained networks say what they are, and refuse to be taken for others."""

from pathlib import Path

import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.tasks import keeping


def network() -> nn.Module:
    return nn.Linear(3, 2)


def test_what_is_saved_comes_back(tmp_path: Path):
    model, file = network(), tmp_path / "w.safetensors"
    keeping.save(file, "text", model, {"classes": ["好", "bad"], "network": {"width": 3}})
    state, facts = keeping.load(file, "text")
    assert facts == {"classes": ["好", "bad"], "network": {"width": 3}}
    other = keeping.fill(network(), state, file)
    assert torch.equal(other.get_parameter("weight"), model.get_parameter("weight"))
    assert keeping.task_of_file(file) == "text"


def test_another_task_another_network_and_no_numbers_are_refused(tmp_path: Path):
    file = tmp_path / "w.safetensors"
    keeping.save(file, "go", network(), {})
    with pytest.raises(InputError, match="holds a network for go; give weights that `convscope train speech` wrote"):
        keeping.load(file, "speech")
    with pytest.raises(InputError, match="the weights do not fit the network its notes describe"):
        keeping.fill(nn.Linear(3, 4), keeping.load(file, "go")[0], file)
    broken = network()
    broken.get_parameter("weight").data[0, 0] = torch.nan
    keeping.save(file, "go", broken, {})
    with pytest.raises(InputError, match="the weights hold NaN or infinity"):
        keeping.load(file, "go")


def test_other_files_are_no_networks(tmp_path: Path):
    file = tmp_path / "w.safetensors"
    with pytest.raises(InputError, match="no such file"):
        keeping.load(file, "go")
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not a safetensors file"):
        keeping.load(file, "go")
    assert keeping.task_of_file(file) == ""


def test_the_checkpoint_goes_when_the_weights_are_written(tmp_path: Path):
    file, seen = tmp_path / "w.safetensors", []

    def train(checkpoint: Path) -> nn.Module:
        seen.append(checkpoint.exists())
        checkpoint.write_bytes(b"epochs")
        return network()

    def write(model: nn.Module) -> None:
        keeping.save(file, "go", model, {})

    def fail(model: nn.Module) -> None:
        raise InputError("the disk is full")

    with pytest.raises(InputError, match="the disk is full"):
        keeping.fitted(file, train, fail, resume=True)
    assert keeping.checkpoint_of(file).exists()
    keeping.fitted(file, train, write, resume=True)
    assert seen == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    keeping.checkpoint_of(file).write_bytes(b"old")
    keeping.fitted(file, train, write, resume=False)
    assert seen == [False, True, False]


def test_a_place_that_cannot_be_written_is_said_before_any_work(tmp_path: Path):
    with pytest.raises(InputError, match="a folder has that name"):
        keeping.fitted(tmp_path, lambda checkpoint: pytest.fail("it worked"), lambda made: None, resume=True)
