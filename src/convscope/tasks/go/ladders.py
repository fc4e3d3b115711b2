"""Ladders read out: groups chased along the board with one liberty, then two, then one, to the edge or to a friend.

The hunter always plays on one of the group's last two liberties. The hunted group, in atari, extends to its last
liberty or takes hunters that are in atari themselves. It is away with three liberties, and taken where it cannot get
two. Kos are not looked at.
"""

import numpy as np

from convscope.ops.fast.compiled import compiled
from convscope.tasks.go.rules import EMPTY, flood, put_stone

MOST_MOVES = 120
"""Moves tried to read one ladder; what takes more counts as away. A straight one across 19x19 takes about 90."""


@compiled
def find_ladders(captures, escapes, points, around, group, liberties, legal, colour):
    """Set to 1 where a move of `colour` catches a group in a ladder, and where it saves an own one in atari."""
    boards = np.empty((MOST_MOVES + 2, points.size), np.int8)
    untried = np.empty((MOST_MOVES + 2, points.size), np.bool_)
    for stone in range(points.size):
        if group[stone] == stone and liberties[stone] == (1 if points[stone] == colour else 2):
            shown = escapes if points[stone] == colour else captures
            find_candidates(points, around, stone, colour, untried[0])
            for place in np.flatnonzero(untried[0] & legal):
                boards[0] = points
                put_stone(boards[0], around, place, colour)
                if is_taken(boards, untried, around, stone, -colour) == (points[stone] != colour):
                    shown[place] = 1


@compiled
def is_taken(boards, untried, around, stone, mover):
    """Whether the group at `stone` on `boards[0]` is taken in the end where `mover` is next.

    A search in depth: each further row of `boards` is the one before it after one more move, and the same row of
    `untried` holds the moves still to be tried there. One move that works settles a row for its mover.
    """
    hunted = boards[0, stone]
    row, moves, new, taken = 0, 0, True, False
    while row >= 0:
        hunts = (mover if row % 2 == 0 else -mover) != hunted
        if new:
            turn = -hunted if hunts else hunted
            liberties = find_candidates(boards[row], around, stone, turn, untried[row])
            settled = hunts and liberties != 2
            taken = liberties < 2 if settled else not hunts
        else:
            settled = taken == hunts
        new = False
        while not settled and not new:
            place = np.argmax(untried[row])
            if not untried[row, place]:
                settled, taken = True, not hunts
            else:
                moves += 1
                if moves > MOST_MOVES:
                    return False
                untried[row, place] = False
                boards[row + 1] = boards[row]
                played, _ = put_stone(boards[row + 1], around, place, -hunted if hunts else hunted)
                new = played >= 0
        row += 1 if new else -1
    return taken


@compiled
def find_candidates(points, around, stone, mover, found):
    """Set `found` at the liberties of the group at `stone`, and for its own side also at those of hunters beside it
    that are in atari. Gives the number of the group's liberties."""
    members, hunters = np.empty(points.size, np.int16), np.empty(points.size, np.int16)
    seen = np.zeros(points.size, np.bool_)
    stones, liberties = flood(points, around, stone, members)
    found[:] = False
    for k in range(stones):
        for side in range(4):
            beside = around[members[k], side]
            if beside >= 0 and points[beside] == EMPTY:
                found[beside] = True
            elif beside >= 0 and points[beside] == -mover and mover == points[stone] and not seen[beside]:
                count, free = flood(points, around, beside, hunters)
                for h in range(count):
                    seen[hunters[h]] = True
                    for way in range(4 if free == 1 else 0):
                        last = around[hunters[h], way]
                        if last >= 0 and points[last] == EMPTY:
                            found[last] = True
    return liberties
