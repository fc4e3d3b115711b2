"""Boards: a position by the rules, what a network would play there, and what its first kernels make of it."""

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from convscope.tasks.go.engine import choose
from convscope.tasks.go.picture import likeliest
from convscope.tasks.go.rules import BLACK, NAMES, WHITE, from_vertex, to_vertex
from convscope.tasks.go.stars import star_points
from convscope.web.rooms.worlds import networks, positions
from convscope.web.rooms.worlds.maps import maps
from convscope.web.rooms.worlds.positions import LARGEST_RECORD, Position, Vertex

router = APIRouter()


class Asked(Position):
    """... `next`: the move that a game's record goes on with, to be found among the chances."""

    next: Vertex | None = None


class AskedMaps(Position):
    """... `of`: the planes that the network is shown, or what its first kernels answer."""

    of: Literal["planes", "kernels"] = "planes"


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=LARGEST_RECORD)]


@router.get("/games")
def games(size: Annotated[Literal["9", "19"], Query()] = "9") -> dict[str, Any]:
    """Games that come along, none of which the network of that size has learned from."""
    return {
        "games": networks.games(int(size)),
        "measured": networks.measured(networks.BOARDS[int(size)]),
        "stars": star_points(int(size)),
    }


@router.post("/record")
def record(asked: Record) -> dict[str, Any]:
    """The first game of an SGF record, as a position."""
    return positions.of_record(asked.text)


@router.post("/board")
def board(asked: Position) -> dict[str, Any]:
    """The position by the rules. A move that breaks one is refused, in words that name it."""
    board = asked.board()
    return {
        "points": board.points.tolist(),
        "to_play": NAMES[board.to_play],
        "legal": board.legal_points().tolist(),
        "ko": None if board.forbidden(board.to_play) < 0 else board.ko,
        "last": board.history[-1][1] if board.history else None,
        "captured": {NAMES[colour]: int(board.captured[colour]) for colour in (BLACK, WHITE)},
    }


@router.post("/chances")
def chances(asked: Asked) -> dict[str, Any]:
    """What the network would play: the chance of every point, the five likeliest, its own move or pass."""
    board = asked.board()
    found = networks.board(asked.size).probabilities([board])[0]
    return {
        "chances": found.tolist(),
        "likeliest": [_told(point, chance, asked.size) for point, chance in likeliest(found)],
        "choice": to_vertex(choose(lambda _: found[None], board), asked.size),
        "next": _next(asked, found),
        "python": _python(asked),
    }


@router.post("/maps")
def planes(asked: AskedMaps) -> dict[str, Any]:
    """Planes (n, size, size) as bytes r, g, b for each of n maps, base64; and what each is called."""
    return maps(networks.board(asked.size), asked.board(), asked.of)


def _told(point: tuple[int, int], chance: float, size: int) -> dict[str, Any]:
    return {"name": to_vertex(point, size), "place": point, "chance": chance}


def _next(asked: Asked, found: np.ndarray) -> dict[str, Any] | None:
    """The record's own move among the chances: rank 1 is the likeliest; a pass has neither chance nor rank."""
    if asked.next is None:
        return None
    point = from_vertex(asked.next, asked.size)
    if point is None:
        return {"name": "pass", "place": None, "chance": None, "rank": None}
    return {**_told(point, float(found[point]), asked.size), "rank": 1 + int((found > found[point]).sum())}


def _python(asked: Asked) -> str:
    names = ["Board", *(["WHITE"] if asked.first == "white" else []), "from_vertex", "to_vertex", "training"]
    return "\n".join([
        "from importlib.resources import files",
        "",
        f"from convscope.tasks.go import {', '.join(sorted(names, key=lambda name: (not name.isupper(), name)))}",
        "from convscope.tasks.go.picture import likeliest",
        "",
        *asked.python(),
        networks.python("training", networks.BOARDS[asked.size]),
        "chances = network.probabilities([board])[0]",
        "for point, chance in likeliest(chances):",
        f'    print(to_vertex(point, {asked.size}), f"{{chance:.1%}}")',
    ])  # fmt: skip
