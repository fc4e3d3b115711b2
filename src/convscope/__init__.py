"""See what a convolutional network learns: from one kernel to a whole network.

The names below are the ones a person calls; each is fetched when first used, so that `import convscope` costs
neither PyTorch nor Numba. The rooms behind them: `convscope.ops` (operators by hand), `convscope.nn`
(networks by hand), `convscope.lens` (looks into any `torch.nn.Module`), `convscope.tasks`, `convscope.atlas`.

>>> import convscope as cs
>>> cs.receptive_field("squeezenet", "features.6").size
(47, 47)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convscope.inverse.recover import recover
    from convscope.lens import draw, dream, examples, layers, maps, receptive_field, style
    from convscope.ops.explain import explain
    from convscope.tasks.networks import load

__version__ = "0.1.0"
__all__ = [
    "draw",
    "dream",
    "examples",
    "explain",
    "layers",
    "load",
    "maps",
    "receptive_field",
    "recover",
    "style",
]

_ROOM_OF = dict.fromkeys(__all__, "convscope.lens") | {
    "explain": "convscope.ops.explain",
    "load": "convscope.tasks.networks",
    "recover": "convscope.inverse.recover",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'convscope' has no attribute {name!r}; it offers {', '.join(__all__)}")
    if _ROOM_OF[name] == "convscope.lens":
        import_module("convscope.tasks.networks")  # whoever takes a model takes "lenet5" too
    return getattr(import_module(_ROOM_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
