"""Networks that come along, each loaded once: for the jobs, of which one runs at a time."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from convscope.lens.listing import LayerInfo
    from convscope.lens.models import Network

Name = Literal["lenet5", "squeezenet", "efficientnet-lite0"]
LENET5 = Path(__file__).parents[1] / "data" / "digits" / "lenet5.safetensors"
_LOADING = Lock()


def load(name: Name) -> "Network":
    """The network, for one thread at a time: whoever looks into it puts hooks on it."""
    with _LOADING:  # else two who ask at once would load it twice
        return _loaded(name)


def worth_looking_at(name: Name) -> tuple["LayerInfo", ...]:
    """Its convolutions and the blocks made of them, without what lies inside a block; from a copy of its own, so that
    anybody may ask while a job uses the network.
    """
    with _LOADING:
        return _worth_looking_at(name)


@cache
def _loaded(name: Name) -> "Network":
    return _fresh(name)


@cache
def _worth_looking_at(name: Name) -> tuple["LayerInfo", ...]:
    from convscope.lens.listing import layers

    infos = [info for info in layers(_fresh(name)) if info.parameters and info.field is not None]
    blocks = tuple(f"{info.name}." for info in infos if info.is_block)
    return tuple(info for info in infos if not info.name.startswith(blocks) and _connects(info))


def _connects(info: "LayerInfo") -> bool:
    return info.is_block or "Conv" in info.kind or "Linear" in info.kind


def _fresh(name: Name) -> "Network":
    from convscope.tasks.networks import load

    return load(name, weights=LENET5) if name == "lenet5" else load(name)
