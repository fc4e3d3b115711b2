"""The line that makes a result again."""

import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from convscope.lens.models.network import Network
from convscope.lens.weights import weights_hash

OPTIONS = {
    "draw": ("units", "facets", "whole", "steps", "l1", "tv", "seed"),
    "account": ("layer", "of", "k", "steps", "seed"),
    "dream": ("layer", "octaves", "scale", "steps", "strength", "size", "seed"),
    "style": ("mix", "strength", "tv", "pooling", "size", "scales", "steps", "optimiser", "colours", "seed"),
}
"""Settings that the command of that name takes too."""
THROUGH = {"dream": "squeezenet", "style": "squeezenet"}
"""Commands about a picture, for which the network is an option, and the network they take by default."""


def recipe_of(network: Network, name: str, given: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What every recipe says: the call, the network's source and weights, the version, and how to make it again.

    name: of the function, `draw`; given: what it was given after the model; settings: those that are not as they are
    by default, by name.
    """
    return {
        "made": name,
        "source": network.source,
        "weights": weights_hash(network.model),
        "settings": dict(settings),
        "convscope": version("convscope"),
        "command": again(network.source, name, given, settings),
    }


def again(source: str, name: str, given: Sequence[str], settings: Mapping[str, Any]) -> str:
    """A line for the shell where it can say all of it and the network came from a source; else a line of Python.

    Words of `given` in capitals stand for what is not written down, such as PICTURE. Settings of the command line are
    `--name value`, lists of numbers with commas, and `--name` alone for True.

    >>> again("squeezenet", "draw", ["features.3"], {"units": [1, 2], "whole": True, "seed": 3})
    'convscope draw squeezenet features.3 --units 1,2 --whole --seed 3'
    >>> again("efficientnet-lite0", "dream", ["PICTURE"], {"layer": "_blocks.9"})
    'convscope dream PICTURE --model efficientnet-lite0 --layer _blocks.9'
    >>> again("", "draw", ["features.3"], {"units": [1, 2]})
    "lens.draw(model, 'features.3', units=[1, 2])"
    """
    through = name in THROUGH
    if source and all(key in OPTIONS.get(name, ()) and _is_plain(value) for key, value in settings.items()):
        line = ["convscope", name, *([] if through else [source]), *given]
        line += ["--model", source] if through and source != THROUGH[name] else []
        for key, value in settings.items():
            option = f"--{key}" if len(key) > 1 else f"-{key}"
            line += [option] if value is True else [option, _written(value)]
        return shlex.join(line)
    model = repr(source) if source else "model"
    words = [word.lower() if word.isupper() else repr(word) for word in given]
    words = [*words, f"model={model}"] if through else [model, *words]
    return f"lens.{name}({', '.join([*words, *(f'{key}={value!r}' for key, value in settings.items())])})"


def _is_plain(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return isinstance(value, str) or all(isinstance(part, int | float) for part in parts)


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
