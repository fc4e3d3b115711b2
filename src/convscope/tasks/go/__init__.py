"""Go: a network that guesses where a player will put the next stone, from the board alone.

`rules` knows what is legal, `sgf` and `archives` read game records, `games` finds and parts them, `positions` makes of
them what is learned from, as `planes`, under the eight symmetries of `symmetry`.
"""

from convscope.tasks.go.games import goban_folder, shipped, split
from convscope.tasks.go.planes import PLANES
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.rules import BLACK, EMPTY, WHITE, Board, Move, from_vertex, to_vertex
from convscope.tasks.go.sgf import Found, Game, read_games

__all__ = [
    "BLACK",
    "EMPTY",
    "PLANES",
    "WHITE",
    "Board",
    "Found",
    "Game",
    "Move",
    "Positions",
    "from_vertex",
    "goban_folder",
    "read_games",
    "shipped",
    "split",
    "to_vertex",
]
