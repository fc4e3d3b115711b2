"""Input, weights and output as sheets of cells: numbers, colours, and what kind of cell each is."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope import pictures
from convscope.web.rooms.kernel.asked import AskedCells
from convscope.web.rooms.kernel.case import Case
from convscope.web.sources import MOST_CELLS, painted

STEPS = 33
"""Colours of a legend."""


def sheets(case: Case, asked: AskedCells) -> dict[str, Any]:
    """All that the page shows before anything is pointed at. `paint`: a small picture as painted cells."""
    shown = _coloured(case, asked.scale, asked.greys)
    rows, columns = case.view
    return {
        "sizes": {
            "input": case.x.shape,
            "kernel": case.w.shape,
            "spans": case.spans,
            "strides": case.strides,
            "dilation": case.how["dilation"],
            "pads": case.pads,
            "output": case.out_size,
            "left_over": case.left_over,
        },
        "input": _input(case, asked.greys),
        "weights": {**_sheet(case.w), "colours": colours(pictures.signed(case.w))},
        "output": {
            "top": rows[0],
            "left": columns[0],
            **_sheet(case.out[rows[0] : rows.stop, columns[0] : columns.stop]),
            "colours": colours(shown.picture[rows[0] : rows.stop, columns[0] : columns.stop]),
        },
        "overview": None if case.is_whole else _overview(case, asked.greys, shown.picture),
        "scale": shown.told,
        "paint": painted(case.picture) if case.picture.size <= MOST_CELLS else None,
    }


def colours(picture: pictures.Picture) -> str:
    """Bytes r, g, b of each cell, row by row, as base64."""
    return base64.b64encode(picture.tobytes()).decode()


def _sheet(values: np.ndarray) -> dict[str, Any]:
    return {"rows": values.shape[0], "columns": values.shape[1], "values": values.ravel().tolist()}


def _input(case: Case, greys: int) -> dict[str, Any]:
    """The padded input in view. `sources`: the input cell that stands at each place."""
    rows, columns = case.region
    values = case.values(rows, columns)
    return {
        "top": rows[0],
        "left": columns[0],
        **_sheet(values),
        "colours": colours(pictures.grey(values, 0, greys)),
        "kinds": _kinds(case),
        "sources": case.sources(rows, columns),
    }


def _kinds(case: Case) -> list[str | None]:
    """What is no cell of the input, or is one that no window reaches."""
    left, beyond = [], []
    for k, places in enumerate(case.region):
        end = case.padded_size[k] - case.pads[2 * k] - case.left_over[k]
        left.append([place >= end for place in places])
        beyond.append([not 0 <= place < case.x.shape[k] for place in places])
    rows, columns = (list(zip(*axis)) for axis in zip(left, beyond))
    return [
        "left-over" if row[0] or column[0] else "padding" if row[1] or column[1] else None
        for row in rows
        for column in columns
    ]


def _overview(case: Case, greys: int, picture: pictures.Picture) -> dict[str, Any]:
    """Input and output as small pictures, to say which part is in view."""
    whole = {"input": pictures.grey(case.x, 0, greys), "output": picture}
    return {
        name: {"rows": each.shape[0], "columns": each.shape[1], "colours": colours(each)}
        for name, each in whole.items()
    }


@dataclass(frozen=True)
class _Colouring:
    """The output as a picture, and what its colours mean."""

    picture: pictures.Picture
    told: dict[str, Any]


def _coloured(case: Case, scale: str, greys: int) -> _Colouring:
    """Signed values around zero; or greys as the input has them, which "auto" chooses where the kernel leaves flat
    areas as they are (`filters.show` has the same rule). What greys cut off is counted."""
    low, high = float(case.out.min()), float(case.out.max())
    kept = np.isclose(case.w.sum() / 2 + case.bias / greys, 0.5, atol=5e-3)
    kind = scale if scale != "auto" else "grey" if kept else "signed"
    if kind == "grey":
        limit, slack = float(greys), 1e-9 * greys
        picture = pictures.grey(case.out, 0, limit)
        bar = pictures.grey(np.linspace(0, 1, STEPS)[np.newaxis])
        cut = float(np.mean((case.out < -slack) | (case.out > limit + slack)))
    else:
        limit, cut = max(-low, high), 0.0
        picture = pictures.signed(case.out, limit)
        bar = pictures.signed(np.linspace(-1, 1, STEPS)[np.newaxis])
    told = {"kind": kind, "limit": limit, "low": low, "high": high, "cut": cut, "bar": colours(bar)}
    return _Colouring(picture, told)
