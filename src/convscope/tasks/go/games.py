"""Where games come from, and how they are parted: to learn from, to validate on and to test with."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from itertools import accumulate
from pathlib import Path

from convscope.errors import InputError
from convscope.tasks.go.sgf import Game, read_games

GOBAN = Path("/usr/share/goban")
"""Where Debian's package goban-original-games puts 596 professional games on 19x19."""
SHIPPED = (9, 19)
"""Sizes of the games that come with convscope."""


def split(
    games: Sequence[Game], shares: tuple[float, ...] = (0.8, 0.1, 0.1), seed: int = 0
) -> tuple[tuple[Game, ...], ...]:
    """Part the games by `shares`, each game whole. Only the game itself and `seed` decide where it goes, so that
    another game more or less moves none of the others, and duplicates always stay together.

    Raises InputError for shares that are not positive or do not sum to 1, and where a part would be empty.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(f"shares={shares}: must be above 0 and sum to 1, as (0.8, 0.1, 0.1)")
    ends = list(accumulate(shares))[:-1]
    parts: list[list[Game]] = [[] for _ in shares]
    for game in games:
        drawn = hashlib.blake2b(f"{seed} {game.key}".encode(), digest_size=8)
        parts[sum(int(drawn.hexdigest(), 16) / 2**64 >= end for end in ends)].append(game)
    if not all(parts):
        sizes = " + ".join(str(len(part)) for part in parts)
        raise InputError(f"{len(games)} games make parts of {sizes}, and none may be empty; give more games")
    return tuple(map(tuple, parts))


@cache
def shipped(size: int) -> tuple[Game, ...]:
    """The games that come with convscope: a Go program's against itself, on 9x9 or 19x19.

    Raises InputError for other sizes.
    """
    if size not in SHIPPED:
        sizes = " and ".join(f"{each}x{each}" for each in SHIPPED)
        raise InputError(f"size={size}: convscope brings games on {sizes}; for others name a folder of your own")
    with as_file(files("convscope") / "data" / "go" / f"{size}x{size}.sgf.gz") as path:
        return read_games(path).games


def goban_folder() -> Path:
    """The folder of Debian's professional games. Raises InputError, with what to install, where it is not there."""
    if not GOBAN.is_dir():
        raise InputError(f"{GOBAN} is not there; sudo apt-get install goban-original-games, or name your own folder")
    return GOBAN
