"""Trained networks of the tasks as files: weights as safetensors, and beside them what the network is, as JSON."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.files import check_can_write
from convscope.nn.weights import read_arrays, write_arrays

AnyPath = str | os.PathLike[str]
Trained = TypeVar("Trained")
ROOM = 2**24
"""Bytes that are asked for before a training starts."""


def save(file: AnyPath, task: str, model: nn.Module, facts: dict[str, Any]) -> Path:
    """Write a network's weights, with the name of its task and facts that JSON can hold.

    Raises InputError where the place cannot be written.
    """
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    return write_arrays(file, arrays, {"task": task, "facts": json.dumps(facts, ensure_ascii=False)})


def load(file: AnyPath, task: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and facts that `save` wrote for this task.

    Raises InputError for a file that is not there, is none of convscope's or belongs to another task, and for weights
    that are not finite.
    """
    arrays, notes = read_arrays(file)
    found = task_of(notes)
    if found != task:
        told = f"holds a network for {found}" if found else "does not say what its weights are"
        raise InputError(f"{file}: {told}; give weights that `convscope train {task}` wrote")
    try:
        facts = json.loads(notes["facts"])
    except (KeyError, ValueError):
        raise InputError(f"{file}: its notes cannot be read; train the network again") from None
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise InputError(f"{file}: the weights hold NaN or infinity; train them again")
    return state, facts


def fill(model: nn.Module, state: dict[str, Tensor], file: AnyPath) -> nn.Module:
    """Put weights into the network that the facts describe. Raises InputError where they do not fit."""
    try:
        model.load_state_dict(state)
    except RuntimeError as problem:
        first = str(problem).splitlines()[1:2] or [str(problem)]
        raise InputError(f"{file}: the weights do not fit the network its notes describe: {first[0].strip()}") from None
    return model.eval()


def task_of(notes: dict[str, str]) -> str:
    """Which task a file's notes name; empty for none. Weights of `convscope train digits` say it in their own way."""
    return notes.get("task") or ("digits" if notes.get("network") == '"LeNet-5"' else "")


def task_of_file(file: AnyPath) -> str:
    """The task of a file of weights, empty for one that is none of convscope's."""
    try:
        return task_of(read_arrays(file)[1])
    except InputError:
        return ""


def check_can_keep(file: Path) -> None:
    """Say now that `fitted` could not write its weights; an InputError then."""
    check_can_write(file, ROOM)
    check_can_write(checkpoint_of(file))


def fitted(file: Path, train: Callable[[Path], Trained], write: Callable[[Trained], Any], *, resume: bool) -> Trained:
    """`train(checkpoint)`, then `write` what came out; what an earlier, stopped training left is gone on with.

    The checkpoint goes only when the weights are written: until then it is all there is.
    """
    check_can_keep(file)
    checkpoint = checkpoint_of(file)
    if not resume:
        checkpoint.unlink(missing_ok=True)
    trained = train(checkpoint)
    write(trained)
    checkpoint.unlink(missing_ok=True)
    return trained


def checkpoint_of(file: Path) -> Path:
    """Where the finished epochs of a training lie until its weights are written."""
    return file.with_name(file.name + ".checkpoint")

