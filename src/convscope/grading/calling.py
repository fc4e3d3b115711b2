"""From a case to a call of somebody's function (a program for `worker`), and from its answer back to arrays."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope.grading.cases import Case, right
from convscope.grading.layouts import LAYOUTS, Layout
from convscope.grading.matching import Argument, Function
from convscope.grading.worker import encode

Path = tuple[str, ...]

_KINDS = {"w": r"w|weights?|kernels?|filters?|k|f|theta|kern", "b": r"b|bias|biases|beta"}
_GRADIENT = {"dx": r"x|inputs?|a|a_prev|data", "dw": _KINDS["w"], "db": _KINDS["b"]}
SETTINGS = {
    "kernel_h": ("pool_height", "kernel_height", "pool_h", "kernel_h", "HH"),
    "kernel_w": ("pool_width", "kernel_width", "pool_w", "kernel_w", "WW"),
    "kernel": ("f", "kernel_size", "pool_size", "filter_size", "size", "k"),
    "stride": ("stride", "strides", "s"),
    "padding": ("pad", "padding", "p"),
    "dilation": ("dilation",),
    "groups": ("groups",),
}
"""Keys of a dictionary of settings (`conv_param`, `hparameters`), by role."""
PLACE = {"forward": "y", "dx": "x", "dw": "w", "db": "b"}
"""The array of a case that a part has the shape of."""


class CannotCall(Exception):
    """An argument that must be given is not understood; the message is its name."""


@dataclass(frozen=True)
class Convention:
    """How a function wants to be called: where its arrays lie, and where an object keeps its weights."""

    layout: Layout
    tensors: bool = False
    cells: bool = False
    """A function of one number: called for each cell."""
    w: Path = ()
    b: Path = ()
    read: frozenset[str] = frozenset()
    """What it looks up in a dictionary of settings."""


@dataclass(frozen=True)
class Given:
    """What came back: an array for each part, in our layout, or one line that says why there is none."""

    arrays: Mapping[str, np.ndarray]
    raised: str = ""
    changed: tuple[str, ...] = ()
    strange: str = ""
    read: frozenset[str] = frozenset()
    died: bool = False
    """The process ended, and with it what it remembered."""


def conventions(function: Function, torch: bool) -> list[Convention]:
    """All that may be tried, likely ones first."""
    tried = [Convention(layout, tensors) for tensors in (False, True)[: 1 + torch] for layout in LAYOUTS[function.op]]
    if function.op == "relu" and function.init is None:
        tried.append(Convention(LAYOUTS["relu"][0], cells=True))
    return tried


def attributes_program(function: Function, convention: Convention, case: Case) -> dict[str, Any]:
    """Makes an object and asks what it holds, for `find_weights`."""
    steps = [_create(function, convention, case)]
    return _program(convention, case, steps, [{"attributes": "layer"}])


def find_weights(attributes: Mapping[str, Any], convention: Convention, case: Case) -> tuple[Path, Path]:
    """Where an object keeps its weights and its bias; () where it does not."""

    def named(kind: str) -> Path:
        for dotted, value in attributes.items():
            if kind == "b" and value is None:
                continue  # made without a bias
            last = _plain(dotted.split(".")[-1])
            if re.fullmatch(_KINDS[kind], last) and not re.search("grad", dotted.lower()):
                return tuple(dotted.split("."))
        return ()

    w, b = named("w"), named("b")
    if not w and case.w is not None:
        shape = convention.layout.theirs(case.w, "w").shape
        alike = [name for name, value in attributes.items() if getattr(value, "shape", None) == shape]
        w = tuple(alike[0].split(".")) if len(alike) == 1 else ()
    return w, b


def asked(function: Function, convention: Convention, case: Case) -> Case | None:
    """The case as this function can be asked it, without a bias where it has none; None where it cannot be."""
    if not convention.layout.fits(case):
        return None
    remembers = function.forward is not None and any(each.role == "cache" for each in function.arguments)
    teller = function.forward if remembers and function.forward else function
    arguments = (*(teller.init or ()), *teller.arguments)
    in_settings = any(each.role == "settings" for each in arguments)

    def offered(role: str) -> bool:
        if in_settings and role in SETTINGS:
            return any(key in convention.read for key in SETTINGS[role])
        return any(each.role == role and each.default[:1] not in ("'", '"') for each in arguments)

    pool = case.op.endswith("pool2d")
    asks = {"padding": case.padding != 0, "dilation": case.dilation != 1, "groups": case.groups != 1}
    asks["stride"] = case.stride != (case.kernel[0] if pool else 1)
    asks["kernel"] = pool and case.kernel != (2, 2) and not offered("kernel_h")
    if any(asks[role] and not offered(role) for role in asks):
        return None
    told = offered("kernel") and not (offered("kernel_h") or _takes_pair(arguments))
    if told and case.kernel[0] != case.kernel[1] and (pool or function.init is not None):
        return None
    if case.op == "relu" and function.init is None and "dy" not in [each.role for each in function.arguments]:
        case = case.but(dy=np.ones_like(case.x))  # its derivative, which the gradient would be multiplied by
    if case.b is not None and not (teller.takes_bias or convention.b):
        return case.but(b=None)
    return case


def program(function: Function, convention: Convention, case: Case, *, times: int = 1) -> dict[str, Any]:
    """Calls a function, or makes an object and calls its methods `times` times. Raises CannotCall."""
    if function.init is not None:
        return _object_program(function, convention, case, times)
    steps, ahead = [], function.forward
    if ahead is not None and any(each.role in ("cache", "indices", "y") for each in function.arguments):
        steps.append({"call": [ahead.name], **_arguments(ahead, ahead.arguments, convention, case), "save": "ahead"})
    steps.append({"call": [function.name], **_arguments(function, function.arguments, convention, case)})
    steps[-1] |= {"save": "result", "cells": convention.cells}
    return _program(convention, case, steps, [{"ref": "result"}])


def read(function: Function, convention: Convention, case: Case, answer: Mapping[str, Any]) -> Given:
    """The arrays in an answer to `program`, part by part."""
    if "raised" in answer:
        return Given({}, answer["raised"])
    changed, looked_up = tuple(answer["changed"]), frozenset(answer["read"])
    if function.init is None:
        found, strange = _parts(function.parts, answer["outputs"][0], convention, case)
        return Given(found, "", changed, strange, looked_up)
    y, attributes, *back = answer["outputs"]
    found, strange = _parts(("forward",), y, convention, case)
    held = {part: value for part in function.parts if (value := _held(part, attributes)) is not None}
    if "forward" in held:
        strange = ""
    if back:
        returned, odd = _parts(function.parts[1:], back[0], convention, case)
        found |= returned
        strange = strange or ("" if held.keys() - {"forward"} else odd)
    return Given(_to_ours(held, convention, case) | found, "", changed, strange, looked_up)


def _program(convention: Convention, case: Case, steps: list, outputs: list) -> dict[str, Any]:
    layout = convention.layout
    arrays = {"x": (case.x, "x"), "w": (case.w, "w"), "b": (case.b, "b"), "dy": (case.dy, "y")}
    kept = {name: layout.theirs(a, kind) for name, (a, kind) in arrays.items() if a is not None}
    if convention.tensors:  # as PyTorch makes them
        kept = {name: a.astype(np.float32) for name, a in kept.items()}
    inputs = {name: encode(a) for name, a in kept.items()}
    return {"inputs": inputs, "steps": steps, "outputs": outputs, "tensors": convention.tensors}


def _create(function: Function, convention: Convention, case: Case) -> dict[str, Any]:
    return {"call": [function.name], **_arguments(function, function.init or (), convention, case), "save": "layer"}


def _object_program(function: Function, convention: Convention, case: Case, times: int) -> dict[str, Any]:
    ahead, back = function.methods
    steps = [_create(function, convention, case)]
    if convention.w:
        steps.append({"set": ["layer", *convention.w], "to": {"ref": "w"}})
    if convention.b and case.b is not None:
        steps.append({"set": ["layer", *convention.b], "to": {"ref": "b"}})
    outputs: list[dict[str, str]] = [{"ref": "y"}, {"attributes": "layer"}]
    for _ in range(times):
        steps.append({"call": ["layer", ahead], **_arguments(function, function.arguments, convention, case)})
        steps[-1]["save"] = "y"
        if len(function.parts) > 1:
            arguments = _arguments(function, function.backward_arguments, convention, case)
            steps.append({"call": ["layer", back], **arguments, "save": "back"})
    if len(function.parts) > 1:
        outputs.append({"ref": "back"})
    return _program(convention, case, steps, outputs)


def _takes_pair(arguments: tuple[Argument, ...]) -> bool:
    """Whether the kernel's size may be told for rows and columns."""
    return any(each.role == "kernel" and each.default.startswith("(") for each in arguments)


def _arguments(
    function: Function, arguments: tuple[Argument, ...], convention: Convention, case: Case
) -> dict[str, Any]:
    args, kwargs = [], {}
    for each in arguments:
        try:
            value = _value(each, function, convention, case)
        except KeyError:
            if each.required:
                raise CannotCall(each.name) from None
            continue
        if each.positional:
            args.append(value)
        else:
            kwargs[each.name] = value
    return {"args": args, "kwargs": kwargs}


def _value(argument: Argument, function: Function, convention: Convention, case: Case) -> Any:
    """What an argument is given; KeyError where it is better left alone."""
    layout, as_pair = convention.layout, argument.default.startswith("(")

    def pair(rows: int, columns: int) -> Any:
        return {"tuple": [rows, columns]} if as_pair or rows != columns else rows

    if argument.default[:1] in ("'", '"'):  # a word, as padding="valid"
        raise KeyError
    match argument.role:
        case "x" | "w" | "b" | "dy" as name:
            if name == "b" and (case.b is None or argument.default in ("True", "False")):
                if argument.required:
                    return None
                raise KeyError
            if getattr(case, name) is None:
                raise KeyError
            return {"ref": name}
        case "stride" | "padding" | "dilation" as name:
            return pair(getattr(case, name), getattr(case, name))
        case "groups":
            return case.groups
        case "rate":
            return 0.0  # a step of training may be taken, but changes nothing
        case "kernel":
            return pair(*case.kernel)
        case "kernel_h" | "kernel_w" as name:
            return case.kernel[name == "kernel_w"]
        case "x_shape":
            return {"tuple": list(layout.theirs(case.x, "x").shape)}
        case "w_shape":
            return {"tuple": list(layout.theirs(case.weights, "w").shape)}
        case "in_channels":
            return case.x.shape[1]
        case "out_channels":
            return case.output_size[1]
        case "mode" if argument.required:
            return "max" if case.op == "max_pool2d" else "average"
        case "settings":
            return {"settings": _settings(case)}
        case "cache" | "indices" if function.forward is not None:
            return {"ref": "ahead", "item": 1}
        case "y" if function.forward is not None and function.init is None:
            return {"ref": "ahead"}
    raise KeyError


def _settings(case: Case) -> dict[str, Any]:
    values = {"kernel_h": case.kernel[0], "kernel_w": case.kernel[1], "kernel": case.kernel[0]}
    values |= {role: getattr(case, role) for role in ("stride", "padding", "dilation", "groups")}
    return {key: values[role] for role, keys in SETTINGS.items() for key in keys}


def _parts(parts: tuple[str, ...], value: Any, convention: Convention, case: Case) -> tuple[dict[str, np.ndarray], str]:
    """Which of the returned things is which: by key, by shape, then by place."""
    if isinstance(value, dict):
        named = {part: item for part in parts if (item := _held(part, value)) is not None}
        return _to_ours(named, convention, case), "" if named else "returns a dict without a known key"
    if parts == ("forward",) and isinstance(value, tuple):
        value = value[0] if value else None
    items = list(value) if isinstance(value, tuple) else [value]
    if not any(isinstance(item, np.ndarray) for item in items):
        told = "None" if value is None else value if isinstance(value, str) else "a tuple without arrays"
        return {}, f"returns {told}"
    shapes = [_their_shape(part, convention, case) for part in parts]
    items += [None] * (len(parts) - len(items))

    def fitting(order: tuple[Any, ...]) -> int:
        each = zip(order, shapes, parts)
        return sum(isinstance(item, np.ndarray) and _fits(item, shape, part) for item, shape, part in each)

    best = max(itertools.permutations(items[:6], len(parts)), key=fitting)  # the first, as they came, of equal ones
    found = {part: item for part, item in zip(parts, best) if isinstance(item, np.ndarray)}
    return _to_ours(found, convention, case), ""


def _fits(item: np.ndarray, shape: tuple[int, ...], part: str) -> bool:
    if part == "db":
        return item.size == int(np.prod(shape)) and max(item.shape, default=1) == item.size
    return item.shape == shape


def _their_shape(part: str, convention: Convention, case: Case) -> tuple[int, ...]:
    ours = np.empty(right(case, part).shape)
    return convention.layout.theirs(ours, PLACE[part]).shape


def _to_ours(found: dict[str, np.ndarray], convention: Convention, case: Case) -> dict[str, np.ndarray]:
    axes = {"forward": len(case.output_size), "dx": case.x.ndim, "dw": 0 if case.w is None else case.w.ndim, "db": 1}
    return {part: convention.layout.ours(array, PLACE[part], axes[part]) for part, array in found.items()}


def _held(part: str, held: Any) -> np.ndarray | None:
    """The result (`output`, `y`, ...) or a gradient (`dw`, `grad_w`, `w_grad`, `grads.w`, ...) among named arrays."""
    if not isinstance(held, dict):
        return None
    what = _GRADIENT.get(part, "")
    form = rf"(d|grads?|gradients?|delta|g)(_?of)?_?({what})|({what})_?(grads?|gradients?)|grads?_?wrt_?({what})"
    form = r"outputs?|out|y|z|result" if part == "forward" else form
    for name, value in held.items():
        if isinstance(value, np.ndarray) and re.fullmatch(form, _plain(name.replace(".", "_"))):
            return value
    return None


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_").replace("__", "_")
