"""Known mistakes, each as something that runs: give it a case, and it answers as somebody would who made it.

A `Slip` changes the case, computes in a way of its own, or changes the answer; so that two slips together are
one after the other. The words for them stand in `texts`. One mistake may be made in several ways: slips of one
name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from convscope.grading.cases import Case, right

Change = Callable[[Case], Case]
Compute = Callable[[Case, str], np.ndarray]
After = Callable[[Case, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Slip:
    """One way to make the mistake `name`; what is None is done right."""

    name: str
    change: Change | None = None
    compute: Compute | None = None
    after: After | None = None


def answer(slips: tuple[Slip, ...], case: Case, part: str) -> np.ndarray:
    """What comes out when all these mistakes are made at once."""
    changed = case
    compute: Compute = right
    for slip in slips:
        changed = slip.change(changed) if slip.change else changed
        compute = slip.compute or compute
    y = compute(changed, part)
    for slip in slips:
        y = slip.after(case, y) if slip.after else y
    return y


def pad_of(case: Case) -> int:
    if not isinstance(case.padding, int):
        raise TypeError("of two slips only one can change the padding")
    return case.padding


def padded(case: Case, pads: tuple[int, ...]) -> Case:
    """Padded by (top, bottom, left, right); for pooling before it, which pads by no more than half a window."""
    if case.op == "conv2d":
        return case.but(padding=pads)
    top, bottom, left, right_side = pads
    fill = -np.inf if case.op == "max_pool2d" else 0
    x = np.pad(case.x, ((0, 0), (0, 0), (top, bottom), (left, right_side)), constant_values=fill)
    return case.but(x=x, padding=0)


def extend(case: Case, rows: int, columns: int) -> Case:
    """Zeros (for all purposes, padding) at the bottom and the right."""
    p = pad_of(case)
    return padded(case, (p, p + rows, p, p + columns))


def one(which: int) -> slice:
    return slice(which, which + 1) if which >= 0 else slice(which, None)


def bias_times(count: Callable[[Case], int]) -> Change:
    return lambda case: case if case.b is None else case.but(b=case.b * count(case))


def side_by_side(case: Case, y: np.ndarray) -> np.ndarray:
    """An output of the right size, whose windows start at i, not at i*stride."""
    rows, columns = case.output_size[-2:]
    return y[:, :, :rows, :columns]


def _lacking(case: Case) -> list[int]:
    """Rows and columns that a last window would need, were the output size rounded up."""
    reach = [case.dilation * (taps - 1) + 1 for taps in case.kernel]
    return [-(size + 2 * pad_of(case) - taps) % case.stride for size, taps in zip(case.x.shape[2:], reach)]


def _counted_twice(case: Case, y: np.ndarray) -> np.ndarray:
    """As large as if the padded picture were padded again, with zeros where no window fits."""
    more = [(size + 2 * pad_of(case)) for size in case.x.shape[2:]]
    rows, columns = case.but(x=np.empty((*case.x.shape[:2], *more))).output_size[-2:]
    return np.pad(y, ((0, 0), (0, 0), (0, rows - y.shape[2]), (0, columns - y.shape[3])))


def _into_input_size(case: Case, y: np.ndarray) -> np.ndarray:
    whole = np.zeros(y.shape[:2] + case.x.shape[2:])
    rows, columns = (min(sizes) for sizes in zip(y.shape[2:], case.x.shape[2:]))
    whole[:, :, :rows, :columns] = y[:, :, :rows, :columns]
    return whole


def _until_input_ends(case: Case) -> Case:
    """One window for each cell (or each stride-th cell) of the input, those at the end cut off by it."""
    reach = [case.dilation * (taps - 1) for taps in case.kernel]
    return extend(case, *reach)


def _centred(case: Case) -> Case:
    """Padded so that the output is as large as the input, asked for or not."""
    r, s = case.kernel
    return padded(case, ((r - 1) // 2, r // 2, (s - 1) // 2, s // 2))


def only_image(which: int, case: Case, y: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(y)
    kept[one(which)] = y[one(which)]
    return kept


ONE_IMAGE = (
    Slip("one_image", after=partial(only_image, 0)),
    Slip("one_image", after=partial(only_image, -1)),
)
WINDOW = (
    Slip("output_too_small", after=lambda case, y: y[:, :, :-1, :-1]),
    Slip("output_too_large", after=lambda case, y: np.pad(y, ((0, 0), (0, 0), (0, 1), (0, 1)))),
    Slip("output_too_large", change=lambda case: extend(case, case.stride, case.stride)),
    Slip("stride_missing", change=lambda case: case.but(stride=1)),
    Slip("stride_missing", change=lambda case: case.but(stride=1), after=side_by_side),
    Slip("padding_missing", change=lambda case: case.but(padding=0)),
    Slip("padding_missing", change=lambda case: padded(case, (0, 2 * pad_of(case)) * 2)),
    Slip("padding_one_side", change=lambda case: padded(case, (pad_of(case), 0) * 2)),
    Slip("padding_one_side", change=lambda case: padded(case, (2 * pad_of(case), 0) * 2)),
    Slip("padding_twice", after=_counted_twice),
    Slip("output_rounded_up", change=lambda case: extend(case, *_lacking(case))),
    Slip(
        "output_rounded_up",
        after=lambda case, y: np.pad(y, ((0, 0), (0, 0), *((0, int(n > 0)) for n in _lacking(case)))),
    ),
    Slip("output_as_input", after=_into_input_size),
    Slip("output_as_input", change=_until_input_ends),
    Slip("output_as_input", change=_centred),
    *ONE_IMAGE,
    Slip("one_image", after=lambda case, y: y[:1]),
)
"""Mistakes that a sliding window of any kind can have."""


def of_one_image(which: int) -> Change:
    return lambda case: case.but(x=case.x[one(which)], dy=case.upstream[one(which)])


BATCH = (
    Slip("batch_averaged", after=lambda case, y: y / len(case.x)),
    Slip("one_image", change=of_one_image(-1)),
    Slip("one_image", change=of_one_image(0)),
    Slip("gradient_missing", after=lambda case, y: 0 * y),
)
"""Mistakes that the gradients of weights and biases can have."""


def _bordered(before: int, after: int) -> Change:
    """So many times the padding written out before and after the picture, which is not padded then."""

    def change(case: Case) -> Case:
        pads, fill = (before * pad_of(case), after * pad_of(case)), -np.inf if case.op == "max_pool2d" else 0
        return case.but(x=np.pad(case.x, ((0, 0), (0, 0), pads, pads), constant_values=fill), padding=0)

    return change


def _as_large_as_x(case: Case, y: np.ndarray) -> np.ndarray:
    return y[:, :, : case.x.shape[2], : case.x.shape[3]]


def _without_last(case: Case) -> Case:
    dy = np.zeros_like(case.upstream)
    dy[:, :, :-1, :-1] = case.upstream[:, :, :-1, :-1]
    return case.but(dy=dy)


LAST_LEFT_OUT = Slip("output_too_small", change=_without_last)


def misplaced(compute: Compute) -> tuple[Slip, ...]:
    """Windows of a gradient of the input that start elsewhere. `compute` goes by the shape of dy; with another slip
    after these, its way to compute counts."""
    return (
        Slip("stride_missing", change=lambda case: case.but(stride=1), compute=compute),
        Slip("padding_missing", change=_bordered(0, 2), compute=compute, after=_as_large_as_x),
        Slip("padding_missing", change=_bordered(1, 1), compute=compute),
        LAST_LEFT_OUT,
    )
