"""The lens on a policy network: positions from game records, and the boards that excite its units most."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int8

from convscope.errors import InputError
from convscope.lens.fields import visited
from convscope.lens.models import Best, Inputs, Network, World
from convscope.lens.probe import probe
from convscope.pictures import Picture
from convscope.tasks.go import planes
from convscope.tasks.go.picture import patch_picture
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.rules import BLACK, EMPTY, WHITE, around, survey
from convscope.tasks.go.sgf import read_games
from convscope.tasks.go.training import load

STARTS = 8
"""Boards that a search begins with, of more and more stones."""
SWEEPS = 6
"""How often at most a search goes over all points; most end earlier, with nothing left to gain."""
CELL = 20


def network(file: Path) -> Network:
    """The policy network in a file, with its world. Raises InputError for a file that holds none."""
    trained = load(file)
    settings = trained.settings
    shape = planes.FEATURES[settings.features], settings.size, settings.size
    names = tuple(f"{row},{column}" for row in range(settings.size) for column in range(settings.size))
    return Network(trained.model, shape, classes=names, world=Boards(settings.size, settings.features))


@dataclass(frozen=True)
class Boards(World):
    """Positions of one size as a network of `features` is shown them: own stones black, whoever is to play."""

    size: int
    features: str
    searches = True

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        """Positions of a game record or a folder of them. `GAME.sgf:40` is the position before move 40; a single one
        of a record is its last.

        Raises InputError where there are none of this size.
        """
        asked = re.fullmatch(r"(.+):(\d+)", str(source))
        path, number = (Path(asked[1]), int(asked[2])) if asked and not source.exists() else (source, None)
        found = read_games(path)
        positions = Positions(found.games, self.size, self.features)
        if number is not None:
            places = np.flatnonzero((positions.game == 0) & (positions.number == number - 1))
            if not len(places):
                raise InputError(f"{source}: no stone was played as move {number}; there are {positions.lengths[0]}")
        elif limit == 1:
            places = np.array([len(positions) - 1])
        else:
            count = len(positions) if limit is None else min(limit, len(positions))
            places = np.linspace(0, len(positions) - 1, count).round().astype(int)
        names = tuple(
            f"{positions.games[positions.game[k]].source}, before move {positions.number[k] + 1}" for k in places
        )
        return Inputs(positions.__getitems__(places.tolist())[0], names, tuple(map(str, found.skipped)))

    def show(self, values: Float[np.ndarray, "c ..."]) -> Picture:
        """The stones of a position, or of a part of one: own ones black; what lies beyond the board is white."""
        on_board = ~np.isnan(values[0])
        rows, columns = (np.flatnonzero(on_board.any(axis)) for axis in (1, 0))
        here = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        inside = values[:, *here]
        own = inside[0] - (inside[1] if self.features == "planes" else 0)
        height, width = on_board.shape
        whole = inside.shape[1:] == (self.size, self.size)
        edges = [whole or cut for cut in (rows[0] > 0, columns[0] > 0, rows[-1] < height - 1, columns[-1] < width - 1)]
        page = np.full((height * CELL, width * CELL, 3), 255, np.uint8)
        part = tuple(slice(span.start * CELL, span.stop * CELL) for span in here)
        page[part] = patch_picture(np.sign(own.round()).astype(np.int8), edges, CELL)
        return page

    def best(
        self,
        network: Network,
        layer: str,
        units: Sequence[int],
        seed: int,
        progress: Callable[[int, int, str], None] | None,
    ) -> Best:
        """The legal boards that excite units most at the middle of the layer's map (a unit of a vector: anywhere).

        A board is legal where every group has a liberty. Points that the unit sees are gone over in random order; each
        takes what raises the unit most, black, white or empty, where the board stays legal; until nothing does, from
        several boards of random stones for every unit.
        """
        target = visited(network, layer)
        field, on_map = target.field, len(target.shape) == 3
        place = tuple(side // 2 for side in target.shape[1:]) if on_map else None
        box = (0, 0, self.size, self.size)
        if field is not None and not field.whole and place is not None:
            top, left, bottom, right = field.box(*place)
            box = max(top, 0), max(left, 0), min(bottom, self.size), min(right, self.size)
        rng = np.random.default_rng(seed)
        boards = self._begin(len(units) * STARTS, box, rng)
        owners = np.repeat(np.asarray(units), STARTS)

        def value(points: Int8[np.ndarray, "n points"], owner: np.ndarray) -> np.ndarray:
            seen = look(torch.from_numpy(self._shown(points)))[layer].float()
            seen = seen if place is None else seen[(slice(None), slice(None), *place)]
            return seen[torch.arange(len(points)), torch.from_numpy(owner)].numpy()

        spots = [row * self.size + column for row in range(box[0], box[2]) for column in range(box[1], box[3])]
        with torch.no_grad(), probe(network.model, [layer]) as look:
            values = value(boards, owners)
            for sweep in range(SWEEPS):
                before = values.copy()
                for done, spot in enumerate(rng.permutation(spots)):
                    self._improve(boards, values, owners, int(spot), value)
                    if progress is not None:
                        progress(sweep * len(spots) + done, SWEEPS * len(spots), f"sweep {sweep + 1}")
                if not (values > before).any():
                    break
        best = values.reshape(len(units), STARTS).argmax(1) + np.arange(len(units)) * STARTS
        how = {"search": "legal boards, point by point", "starts": STARTS, "sweeps": SWEEPS}
        seen = None if box == (0, 0, self.size, self.size) else box
        return Best(self._shown(boards[best]), values[best].astype(np.float32), seen, place, how)

    def _shown(self, points: Int8[np.ndarray, "n points"]) -> Float[np.ndarray, "n planes size size"]:
        """Boards without a history, black to play."""
        count = len(points)
        colours, kos = np.full(count, BLACK, np.int8), np.full(count, -1, np.int16)
        return planes.make(self.features, points, colours, kos, np.full((count, planes.MOST), -1, np.int16))

    def _begin(self, count: int, box: tuple[int, int, int, int], rng: np.random.Generator) -> np.ndarray:
        """Random stones in the box, from none to half of its points; groups without a liberty are taken off."""
        boards = np.zeros((count, self.size, self.size), np.int8)
        shape = count, box[2] - box[0], box[3] - box[1]
        share = (np.arange(count) % STARTS / (2 * STARTS)).reshape(-1, 1, 1)
        stones = np.where(rng.random(shape) < share, rng.choice([BLACK, WHITE], shape), EMPTY)
        boards[:, box[0] : box[2], box[1] : box[3]] = stones
        flat = boards.reshape(count, -1)
        for points in flat:
            points[(points != EMPTY) & (survey(points, around(self.size))[2] == 0)] = EMPTY
        return flat

    def _improve(
        self,
        boards: np.ndarray,
        values: np.ndarray,
        owners: np.ndarray,
        spot: int,
        value: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> None:
        """Put at one point of every board what raises its unit most, in place."""
        table = around(self.size)
        tried, which = [], []
        for k, points in enumerate(boards):
            for colour in {EMPTY, BLACK, WHITE} - {int(points[spot])}:
                other = points.copy()
                other[spot] = colour
                if ((other == EMPTY) | (survey(other, table)[2] > 0)).all():
                    tried.append(other)
                    which.append(k)
        if not tried:
            return
        places = np.array(which)
        found = value(np.stack(tried), owners[places])
        for other, k, answer in zip(tried, places, found, strict=True):
            if answer > values[k]:
                boards[k], values[k] = other, answer
