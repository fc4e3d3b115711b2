"""Known mistakes in a linear layer, in ReLU, and their gradients."""

from collections.abc import Callable

import numpy as np

from convscope.grading.cases import Case
from convscope.grading.layouts import as_vector
from convscope.grading.mistakes.slip import BATCH, ONE_IMAGE, Compute, Slip, bias_times


def _relu(case: Case, y: np.ndarray) -> np.ndarray:
    return np.maximum(y, 0)


def _sigmoid(case: Case, y: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-y))


def _tanh(case: Case, y: np.ndarray) -> np.ndarray:
    return np.tanh(y)


def _softmax(case: Case, y: np.ndarray) -> np.ndarray:
    raised = np.exp(y - y.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


LINEAR_FORWARD = (
    Slip("bias_missing", change=lambda case: case.but(b=None)),
    Slip("bias_repeated", change=bias_times(lambda case: case.weights.shape[1])),
    Slip("bias_subtracted", change=bias_times(lambda case: -1)),
    Slip("weights_transposed", change=lambda case: case.but(w=case.weights.T)),
    *ONE_IMAGE,
    *(Slip("activation_inside", after=after) for after in (_relu, _sigmoid, _tanh, _softmax)),
)
LINEAR_DX = (
    Slip("weights_transposed", change=lambda case: case.but(w=case.weights.T)),
    Slip("batch_averaged", after=lambda case, y: y / len(case.x)),
    Slip("gradient_missing", after=lambda case, y: 0 * y),
)
LINEAR_DW = (*BATCH, Slip("weights_transposed", after=lambda case, y: y.T))
LINEAR_DB = (
    *BATCH,
    Slip("batch_not_summed", compute=lambda case, part: as_vector(case.upstream)),
    Slip("axis_wrong", compute=lambda case, part: case.upstream.sum(1)),
)


def _mask(test: Callable[[Case], np.ndarray]) -> Compute:
    return lambda case, part: case.upstream * test(case)


RELU_FORWARD = (
    Slip("relu_missing", compute=lambda case, part: case.x),
    Slip("relu_absolute", compute=lambda case, part: abs(case.x)),
    Slip("relu_wrong_side", compute=lambda case, part: np.minimum(case.x, 0)),
    Slip("mask_for_result", compute=lambda case, part: (case.x > 0) * 1.0),
    Slip("relu_leaky", compute=lambda case, part: np.where(case.x > 0, case.x, 0.01 * case.x)),
    Slip("relu_leaky", compute=lambda case, part: np.where(case.x > 0, case.x, 0.1 * case.x)),
)
RELU_DX = (
    Slip("mask_missing", compute=lambda case, part: case.upstream),
    Slip("mask_by_gradient", compute=_mask(lambda case: case.upstream > 0)),
    Slip("mask_at_zero", compute=_mask(lambda case: case.x >= 0)),
    Slip("mask_inverted", compute=_mask(lambda case: case.x < 0)),
    Slip("mask_inverted", compute=_mask(lambda case: case.x <= 0)),
    Slip("mask_without_gradient", compute=lambda case, part: (case.x > 0) * 1.0),
    Slip("mask_times_input", compute=_mask(lambda case: np.maximum(case.x, 0))),
)
