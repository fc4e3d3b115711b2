"""Are all forms equal on these numbers? A report, form by form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope import ops
from convscope.errors import InputError
from convscope.ops.proofs.matrices import fully_connected, sparse
from convscope.ops.proofs.problem import Problem, problem
from convscope.ops.proofs.sliding import im2col, shifts, windows
from convscope.ops.proofs.transformed import fft, winograd

FORMS: dict[str, Callable[..., np.ndarray]] = {
    "windows": windows,
    "shifts": shifts,
    "im2col": im2col,
    "fft": fft,
    "winograd": winograd,
    "sparse": sparse,
    "fully_connected": fully_connected,
}
"""The forms by name, each with the arguments of `ops.conv2d`."""


@dataclass(frozen=True)
class Verdict:
    """What came of one form.

    difference  the largest from `ops.conv2d`, over all cells; None where the form does not allow the arguments
    equal       whether that is within the proof's tolerance
    why_not     what the form says about arguments it does not allow; "" where it does
    """

    form: str
    difference: float | None
    equal: bool
    why_not: str = ""


@dataclass(frozen=True)
class Proof:
    """All verdicts, the largest difference that counts as equal (0 on integers), and the dtype they were computed in.

    Prints as a table.
    """

    verdicts: tuple[Verdict, ...]
    tolerance: float
    dtype: np.dtype

    @property
    def holds(self) -> bool:
        """Whether every form that allows the arguments gives the same."""
        return all(verdict.equal for verdict in self.verdicts if not verdict.why_not)

    def __str__(self) -> str:
        lines = [f"{'form':16} {'equal':6} largest difference ({self.dtype}; equal means at most {self.tolerance:.2g})"]
        for one in self.verdicts:
            word = "-" if one.why_not else "yes" if one.equal else "NO"
            lines.append(f"{one.form:16} {word:6} {one.why_not or f'{one.difference:.2g}'}")
        return "\n".join(lines)


def prove(
    x: Any,
    w: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Proof:
    """Compute one convolution in every form and compare each with `ops.conv2d` in float64.

    On integers equal means equal. On floats it means within rounding: `4 eps (taps + log2 cells) max |x| sum |w|`, with
    the taps of one output cell (c/groups * r * s) and the cells of the padded image. A form that does not allow the
    arguments says so; that does not refute it.

    Raises InputError as `ops.conv2d` does, and where sums of integers exceed 2**53, which float64 does not hold.

    >>> print(prove(np.eye(4, 5, dtype=int)[None, None], np.array([[[[3, 1]]]]), stride=2))
    form             equal  largest difference (int64; equal means at most 0)
    windows          yes    0
    shifts           yes    0
    im2col           yes    0
    fft              yes    0
    winograd         -      kernel 1 x 2, stride=(2, 2), dilation=(1, 1): Winograd's F(2x2, 3x3) is for ...
    sparse           yes    0
    fully_connected  yes    0
    """
    p = problem(x, w, bias, stride, padding, dilation, groups, padding_mode, flip)
    if p.exact and p.largest_sum > 2**53:
        raise InputError(
            f"x and w have sums up to {p.largest_sum}: the forms are compared with float64, which holds integers up to "
            f"2**53; use smaller numbers"
        )
    options = (stride, padding, dilation, groups, padding_mode, flip)
    offset = None if p.bias is None else p.bias.astype(np.float64)
    truth = ops.conv2d(p.x.astype(np.float64), p.w.astype(np.float64), offset, *options)
    tolerance = _tolerance(p)
    verdicts = []
    for name, compute in FORMS.items():
        try:
            y = compute(x, w, bias, *options)
        except InputError as refusal:
            verdicts.append(Verdict(name, None, False, str(refusal)))
        else:
            difference = float(np.abs(y - truth).max(initial=0))
            verdicts.append(Verdict(name, difference, difference <= tolerance))
    return Proof(tuple(verdicts), tolerance, p.dtype)


def _tolerance(p: Problem) -> float:
    if p.exact:
        return 0.0
    taps, cells = p.w[0].size, p.g.padded_size[2] * p.g.padded_size[3]
    return float(4 * np.finfo(p.dtype).eps * (taps + np.log2(cells)) * p.largest_sum)
