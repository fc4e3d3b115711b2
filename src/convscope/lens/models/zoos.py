"""Networks of timm, torchvision and transformers, where those are installed: `timm:NAME(pretrained=False)`."""

import difflib
import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from convscope.errors import InputError
from convscope.lens.models.metadata import from_processor, from_timm, from_torchvision
from convscope.lens.models.network import Network, channels_of
from convscope.lens.models.spelling import Source
from convscope.lens.probe import first_line


def from_timm_zoo(source: Source, pretrained: bool) -> nn.Module | Network:
    """`timm.create_model(NAME, pretrained=..., ...)`, with the preprocessing of its pretrained_cfg."""
    timm = _package("timm", source)
    model = _made(source, timm.list_models, timm.create_model, source.name, pretrained=pretrained, **source.kwargs)
    settings = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None) or {}
    names = settings.get("label_names") if pretrained else None
    return _network(model, from_timm(settings, channels_of(model)), names or ())


def from_torchvision_zoo(source: Source, pretrained: bool) -> nn.Module | Network:
    """`torchvision.models.get_model(NAME, weights=...)`, with the transforms and classes of the weights."""
    models = _package("torchvision.models", source)
    kwargs = dict(source.kwargs)
    entries = _made(source, models.list_models, models.get_model_weights, source.name)
    wanted = kwargs.pop("weights", "DEFAULT" if pretrained else None)
    trained = None if wanted is None else getattr(entries, str(wanted), None)
    if wanted is not None and trained is None:
        raise InputError(f"model {source.text!r}: no weights {wanted}; there are {', '.join(entries.__members__)}")
    model = _made(source, models.list_models, models.get_model, source.name, weights=trained, **kwargs)
    # an untrained one is fed as the first trained one is
    entry = trained or next(iter(entries), None)
    taken = None if entry is None else from_torchvision(entry.transforms(), channels_of(model))
    return _network(model, taken, trained.meta.get("categories", ()) if trained else ())


def from_transformers(source: Source, pretrained: bool) -> nn.Module | Network:
    """The architecture that the config of NAME (or of a folder) names, with its image processor's settings."""
    package = _package("transformers", source)
    config = _made(source, None, package.AutoConfig.from_pretrained, source.name, **source.kwargs)
    kind = getattr(package, (config.architectures or ["AutoModel"])[0], package.AutoModel)
    if pretrained:
        model = _made(source, None, kind.from_pretrained, source.name, config=config)
    else:
        model = _made(source, None, getattr(kind, "from_config", kind), config)
    try:
        settings = package.AutoImageProcessor.from_pretrained(source.name).to_dict()
    except (ImportError, OSError, ValueError):  # a network of something else than pictures, or nothing said
        settings = {}
    labels = getattr(config, "id2label", None) or {}
    names = [str(labels[place]) for place in sorted(labels)] if pretrained else ()
    return _network(model, from_processor(settings, channels_of(model)), names)


def processor_beside(weights: Path, channels: int) -> Any:
    """The preprocessing in a preprocessor_config.json in the folder of a file of weights; None where there is none."""
    try:
        settings = json.loads((weights.parent / "preprocessor_config.json").read_text())
    except (OSError, ValueError):
        return None
    return from_processor(settings, channels) if isinstance(settings, dict) else None


def _network(model: nn.Module, taken: Any, names: Iterable[str]) -> nn.Module | Network:
    return model if taken is None else Network(model, taken.shape, taken, tuple(map(str, names)))


def _package(name: str, source: Source) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        missing = (problem.name or name).split(".")[0]
        raise InputError(f"model {source.text!r}: {missing} is not installed; pip install {missing}") from None
    except Exception as problem:  # one built for another PyTorch raises whatever it meets
        package = name.split(".")[0]
        raise InputError(
            f"model {source.text!r}: {package} is installed but cannot be imported ({first_line(problem)}); install "
            "the version that belongs to your PyTorch"
        ) from problem


_UNTRAINED = "{0}(pretrained=False) has random weights, {0}@FILE those of a file; neither is fetched"
_HINTS = {
    "timm": _UNTRAINED,
    "torchvision": _UNTRAINED,
    "hf": "give a folder with a config.json, or a name that transformers has fetched before or may fetch",
}


def _made(source: Source, known: Any, make: Any, *args: Any, **kwargs: Any) -> Any:
    if source.args:
        raise InputError(f"model {source.text!r}: give arguments by name, such as (pretrained=False)")
    try:
        return make(*args, **kwargs)
    except Exception as problem:
        near = difflib.get_close_matches(source.name, known(), n=3) if known and source.name not in known() else ()
        hint = _HINTS[source.form].format(f"{source.form}:{source.name}")
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        raise InputError(f"model {source.text!r}: {first_line(problem).rstrip('.')}; {hint}") from problem
