"""Debian's 596 games of professionals, where they are installed: read, replayed, and guessed at."""

import pytest

from convscope.tasks.go import games
from convscope.tasks.go.baselines import BASELINES, top_k
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.sgf import read_games

pytestmark = pytest.mark.skipif(
    not games.GOBAN.is_dir(), reason="goban-original-games is not installed; sudo apt-get install goban-original-games"
)


def test_they_are_read_and_the_guesses_hit_as_often_as_is_known():
    found = read_games(games.goban_folder())
    assert (len(found.games), len(found.skipped), found.duplicates) == (582, 5, 9)
    assert all("the point is occupied" in str(each) for each in found.skipped)
    learn, _, test = (Positions(part, 19) for part in games.split(found.games))
    assert sum(map(len, games.split(found.games))) == 582
    figures = {name: 100 * top_k(guess(learn, test), test.targets).mean(0) for name, guess in BASELINES.items()}
    assert figures["nearest to the last move"].tolist() == pytest.approx([11.0, 37.3], abs=0.1)
    assert figures["commonest point"].tolist() == pytest.approx([0.9, 4.5], abs=0.1)
    assert figures["uniform"].tolist() == pytest.approx([0.44, 2.2], abs=0.05)
