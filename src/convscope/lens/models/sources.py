"""Networks from anywhere, by one string."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path

from torch import nn

from convscope.errors import InputError
from convscope.lens.models.builtin import efficientnet_lite0, squeezenet
from convscope.lens.models.factories import from_python
from convscope.lens.models.network import Network, channels_of, network
from convscope.lens.models.preprocessing import Preprocessing
from convscope.lens.models.spelling import FILES, FORMS, Source
from convscope.lens.models.weightfiles import fit_weights, read_network
from convscope.lens.models.zoos import from_timm_zoo, from_torchvision_zoo, from_transformers, processor_beside

BUILT_IN: dict[str, Callable[[Path | None], Network]] = {}
"""Networks by a bare name. Each is made by a function of a file of weights, None for its own."""

_ZOOS = {"timm": from_timm_zoo, "torchvision": from_torchvision_zoo, "hf": from_transformers}


def register(name: str, make: Callable[[Path | None], Network]) -> None:
    """Let `load` know a network by a bare name.

    make: called with None, or with a file of weights to be used instead of its own.
    """
    BUILT_IN[name] = make


FILES_OF_OURS: list[Callable[[Path], Network | None]] = []
"""Readers of files that hold weights and say themselves which network they belong to; None for any other file."""


def register_files(read: Callable[[Path], Network | None]) -> None:
    """Let `load` read files of weights that say which network they belong to."""
    FILES_OF_OURS.append(read)


def load(
    source: str | PathLike[str],
    *,
    weights: str | PathLike[str] | None = None,
    input_shape: Iterable[int] | None = None,
    preprocessing: Preprocessing | str | None = None,
    trust_pickle: bool = False,
) -> Network:
    """A network by the name of its source, in eval mode.

    source: a name in `BUILT_IN`; `python:package.module:factory` or `python:path/to/file.py:factory`;
        a file of torch.export, TorchScript or ONNX; `timm:NAME`, `torchvision:NAME`, `hf:NAME` where those
        packages are installed. Arguments stand in parentheses, as literals: `timm:resnet18(pretrained=False)`,
        `python:nets:Small(width=2)`; a file of weights after @: `python:nets:Small@weights.safetensors`.
    weights: the same file, said apart. Its names and shapes must be the network's.
    input_shape: of one input; where left out it is read from the source or found by trying.
    preprocessing: settings or their text, see `Preprocessing.parse`; read from the source where it tells.
    trust_pickle: whether files that can run any code when opened may do so.

    Nothing is fetched from the network but what timm, torchvision and transformers fetch themselves when
    asked for trained weights; `pretrained=False` asks for none.

    Raises InputError for a source that is unknown or cannot be used, for weights that do not fit, and for a
    pickle unless it is trusted.
    """
    asked = Source.read(fspath(source))
    file = Path(weights) if weights is not None else asked.weights
    made = _made(asked, file, trust_pickle)
    found = made if isinstance(made, Network) else Network(made, ())
    if asked.form and file is not None:
        fit_weights(found.model, file, trust_pickle=trust_pickle)
    if file is not None and found.preprocessing is None and preprocessing is None:
        preprocessing = processor_beside(file, channels_of(found.model))
    found.model.eval()
    return replace(network(found, input_shape, preprocessing), source=asked.text)


def _made(asked: Source, file: Path | None, trust_pickle: bool) -> nn.Module | Network:
    if asked.form == "python":
        return from_python(asked)
    if asked.form:
        kwargs = dict(asked.kwargs)
        pretrained = bool(kwargs.pop("pretrained", file is None))
        return _ZOOS[asked.form](replace(asked, kwargs=kwargs), pretrained)
    if asked.name in BUILT_IN:
        return BUILT_IN[asked.name](file)
    path = Path(asked.name)
    if not (path.exists() or path.suffix.lower() in {".pt2", ".pt", ".pth", ".ts", ".onnx", ".safetensors", ".bin"}):
        near = difflib.get_close_matches(asked.name, BUILT_IN, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"give {', '.join(BUILT_IN)};"
        raise InputError(
            f"model={asked.text!r}: no such source; {hint} else {'; '.join(FORMS.values())}; {FILES}"
        )
    if file is not None:
        raise InputError(f"model {asked.text!r}: a file holds its own weights; name a factory, python:...@{file}")
    found = (read(path) for read in FILES_OF_OURS)
    return next((network for network in found if network is not None), None) or read_network(
        path, trust_pickle=trust_pickle
    )


register("squeezenet", squeezenet)
register("efficientnet-lite0", efficientnet_lite0)
