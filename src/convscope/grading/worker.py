"""The program that runs somebody's file, in a process of its own; it imports nothing of convscope.

It is started by `process.Child` as `python -I -B worker.py FD FILE MEMORY CPU` and speaks through the socket FD
alone: one JSON object a line, arrays as dtype, shape and base64 of their bytes. Nothing is ever unpickled, on
either side. What the file prints goes nowhere.

A *program* to run is `{"inputs": {name: array}, "steps": [...], "outputs": [...]}`. A step calls something
(`{"call": path, "args": [...], "kwargs": {...}, "save": name}`) or sets something (`{"set": path, "to": value}`);
a path is a name, then attributes or keys. A value is a number, a word, a list, `{"ref": name}`,
`{"ref": name, "item": k}`, `{"tuple": [...]}` or `{"settings": {...}}`, a dictionary that
remembers what of it was asked for.
"""

import base64
import inspect
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

MOST_ITEMS = 1_000_000
"""Numbers in an array that is sent; the right answers have fewer than a thousand."""


class Settings(dict):
    """Options in a dictionary; `read` are the keys that somebody looked up."""

    read: set[str]

    def __init__(self, values: dict[str, Any], read: set[str]):
        super().__init__(values)
        self.read = read

    def __getitem__(self, key: str) -> Any:
        self.read.add(str(key))
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(str(key))
        return super().get(key, default)


def encode(value: Any, depth: int = 0) -> Any:
    """A result as JSON: arrays, tensors, numbers and nested lists of numbers; of anything else its type's name."""
    if value is None:
        return None
    if hasattr(value, "detach"):  # a tensor of PyTorch
        value = value.detach().cpu().numpy()
    if isinstance(value, dict) and depth < 2:
        return {"dict": {str(key): encode(item, depth + 1) for key, item in list(value.items())[:50]}}
    if isinstance(value, tuple) and depth < 2:
        return {"tuple": [encode(item, depth + 1) for item in value[:20]]}
    as_list = isinstance(value, list)
    if as_list or isinstance(value, int | float | np.generic):
        try:
            value = np.array(value)
        except Exception:
            value = None
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and value.size <= MOST_ITEMS:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": data, "list": as_list}
    return {"other": type(value).__name__}


def decode(value: Any) -> Any:
    """What `encode` made, back: arrays as arrays. Raises ValueError, TypeError or KeyError for anything else."""
    if value is None:
        return None
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "dict" in value:
        return {key: decode(item) for key, item in value["dict"].items()}
    if "data" not in value:
        return str(value["other"])
    dtype, shape = np.dtype(str(value["dtype"])), tuple(int(size) for size in value["shape"])
    if dtype.kind not in "biufc":
        raise ValueError("an array of something else than numbers")
    return np.frombuffer(base64.b64decode(value["data"]), dtype).reshape(shape)


def describe(names: dict[str, Any], here: Callable[[Any], bool]) -> list[dict[str, Any]]:
    """Functions and classes among `names` for which `here` holds, with what they take, in their order."""
    found = []
    for name, thing in names.items():
        if not (callable(thing) and here(thing)):
            continue
        if inspect.isclass(thing):
            methods = ("forward", "__call__", "backward")
            own = {each: _parameters(getattr(thing, each)) for each in methods if _is_method(thing, each)}
            found.append({"name": name, "init": _parameters(thing), "methods": own})
        else:
            found.append({"name": name, "parameters": _parameters(thing)})
    return found


def run(program: dict[str, Any], names: dict[str, Any], file: str = "") -> dict[str, Any]:
    """Carry out a program; `{"outputs": ..., "changed": ..., "read": ...}`, or `{"raised": text}` at an exception."""
    inputs = {name: decode(array).copy() for name, array in program["inputs"].items()}
    before = {name: array.copy() for name, array in inputs.items()}
    read: set[str] = set()
    known = names | inputs | {"settings read": read}
    if program.get("tensors"):
        torch = sys.modules["torch"]
        known |= {name: torch.from_numpy(array) for name, array in inputs.items()}
    try:
        for step in program["steps"]:
            if "set" in step:
                _set(known, step["set"], _value(step["to"], known))
                continue
            args = [_value(value, known) for value in step["args"]]
            kwargs = {name: _value(value, known) for name, value in step["kwargs"].items()}
            called = _find(known, step["call"])
            if step.get("cells"):
                called = _for_each_cell(called, inputs["x"].dtype)
            known[step["save"]] = called(*args, **kwargs)
        outputs = []
        for output in program["outputs"]:
            if "attributes" in output:
                outputs.append({"dict": _attributes(known[output["attributes"]])})
            else:
                outputs.append(encode(_value(output, known)))
    except BaseException as problem:  # SystemExit too: it ends the call, not this program
        return {"raised": _one_line(problem, file)}
    changed = [name for name in inputs if not np.array_equal(inputs[name], before[name], equal_nan=True)]
    return {"outputs": outputs, "changed": changed, "read": sorted(read)}


def _for_each_cell(function: Callable[..., Any], dtype: np.dtype) -> Callable[..., np.ndarray]:
    def one_cell(*cells: Any, **named: Any) -> float:
        return float(function(*cells, **named))

    return np.vectorize(one_cell, otypes=[dtype])


def _is_method(thing: type, name: str) -> bool:
    return callable(getattr(thing, name, None)) and not isinstance(getattr(thing, name), type(type.__call__))


def _parameters(thing: Any) -> list[dict[str, Any]]:
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return []
    told = []
    for each in parameters:
        if each.name == "self" or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        plain = isinstance(each.default, bool | int | float | str | tuple) and each.default is not each.empty
        told.append(
            {
                "name": each.name,
                "required": each.default is each.empty,
                "default": repr(each.default)[:40] if plain else "",
                "positional": each.kind is each.POSITIONAL_ONLY,
            }
        )
    return told


def _value(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_value(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_value(item, known) for item in value["tuple"])
    if "settings" in value:
        return Settings(value["settings"], known["settings read"])
    found = known[value["ref"]]
    return found[value["item"]] if "item" in value else found


def _find(known: dict[str, Any], path: list[str]) -> Any:
    found = known[path[0]]
    for name in path[1:]:
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


def _set(known: dict[str, Any], path: list[str], value: Any) -> None:
    """Keeps the shape that is there, so that a bias may be (m,), (m, 1) or (1, m, 1, 1)."""
    holder = _find(known, path[:-1])
    old = holder.get(path[-1]) if isinstance(holder, dict) else getattr(holder, path[-1], None)
    shape = getattr(old, "shape", None)
    if shape is not None and [size for size in shape if size != 1] == [size for size in value.shape if size != 1]:
        value = value.reshape(shape)
    elif shape is not None and len(shape) > 0:
        raise ValueError(f"{path[-1]} has shape {tuple(shape)}, not {tuple(value.shape)}")
    if old is not None and hasattr(old, "detach"):  # a parameter of PyTorch
        old.data = sys.modules["torch"].as_tensor(value)
    elif isinstance(holder, dict):
        holder[path[-1]] = value
    else:
        setattr(holder, path[-1], value)


def _attributes(thing: Any, before: str = "") -> dict[str, Any]:
    """All arrays that an object holds, by dotted name; those in its dictionaries too."""
    found: dict[str, Any] = {}
    items = thing if isinstance(thing, dict) else getattr(thing, "__dict__", {})
    for name, value in list(items.items())[:100]:
        dotted = f"{before}{name}"
        if isinstance(value, dict) and before.count(".") < 1:
            # PyTorch keeps parameters in a dictionary, but they are attributes
            found |= _attributes(value, "" if name == "_parameters" else f"{dotted}.")
        elif value is None or hasattr(value, "shape"):
            found[dotted] = encode(value)
    return found


def _one_line(problem: BaseException, file: str) -> str:
    told = problem.msg if isinstance(problem, SyntaxError) else problem  # without the line, which is named below
    kind, text = type(problem).__name__, " ".join(str(told).split())
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == file]
    if isinstance(problem, SyntaxError) and problem.filename == file:
        lines = [problem.lineno]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{kind}: {text[:200]}{where}" if text else f"{kind}{where}"


def _limit(memory: int, cpu: int) -> None:
    import resource

    def at_most(kind: int, most: int) -> None:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))

    at_most(resource.RLIMIT_AS, memory)
    at_most(resource.RLIMIT_CPU, cpu)
    at_most(resource.RLIMIT_FSIZE, 16 << 20)
    at_most(resource.RLIMIT_CORE, 0)
    if hasattr(resource, "RLIMIT_NPROC"):  # counts all of this user's threads; the superuser is not bound by it
        at_most(resource.RLIMIT_NPROC, _threads_of_this_user() + 64)


def _threads_of_this_user() -> int:
    from pathlib import Path

    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        told = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if told["Uid"].split()[0] == str(os.getuid()):
            count += int(told["Threads"])
    return count


def main(fd: str, file: str, memory: str, cpu: str) -> None:
    """Import the file, say what is in it, then run programs until the other end closes."""
    import importlib.machinery
    import importlib.util
    from pathlib import Path

    own = os.getpid()
    link = socket.socket(fileno=int(fd))
    link.set_inheritable(False)
    reader = link.makefile("rb")
    send_all, leave = link.sendall, os._exit  # kept, whatever the file does to these modules
    dumps, loads, pid = json.dumps, json.loads, os.getpid

    def send(message: dict[str, Any]) -> None:
        if pid() != own:
            leave(0)  # a copy that the file made by fork
        send_all(dumps(message).encode() + b"\n")

    sys.path.insert(0, str(Path(file).parent))
    _limit(int(memory), int(cpu))
    loader = importlib.machinery.SourceFileLoader("student", file)  # whatever the file's name ends in
    spec = importlib.util.spec_from_loader("student", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["student"] = module
    try:
        loader.exec_module(module)
        told = describe(vars(module), lambda thing: getattr(thing, "__module__", "") == "student")
        others = describe(vars(module), lambda thing: getattr(thing, "__module__", "") != "student")
        send({"functions": told, "others": others, "torch": "torch" in sys.modules})
    except BaseException as problem:
        send({"raised": _one_line(problem, file)})
        return
    for line in reader:
        send(run(loads(line), vars(module), file))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # whatever threads and exit handlers the file left behind
