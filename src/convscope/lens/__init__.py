"""The lens: looks into any `torch.nn.Module` and leaves it as it was.

`layers` says what there is to look at; `kernels` and `maps` show weights and activations; `receptive_field`
says how far a unit sees, `effective_field` how far it really looks; `draw` makes the picture that excites a unit
most, `examples` finds the real ones, `trust` says how far the picture can be believed; `account` says which units
carried an answer. `dream` lets what a layer sees grow in a photograph, `style` gives it the style of another picture.
The parts they are made of (`objectives`, `images`, `transforms`, `render`) are modules of this
package, to be combined freely.
"""

from convscope.lens.accounts import Account, account
from convscope.lens.activations import Maps, maps
from convscope.lens.credibility import Trust, trust
from convscope.lens.dreams import Dream, DreamStopped, dream, zooming
from convscope.lens.exemplars import Examples, Extremes, Found, crops, examples, framed
from convscope.lens.fields import EffectiveField, effective_field, receptive_field
from convscope.lens.listing import LayerInfo, LayerList, layers
from convscope.lens.photos import Photos
from convscope.lens.recipes import Drawing, DrawingStopped, draw
from convscope.lens.rendering import Rendering
from convscope.lens.styles import Styled, StyleStopped, style
from convscope.lens.weights import kernels, weights_hash

__all__ = [
    "Account",
    "Drawing",
    "DrawingStopped",
    "Dream",
    "DreamStopped",
    "EffectiveField",
    "Examples",
    "Extremes",
    "Found",
    "LayerInfo",
    "LayerList",
    "Maps",
    "Photos",
    "Rendering",
    "StyleStopped",
    "Styled",
    "Trust",
    "account",
    "crops",
    "draw",
    "dream",
    "effective_field",
    "examples",
    "framed",
    "kernels",
    "layers",
    "maps",
    "receptive_field",
    "style",
    "trust",
    "weights_hash",
    "zooming",
]
