"""Look inside a network while it runs, and leave it exactly as it was found."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from reprlib import repr as short
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.axes import Axes, FollowAxes, canonical, plain, unit_axis
from convscope.lens.calls import Watched, tensors_in

Look = Callable[[Tensor], dict[str, Tensor]]

UNFIT = (RuntimeError, ValueError, IndexError, TypeError, AssertionError)
"""What a forward pass raises on an input that it cannot take."""


@contextmanager
def at_rest(model: nn.Module) -> Iterator[nn.Module]:
    """The model in eval mode and without gradients for its weights; all is set back after, however the block ends.

    That is: the mode of each module, `requires_grad` and memory format of each weight, and each buffer with its
    values, should the forward pass count or average something in it.
    """
    modes = [(module, module.training) for module in model.modules()]
    weights = [(weight, weight.requires_grad, weight.data) for weight in model.parameters()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    shortcut = torch.backends.mha.get_fastpath_enabled()
    try:
        with suppress(NotImplementedError):  # an exported graph stays in the mode it was exported in
            model.eval()
        # a fused transformer layer would pass over the layers inside it
        torch.backends.mha.set_fastpath_enabled(False)
        for weight, _, _ in weights:
            weight.requires_grad_(False)
        yield model
    finally:
        torch.backends.mha.set_fastpath_enabled(shortcut)
        # module by module: model.train(mode) would give one mode to all, and a frozen batch norm would thaw
        for module, mode in modes:
            module.training = mode
        for weight, wanted, numbers in weights:
            if weight.data.stride() != numbers.stride():
                weight.data = numbers
            weight.requires_grad_(wanted)
        with torch.no_grad():
            for module, name, buffer, values in buffers:
                if not torch.equal(buffer, values):  # NaN too is written back
                    buffer.copy_(values)
                if getattr(module, name, None) is not buffer:
                    setattr(module, name, buffer)


@contextmanager
def own_randomness() -> Iterator[None]:
    """Random numbers drawn inside do not move PyTorch's generators."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def probe(
    model: nn.Module,
    layers: Sequence[str],
    *,
    axes: Mapping[str, int] | None = None,
    each: Callable[[str, Tensor], Any] | None = None,
) -> Iterator[Look]:
    """Open `model` at the named layers; gives a function from input (n, ...) to {layer: activation}.

    Names are PyTorch's dotted ones (`dict(model.named_modules())`); a layer that runs more than once is seen the
    first time, its later runs are `name@2`, `name@3`. Activations are (n, units, *positions) whatever form the
    layer gives them: which axis holds the units is found by following the input through the forward pass, or said
    in `axes` (then axis 0 holds the pictures). Of an output of several tensors the first is taken.

    each: called with a layer's name and activation as soon as the layer has run; what it returns stands in the
    activation's place. So activations can be reduced, or changed into something small, without any being copied.

    The forward pass goes no further than the last layer asked for. The model is in eval mode and its weights get no
    gradient, the input does if it asks for one. Once the block ends the model is as it was (`at_rest`), hooks too.

    Raises InputError for a layer that the model has not (near names are suggested), for one that the forward
    pass never reaches or that cannot be looked at, and for an input that the model cannot take.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> with probe(model, ["1"]) as look:
    ...     look(torch.zeros(5, 2))["1"].shape
    torch.Size([5, 3])
    """
    wanted: dict[nn.Module, dict[int, str]] = {}
    same: dict[str, str] = {}  # one module may have several names
    for name in dict.fromkeys(layers):
        same[name] = wanted.setdefault(find_layer(model, name), {}).setdefault(call_number(name), name)
    count_wanted = len(set(same.values()))
    calls: dict[nn.Module, int] = {}
    seen: dict[str, Any] = {}
    found: dict[tuple[int, ...], dict[str, Axes]] = {}  # by the input's shape
    follow: FollowAxes | None = None
    known: dict[str, Axes] = {}
    count = 0  # pictures in the batch

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        calls[module] = calls.get(module, 0) + 1
        name = wanted[module].get(calls[module])
        if name is None:
            return
        x = first_tensor(output)
        if x is None:
            raise InputError(
                f"layer {name!r} ({type(module).__name__}) gives a {type(output).__name__} without a tensor; "
                "name a layer inside it or after it"
            )
        if follow is not None:
            known[name] = follow.of(x)
        seen[name] = (
            x if each is None else each(name, _laid_out(name, x, known.get(name) or plain(x.shape), axes, count))
        )
        if len(seen) == count_wanted:
            raise _SeenAll
        if each is None:
            seen[name] = x.clone()  # what follows may overwrite its input, as nn.ReLU(inplace=True) does

    def run(x: Tensor) -> None:
        seen.clear()
        calls.clear()
        with own_randomness(), suppress(_SeenAll):
            model(x)

    def look(x: Tensor) -> dict[str, Any]:
        nonlocal follow, known, count
        count = len(x)
        known = found.get(tuple(x.shape), {})
        follow = None if known else FollowAxes(x)
        try:
            with Watched(follow.saw) if follow else nullcontext():
                run(x)
        except InputError:
            raise
        except UNFIT as problem:
            if isinstance(problem, torch.OutOfMemoryError):
                raise
            follow = None
            raise refusal(model, tuple(x.shape), problem, run) from problem
        missed = next((name for name in layers if same[name] not in seen), None)
        if missed is not None:
            runs = calls.get(find_layer(model, missed), 0)
            raise InputError(
                f"layer {missed!r} runs {runs} time{'s' * (runs != 1)} in the model's forward pass"
                if runs
                else f"layer {missed!r} takes no part in the model's forward pass; name one that does"
            )
        found[tuple(x.shape)] = known
        if each is not None:
            return {name: seen[same[name]] for name in layers}
        return {name: _laid_out(name, seen[same[name]], known[same[name]], axes, count) for name in layers}

    handles = []
    with at_rest(model):
        try:
            for module, names in wanted.items():
                handles.append(hook(module, keep, next(iter(names.values()))))
            yield look
        finally:
            for handle in handles:
                handle.remove()


def _laid_out(name: str, x: Tensor, axes: Axes, said: Mapping[str, int] | None, count: int) -> Tensor:
    if said is not None and name in said:
        x = x.movedim(said[name], 1) if x.ndim > 1 else x
        axes = plain(x.shape)
    if unit_axis(axes) is None and x.ndim > 0:
        x, axes = x[:, None], (axes[0], plain(x[:, None].shape)[1], *axes[1:])
    if x.ndim == 0 or (count > 1 and not any(piece.kind == "n" for axis in axes for piece in axis)):
        raise InputError(
            f"layer {name!r}: its output of shape {tuple(x.shape)} has no units for each picture; name another layer"
        )
    return canonical(x, axes)


def hook(module: nn.Module, function: Callable[..., None], name: str) -> Any:
    """A forward hook. Raises InputError where the module cannot have one."""
    if isinstance(module, torch.jit.ScriptModule):
        raise compiled(f"layer {name!r}")
    return module.register_forward_hook(function)


def compiled(what: str) -> InputError:
    """What to say of TorchScript."""
    return InputError(
        f"{what}: it is compiled to TorchScript, whose layers cannot be looked into; load the model from its Python "
        "code, or as torch.export's .pt2"
    )


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """The module of that dotted name; `name@2` means its second run.

    Raises InputError, with near names, where there is none.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    modules.pop("", None)
    plain_name, _, run = str(name).partition("@")
    if plain_name in modules and (not run or (run.isdecimal() and int(run) > 0)):
        return modules[plain_name]
    near = difflib.get_close_matches(str(name), modules, n=3, cutoff=0.5)
    offer = near or list(modules)[:8]
    raise InputError(
        f"layer {name!r}: the model has no such layer; "
        + (f"did you mean {_either(near)}?" if near else f"it has {', '.join(offer) or 'no layers at all'}")
    )


def call_number(name: str) -> int:
    """Which run of its module a layer's name means: 2 for `name@2`, 1 for `name`."""
    return int(name.partition("@")[2] or 1)


def first_tensor(output: Any) -> Tensor | None:
    """The first tensor of a module's output, which may be a tuple, a mapping or a dataclass."""
    return next(tensors_in(output), None)


def leaves(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that hold no others, by dotted name, in the order they were registered."""
    return {name: module for name, module in model.named_modules() if name and not any(module.children())}


def to_model(model: nn.Module, pictures: np.ndarray | Tensor) -> Tensor:
    """Pictures as a tensor of the model's own device and floating type; whole numbers where it begins with words.

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
    first = next((m for m in model.modules() if next(m.parameters(recurse=False), None) is not None), None)
    if isinstance(first, nn.Embedding):  # numbers of words
        return x.to(device=first.weight.device, dtype=torch.long)
    weight = next((p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()), None)
    if weight is None:
        return x if x.is_floating_point() else x.float()
    return x.to(device=weight.device, dtype=weight.dtype)


def check_finite(model: nn.Module) -> None:
    """Raises InputError, with its name, for the first weight or buffer that holds NaN or infinity."""
    for name, values in (*model.named_parameters(), *model.named_buffers()):
        if values.is_floating_point() and not bool(values.isfinite().all()):
            raise InputError(
                f"model: {name} of shape {tuple(values.shape)} holds NaN or infinity; train or load it again"
            )


def accepts(model: nn.Module, layers: Sequence[str], input_shape: Sequence[int]) -> bool:
    """Whether a blank input of that shape (c, *positions) reaches the layers, and leaves something there to see."""
    try:
        with probe(model, layers) as look, torch.no_grad():
            return all(seen.numel() > 0 for seen in look(to_model(model, torch.zeros(1, *input_shape))).values())
    except InputError as problem:
        if isinstance(problem.__cause__, UNFIT):
            return False
        raise


class _SeenAll(BaseException):
    """Ends a forward pass early; no Exception, so that a model's own `except Exception` lets it through."""


def refusal(
    model: nn.Module, shape: tuple[int, ...], problem: BaseException, run: Callable[[Tensor], object]
) -> InputError:
    """What to say when `run` failed on an input of that shape: the channels the model wants, or the smallest size."""
    given = f"input of shape {shape}: the model cannot take it"
    first = next(
        ((name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d)), None
    )
    if first is not None and len(shape) > 2 and "channels" in str(problem) and shape[1] != first[1].in_channels:
        name, conv = first
        return InputError(
            f"{given}: its first layer {name!r} takes {conv.in_channels} channels, not {shape[1]}; "
            f"give {(shape[0], conv.in_channels, *shape[2:])}"
        )
    least = _least_size(model, shape, run)
    fix = f"the smallest that it takes has sides of {least}" if least else "give the shape the model was built for"
    return InputError(f"{given} ({first_line(problem)}); {fix}")


def _least_size(model: nn.Module, shape: tuple[int, ...], run: Callable[[Tensor], object]) -> int | None:
    """The smallest number of cells that all axes must have, found by trying; None where size is not the matter."""

    def goes(side: int) -> bool:
        blank = to_model(model, torch.zeros(1, shape[1], *(max(side, size) for size in shape[2:])))
        try:
            with own_randomness(), torch.no_grad():
                run(blank)
        except Exception:  # whatever a forward pass raises at a size that it cannot take
            return False
        return True

    if len(shape) < 3 or min(shape) < 1:
        return None
    small, large = min(shape[2:]), 2 * min(shape[2:])
    while large <= 512 and not goes(large):
        small, large = large, 2 * large
    if large > 512:
        return None
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (small, middle) if goes(middle) else (middle, large)
    return large


def first_line(problem: BaseException) -> str:
    """What PyTorch says, without the lines of explanation that follow."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def _either(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)
