"""PyTorch's operators as they are called: for what watches a forward pass from below."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Watcher = Callable[[Any, tuple, dict[str, Any], Any], None]  # operator, its arguments, its result


class Watched(TorchDispatchMode):
    """Inside, every operator that PyTorch runs, those inside its layers too, is told to the watchers."""

    def __init__(self, *watchers: Watcher) -> None:
        super().__init__()
        self._watchers = watchers

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for watcher in self._watchers:
            watcher(func, args, kwargs or {}, result)
        return result


def op_name(func: Any) -> str:
    """An operator's name without its library, its overload and the underscore that says "in place"."""
    name = func._schema.name.partition("::")[2]
    return name.rstrip("_") if not name.startswith("__") else name


def named_arguments(func: Any, args: tuple, kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """All arguments of a call by name, with the schema's defaults."""
    given = {
        argument.name: argument.default_value for argument in func._schema.arguments if argument.has_default_value()
    }
    given.update(zip((argument.name for argument in func._schema.arguments), args))
    return given | dict(kwargs or {})


def tensors_in(values: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists, mappings and dataclasses, in order."""
    if isinstance(values, Tensor):
        yield values
    elif values is None or isinstance(values, int | float | str):
        return
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from tensors_in(value)
    elif isinstance(values, tuple | list):
        for value in values:
            yield from tensors_in(value)
    elif hasattr(values, "__dataclass_fields__"):
        for name in values.__dataclass_fields__:
            yield from tensors_in(getattr(values, name))
