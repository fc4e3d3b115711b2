"""All positions of some games, kept small; what a network sees of them is made when a batch is asked for."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from convscope.errors import InputError
from convscope.tasks.fitting import Samples
from convscope.tasks.go import planes
from convscope.tasks.go.rules import Board, around, find_legal, survey
from convscope.tasks.go.sgf import Game


class Positions(Samples):
    """Every position of `games` in which a stone was played, with that move as its target; passes are left out.

    Games of another size than `size` are left out and counted in `left_out`. `games` are the rest. `game` (n,) tells
    the place of each position's game among them, `number` (n,) how many moves were made before it, and `lengths`
    (games,) how many moves each game has. `features`: see `planes.make`.

    Raises InputError for unknown features and where no position is left.
    """

    def __init__(self, games: Sequence[Game], size: int = 19, features: str = "board"):
        if features not in planes.FEATURES:
            raise InputError(f"features={features!r}: must be one of {', '.join(planes.FEATURES)}")
        self.size, self.features = size, features
        self.games = tuple(game for game in games if game.size == size)
        self.left_out = len(games) - len(self.games)
        self.lengths = np.array([len(game.moves) for game in self.games], np.int64)
        count = sum(move is not None for game in self.games for _, move in game.moves)
        if not count:
            raise InputError(f"no positions: of {len(games)} games none is on {size}x{size}; give games of that size")
        self._points = np.empty((count, size * size), np.int8)
        self._recent = np.empty((count, planes.MOST), np.int16)
        self._colours, self._kos = np.empty(count, np.int8), np.empty(count, np.int16)
        self.targets, self.game, self.number = (np.empty(count, np.int64) for _ in range(3))
        self._fill()

    def _fill(self) -> None:
        k = 0
        for index, game in enumerate(self.games):
            for number, (board, colour, move) in enumerate(game.boards()):
                if move is not None:
                    self._points[k], self._recent[k], self._colours[k], self._kos[k] = compact(board, colour)
                    self.targets[k] = move[0] * self.size + move[1]
                    self.game[k], self.number[k] = index, number
                    k += 1

    def __len__(self) -> int:
        return len(self.targets)

    def __getitems__(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Inputs (n, planes, size, size) float32 and targets (n,), `row * size + column` of the move played."""
        at = np.asarray(places)
        columns = (each[at] for each in (self._points, self._colours, self._kos, self._recent))
        return torch.from_numpy(planes.make(self.features, *columns)), torch.from_numpy(self.targets[at])

    def legal(self, places: Sequence[int]) -> Bool[np.ndarray, "n points"]:
        """Where who is to play may play."""
        table = around(self.size)
        return np.stack([
            find_legal(self._points[k], table, survey(self._points[k], table)[2], self._colours[k], self._kos[k])
            for k in places
        ])  # fmt: skip

    def board(self, place: int) -> Board:
        """The position with all that came before it."""
        game, number = self.games[self.game[place]], int(self.number[place])
        board = game.start()
        for colour, move in game.moves[:number]:
            board.play(move, colour)
        board.to_play = game.moves[number][0]
        return board


def compact(board: Board, colour: int | None = None) -> tuple[np.ndarray, list[int], int, int]:
    """A board as `Positions` keeps it: points, the places of the last moves, who is to play and the place of a ko."""
    colour = board.to_play if colour is None else colour

    def place(move: tuple[int, int] | None) -> int:
        return -1 if move is None else move[0] * board.size + move[1]

    recent = [place(move) for _, move in board.history[: -planes.MOST - 1 : -1]]
    recent += [-1] * (planes.MOST - len(recent))
    return board.points.ravel(), recent, colour, board.forbidden(colour)


def inputs(boards: Sequence[Board], features: str = "board") -> Tensor:
    """Boards of one size as a network sees them, (n, planes, size, size)."""
    points, recent, colours, kos = zip(*map(compact, boards))
    columns = np.array(points), np.array(colours, np.int8), np.array(kos, np.int16), np.array(recent, np.int16)
    return torch.from_numpy(planes.make(features, *columns))
