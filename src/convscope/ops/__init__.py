"""The operators by hand: NumPy arrays in, NumPy arrays out, under the names of PyTorch's functional API.

`ops.NAME` is fast; `ops.reference.NAME` is the same thing as plain loops, to be read. Signals are (n, c, w), images
(n, c, h, w), volumes (n, c, d, h, w); kernels (m, c, s), (m, c, r, s), (m, c, t, r, s), and those of transposed
convolutions have c before m. float32 stays float32, float64 stays float64. `NAME_input_grad`, `NAME_weight_grad`
and `NAME_bias_grad` are the gradients of `NAME`, derived by hand.

>>> import numpy as np
>>> from convscope import ops
>>> x, w = np.ones((1, 1, 4, 5), np.float32), np.ones((2, 1, 3, 3), np.float32)
>>> ops.conv2d(x, w, padding=1, stride=2).shape
(1, 2, 2, 3)
"""

from convscope.ops import fast, reference
from convscope.ops.fast import *  # noqa: F403  the same names: a list of its own would be a second truth

__all__ = ["reference"]
__all__ += fast.__all__
