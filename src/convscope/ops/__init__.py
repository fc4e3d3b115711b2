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

from convscope.ops import reference
from convscope.ops.fast import (
    avg_pool2d,
    avg_pool2d_input_grad,
    conv1d,
    conv1d_bias_grad,
    conv1d_input_grad,
    conv1d_weight_grad,
    conv2d,
    conv2d_bias_grad,
    conv2d_input_grad,
    conv2d_weight_grad,
    conv3d,
    conv3d_bias_grad,
    conv3d_input_grad,
    conv3d_weight_grad,
    conv_transpose1d,
    conv_transpose1d_bias_grad,
    conv_transpose1d_input_grad,
    conv_transpose1d_weight_grad,
    conv_transpose2d,
    conv_transpose2d_bias_grad,
    conv_transpose2d_input_grad,
    conv_transpose2d_weight_grad,
    conv_transpose3d,
    conv_transpose3d_bias_grad,
    conv_transpose3d_input_grad,
    conv_transpose3d_weight_grad,
    corr2d,
    cross_entropy,
    cross_entropy_input_grad,
    linear,
    linear_bias_grad,
    linear_input_grad,
    linear_weight_grad,
    log_softmax,
    max_pool2d,
    max_pool2d_input_grad,
    pad2d,
    pad2d_input_grad,
    relu,
    relu_input_grad,
    softmax,
)

__all__ = [
    "avg_pool2d",
    "avg_pool2d_input_grad",
    "conv1d",
    "conv1d_bias_grad",
    "conv1d_input_grad",
    "conv1d_weight_grad",
    "conv2d",
    "conv2d_bias_grad",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "conv3d",
    "conv3d_bias_grad",
    "conv3d_input_grad",
    "conv3d_weight_grad",
    "conv_transpose1d",
    "conv_transpose1d_bias_grad",
    "conv_transpose1d_input_grad",
    "conv_transpose1d_weight_grad",
    "conv_transpose2d",
    "conv_transpose2d_bias_grad",
    "conv_transpose2d_input_grad",
    "conv_transpose2d_weight_grad",
    "conv_transpose3d",
    "conv_transpose3d_bias_grad",
    "conv_transpose3d_input_grad",
    "conv_transpose3d_weight_grad",
    "corr2d",
    "cross_entropy",
    "cross_entropy_input_grad",
    "linear",
    "linear_bias_grad",
    "linear_input_grad",
    "linear_weight_grad",
    "log_softmax",
    "max_pool2d",
    "max_pool2d_input_grad",
    "pad2d",
    "pad2d_input_grad",
    "reference",
    "relu",
    "relu_input_grad",
    "softmax",
]
