"""Explanations as LaTeX: matrices, then the sum written out. It takes amsmath; MathJax and KaTeX know all of it."""

import re
from itertools import groupby
from typing import TYPE_CHECKING

from convscope.ops.explain.text import amount, blocks, number

if TYPE_CHECKING:
    from convscope.ops.explain.explanation import Explanation, Term, Touches

POWER = r"\1 \\times 10^{\2\3}"


def of_output(e: "Explanation", limit: int | None) -> str:
    """`cell = sum of window ⊙ kernel + bias`, the same written out, and the value."""
    found = blocks(e.terms, limit)
    matrices = [_matrices(terms, kept) for terms, kept in found]
    shown = [term for _, kept in found for term in kept]
    rest = []
    if len(shown) < len(e.terms):
        known = set(map(id, shown))
        hidden = [term for term in e.terms if id(term) not in known]
        total = number(sum(term.product for term in hidden))
        rest.append(f"\\underbrace{{{total}}}_{{{len(hidden)}\\text{{ more}}}}")
    if e.bias is not None:
        rest.append(_number(e.bias))
    lines = [
        f"\\texttt{{{_name(e.op)}}}_{_index(e.at)} &= {' + '.join([*matrices, *rest]) or '0'}",
        f"&= {' + '.join([*map(_product, shown), *rest]) or '0'}",
        f"&= {number(e.value)}",
    ]
    return _aligned(lines)


def of_input(t: "Touches", limit: int | None) -> str:
    """The cell, and a line for each product: the output that gets it."""
    lines = [f"\\texttt{{{_name(t.array)}}}_{_index(t.cell)} &= {number(t.value)}"]
    for term in t.terms[:limit]:
        line = f"\\texttt{{{_name(t.op)}}}_{_index(term.output)} &\\leftarrow {_product(term)}"
        lines.append(line if len(term.factors) == 1 else f"{line} = {number(term.product)}")
    rest = len(t.terms) - len(t.terms[:limit])
    return _aligned([*lines, f"&\\quad\\vdots\\quad {rest}\\text{{ more}}"] if rest else lines)


def _matrices(terms: list["Term"], kept: list["Term"]) -> str:
    """The sum of the products of two matrices, cell by cell; dots where they go on."""
    lines = [list(line) for _, line in groupby(kept, key=lambda term: term.row)]
    wider = any(term.column >= len(lines[0]) for term in terms)
    taller = any(term.row >= len(lines) for term in terms)
    matrices = []
    for k in range(len(kept[0].factors)):
        rows = [[_factor(term, k) for term in line] + ["\\cdots"] * wider for line in lines]
        rows += [["\\vdots"] * len(rows[0])] * taller
        body = " \\\\ ".join(" & ".join(row) for row in rows)
        matrices.append(f"\\begin{{bmatrix}} {body} \\end{{bmatrix}}")
    return "\\sum \\left( " + " \\odot ".join(matrices) + " \\right)"


def _factor(term: "Term", k: int) -> str:
    """In a box where the window stands in the padding."""
    text = amount(term.factors[k])
    return f"\\boxed{{{text}}}" if term.padding and k == 0 else text


def _product(term: "Term") -> str:
    written = [f"({text})" if text.startswith("-") else text for text in map(amount, term.factors)]
    return " \\cdot ".join(written)


def _number(value: float) -> str:
    """As a summand."""
    return f"({number(value)})" if value < 0 else number(value)


def _name(name: str) -> str:
    return name.replace("_", "\\_")


def _index(index: tuple[int, ...]) -> str:
    return f"{{({', '.join(map(str, index))})}}"


def _aligned(lines: list[str]) -> str:
    text = " \\\\\n".join(lines)
    for plain, written in ((r"\binf\b", r"\\infty"), (r"\bnan\b", r"\\mathrm{NaN}"), (r"(\d)e\+?(-?)0*(\d+)", POWER)):
        text = re.sub(plain, written, text)
    return f"\\begin{{aligned}}\n{text}\n\\end{{aligned}}"
