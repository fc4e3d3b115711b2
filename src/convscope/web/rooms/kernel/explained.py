"""Cells explained: what `ops.explain` finds, in rows and columns of the picture, and the code that finds it again."""

from dataclasses import replace
from typing import Any

import numpy as np

from convscope import pictures
from convscope.errors import InputError
from convscope.ops.explain import Term, explain, touches
from convscope.web.rooms.kernel.asked import AskedCell, AskedTouches
from convscope.web.rooms.kernel.case import Case, Cell
from convscope.web.rooms.kernel.python import snippet
from convscope.web.rooms.kernel.sheets import colours


def explained(case: Case, asked: AskedCell) -> dict[str, Any]:
    """One output cell. Its terms stand row by row, as the window does."""
    _check(asked.at, case.out_size, "at", "the output")
    found = explain(case.op, case.inputs, case.whole(asked.at))
    window, weights, products = (
        np.array(numbers).reshape(case.w.shape)
        for numbers in zip(*((*(each.value for each in term.factors), term.product) for term in found.terms))
    )
    largest = float(np.abs(case.w).max())
    return {
        "at": asked.at,
        "rows": case.w.shape[0],
        "columns": case.w.shape[1],
        "terms": [_told(case, term) for term in found.terms],
        "colours": {
            "window": colours(pictures.grey(window, 0, asked.greys)),
            "weights": colours(pictures.signed(weights, largest)),
            "products": colours(pictures.signed(products)),
        },
        "sum": found.sum,
        "bias": found.bias,
        "value": found.value,
        "python": snippet(asked, f'explain("{case.op}", inputs, at={case.whole(asked.at)})', "explain"),
    }


def touched(case: Case, asked: AskedTouches) -> dict[str, Any]:
    """One input cell or weight. `outputs` counts all that it touches, also those out of view."""
    if asked.of == "input":
        _check(asked.cell, case.x.shape, "cell", "the input")
        found = touches(case.op, case.inputs, "x", case.whole(asked.cell))
        terms, outputs = found.terms, len({term.output for term in found.terms})
    else:
        _check(asked.cell, case.w.shape, "cell", "the kernel")
        terms, outputs = _of_weight(case, asked.cell), case.out.size
    rows, columns = case.view
    told = [_told(case, term) for term in terms]
    array = {"input": "x", "weight": "w"}[asked.of]
    return {
        "of": asked.of,
        "cell": asked.cell,
        "value": float((case.x if asked.of == "input" else case.w)[asked.cell]),
        "terms": [each for each in told if each["output"][0] in rows and each["output"][1] in columns],
        "outputs": outputs,
        "python": snippet(asked, f'touches("{case.op}", inputs, "{array}", {case.whole(asked.cell)})', "touches"),
    }


def _of_weight(case: Case, tap: Cell) -> list[Term]:
    """The terms of a weight in the outputs in view: it touches all there are, which may be too many to go through. The
    same windows lie over the padded input cut to what they read."""
    rows, columns = case.region
    part = case.values(rows, columns)[np.newaxis, np.newaxis]
    how = case.how | {"padding": 0, "padding_mode": "zeros"}
    inputs = case.inputs | how | {"x": part if case.axes == 2 else part[:, :, 0]}
    found = []
    for term in touches(case.op, inputs, "w", case.whole(tap)).terms:
        row, column = case.plane(term.place)
        place = (row + rows[0], column + columns[0])
        (cell,) = case.sources(range(place[0], place[0] + 1), range(place[1], place[1] + 1))
        x, w = term.factors
        i, j = case.plane(term.output)
        found.append(
            replace(
                term,
                output=case.whole((i + case.view[0][0], j + case.view[1][0])),
                factors=(replace(x, cell=None if cell is None else case.whole(cell)), w),
                place=case.whole(place),
                padding=place != cell,
            )
        )
    return found


def _told(case: Case, term: Term) -> dict[str, Any]:
    """A term in rows and columns. `place` is where the window looks for `cell`, which is null for a zero of the
    padding."""
    x, w = term.factors
    return {
        "output": case.plane(term.output),
        "place": case.plane(term.place),
        "padding": term.padding,
        "cell": None if x.cell is None else case.plane(x.cell),
        "tap": case.plane(w.cell or ()),
        "input": x.value,
        "weight": w.value,
        "product": term.product,
    }


def _check(cell: Cell, shape: tuple[int, ...], name: str, what: str) -> None:
    if cell[0] >= shape[0] or cell[1] >= shape[1]:
        last = f"({shape[0] - 1}, {shape[1] - 1})"
        raise InputError(f"{name}={cell}: {what} has {shape[0]} x {shape[1]} cells; give one from (0, 0) to {last}")
