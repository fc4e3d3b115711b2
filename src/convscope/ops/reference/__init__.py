"""The operators as plain nested loops: what they are, to be read; `convscope.ops` has the same names, fast.

Start with `conv.corr2d`, go on to `conv.conv2d`, then to the gradients beside it; `conv1d`, `conv3d` and `transposed`
are the same along other axes, and the other way round. Every gradient here is derived from its forward loop by one
rule: where the forward pass *reads* a cell and multiplies it by a factor, the backward pass *adds* the upstream
gradient, times that same factor, to the gradient of that cell. It adds (`+=`) because a cell read by several windows
has a share in each of their results.
"""

from convscope.ops.reference.conv import (
    conv2d,
    conv2d_bias_grad,
    conv2d_input_grad,
    conv2d_weight_grad,
    corr2d,
)
from convscope.ops.reference.conv1d import (
    conv1d,
    conv1d_bias_grad,
    conv1d_input_grad,
    conv1d_weight_grad,
)
from convscope.ops.reference.conv3d import (
    conv3d,
    conv3d_bias_grad,
    conv3d_input_grad,
    conv3d_weight_grad,
)
from convscope.ops.reference.dense import (
    cross_entropy,
    cross_entropy_input_grad,
    linear,
    linear_bias_grad,
    linear_input_grad,
    linear_weight_grad,
    log_softmax,
    relu,
    relu_input_grad,
    softmax,
)
from convscope.ops.reference.padding import pad2d, pad2d_input_grad
from convscope.ops.reference.pool import avg_pool2d, avg_pool2d_input_grad, max_pool2d, max_pool2d_input_grad
from convscope.ops.reference.transposed import (
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
    "relu",
    "relu_input_grad",
    "softmax",
]
