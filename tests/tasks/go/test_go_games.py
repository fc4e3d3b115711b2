"""Games are parted whole, each by itself; where they come from."""

from pathlib import Path

import pytest

from convscope.errors import InputError
from convscope.tasks.go import games
from convscope.tasks.go.rules import BLACK
from convscope.tasks.go.sgf import Game

MANY = tuple(Game(25, ((BLACK, (row, column)), (BLACK, (24, 24)))) for row in range(12) for column in range(row, 12))


def test_another_game_moves_none_of_the_others():
    parts = games.split(MANY)
    assert sorted(game.moves for part in parts for game in part) == sorted(game.moves for game in MANY)
    assert all(len(part) > 1 for part in parts)
    assert len(parts[0]) > len(MANY) * 0.6
    fewer = games.split(MANY[::-1][:60])
    assert all(set(part) <= set(whole) for part, whole in zip(fewer, parts, strict=True))
    assert games.split(MANY, seed=1) != parts
    assert games.split(MANY, seed=0) == parts


def test_shares_are_kept():
    parts = games.split(MANY, (0.5, 0.5))
    assert abs(len(parts[0]) - len(MANY) / 2) < 3 * (len(MANY) / 4) ** 0.5


def test_parts_that_would_be_empty_and_odd_shares_are_refused():
    with pytest.raises(InputError, match=r"2 games make parts of .* none may be empty; give more games"):
        games.split(MANY[:2])
    for shares in [(0.5, 0.4), (1.2, -0.2)]:
        with pytest.raises(InputError, match="must be above 0 and sum to 1"):
            games.split(MANY, shares)


def test_sizes_without_games_and_a_package_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(InputError, match="size=13: convscope brings games on 9x9 and 19x19"):
        games.shipped(13)
    monkeypatch.setattr(games, "GOBAN", tmp_path / "goban")
    with pytest.raises(InputError, match="sudo apt-get install goban-original-games"):
        games.goban_folder()
    (tmp_path / "goban").mkdir()
    assert games.goban_folder() == tmp_path / "goban"


@pytest.mark.parametrize(("size", "count"), [(9, 506), (19, 93)])
def test_games_that_come_along_are_whole_and_differ(size: int, count: int):
    found = games.shipped(size)
    assert len(found) == len({game.key for game in found}) == count
    assert {game.size for game in found} == {size}
    assert all(len(game.moves) > size for game in found)
    assert all(map(len, games.split(found)))
