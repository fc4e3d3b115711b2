"""What is asked: small probes with whole numbers, smallest first, and their right answers by `ops.reference`."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from convscope.geometry import output_size
from convscope.ops import reference

OPS = ("conv2d", "max_pool2d", "avg_pool2d", "linear", "relu")
PARTS = {
    "conv2d": ("forward", "dx", "dw", "db"),
    "max_pool2d": ("forward", "dx"),
    "avg_pool2d": ("forward", "dx"),
    "linear": ("forward", "dx", "dw", "db"),
    "relu": ("forward", "dx"),
}
"""What can be checked of each operator: the result, and the gradients of the input, the weights and the bias."""

Pads = int | tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Case:
    """One probe: arrays (x, w, b, and dy, the gradient from above) and how the operator is to be run.

    Images (n, c, h, w), kernels (m, c/groups, r, s); `linear` has x (n, in) and w (out, in).
    """

    op: str
    x: np.ndarray
    w: np.ndarray | None = None
    b: np.ndarray | None = None
    dy: np.ndarray | None = None
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: Pads = 0
    dilation: int = 1
    groups: int = 1
    flip: bool = False

    def but(self, **changes: object) -> "Case":
        """The same, some fields changed."""
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]

    @property
    def weights(self) -> np.ndarray:
        assert self.w is not None
        return self.w

    @property
    def upstream(self) -> np.ndarray:
        assert self.dy is not None
        return self.dy

    @property
    def output_size(self) -> tuple[int, ...]:
        """The shape of the right result."""
        if self.op == "relu":
            return self.x.shape
        if self.op == "linear":
            return len(self.x), len(self.weights)
        top, bottom, left, right = (self.padding,) * 4 if isinstance(self.padding, int) else self.padding
        rows = output_size(self.x.shape[2], self.kernel[0], self.stride, (top, bottom), self.dilation)
        columns = output_size(self.x.shape[3], self.kernel[1], self.stride, (left, right), self.dilation)
        return len(self.x), self.x.shape[1] if self.w is None else len(self.w), rows, columns

    def has(self, feature: str) -> bool:
        """Whether the probe asks for a feature; those of FEATURES."""
        return FEATURES[feature](self)


def _left_over(case: Case) -> bool:
    if case.x.ndim != 4 or case.stride == 1 or not isinstance(case.padding, int):
        return False
    reach = [case.dilation * (size - 1) + 1 for size in case.kernel]
    return any((size + 2 * case.padding - taps) % case.stride for size, taps in zip(case.x.shape[2:], reach))


FEATURES = {
    "padding": lambda case: case.padding != 0,
    "no padding": lambda case: case.padding == 0,
    "stride": lambda case: case.stride != (1 if case.op == "conv2d" else case.kernel[0]),
    "dilation": lambda case: case.dilation != 1,
    "groups": lambda case: case.groups != 1,
    "kernel of several cells": lambda case: case.kernel != (1, 1),
    "kernel not square": lambda case: case.kernel[0] != case.kernel[1],
    "picture not square": lambda case: case.x.ndim == 4 and case.x.shape[2] != case.x.shape[3],
    "left over": _left_over,
    "several images": lambda case: len(case.x) > 1,
    "several channels": lambda case: case.op != "linear" and case.x.ndim == 4 and case.x.shape[1] > 1,
    "several outputs": lambda case: case.w is not None and len(case.w) > 1,
}
"""What a wrong operator may be wrong about, and nowhere else."""


def call(case: Case, part: str) -> tuple[str, dict[str, Any]]:
    """The operator of `convscope.ops` that a part is, and its arguments."""
    name = case.op + {"forward": "", "dx": "_input_grad", "dw": "_weight_grad", "db": "_bias_grad"}[part]
    how: dict[str, Any] = {"stride": case.stride, "padding": case.padding}
    if case.op == "conv2d":
        how |= {"dilation": case.dilation, "groups": case.groups, "flip": case.flip}
    elif not case.op.endswith("pool2d"):
        how = {}
    if case.op.endswith("pool2d"):
        how["kernel_size"] = case.kernel
    if part == "forward":
        arrays = {"x": case.x, "w": case.w, "bias": case.b}
        return name, {each: array for each, array in arrays.items() if array is not None} | how
    if part == "db":
        return name, {"grad_output": case.dy}
    given: dict[str, Any] = {"grad_output": case.dy}
    if name == "relu_input_grad" or part == "dw":
        given["x"] = case.x
    if part == "dx" and case.w is not None:
        given["w"] = case.w
    if name == "max_pool2d_input_grad":
        given["indices"] = reference.max_pool2d(case.x, return_indices=True, **how)[1]
        how = {}
    if part == "dw" and case.op == "conv2d":
        given["weight_size"] = case.weights.shape
    elif case.x.ndim == 4:
        given["input_size"] = case.x.shape
    return name, given | how


def right(case: Case, part: str) -> np.ndarray:
    """The right answer: the result of a case, or the gradient `dx`, `dw` or `db` for its `dy`."""
    name, given = call(case, part)
    return getattr(reference, name)(**given)


# (n, c, h, w), (m, r, s), then stride, padding, dilation, groups. Each feature stands alone in some probe, with
# everything else square and single, so that what an operator is wrong about can be told apart.
_CONV = (
    ((1, 1, 2, 2), (1, 1, 1), 1, 0, 1, 1),
    ((1, 1, 3, 3), (1, 2, 2), 1, 0, 1, 1),
    ((1, 1, 3, 4), (1, 2, 2), 1, 0, 1, 1),
    ((1, 1, 4, 4), (1, 2, 3), 1, 0, 1, 1),
    ((1, 1, 4, 4), (1, 2, 2), 2, 0, 1, 1),
    ((1, 1, 5, 5), (1, 3, 3), 2, 0, 1, 1),
    ((1, 1, 6, 6), (1, 3, 3), 2, 0, 1, 1),
    ((1, 1, 3, 3), (1, 2, 2), 1, 1, 1, 1),
    ((1, 1, 4, 4), (1, 3, 3), 1, 1, 1, 1),
    ((1, 1, 5, 5), (1, 3, 3), 2, 1, 1, 1),
    ((1, 1, 5, 5), (1, 2, 2), 1, 0, 2, 1),
    ((1, 2, 3, 3), (1, 2, 2), 1, 0, 1, 1),
    ((1, 1, 3, 3), (2, 2, 2), 1, 0, 1, 1),
    ((1, 2, 3, 3), (2, 2, 2), 1, 0, 1, 1),
    ((2, 1, 3, 3), (1, 2, 2), 1, 0, 1, 1),
    ((1, 2, 3, 3), (2, 2, 2), 1, 0, 1, 2),
    ((3, 2, 6, 9), (3, 3, 2), 2, 1, 1, 1),
    ((2, 4, 7, 6), (2, 2, 3), 1, 1, 2, 2),
)
_POOL = (
    ((1, 1, 2, 2), (2, 2), 2, 0),
    ((1, 1, 4, 4), (2, 2), 2, 0),
    ((1, 1, 2, 4), (2, 2), 2, 0),
    ((1, 1, 3, 3), (2, 2), 2, 0),
    ((1, 1, 3, 3), (2, 2), 1, 0),
    ((1, 1, 4, 4), (2, 2), 1, 0),
    ((1, 1, 4, 4), (2, 2), 2, 1),
    ((1, 1, 5, 5), (3, 3), 2, 0),
    ((1, 1, 5, 5), (3, 3), 3, 1),
    ((1, 1, 3, 3), (2, 3), 2, 0),
    ((1, 2, 4, 4), (2, 2), 2, 0),
    ((2, 1, 4, 4), (2, 2), 2, 0),
    ((2, 3, 6, 9), (3, 3), 2, 1),
    ((2, 3, 6, 7), (2, 3), 1, 0),
)

_LINEAR = ((1, 3, 2), (3, 2, 1), (3, 2, 2), (4, 3, 2))
"""n, in, out: x, w and b never of one shape, so that which gradient is which can be seen."""


@cache
def cases(op: str) -> tuple[Case, ...]:
    """All probes of an operator, smallest first; the same ones each time.

    >>> [case.x.shape for case in cases("linear")]
    [(1, 3), (3, 2), (3, 2), (4, 3)]
    """
    rng = np.random.default_rng(3)

    def whole(*shape: int, most: int = 4) -> np.ndarray:
        """Numbers from -most to most without 0, so that nothing is right by chance."""
        return rng.integers(1, most + 1, shape) * rng.choice([-1.0, 1.0], shape)

    made: list[Case] = []
    if op == "conv2d":
        for x, (m, r, s), stride, padding, dilation, groups in _CONV:
            case = Case(op, whole(*x), whole(m, x[1] // groups, r, s), 10 * whole(m), None, (r, s))
            made.append(case.but(stride=stride, padding=padding, dilation=dilation, groups=groups))
    elif op == "linear":
        for n, inputs, outputs in _LINEAR:
            made.append(Case(op, whole(n, inputs), whole(outputs, inputs), 10 * whole(outputs)))
    elif op == "relu":
        made = [Case(op, np.array([[-2.0, 0.0, 3.0]])), Case(op, whole(2, 5) * rng.integers(0, 2, (2, 5)))]
    else:
        for x, kernel, stride, padding in _POOL:
            case = Case(op, whole(*x, most=9), None, None, None, kernel, stride, padding)
            # all below zero where padding, or a maximum that starts at 0, could win; ties in every second probe
            made.append(case.but(x=-abs(case.x) if padding or not made else case.x))
            if len(made) % 2 == 0:
                made[-1] = made[-1].but(x=np.sign(made[-1].x) * (1 + abs(made[-1].x) // 5))
    return tuple(case.but(dy=whole(*case.output_size)) for case in made)
