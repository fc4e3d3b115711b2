"""Positions as the page tells them: stones set up, then moves, all by the names of their points."""

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from convscope.errors import InputError
from convscope.tasks.go.rules import BLACK, NAMES, WHITE, Board, Move, from_vertex, to_vertex
from convscope.tasks.go.sgf import Game, read_games
from convscope.web.rooms.worlds.networks import BOARDS

MOST_MOVES = 600
LARGEST_RECORD = 50_000
"""Characters of a game record."""

Stone = Annotated[str, Field(pattern=r"^[A-HJ-T](1[0-9]|[1-9])$")]
Vertex = Annotated[str, Field(pattern=r"^([A-HJ-T](1[0-9]|[1-9])|pass)$")]


class Position(BaseModel):
    """`black` and `white` are set up before the first move, which is that of `first`; colours move in turn."""

    model_config = ConfigDict(extra="forbid")

    size: Literal[9, 19] = 9
    black: Annotated[list[Stone], Field(max_length=361)] = []
    white: Annotated[list[Stone], Field(max_length=361)] = []
    first: Literal["black", "white"] = "black"
    moves: Annotated[list[Vertex], Field(max_length=MOST_MOVES)] = []

    def board(self) -> Board:
        """Raises InputError, naming the move and the rule it breaks."""
        board = Board(self.size)
        board.place(*([self._point(name) for name in side] for side in (self.black, self.white)))
        board.to_play = BLACK if self.first == "black" else WHITE
        for name in self.moves:
            board.play(from_vertex(name, self.size))
        return board

    def python(self) -> list[str]:
        """Lines that make the same `board`."""
        lines = [f"board = Board({self.size})"]
        if self.black or self.white:
            point = f"[from_vertex(name, {self.size}) for name in"
            sides = (f'{point} "{" ".join(side)}".split()]' for side in (self.black, self.white))
            lines.append(f"board.place({', '.join(sides)})")
        if self.first == "white":
            lines.append("board.to_play = WHITE")
        if self.moves:
            lines += [
                f'for name in "{" ".join(self.moves)}".split():',
                f"    board.play(from_vertex(name, {self.size}))",
            ]
        return lines

    def _point(self, name: str) -> tuple[int, int]:
        point = from_vertex(name, self.size)
        assert point is not None  # the pattern lets no pass through
        return point


def of_record(text: str) -> dict[str, Any]:
    """The first game of an SGF record, told as a `Position`, with what the record says of the players.

    Raises InputError where there is none of 9 or 19 lines, or it is too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "game.sgf"
        file.write_text(text, "utf-8", errors="replace")
        found = read_games(file)
    if not found.games:
        raise InputError(f"game record: {found.skipped[0].reason if found.skipped else 'no game in it'}; give SGF")
    game = found.games[0]
    if game.size not in BOARDS:
        raise InputError(f"game record: a board of {game.size} lines; the networks here play on 9 and on 19")
    moves = _in_turn(game)
    if len(moves) > MOST_MOVES:
        raise InputError(f"game record: {len(moves)} moves; at most {MOST_MOVES} are shown, cut it")
    black, white = ([to_vertex(point, game.size) for point in side] for side in game.setup)
    return {
        "position": {
            "size": game.size,
            "black": black,
            "white": white,
            "first": NAMES[game.to_play],
            "moves": [to_vertex(move, game.size) for move in moves],
        },
        "players": {"black": game.black[:60], "white": game.white[:60]},
        "result": game.result[:40],
    }


def _in_turn(game: Game) -> list[Move]:
    """The moves, with a pass between two of one colour."""
    moves: list[Move] = []
    colour = game.to_play
    for player, move in game.moves:
        if player != colour:
            moves.append(None)
        moves.append(move)
        colour = -player
    return moves
