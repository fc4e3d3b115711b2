"""Look inside a network while it runs, and leave it exactly as it was found."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from reprlib import repr as short
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convscope.errors import InputError

Look = Callable[[Tensor], dict[str, Tensor]]


@contextmanager
def at_rest(model: nn.Module) -> Iterator[nn.Module]:
    """The model in eval mode and without gradients for its weights; both are set back after."""
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(weight, weight.requires_grad) for weight in model.parameters()]
    try:
        model.eval()
        for weight, _ in wanted:
            weight.requires_grad_(False)
        yield model
    finally:
        # module by module: model.train(mode) would give one mode to all, and a frozen batch norm would thaw
        for module, mode in modes:
            module.training = mode
        for weight, flag in wanted:
            weight.requires_grad_(flag)


@contextmanager
def probe(model: nn.Module, layers: Sequence[str]) -> Iterator[Look]:
    """Open `model` at the named layers; gives a function from input (n, ...) to {layer: activation}.

    Names are PyTorch's dotted ones (`dict(model.named_modules())`). The forward pass goes no further than the
    last layer asked for; a layer that runs twice is seen the first time. The model is in eval mode and its
    weights get no gradient, the input does if it asks for one. Hooks, modes and `requires_grad` are as before
    once the block ends, however it ends.

    Raises InputError for a layer that the model has not (near names are suggested), for one that the forward
    pass never reaches, for one whose output is no tensor and for an input that the model cannot take.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> with probe(model, ["1"]) as look:
    ...     look(torch.zeros(5, 2))["1"].shape
    torch.Size([5, 3])
    """
    modules = {name: find_layer(model, name) for name in layers}
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if name in seen:
                return
            if not isinstance(output, Tensor):
                raise InputError(
                    f"layer {name!r} ({type(module).__name__}) gives a {type(output).__name__}, no tensor; "
                    "name a layer inside it or after it"
                )
            seen[name] = output
            if len(seen) == len(modules):
                raise _SeenAll
            seen[name] = output.clone()  # what follows may overwrite its input, as nn.ReLU(inplace=True) does

        return hook

    def look(x: Tensor) -> dict[str, Tensor]:
        seen.clear()
        try:
            model(x)
        except _SeenAll:
            return dict(seen)
        except InputError:
            raise
        except (RuntimeError, ValueError) as problem:
            if isinstance(problem, torch.OutOfMemoryError):
                raise
            raise InputError(
                f"input of shape {tuple(x.shape)}: the model cannot take it ({first_line(problem)}); "
                "give the shape the model was built for"
            ) from problem
        if not modules:
            return {}
        missed = [name for name in modules if name not in seen]
        raise InputError(f"layer {missed[0]!r} takes no part in the model's forward pass; name one that does")

    handles = []
    with at_rest(model):
        try:
            for name, module in modules.items():
                handles.append(module.register_forward_hook(keep(name)))
            yield look
        finally:
            for handle in handles:
                handle.remove()


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """The module of that dotted name. Raises InputError, with near names, when there is none."""
    modules = dict(model.named_modules(remove_duplicate=False))
    modules.pop("", None)
    if name in modules:
        return modules[name]
    near = difflib.get_close_matches(str(name), modules, n=3, cutoff=0.5)
    offer = near or list(modules)[:8]
    raise InputError(
        f"layer {name!r}: the model has no such layer; "
        + (f"did you mean {_either(near)}?" if near else f"it has {', '.join(offer) or 'no layers at all'}")
    )


def leaves(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that hold no others, by dotted name, in the order they were registered."""
    return {name: module for name, module in model.named_modules() if name and not any(module.children())}


def to_model(model: nn.Module, pictures: np.ndarray | Tensor) -> Tensor:
    """Pictures as a tensor of the model's own device and floating type.

    Raises InputError for what is no model and what makes no tensor.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"model={short(model)}: a {type(model).__name__}; give a torch.nn.Module")
    try:
        x = torch.as_tensor(pictures)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise InputError(
            f"pictures={short(pictures)}: no array of numbers ({first_line(problem)}); give one (n, c, h, w)"
        ) from None
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    if weight is None:
        return x if x.is_floating_point() else x.float()
    return x.to(device=weight.device, dtype=weight.dtype)


class _SeenAll(BaseException):
    """Ends a forward pass early; no Exception, so that a model's own `except Exception` lets it through."""


def first_line(problem: BaseException) -> str:
    """What PyTorch says, without the lines of explanation that follow."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def _either(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)
