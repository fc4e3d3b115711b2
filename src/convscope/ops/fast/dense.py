"""Fully connected layers, ReLU, softmax and cross-entropy: NumPy's own matrix products and elementwise loops."""

from typing import Literal

import numpy as np

from convscope.ops import arguments, values


def linear(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """`x @ w.T + bias` for x (n, in) and w (out, in); see `ops.reference.linear`."""
    x, w, bias = arguments.linear_arguments(x, w, bias)
    return x @ w.T if bias is None else x @ w.T + bias


def linear_input_grad(w: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `linear` in x: `grad_output @ w`."""
    w, grad_output = arguments.linear_input_grad_arguments(w, grad_output)
    return grad_output @ w


def linear_weight_grad(x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `linear` in w: `grad_output.T @ x`."""
    x, grad_output = arguments.linear_weight_grad_arguments(x, grad_output)
    return grad_output.T @ x


def linear_bias_grad(grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `linear` in its bias: the sum of grad_output (n, out) over n."""
    return values.floats(grad_output, "grad_output", "n out").sum(axis=0)


def relu(x: np.ndarray) -> np.ndarray:
    """`max(x, 0)`; NaN stays NaN."""
    return np.maximum(values.floats(x, "x"), 0)


def relu_input_grad(x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
    """Gradient of `relu` in x: grad_output where x > 0, and 0 where x <= 0."""
    x, grad_output = arguments.elementwise_arguments(x, grad_output)
    return np.where(x <= 0, grad_output.dtype.type(0), grad_output)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """`x - log(sum(exp(x)))` over the last axis."""
    x = arguments.last_axis_argument(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(x: np.ndarray) -> np.ndarray:
    """`exp(x) / sum(exp(x))` over the last axis."""
    x = arguments.last_axis_argument(x)
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(
    logits: np.ndarray, target: np.ndarray, reduction: Literal["mean", "sum", "none"] = "mean"
) -> np.ndarray | np.floating:
    """`-log_softmax(logits)[i, target[i]]`, its mean or sum; see `ops.reference.cross_entropy`."""
    logits, target = arguments.cross_entropy_arguments(logits, target, reduction, ("mean", "sum", "none"))
    losses = -log_softmax(logits)[np.arange(len(target)), target]
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def cross_entropy_input_grad(
    logits: np.ndarray, target: np.ndarray, reduction: Literal["mean", "sum"] = "mean"
) -> np.ndarray:
    """Gradient of `cross_entropy` in the logits: softmax less one at the target, over n for the mean."""
    logits, target = arguments.cross_entropy_arguments(logits, target, reduction, ("mean", "sum"))
    grad = softmax(logits)
    grad[np.arange(len(target)), target] -= 1
    return grad / grad.dtype.type(len(target)) if reduction == "mean" else grad
