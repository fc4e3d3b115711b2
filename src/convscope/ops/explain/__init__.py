"""One cell explained: the window, each product, the sum; and, of an input cell or a weight, every output it touches.

`links` finds which cells meet; `bilinear` and `shares` know the operators; `explanation` holds what was found, and
`text` and `latex` write it down. `chain` follows the shapes through a stack of layers.
"""

from convscope.ops.explain.calls import explain, touches
from convscope.ops.explain.chain import Chain, Step, chain
from convscope.ops.explain.explanation import Explanation, Factor, Term, Touches

__all__ = ["Chain", "Explanation", "Factor", "Step", "Term", "Touches", "chain", "explain", "touches"]
