"""Files of weights and of whole networks, told apart by what is in them; no pickle is executed unasked."""

import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.models.network import Network
from convscope.lens.probe import first_line

Kind = Literal["exported", "torchscript", "safetensors", "onnx", "saved"]
State = dict[str, Tensor]


def kind_of(file: Path) -> Kind:
    """What a file is: "exported" (torch.export), "torchscript", "safetensors", "onnx", or "saved" by torch.save.

    Raises InputError for a file that is not there, cannot be read, or is none of these.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(16)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; check the path") from None
    except OSError as problem:
        raise InputError(f"{file}: cannot be read ({(problem.strerror or 'broken').lower()})") from None
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            inside = [name.partition("/")[2] or name for name in archive.namelist()]
        if "archive_format" in inside or "serialized_exported_program.json" in inside:
            return "exported"
        if "constants.pkl" in inside:
            return "torchscript"
        if "data.pkl" in inside:
            return "saved"
    elif start[8:9] == b"{" and int.from_bytes(start[:8], "little") < file.stat().st_size:
        return "safetensors"
    elif file.suffix.lower() == ".onnx":
        return "onnx"
    elif start[:1] == b"\x80":  # how every pickle since 2003 begins, and torch.save's files before PyTorch 1.6
        return "saved"
    raise InputError(
        f"{file}: no network and no weights that are known here, or a broken file; give one of torch.export, "
        "TorchScript, ONNX, safetensors or torch.save"
    )


def read_network(file: Path, *, trust_pickle: bool = False) -> nn.Module | Network:
    """The network in a file that holds a whole one. Raises InputError for weights alone, pickles, broken files."""
    kind = kind_of(file)
    if kind == "onnx":
        from convscope.lens.models.onnxfile import read_onnx

        return read_onnx(file)
    if kind == "exported":
        return _exported(file, trust_pickle)
    if kind == "torchscript":
        with _reading(file, "TorchScript"):
            return torch.jit.load(file, map_location="cpu")
    held = _saved(file, trust_pickle) if kind == "saved" else None
    if isinstance(held, nn.Module):
        return held
    raise InputError(
        f"{file}: weights without the network they belong to; name its factory before them: "
        f"python:package.module:factory@{file}"
    )


def read_state(file: Path, *, trust_pickle: bool = False) -> State:
    """The weights in a file, by name. Raises InputError where there are none and for pickles."""
    kind = kind_of(file)
    if kind == "safetensors":
        from safetensors.torch import load_file

        with _reading(file, "safetensors"):
            return load_file(file)
    if kind != "saved":
        raise InputError(f"{file}: a whole network ({kind}), not weights; give it as the model itself")
    held = _saved(file, trust_pickle)
    if isinstance(held, nn.Module):
        return dict(held.state_dict())
    for key in ("state_dict", "model_state_dict", "model"):  # what training scripts keep beside it
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not isinstance(held, Mapping) or not any(isinstance(value, Tensor) for value in held.values()):
        raise InputError(f"{file}: a {type(held).__name__} without weights by name; save model.state_dict()")
    for prefix in ("module.", "_orig_mod."):  # wrapped for several devices; compiled
        if all(str(name).startswith(prefix) for name in held):
            held = {str(name).removeprefix(prefix): value for name, value in held.items()}
    return {str(name): value for name, value in held.items() if isinstance(value, Tensor)}


def fit_weights(model: nn.Module, file: Path, *, trust_pickle: bool = False) -> None:
    """Put the weights of a file into a model of the same names and shapes.

    Raises InputError, with the first names, for weights that are missing, strange or of another shape.
    """
    given, wanted = read_state(file, trust_pickle=trust_pickle), model.state_dict()
    # a counter that older files have not, and that says nothing about what the network does
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    strange = [name for name in given if name not in wanted]
    other = [
        f"{name} {tuple(given[name].shape)}, not {tuple(weight.shape)}"
        for name, weight in wanted.items()
        if name in given and given[name].shape != weight.shape
    ]
    wrong = {"missing": missing, "not in the network": strange, "of another shape": other}
    told = [f"{len(names)} {what} ({_some(names)})" for what, names in wrong.items() if names]
    if told:
        raise InputError(
            f"{file}: its {len(given)} weights are not those of this {type(model).__name__}: {'; '.join(told)}; "
            "give the factory that they were made with"
        )
    model.load_state_dict(given, strict=False)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _saved(file: Path, trust_pickle: bool) -> Any:
    """What torch.save wrote; of a pickle that asks for more than tensors and containers, nothing is run."""
    with _reading(file, "torch.save"):
        return torch.load(file, map_location="cpu", weights_only=not trust_pickle)


def _asked_for(file: Path) -> list[str]:
    """What a pickle wants to call, strange names first; read from it without running it."""
    try:
        asked = torch.serialization.get_unsafe_globals_in_checkpoint(file)
        return sorted(asked, key=lambda name: (name.startswith("torch."), name))
    except Exception:  # not of the form that can be looked into without running it
        return []


def _refused(file: Path, asked: list[str]) -> InputError:
    return InputError(
        f"{file}: a pickle, which can run any code when it is opened"
        + (f" (it asks for {_some(asked)})" if asked else "")
        + "; it was not opened. Save model.state_dict() instead; or, if you trust whoever made the file, say so with "
        "trust_pickle=True (--trust-pickle)"
    )


def _exported(file: Path, trust_pickle: bool) -> Network:
    """A program of torch.export with the modules it was made of, so that layers keep their names.

    PyTorch's reader executes what pickles and compiled code such a file holds; here only plain tensors are let
    through. That is no proof against a file made to do harm: for one from strangers there is safetensors.
    """
    with zipfile.ZipFile(file) as archive:
        code = [name for name in archive.namelist() if any(part in name for part in _RUNS)]
    if code and not trust_pickle:
        raise _refused(file, code)
    with _reading(file, "torch.export"), _tensors_only(not trust_pickle):
        program = torch.export.load(file)
    inputs = [node for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    taken = [tuple(node.meta["val"].shape) for node in inputs if isinstance(node.meta.get("val"), Tensor)]
    if len(taken) != 1 or len(taken[0]) < 2:
        raise InputError(f"{file}: a program of {len(taken)} inputs; export a network that takes one batch of inputs")
    batch, *shape = taken[0]
    if isinstance(batch, int) and batch != 1:
        raise InputError(
            f"{file}: exported for batches of exactly {batch}; export it again with "
            "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
        )
    sizes = tuple(size if isinstance(size, int) else size.node.hint or 1 for size in shape)
    with _reading(file, "torch.export"):
        return Network(torch.export.unflatten(program), tuple(map(int, sizes)))


_RUNS = ("custom_obj", "opaque_obj", "aotinductor")


@contextmanager
def _tensors_only(wanted: bool) -> Iterator[None]:
    """Whatever torch.load is asked for, it reads tensors and containers and runs nothing."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    try:
        if wanted:
            os.environ[name] = "1"
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


@contextmanager
def _reading(file: Path, what: str) -> Iterator[None]:
    """PyTorch's notes about its own age are not the user's; what else goes wrong is the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (DeprecationWarning, FutureWarning))
            yield
    except Exception as problem:
        if "Weights only load failed" in str(problem):
            raise _refused(file, _asked_for(file)) from None
        raise InputError(f"{file}: cannot be read as {what} ({first_line(problem)})") from problem
