"""A network as the lens takes it: a module, the shape of its input and, where it is known, what comes before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.models.preprocessing import PRESETS, Preprocessing
from convscope.lens.models.world import World
from convscope.lens.probe import at_rest, first_line, to_model

SIZES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 512)
"""What the sides of an input are tried for, in this order, where a module does not tell."""


@dataclass(frozen=True)
class Network:
    """A module and what has to be known to look into it.

    input_shape: of one input, (c, h, w), (c, length), (c, depth, h, w) or (features,).
    preprocessing: how pictures become inputs; None where nobody said.
    classes: their names, where the network has any and they are known.
    source: the string it was loaded from; empty for a module that was handed over.
    world: where its inputs come from and how they look, of a network that takes no photographs.
    """

    model: nn.Module
    input_shape: tuple[int, ...]
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    source: str = ""
    world: World | None = None


AnyModel = nn.Module | Network | str


def network(
    model: AnyModel, input_shape: Iterable[int] | None = None, preprocessing: Preprocessing | str | None = None
) -> Network:
    """Whatever somebody calls a model: a module, a Network, or the string of a source (see `load`).

    What is not given is taken from the Network or the source; for a bare module the input's shape is found
    from what the module tells of itself and by trying (`guess_input_shape`). Of a shape and a preprocessing
    that are both known the shape says the size.

    preprocessing: settings, or their text (`Preprocessing.parse`).

    Raises InputError for what is no model, for a shape that cannot be found, and for a preprocessing of other
    channels than the input's.
    """
    if isinstance(model, str):
        from convscope.lens.models import load

        return load(model, input_shape=input_shape, preprocessing=preprocessing)
    if isinstance(model, nn.Module):
        known, shape = Network(model, ()), ()
    elif isinstance(model, Network):
        known, shape = model, model.input_shape
    else:
        raise InputError(f"model: a {type(model).__name__}; give a torch.nn.Module or the name of a source")
    shape = shape if input_shape is None else _shape(input_shape)
    if isinstance(preprocessing, str):
        preprocessing = _parsed(preprocessing, known.model, shape)
        shape = shape if input_shape is not None else preprocessing.shape
    taken = preprocessing or known.preprocessing
    shape = shape or (taken.shape if taken else guess_input_shape(known.model))
    if taken and shape != taken.shape:
        if len(shape) != 3 or shape[0] != taken.channels:
            raise InputError(
                f"preprocessing: makes {taken.channels} channels ({taken.order}) for inputs of shape {shape}; give "
                "order=RGB, BGR, grey or channels:N with a mean and std for each channel, or one for all"
            )
        taken = replace(taken, size=shape[1:])
    return replace(known, input_shape=shape, preprocessing=taken)


def preprocessing_of(network: Network) -> Preprocessing:
    """How pictures enter a network. Raises InputError where nobody said, with how to say it."""
    if network.preprocessing is None:
        raise InputError(
            f"preprocessing: not known for {network.source or type(network.model).__name__}; give "
            f"preprocessing={'|'.join(PRESETS)} or mean=...;std=...;range=1 or 255;order=RGB or BGR, as in training"
        )
    return network.preprocessing


def guess_input_shape(model: nn.Module) -> tuple[int, ...]:
    """The shape of one input of a module that nobody described.

    What the module says (timm's and transformers' attributes) comes first; else its first layer tells the
    channels, and the sizes in `SIZES` are tried until one goes through.

    Raises InputError where none does.
    """
    candidates = _candidates(model)
    problem = ""
    for shape in candidates:
        try:
            with at_rest(model), torch.no_grad():
                model(to_model(model, torch.zeros(1, *shape)))
        except Exception as failure:  # whatever a strange forward raises, the next size may do
            problem = first_line(failure)
        else:
            return shape
    raise InputError(
        f"input_shape: not found by trying {candidates[0]}, ... ({problem}); give the shape of one input, such as "
        "(3, 224, 224)"
    )


_Conv = nn.Conv1d | nn.Conv2d | nn.Conv3d


def channels_of(model: nn.Module) -> int:
    """How many channels (or features) the first layer takes."""
    return _first_layer(model)[0]


def _candidates(model: nn.Module) -> list[tuple[int, ...]]:
    channels, axes = _first_layer(model)
    if not axes:
        return [(channels,)]
    return [*_told(model, channels), *((channels, *[size] * axes) for size in SIZES)]


def _first_layer(model: nn.Module) -> tuple[int, int]:
    """The channels (or features) that the first layer takes, and along how many axes it runs."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            return module.in_features, 0
        if isinstance(module, _Conv):
            return module.in_channels, len(module.kernel_size)
    # TorchScript and torch.export keep no classes; a kernel's shape says the same, but for groups
    shape = next((weight.shape for weight in model.parameters() if weight.dim() > 1), (1, 3, 1, 1))
    return shape[1], len(shape) - 2


def _parsed(text: str, model: nn.Module, shape: tuple[int, ...]) -> Preprocessing:
    if not shape:  # where the text says the size nothing has to be tried
        shape = _candidates(model)[0] if "size" in text else guess_input_shape(model)
    return Preprocessing.parse(text, shape)


def _told(model: nn.Module, channels: int) -> list[tuple[int, ...]]:
    """Shapes that the module itself names."""
    told: list[tuple[int, ...]] = []
    for name in ("pretrained_cfg", "default_cfg"):  # timm
        settings = getattr(model, name, None)
        size = settings.get("input_size") if isinstance(settings, Mapping) else None
        if isinstance(size, Sequence):
            told.append(tuple(int(n) for n in size))
    size: Any = getattr(getattr(model, "config", None), "image_size", None)  # transformers
    size = getattr(model, "image_size", None) if size is None else size  # torchvision's transformers
    if isinstance(size, int):
        told.append((channels, size, size))
    elif isinstance(size, Sequence) and all(isinstance(n, int) for n in size):
        told.append((channels, *size))
    return told


def _shape(shape: Iterable[int]) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, Iterable) else ()
    if not sizes or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(
            f"input_shape={shape!r}: give the shape of one input, (channels, rows, columns), each at least 1"
        )
    return sizes
