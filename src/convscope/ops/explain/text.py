"""Explanations as aligned text, in pieces with the style that a terminal may give them."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convscope.ops.explain.explanation import Explanation, Factor, Term, Touches

LIMIT = 64
"""Products that are shown; the rest is counted and summed."""

WIDEST = 9
"""Columns of a matrix."""

Piece = tuple[str, str]
"""Text, and its style in the words of rich."""


def number(value: float) -> str:
    """At most four digits of a fraction, all of a whole number up to a million.

    >>> number(-3.0), number(0.123456), number(1234567.0)
    ('-3', '0.1235', '1.235e+06')
    """
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e6
    return str(int(value)) if whole else f"{value:.4g}"


def named(index: Iterable[int]) -> str:
    """As it is written after an array's name: `[0, 1, 2]`."""
    return f"[{', '.join(map(str, index))}]"


def amount(factor: "Factor") -> str:
    """A factor's number; a share as the fraction it is."""
    return str(Fraction(factor.value).limit_denominator(10**6)) if factor.array == "share" else number(factor.value)


def of_output(e: "Explanation", limit: int | None) -> list[Piece]:
    """Blocks of window, weights and products, then the sum."""
    size = " x ".join(map(str, e.shape)) or "one number"
    pieces: list[Piece] = [(f"{e.op}, cell {_index(e.at)} of a result of {size}", "bold"), ("\n", "")]
    found = blocks(e.terms, limit)
    for terms, kept in found:
        pieces += _block(terms, kept, e.windows_over)
        if len(found) > 1 or len(terms) < len(e.terms):
            pieces += [("  subtotal: ", "dim"), _signed(sum(each.product for each in terms)), ("\n", "")]
    rest = e.terms[sum(len(terms) for terms, _ in found) :]
    if rest:
        more = _plural(len({term.block for term in rest}), "more block")
        pieces.append((f"… {more}: {_plural(len(rest), 'product')}, together {_total(rest)}\n", "dim"))
    return pieces + _result(e) + _notes(e.notes)


def blocks(terms: Sequence["Term"], limit: int | None) -> list[tuple[list["Term"], list["Term"]]]:
    """Blocks with the products of each that are shown: all, or the first rows and columns within the limit."""
    found, left = [], len(terms) if limit is None else limit
    for _, block in groupby(terms, key=lambda term: term.block):
        whole = list(block)
        columns = 1 + max(term.column for term in whole)
        if limit is not None:
            columns = min(columns, WIDEST)
        if found and left < columns:
            break
        rows = max(left // columns, 1)
        kept = [term for term in whole if term.row < rows and term.column < min(columns, max(left, 1))]
        found, left = [*found, (whole, kept)], left - len(kept)
    return found


def _result(e: "Explanation") -> list[Piece]:
    pieces: list[Piece] = [(f"sum of {_plural(len(e.terms), 'product')}: ", "bold"), _signed(e.sum)]
    if e.bias is not None:
        pieces += [(", with bias ", ""), _signed(e.bias), (": ", ""), _signed(e.value)]
    elif number(e.value) != number(e.sum):
        pieces += [(f", in the result's dtype {number(e.value)}", "")]
    return pieces


def _block(terms: list["Term"], kept: list["Term"], over: str) -> list[Piece]:
    """The matrices of one block side by side, under the names of what they hold."""
    lines = [list(line) for _, line in groupby(kept, key=lambda term: term.row)]
    factors = range(len(kept[0].factors))
    matrices = [[[_cell(term, k) for term in line] for line in lines] for k in factors]
    titles = [_range(lines, k, over) for k in factors]
    if len(factors) > 1:
        matrices.append([[_signed(term.product) for term in line] for line in lines])
        titles.append("product")
    cells = [2 + max(len(text) for line in matrix for text, _ in line) for matrix in matrices]
    totals = [max(cell * len(lines[0]), len(title) + 2) for cell, title in zip(cells, titles)]

    pieces: list[Piece] = [(f"{terms[0].block}\n", "bold")] if terms[0].block else []
    heading = "   ".join(f"  {title}".ljust(total) for title, total in zip(titles, totals))
    pieces += [(heading.rstrip(), "dim"), ("\n", "")]
    for i in range(len(lines)):
        for matrix, sign, cell, total in zip(matrices, ("", "*", "="), cells, totals):
            if sign:
                pieces.append((f" {sign if i == len(lines) // 2 else ' '} ", "dim"))
            pieces += [(text.rjust(cell), style) for text, style in matrix[i]]
            pieces.append((" " * (total - cell * len(matrix[i])), ""))
        pieces[-1] = ("\n", "")
    if len(kept) < len(terms):
        hidden = [term for term in terms if term.row >= len(lines) or term.column >= len(lines[0])]
        pieces.append((f"  … {_plural(len(hidden), 'more product')}, together {_total(hidden)}\n", "dim"))
    return pieces


def _cell(term: "Term", k: int) -> Piece:
    """A factor's number; in brackets where the window stands in the padding."""
    text = amount(term.factors[k])
    return (f"[{text}]", "dim") if term.padding and k == 0 else (f"{text} ", "")


def _signed(value: float) -> Piece:
    """Red above zero, blue below, as the pictures have it."""
    return number(value), "red" if value > 0 else "blue" if value < 0 else ""


def _range(lines: list[list["Term"]], k: int, over: str) -> str:
    """Which cells of an array a matrix shows, in its order: `x[0, 0, -1:2, 3:6]`."""
    array = lines[0][0].factors[k].array
    if array == "share":
        return array
    cells = [[term.place if array == over else term.factors[k].cell or () for term in line] for line in lines]
    axes = []
    for axis in range(len(cells[0][0])):
        across, down = [cell[axis] for cell in cells[0]], [line[0][axis] for line in cells]
        if len(set(across)) > 1 and len(set(down)) > 1:  # one long row, wrapped
            across = [cell[axis] for line in cells for cell in line]
        axes.append(_slice(across if len(set(across)) > 1 else down))
    return f"{array}[{', '.join(axes)}]"


def _slice(places: list[int]) -> str:
    """Places in their order, as Python would write them in an index.

    >>> _slice([3, 3]), _slice([0, 1, 2]), _slice([1, 3, 5]), _slice([2, 1, 0]), _slice([5, 3]), _slice([0, 1, 4])
    ('3', '0:3', '1:6:2', '2::-1', '5:2:-2', '[0, 1, 4]')
    """
    if len(set(places)) == 1:
        return str(places[0])
    step = places[1] - places[0]
    if not step or places != list(range(places[0], places[-1] + step, step)):
        return str(places)
    end = places[-1] + (1 if step > 0 else -1)
    return f"{places[0]}:{end if end >= 0 or step > 0 else ''}" + (f":{step}" if step != 1 else "")


def of_input(t: "Touches", limit: int | None) -> list[Piece]:
    """A line for each product: the output, the factors, what is added."""
    outputs = len({term.output for term in t.terms})
    heading = f"{t.op}, {t.array}{named(t.cell)} = {number(t.value)}: touches {_plural(outputs, 'output')}"
    pieces: list[Piece] = [(heading, "bold")]
    shown = t.terms[:limit]
    others = [[_partner(factor) for factor in term.factors if factor.array != t.array] for term in shown]
    table = [["cell", *([""] if others and others[0] else []), "gets"]]
    table += [[_index(term.output), *other, number(term.product)] for term, other in zip(shown, others)]
    widths = [max(len(line[k]) for line in table) for k in range(len(table[0]))]
    for line, term in zip(table, [None, *shown]) if shown else ():
        texts = "   ".join(text.ljust(width) for text, width in zip(line[:-1], widths))
        style = _signed(term.product)[1] if term else "dim"
        pieces += [(f"\n  {texts}   ", ""), (line[-1].rjust(widths[-1]), style)]
        pieces.append(("  [ ]" if term and term.padding else "", "dim"))
    rest = t.terms[len(shown) :]
    if rest:
        pieces.append((f"\n  … {len(rest)} more, together {_total(rest)}", "dim"))
    return pieces + _notes(t.notes)


def _partner(factor: "Factor") -> str:
    where = "" if factor.cell is None else named(factor.cell)
    zero = " (padding)" if factor.cell is None and factor.array != "share" else ""
    return f"{factor.array}{where} = {amount(factor)}{zero}"


def _index(index: Iterable[Any]) -> str:
    return f"({', '.join(map(str, index))})"


def _plural(count: int, thing: str) -> str:
    return f"{count or 'no'} {thing}{'' if count == 1 else 's'}"


def _total(terms: Sequence["Term"]) -> str:
    return number(sum(term.product for term in terms))


def _notes(notes: tuple[str, ...]) -> list[Piece]:
    return [piece for note in notes for piece in (("\n", ""), (note, "dim"))]
