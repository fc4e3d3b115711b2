"""One call of an operator as a relation: which products make a cell of its result, and which a cell is part of."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from convscope.ops.explain.explanation import Factor, Term
from convscope.ops.explain.links import Index, Link

Cells = Callable[[Index], Iterable[Term]]


@dataclass(frozen=True)
class Operator:
    """One call of an operator.

    shape, dtype  of its result
    result        the products of one cell of the result
    arrays        its array arguments, by name
    parts         for each of them: the products that one of its cells takes part in
    bias          what is added to a cell of the result, as a factor
    windows_over  the array that windows slide over, "" if that is the result, or if there are none
    notes         what there is to say of a cell's products
    unreached     ... of a cell of the result without any
    """

    shape: Index
    dtype: np.dtype
    result: Cells
    arrays: dict[str, np.ndarray]
    parts: dict[str, Cells]
    bias: Callable[[Index], Factor | None] = lambda at: None
    windows_over: str = ""
    notes: Callable[[Sequence[Term]], list[str]] = lambda terms: []
    unreached: str = "no window reaches this cell"


def factor(arrays: dict[str, np.ndarray], name: str, cell: Index | None) -> Factor:
    """One cell of one of the arrays; None is a zero of the padding."""
    return Factor(name, cell, 0.0 if cell is None else arrays[name][cell].item())


def term(output: Index, factors: tuple[Factor, ...], link: Link) -> Term:
    """The product of the factors; what does not get through (a share of 0) is 0, were it infinite."""
    stopped = any(each.array == "share" and not each.value for each in factors)
    result = 0.0 if stopped else math.prod(each.value for each in factors)
    return Term(output, factors, result, link.place, link.padding, link.block, link.row, link.column)
