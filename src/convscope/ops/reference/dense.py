"""What stands around convolutions in a network: linear, relu, softmax, cross-entropy, and their gradients."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from convscope.ops import values
from convscope.ops.arguments import (
    cross_entropy_arguments,
    elementwise_arguments,
    last_axis_argument,
    linear_arguments,
    linear_input_grad_arguments,
    linear_weight_grad_arguments,
)


def linear(
    x: Float[np.ndarray, "n in"],
    w: Float[np.ndarray, "out in"],
    bias: Float[np.ndarray, " out"] | None = None,
) -> Float[np.ndarray, "n out"]:
    """A weighted sum of all inputs for each output: `y[n, o] = bias[o] + sum over k of x[n, k] * w[o, k]`.

    Raises InputError when shapes or dtypes do not go together.

    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([0.5, 0.0]))
    array([[11.5,  2. ]])
    """
    x, w, bias = linear_arguments(x, w, bias)
    (n_rows, inputs), outputs = x.shape, w.shape[0]
    y = np.empty((n_rows, outputs), x.dtype)
    for n in range(n_rows):
        for o in range(outputs):
            total = x.dtype.type(0) if bias is None else bias[o]
            for k in range(inputs):
                total += x[n, k] * w[o, k]
            y[n, o] = total
    return y


def linear_input_grad(
    w: Float[np.ndarray, "out in"], grad_output: Float[np.ndarray, "n out"]
) -> Float[np.ndarray, "n in"]:
    """Gradient of `linear` with respect to x: `grad_x[n, k] = sum over o of grad_output[n, o] * w[o, k]`."""
    w, grad_output = linear_input_grad_arguments(w, grad_output)
    (n_rows, outputs), inputs = grad_output.shape, w.shape[1]
    grad_x = np.zeros((n_rows, inputs), w.dtype)
    for n in range(n_rows):
        for o in range(outputs):
            for k in range(inputs):
                grad_x[n, k] += grad_output[n, o] * w[o, k]
    return grad_x


def linear_weight_grad(
    x: Float[np.ndarray, "n in"], grad_output: Float[np.ndarray, "n out"]
) -> Float[np.ndarray, "out in"]:
    """Gradient of `linear` with respect to w: `grad_w[o, k] = sum over n of grad_output[n, o] * x[n, k]`."""
    x, grad_output = linear_weight_grad_arguments(x, grad_output)
    (n_rows, outputs), inputs = grad_output.shape, x.shape[1]
    grad_w = np.zeros((outputs, inputs), x.dtype)
    for n in range(n_rows):
        for o in range(outputs):
            for k in range(inputs):
                grad_w[o, k] += grad_output[n, o] * x[n, k]
    return grad_w


def linear_bias_grad(grad_output: Float[np.ndarray, "n out"]) -> Float[np.ndarray, " out"]:
    """Gradient of `linear` with respect to bias: the sum over the rows."""
    grad_output = values.floats(grad_output, "grad_output", "n out")
    grad_bias = np.zeros(grad_output.shape[1], grad_output.dtype)
    for row in grad_output:
        for o in range(len(row)):
            grad_bias[o] += row[o]
    return grad_bias


def relu(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """`max(x, 0)`, cell by cell, for an array of any shape; NaN stays NaN.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    x = values.floats(x, "x")
    y = np.empty(x.shape, x.dtype)
    for place in np.ndindex(x.shape):
        y[place] = 0 if x[place] <= 0 else x[place]
    return y


def relu_input_grad(
    x: Float[np.ndarray, "..."], grad_output: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Gradient of `relu`: passes where x > 0, stops elsewhere (at x = 0 too, as in PyTorch)."""
    x, grad_output = elementwise_arguments(x, grad_output)
    grad_x = np.empty(x.shape, x.dtype)
    for place in np.ndindex(x.shape):
        grad_x[place] = 0 if x[place] <= 0 else grad_output[place]
    return grad_x


def log_softmax(x: Float[np.ndarray, "*rows k"]) -> Float[np.ndarray, "*rows k"]:
    """Logarithm of `softmax`, along the last axis: `x[k] - log(sum over l of exp(x[l]))`.

    The largest x is first taken off all of them: the result is the same, and exp cannot overflow.
    """
    x = last_axis_argument(x)
    y = np.empty(x.shape, x.dtype)
    for place in np.ndindex(x.shape[:-1]):
        shifted = x[place] - max(x[place])
        total = x.dtype.type(0)
        for value in shifted:
            total += np.exp(value)
        y[place] = shifted - np.log(total)
    return y


def softmax(x: Float[np.ndarray, "*rows k"]) -> Float[np.ndarray, "*rows k"]:
    """Scores to probabilities, along the last axis: `exp(x[k]) / sum over l of exp(x[l])`.

    >>> softmax(np.log(np.array([1.0, 3.0])))
    array([0.25, 0.75])
    """
    return np.exp(log_softmax(x))


def cross_entropy(
    logits: Float[np.ndarray, "n k"], target: Int[np.ndarray, " n"], reduction: str = "mean"
) -> Any:
    """Surprise of the scores at the true classes, in nats: `loss[n] = -log_softmax(logits)[n, target[n]]`.

    reduction  "mean" or "sum" of the rows (a scalar), or "none" (one loss for each row)

    Raises InputError when a target is no class, or shapes do not go together.

    >>> float(cross_entropy(np.zeros((3, 10)), np.array([1, 2, 3])).round(4))  # log(10): ten classes, no idea
    2.3026
    """
    logits, target = cross_entropy_arguments(logits, target, reduction, ("mean", "sum", "none"))
    log_p = log_softmax(logits)
    losses = np.empty(len(logits), logits.dtype)
    for n in range(len(logits)):
        losses[n] = -log_p[n, target[n]]
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def cross_entropy_input_grad(
    logits: Float[np.ndarray, "n k"], target: Int[np.ndarray, " n"], reduction: str = "mean"
) -> Float[np.ndarray, "n k"]:
    """Gradient of `cross_entropy` with respect to logits: `softmax(logits)`, less 1 at the true class.

    For the mean it is divided by n. Each score is pushed down by the probability it was
    given, and the true one up by 1.
    """
    logits, target = cross_entropy_arguments(logits, target, reduction, ("mean", "sum"))
    grad = softmax(logits)
    for n in range(len(logits)):
        grad[n, target[n]] -= 1
    return grad / logits.dtype.type(len(logits)) if reduction == "mean" else grad
