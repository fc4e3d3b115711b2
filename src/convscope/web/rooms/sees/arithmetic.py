"""One cell of one layer: the cells that it reads, the products, the sum; all from `ops.explain`, as plain values."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.ops.explain import Explanation, Term, explain
from convscope.pictures import signed
from convscope.web.rooms.sees.network import DRAWING, Level, Maps, levels, network, seen

OPERATORS = {"conv": "conv2d", "relu": "relu", "pool": "max_pool2d", "linear": "linear"}
Place = tuple[int, int, int]
"""Map, row and column of a cell, as its level is shown."""


@dataclass(frozen=True)
class Cell:
    """A cell of a level, known to be there."""

    level: Level
    place: Place

    @staticmethod
    def at(level: str, *place: int) -> "Cell":
        """Raises InputError for a cell that is not there."""
        known = levels()[level]
        at = (place[0], place[1], place[2])
        if at not in known:
            size = f"{known.maps} x {known.rows} x {known.columns}"
            raise InputError(f"cell={list(at)}: {level} has {size} cells (maps, rows, columns), counted from 0")
        return Cell(known, at)

    @property
    def index(self) -> tuple[int, ...]:
        """Where it stands in the layer's output."""
        _, row, column = self.place
        return (0, row * self.level.columns + column) if self.level.flat else (0, *self.place)


def inputs(level: Level) -> dict[str, Any]:
    """What the level's operator takes, the picture `x` apart."""
    weights = network().parameters()
    layer: Any = network().layers[level.name]
    if level.kind == "pool":
        return {"kernel_size": layer.kernel_size}
    if level.kind == "relu":
        return {}
    padding = {"padding": layer.padding} if level.kind == "conv" else {}
    return {"w": weights[f"{level.name}.weight"], "bias": weights[f"{level.name}.bias"], **padding}


def explained(cell: Cell, said: Mapping[str, Maps]) -> Explanation:
    """The cell as `ops.explain` tells it, of what all levels say to a drawing."""
    read = said[cell.level.below]
    x = read.reshape(1, -1) if cell.level.flat else read[None]
    return explain(OPERATORS[cell.level.kind], {"x": x, **inputs(cell.level)}, at=cell.index)


def told(cell: Cell, said: Mapping[str, Maps]) -> dict[str, Any]:
    """A cell of the drawing is only itself; any other is the sum of what `blocks` show."""
    level, (_, row, column) = cell.level, cell.place
    value = float(said[level.name][cell.place])
    boxes = {below: list(field.box(row, column)) for below, field in seen(level.name).items()}
    answer = {
        "level": level.name, "kind": level.kind, "place": list(cell.place), "below": level.below, "boxes": boxes,
        "value": value, "sum": value, "bias": None, "blocks": [], "limits": {}, "winner": None, "ties": 0,
    }  # fmt: skip
    if level.name == DRAWING:
        return answer
    found = explained(cell, said)
    weighted = level.kind in ("conv", "linear")
    limits = {"input": _reach(said[level.below])}
    if weighted:
        limits |= {"weight": _reach(inputs(level)["w"]), "product": _reach([term.product for term in found.terms])}
    winner, ties = _contest(found.terms) if level.kind == "pool" else (None, 0)
    blocks = [_block(terms, levels()[level.below], limits) for terms in _blocks(found.terms, level)]
    return answer | {
        "value": found.value, "sum": found.sum, "bias": found.bias, "blocks": blocks, "limits": limits,
        "winner": winner, "ties": ties,
    }  # fmt: skip


def _contest(terms: Sequence[Term]) -> tuple[int, int]:
    """Which of a window's cells gets through pooling, and how many are as large."""
    values = [term.factors[0].value for term in terms]
    (winner,) = (k for k, term in enumerate(terms) if term.factors[1].value == 1)
    return winner, values.count(values[winner])


def _blocks(terms: Sequence[Term], level: Level) -> list[list[Term]]:
    """One for each map of the level below."""
    if not level.flat or level.kind == "relu":
        return [list(block) for _, block in groupby(terms, key=lambda term: term.block)]
    below = levels()[level.below]
    size = below.rows * below.columns
    return [list(terms[start : start + size]) for start in range(0, len(terms), size)]


def _block(terms: Sequence[Term], below: Level, limits: Mapping[str, float]) -> dict[str, Any]:
    """Products that stand together: what is read, the weights, the products, and their sum."""
    places = [_place(term, below) for term in terms]
    shown = [place or (0, *term.place[-2:]) for place, term in zip(places, terms)]
    columns = 1 + max(column for _, _, column in shown) - min(column for _, _, column in shown)
    rows = len(terms) // columns
    sides = {"input": [term.factors[0].value for term in terms]}
    if "weight" in limits:
        sides |= {"weight": [term.factors[1].value for term in terms], "product": [term.product for term in terms]}
    return {
        "map": next((place[0] for place in places if place), 0),
        "rows": rows,
        "columns": columns,
        "places": [place and list(place) for place in places],
        "sum": sum(term.product for term in terms),
        "sides": {
            name: {"values": values, "colours": colours(np.reshape(values, (rows, columns)), limits[name])}
            for name, values in sides.items()
        },
    }


def _place(term: Term, below: Level) -> Place | None:
    """The cell of the level below that a product reads; None in the padding."""
    cell = term.factors[0].cell
    if cell is None:
        return None
    if len(cell) == 4:
        return cell[1], cell[2], cell[3]
    plane, rest = divmod(cell[1], below.rows * below.columns)
    return plane, *divmod(rest, below.columns)


def colours(values: np.ndarray, limit: float) -> str:
    """The signed colours of a plane, r, g, b of each cell, as base64."""
    return base64.b64encode(signed(values, limit).tobytes()).decode()


def _reach(values: Any) -> float:
    return float(np.abs(values).max())
