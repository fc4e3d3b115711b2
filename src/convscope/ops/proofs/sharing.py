"""What sharing weights does to their gradients: the shared weight's is the SUM of those of its copies.

Untie a convolution: give each connection a weight of its own, a copy. The loss L then depends on the copies a_1 ... a_K
of a weight a, all equal to it, and by the chain rule `dL/da = sum over k of dL/da_k * da_k/da = sum over k of dL/da_k`.

Taking the mean instead divides the gradient of each weight by K. That is no gradient of L:

- one weight: the step is K times smaller, a learning rate of `rate / K`;
- one kernel: the direction stays only where all its weights have as many copies. They have `out_h * out_w` each where
  no tap leaves the image, fewer at the rim where zeros are padded;
- a network: K differs from layer to layer, 1 in a fully connected layer, so the mean is a learning rate of its own for
  each layer, and the direction of the whole step turns.

>>> from convscope.ops.proofs import connections
>>> x, grad = np.arange(12).reshape(1, 1, 3, 4), np.ones((1, 1, 2, 3), int)
>>> layer = connections(x.shape, (1, 1, 2, 2))
>>> copies = copy_gradients(layer, x, grad)
>>> copies[layer.weight == 0]
array([0, 1, 2, 4, 5, 6])
>>> summed(layer, copies)[0, 0], averaged(layer, copies)[0, 0]
(array([[18, 24], [42, 48]]), array([[3., 4.], [7., 8.]]))
"""

from typing import Any

import numpy as np

from convscope.ops import values
from convscope.ops.proofs.wiring import Connections


def copy_gradients(layer: Connections, x: Any, grad_output: Any) -> np.ndarray:
    """Gradient of each untied copy: `sum over n of x[n, input] * grad_output[n, output]`, one for each connection.

    x (n, c, h, w), grad_output (n, m, out_h, out_w), of one dtype; integers are computed as int64. Raises InputError
    where they do not fit the layer.
    """
    x, grad_output = values.array(x, "x"), values.array(grad_output, "grad_output")
    values.same_dtype(x, "x", grad_output, "grad_output")
    g = layer.g
    if x.ndim != 4:
        raise values.wrong_axes(x, "x", "n c h w")
    values.same_shape(x, "x", (len(x), g.c, g.h, g.w), "the layer")
    values.same_shape(grad_output, "grad_output", (len(x), g.m, g.out_h, g.out_w), f"the layer with {len(x)} images")
    if x.dtype.kind in "iu":
        x, grad_output = x.astype(np.int64), grad_output.astype(np.int64)
    total = np.zeros(len(layer.weight), x.dtype)
    for image, gradient in zip(x, grad_output, strict=True):
        total += image.ravel()[layer.input] * gradient.ravel()[layer.output]
    return total


def summed(layer: Connections, copies: np.ndarray) -> np.ndarray:
    """The gradient of the shared weights, (m, c/groups, r, s): the sum over the copies of each.

    It is what `ops.conv2d_weight_grad` computes. `copies` are as `copy_gradients` gives them.
    """
    values.same_shape(copies, "copies", layer.weight.shape, f"the layer with {len(layer.weight)} connections")
    total = np.zeros(layer.parameters["shared"], copies.dtype)
    np.add.at(total, layer.weight, copies)
    return total.reshape(layer.g.weight_size)


def averaged(layer: Connections, copies: np.ndarray) -> np.ndarray:
    """The mean over the copies of each weight, which is NOT its gradient: `summed / layer.copies`, 0 without copies."""
    total = summed(layer, copies)
    return total / np.maximum(layer.copies, 1).astype(total.dtype)
