"""What an explanation is made of: factors, products and their sum, as data; `text` and `latex` write them down."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from convscope.ops.explain import latex as as_latex
from convscope.ops.explain import text as as_text
from convscope.ops.explain.links import Index


@dataclass(frozen=True, slots=True)
class Factor:
    """One number of a product: cell `cell` of the array named `array`; None for a zero of the padding.

    The array "share" is no argument: it is the part that pooling and relu let through, 1, 0 or 1/count.
    """

    array: str
    cell: Index | None
    value: float


@dataclass(frozen=True, slots=True)
class Term:
    """One product of a sum.

    output   the cell of the result that it is added to
    factors  what is multiplied
    product  their product; 0 where a share is 0, whatever else stands there
    place    where the window looks for the input cell, whole index; below 0 or beyond the end in the padding; () where
             no window is at work
    padding  whether that lies in the padding
    block, row, column  products of one block stand together as a matrix; `block` says what they have in common
    """

    output: Index
    factors: tuple[Factor, ...]
    product: float
    place: Index = ()
    padding: bool = False
    block: str = ""
    row: int = 0
    column: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON can hold; None for infinity and NaN, which it cannot."""
        return {
            "output": list(self.output),
            "factors": [
                {"array": each.array, "cell": each.cell and list(each.cell), "value": _json(each.value)}
                for each in self.factors
            ],
            "product": _json(self.product),
            "place": list(self.place),
            "padding": self.padding,
        }


def _json(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


class _Shown(ABC):
    """The written forms that explanations of outputs and of inputs have in common."""

    def __str__(self) -> str:
        return self.text()

    def text(self, limit: int | None = as_text.LIMIT) -> str:
        """As aligned text; of more than `limit` products (None: no limit) the rest is counted and summed."""
        return "".join(piece for piece, _ in self._pieces(limit))

    def rich(self, limit: int | None = as_text.LIMIT) -> Any:
        """The same as `rich.text.Text`: red above zero, blue below, padding dimmed."""
        from rich.text import Text

        return Text.assemble(*self._pieces(limit))

    def __rich__(self) -> Any:
        return self.rich()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    @abstractmethod
    def _pieces(self, limit: int | None) -> list[as_text.Piece]:
        """The text, in pieces with their styles."""

    @abstractmethod
    def latex(self, limit: int | None = as_text.LIMIT) -> str:
        """As LaTeX; of more than `limit` products the rest is counted and summed."""


@dataclass(frozen=True)
class Explanation(_Shown):
    """One cell of an operator's result: `value = sum of the products + bias`.

    op            the operator's name
    at            the cell of the result, of shape `shape`
    terms         its products
    sum, bias     of the products, and the number added to it (None: there is no bias)
    value         the cell. The sum is taken in double precision and rounded once, to the operator's dtype; operators
                  in float32 round at each step, so their last digits may differ
    windows_over  the array that windows slide over, "" if none of the factors
    notes         what else there is to say, a sentence each

    `str(e)` is plain text, rich prints it in colours, notebooks show `e.latex()`.
    """

    op: str
    at: Index
    shape: Index
    terms: tuple[Term, ...] = field(repr=False)
    sum: float
    bias: float | None
    value: float
    windows_over: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON can hold."""
        return {
            "op": self.op,
            "at": list(self.at),
            "shape": list(self.shape),
            "terms": [term.to_dict() for term in self.terms],
            "sum": _json(self.sum),
            "bias": _json(self.bias),
            "value": _json(self.value),
            "notes": list(self.notes),
        }

    def latex(self, limit: int | None = as_text.LIMIT) -> str:
        """The window and the kernel as matrices, then the sum written out; padding stands in boxes."""
        return as_latex.of_output(self, limit)

    def _pieces(self, limit: int | None) -> list[as_text.Piece]:
        return as_text.of_output(self, limit)


@dataclass(frozen=True)
class Touches(_Shown):
    """One cell of an operator's argument, `array[cell] = value`, and the products that it takes part in.

    A term's `output` is the cell of the result that is touched, its `product` what that gets. One output is touched
    several times where padding copies the cell.
    """

    op: str
    array: str
    cell: Index
    value: float
    terms: tuple[Term, ...] = field(repr=False)
    windows_over: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON can hold."""
        return {
            "op": self.op,
            "array": self.array,
            "cell": list(self.cell),
            "value": _json(self.value),
            "terms": [term.to_dict() for term in self.terms],
            "notes": list(self.notes),
        }

    def latex(self, limit: int | None = as_text.LIMIT) -> str:
        """A line for each output: what it gets."""
        return as_latex.of_input(self, limit)

    def _pieces(self, limit: int | None) -> list[as_text.Piece]:
        return as_text.of_input(self, limit)
