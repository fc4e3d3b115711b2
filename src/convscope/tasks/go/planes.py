"""What a network is shown of a position: the bare board, or planes of what the rules make of it.

The planes are AlphaGo's (Silver et al. 2016, Mastering the game of Go with deep neural networks and tree search,
Extended Data Table 2; after Maddison et al. 2015, Move evaluation in Go using deep convolutional neural networks),
less the constant plane of zeros. The ages of moves end with the eighth move back; all other numbers are one plane for
each of 1 to 8 (captures: 0 to 7), the last one meaning that many or more.
"""

import numpy as np
from jaxtyping import Float32, Int8, Int16

from convscope.ops.fast.compiled import compiled, share
from convscope.tasks.go.ladders import find_ladders
from convscope.tasks.go.rules import EMPTY, around, corners, find_eyes, find_legal, flood, put_stone, survey

MOST = 8
"""Planes for one number."""

PLANES: tuple[str, ...] = (
    *("own stones", "opposing stones", "empty points", "ones"),
    *(f"played {turns} moves ago" for turns in range(1, MOST + 1)),
    *(f"{count} liberties" for count in range(1, MOST + 1)),
    *(f"a move captures {count}" for count in range(MOST)),
    *(f"a move puts {count} own into atari" for count in range(1, MOST + 1)),
    *(f"a move leaves {count} liberties" for count in range(1, MOST + 1)),
    "sensible moves",
    "ladder captures",
    "ladder escapes",
)
_AGES = 4
_LIBERTIES, _CAPTURES = _AGES + MOST, _AGES + 2 * MOST
_ATARI, _AFTER = _AGES + 3 * MOST, _AGES + 4 * MOST
_SENSIBLE = _AGES + 5 * MOST
_LADDERS = _SENSIBLE + 1

LEAST = 16
"""Positions for which a thread is worth while."""

FEATURES = {"board": 1, "planes": len(PLANES)}
"""How many planes each way of showing a position has."""


def make(
    features: str,
    points: Int8[np.ndarray, "n points"],
    colours: Int8[np.ndarray, " n"],
    kos: Int16[np.ndarray, " n"],
    recent: Int16[np.ndarray, "n 8"],
) -> Float32[np.ndarray, "n planes size size"]:
    """Positions as a network sees them, always from the side of who is to play.

    `features`: "board", one plane with own stones +1 and opposing ones -1; or "planes", `PLANES` in their order.
    `colours` are to play, `kos` the points where a ko forbids it, -1 for none. `recent` holds the points of the last
    eight moves, the latest first, -1 for a pass or nothing.
    """
    size = round(points.shape[1] ** 0.5)
    if features == "board":
        shown = (points * colours[:, None]).astype(np.float32)[:, None]
    else:
        shown = np.zeros((len(points), len(PLANES), points.shape[1]), np.float32)
        each = (shown, points, colours, kos, recent)
        share(lambda a, b: _fill_all(*(part[a:b] for part in each), around(size), corners(size)), len(points), LEAST)
    return shown.reshape(len(points), -1, size, size)


@compiled
def _fill_all(shown, points, colours, kos, recent, around, corners):
    for k in range(len(points)):
        _fill(shown[k], points[k], colours[k], kos[k], recent[k], around, corners)


@compiled
def _fill(shown, points, colour, ko, recent, around, corners):
    group, _, liberties = survey(points, around)
    legal = find_legal(points, around, liberties, colour, ko)
    eyes = find_eyes(points, around, corners, colour)
    members, after = np.empty(points.size, np.int16), points.copy()
    shown[3] = 1
    for turns in range(MOST - 1, -1, -1):
        place = recent[turns]
        if place >= 0:
            shown[_AGES : _AGES + MOST, place] = 0  # a point played twice shows the later move
            shown[_AGES + turns, place] = 1
    for place in range(points.size):
        if points[place] != EMPTY:
            shown[0 if points[place] == colour else 1, place] = 1
            shown[_LIBERTIES + min(liberties[place], MOST) - 1, place] = 1
            continue
        shown[2, place] = 1
        if legal[place]:
            captured = 0
            if _captures(points, around, liberties, place, colour):
                captured, _ = put_stone(after, around, place, colour)
            after[place] = colour
            stones, free = flood(after, around, place, members)
            if captured:
                after[:] = points
            after[place] = EMPTY
            shown[_CAPTURES + min(captured, MOST - 1), place] = 1
            if free == 1:
                shown[_ATARI + min(stones, MOST) - 1, place] = 1
            shown[_AFTER + min(free, MOST) - 1, place] = 1
            shown[_SENSIBLE, place] = not eyes[place]
    find_ladders(shown[_LADDERS], shown[_LADDERS + 1], points, around, group, liberties, legal, colour)


@compiled
def _captures(points, around, liberties, place, colour):
    for side in range(4):
        beside = around[place, side]
        if beside >= 0 and points[beside] == -colour and liberties[beside] == 1:
            return True
    return False
