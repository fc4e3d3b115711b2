"""The lens: looks into any `torch.nn.Module` and leaves it as it was.

`layers` says what there is to look at; `kernels` and `maps` show weights and activations; `receptive_field`
says how far a unit sees; `draw` makes the picture that excites a unit most; `examples` finds the real ones.
The parts they are made of (`objectives`, `images`, `transforms`, `render`) are modules of this
package, to be combined freely.
"""

from convscope.lens.activations import maps
from convscope.lens.exemplars import Examples, Extremes, examples
from convscope.lens.fields import receptive_field
from convscope.lens.listing import LayerInfo, layers
from convscope.lens.recipes import draw
from convscope.lens.render import Rendering
from convscope.lens.weights import kernels, weights_hash

__all__ = [
    "Examples",
    "Extremes",
    "LayerInfo",
    "Rendering",
    "draw",
    "examples",
    "kernels",
    "layers",
    "maps",
    "receptive_field",
    "weights_hash",
]
