"""What a network would play in a game, beside what was played."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.errors import InputError
from convscope.pictures import Picture
from convscope.tasks.go.engine import Policy
from convscope.tasks.go.picture import board_picture, board_text, likeliest
from convscope.tasks.go.rules import NAMES, Board, Move, to_vertex
from convscope.tasks.go.sgf import Game


@dataclass(frozen=True, eq=False)
class Prediction:
    """The chances of all points to be played as move `number` of a game.

    board: before that move. played: it, as the record has it; None for a pass. rank: its place among the chances, 1
    for the likeliest; None for a pass, and where the game was over, so that nothing was played.
    """

    game: Game
    number: int
    board: Board
    probabilities: Float[np.ndarray, "size size"]
    played: Move
    rank: int | None

    @property
    def over(self) -> bool:
        """Whether the record ends before that move."""
        return self.number > len(self.game.moves)

    @property
    def picture(self) -> Picture:
        """The board with the chances on it."""
        return board_picture(self.board, self.probabilities)

    def as_dict(self) -> dict[str, Any]:
        """The same in numbers, lists and texts, for JSON; the five likeliest points, and all chances by row."""
        size = self.board.size
        told = {
            "game": self.game.source,
            "move": self.number,
            "to_play": NAMES[self.board.to_play],
            "likeliest": [
                {"point": to_vertex(point, size), "probability": share}
                for point, share in likeliest(self.probabilities)
            ],
            "probabilities": self.probabilities.tolist(),
        }
        if not self.over:
            told |= {"played": to_vertex(self.played, size), "rank": self.rank, "probability": self._share}
        return told

    @property
    def _share(self) -> float | None:
        return None if self.played is None else float(self.probabilities[self.played])

    def text(self, colour: bool = False) -> str:
        """For a terminal."""
        before = "after the last move" if self.over else f"before move {self.number}"
        lines = [f"{self.game.source}, {before}: {NAMES[self.board.to_play]} to play"]
        lines.append(board_text(self.board, self.probabilities, colour=colour))
        if not self.over:
            name, share = to_vertex(self.played, self.board.size), self._share
            told = "" if share is None else f", choice {self.rank} of the network ({share:.1%})"
            lines.append(f"played was {name}{told}")
        return "\n".join(lines)


def predict(policy: Policy, game: Game, number: int | None = None) -> Prediction:
    """The chances for move `number` (from 1) of a game, by default for the one after its last move.

    Raises InputError for a number beyond the game.
    """
    last = len(game.moves)
    number = last + 1 if number is None else number
    if not 1 <= number <= last + 1:
        raise InputError(f"move={number}: {game.source} has {last} moves; name one of 1 to {last}")
    board, played, rank = game.start(), None, None
    for colour, move in game.moves[: number - 1]:
        board.play(move, colour)
    if number <= last:
        colour, played = game.moves[number - 1]
        if colour != board.to_play:
            board.to_play, board.ko = colour, None
    probabilities = policy([board])[0]
    if played is not None:
        rank = 1 + int((probabilities > probabilities[played]).sum())
    return Prediction(game, number, board, probabilities, played, rank)
