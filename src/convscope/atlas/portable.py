"""How an atlas's networks travel to other machines, where neither the user's code nor their files have to be."""

import copy
import io
import os
import site
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope import __version__
from convscope.atlas.subject import Member
from convscope.errors import InputError
from convscope.lens.models import Network, load
from convscope.lens.probe import first_line
from convscope.lens.weights import weights_hash


@dataclass(frozen=True)
class Parcel:
    """A function with all that it holds. content: its pickle. versions: of what has to be the same on both ends."""

    content: bytes
    versions: tuple[tuple[str, str], ...]


def pack(function: Callable[..., Any]) -> Parcel:
    """A function, with the subject it holds, to be called elsewhere.

    Classes and functions of the user's own code, from scripts, notebooks and files, travel as a whole, so that nobody
    has to be able to import them; those of installed packages travel by name. A network that cannot be pickled is
    loaded anew on the other side, from its source.

    Raises InputError for a network that can be neither pickled nor loaded again.
    """
    with _own_code_by_value():
        return Parcel(_pickled(function), _versions())


def unpack(parcel: Parcel, device: str = "cpu") -> Any:
    """The function, its networks moved to `device`.

    Raises InputError where versions differ, where a package that a network is made of is missing, and for a network
    whose weights are not those that were packed.
    """
    from ray import cloudpickle

    here = dict(_versions())
    for name, there in parcel.versions:
        if here[name] != there:
            raise InputError(
                f"worker: it has {name} {here[name]}, and the job was planned with {there}; results would differ: "
                "install the same on all machines"
            )
    try:
        function, members = cloudpickle.loads(parcel.content)
    except ModuleNotFoundError as missing:
        raise InputError(f"worker: {missing.name} is not installed there; install it on all machines") from missing
    for member in members:
        found = weights_hash(member.network.model)
        if found != member.weights:
            raise InputError(
                f"network {member.label!r}: its source {member.network.source!r} gives weights {found[:8]} on a "
                f"worker, and {member.weights[:8]} where the job was planned; give all machines the same files"
            )
        member.network.model.to(device)
    return function


def _versions() -> tuple[tuple[str, str], ...]:
    # which of PyTorch's builds (+cpu, +cu130) may differ: so may the device
    return ("convscope", __version__), ("torch", torch.__version__.partition("+")[0])


def _pickled(function: Any) -> bytes:
    """The function and, beside it, the members that it holds."""
    members: list[Member] = []
    return _dumped((function, members), members)  # the list is written last, when it is full


def _dumped(what: Any, members: list[Member]) -> bytes:
    """A pickle in which networks and TorchScript are taken care of; members that were met are added to the list."""
    from ray import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, Member):
                members.append(obj)
            elif isinstance(obj, Network):
                return _network, _parts(obj)
            elif isinstance(obj, torch.jit.ScriptModule):
                return _script, (_script_bytes(obj),)
            return super().reducer_override(obj)

    written = io.BytesIO()
    Pickler(written).dump(what)
    return written.getvalue()


def _parts(network: Network) -> tuple[bytes | None, dict[str, Any]]:
    """What `_network` makes it of: the module, or None where its source has to do, and all else."""
    rest = {one.name: getattr(network, one.name) for one in fields(network) if one.name != "model"}
    try:
        return _dumped(_on_cpu(network.model), []), rest
    except Exception as problem:  # whatever a strange module raises, its source may do
        if network.source:
            return None, rest
        raise InputError(
            f"model {type(network.model).__name__}: cannot be sent to workers ({first_line(problem)}); give it by a "
            "source from which they can load it, such as python:package.module:factory"
        ) from problem


def _network(content: bytes | None, rest: dict[str, Any]) -> Network:
    from ray import cloudpickle

    return Network(load(rest["source"]).model if content is None else cloudpickle.loads(content), **rest)


def _script_bytes(module: torch.jit.ScriptModule) -> bytes:
    written = io.BytesIO()
    with _age_unsaid():
        torch.jit.save(module, written)
    return written.getvalue()


def _script(content: bytes) -> nn.Module:
    with _age_unsaid():
        return torch.jit.load(io.BytesIO(content), map_location="cpu")


@contextmanager
def _age_unsaid() -> Iterator[None]:
    """PyTorch's notes that TorchScript is old are not the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (DeprecationWarning, FutureWarning))
        yield


def _on_cpu(model: nn.Module) -> nn.Module:
    """The module itself where it is on the CPU, else a copy: a worker need not have the same device."""
    elsewhere = any(weight.device.type != "cpu" for weight in model.state_dict().values() if torch.is_tensor(weight))
    return copy.deepcopy(model).cpu() if elsewhere else model


@contextmanager
def _own_code_by_value() -> Iterator[None]:
    """Inside, cloudpickle takes what was imported from outside the installed packages for this process's alone."""
    from ray import cloudpickle

    convscope, standard = Path(__file__).parents[1], sysconfig.get_path("stdlib")
    places = convscope, standard, *site.getsitepackages(), site.getusersitepackages()
    installed = tuple(f"{root}{os.sep}" for place in places for root in (place, Path(place).resolve()))
    before = cloudpickle.list_registry_pickle_by_value()
    taken = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or name in before or getattr(module, "__name__", None) != name:
            continue
        if not str(file).startswith(installed):
            cloudpickle.register_pickle_by_value(module)
            taken.append(module)
    try:
        yield
    finally:
        for module in taken:
            cloudpickle.unregister_pickle_by_value(module)
