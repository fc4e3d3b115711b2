"""The operators of `convscope.ops.reference`, fast: the same names and signatures, the same results to rounding.

`conv`, `pool`, `dense` and `padding` hold the operators. Under `conv` lie `tiles` (how pictures are laid out), `shifts`
(a convolution as a weighted sum of shifted copies) and `registers` (the innermost loops); `compiled` is how all of
it is compiled and spread over threads.
"""

from convscope.ops.fast.conv import conv2d, conv2d_bias_grad, conv2d_input_grad, conv2d_weight_grad, corr2d
from convscope.ops.fast.dense import (
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
from convscope.ops.fast.padding import pad2d, pad2d_input_grad
from convscope.ops.fast.pool import avg_pool2d, avg_pool2d_input_grad, max_pool2d, max_pool2d_input_grad

__all__ = [
    "avg_pool2d",
    "avg_pool2d_input_grad",
    "conv2d",
    "conv2d_bias_grad",
    "conv2d_input_grad",
    "conv2d_weight_grad",
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
