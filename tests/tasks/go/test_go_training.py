"""From games to a policy network and its verdict; what a network sees of games, and what it looks for."""

from pathlib import Path

import numpy as np
import pytest
import torch

import convscope as cs
from convscope.errors import InputError
from convscope.tasks.fitting import Recipe
from convscope.tasks.go import ablation, training
from convscope.tasks.go.games import split
from convscope.tasks.go.network import Settings
from convscope.tasks.go.positions import Positions, inputs
from convscope.tasks.go.rules import BLACK, EMPTY, WHITE, Board, around, survey
from convscope.tasks.go.sgf import Game, read_games
from convscope.tasks.go.symmetry import tables
from convscope.tasks.runs import Kept

SMALL = Settings(size=5, features="planes", width=6, depth=2)
SHORT = Recipe(epochs=3, batch=32, rate=1e-2)


def games(count: int = 40) -> list[Game]:
    """On 5 x 5: one plays at random, the other always right beside the move before, at the first legal point."""
    made = []
    for seed in range(count):
        rng, board, moves = np.random.default_rng(seed), Board(5), []
        for number in range(14):
            legal = board.legal_points()
            if not legal.any():
                break
            points = [(int(row), int(column)) for row, column in np.argwhere(legal)]
            if number % 2:
                row, column = moves[-1][1]
                move = min(points, key=lambda p: (abs(p[0] - row) + abs(p[1] - column), p))
            else:
                move = points[rng.integers(len(points))]
            moves.append((board.to_play, move))
            board.play(move)
        made.append(Game(5, tuple(moves), source=f"game {seed}"))
    return made


GAMES = games()


@pytest.fixture(scope="module")
def trained() -> training.Trained:
    return training.train(GAMES, SMALL, SHORT)


@pytest.fixture(scope="module")
def file(trained: training.Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.save(trained, tmp_path_factory.mktemp("go") / "five.safetensors")


def test_it_learns_to_play_beside_the_last_move(trained: training.Trained):
    learn, _, test = (Positions(part, 5, "planes") for part in split(GAMES))
    found = training.evaluate(trained, learn, test)
    assert set(found.top) == {"this network", "uniform", "commonest point", "nearest to the last move"}
    assert found.top["this network"][0] > found.top["uniform"][0] + 10
    assert found.top["this network"][1] > found.top["this network"][0]
    assert sum(count for *_, count in found.phases.values()) == found.positions == len(test)
    assert "the move played is" in str(found)


def test_chances_are_of_legal_points_and_turn_with_the_board(trained: training.Trained):
    boards = [board.copy() for board, _, _ in GAMES[0].boards()][:6]
    chances = trained.probabilities(boards)
    for board, own in zip(boards, chances, strict=True):
        assert own.sum() == pytest.approx(1, abs=1e-5)
        assert not own[~board.legal_points()].any()
    for table in tables(5):
        turned = Board(5)
        for colour, move in boards[5].history:
            assert move is not None
            place = int(np.flatnonzero(table == move[0] * 5 + move[1])[0])
            turned.play(divmod(place, 5), colour)
        assert np.allclose(trained.probabilities([turned])[0].ravel(), chances[5].ravel()[table], atol=1e-5)


def test_boards_of_another_size_are_refused(trained: training.Trained):
    with pytest.raises(InputError, match="a board of 9x9: this network plays on 5x5 only"):
        trained.probabilities([Board(9)])


def test_planes_kept_as_bits_are_the_planes():
    positions = Positions(GAMES[:3], 5, "planes")
    kept, places = training.Remembered(positions), [5, 0, 7]
    for own, theirs in zip(kept.__getitems__(places), positions.__getitems__(places), strict=True):
        assert torch.equal(own, theirs)


def test_what_is_saved_comes_back(trained: training.Trained, file: Path):
    again = training.load(file)
    assert (again.settings, again.recipe, again.history) == (trained.settings, trained.recipe, trained.history)
    board = Board(5)
    assert np.array_equal(again.probabilities([board]), trained.probabilities([board]))


def test_the_lens_opens_the_file_and_reads_games(file: Path, tmp_path: Path):
    record = tmp_path / "one.sgf"
    record.write_text("(;GM[1]SZ[5];B[cc];W[bb];B[dd];W[])")
    net = cs.load(file)
    world = net.world
    assert world is not None
    assert torch.equal(world.read(record, 1).values, inputs([before(record, 2)], "planes"))
    second = world.read(Path(f"{record}:2"))
    assert torch.equal(second.values, inputs([before(record, 1)], "planes"))
    assert second.names == (f"{record}, before move 2",)
    assert len(world.read(record).values) == 3
    with pytest.raises(InputError, match="no stone was played as move 4"):
        world.read(Path(f"{record}:4"))
    assert cs.maps(net, second.values, "body.2")["body.2"].shape == (1, 6, 5, 5)


def before(record: Path, number: int) -> Board:
    board = Board(5)
    for colour, move in read_games(record).games[0].moves[:number]:
        board.play(move, colour)
    return board


@pytest.mark.parametrize("layer", ["body.0", "body.5", "head"])
def test_it_draws_legal_boards_that_beat_real_ones(file: Path, layer: str):
    net = cs.load(file)
    drawing = cs.draw(net, layer, units=[0] if layer == "head" else [0, 3], seed=1)
    for shown in drawing.pictures:
        points = (shown[0] - shown[1]).astype(np.int8).ravel()
        liberties = survey(points, around(5))[2]
        assert ((points == EMPTY) | (liberties > 0)).all()
        assert set(np.unique(points)) <= {BLACK, EMPTY, WHITE}
    real = Positions(GAMES, 5, "planes").__getitems__(range(0, 300, 7))[0]
    seen = cs.maps(net, real, layer)[layer][:, list(drawing.units)]
    middle = seen[:, :, 2, 2]
    own = cs.maps(net, torch.from_numpy(drawing.pictures), layer)[layer]
    for k, unit in enumerate(drawing.units):
        assert own[k, unit, 2, 2] == pytest.approx(drawing.values[k], rel=1e-4, abs=1e-5)
    # the history of moves, which a drawn board has not, may excite a unit too
    assert (drawing.values >= np.quantile(middle, 0.9, axis=0) - 1e-5).mean() >= 0.5
    assert drawing.sheet().ndim == 3


def test_real_positions_that_excite_a_unit_are_cut_out_of_their_boards(file: Path):
    net = cs.load(file)
    real = Positions(GAMES, 5, "planes").__getitems__(range(60))[0]
    found = cs.examples(net, "body.2", real, k=2)
    page = next(iter(found.cards()))
    assert page.picture.shape[2] == 3


def test_an_ablation_keeps_its_runs_and_goes_on_after_them(monkeypatch: pytest.MonkeyPatch):
    kept = Kept()
    settings = Settings(size=5, features="board", width=4, depth=3)
    first = ablation.ablate(GAMES, (0, 1), settings, Recipe(epochs=1, batch=64), kept=kept)
    assert kept.count == len(first.runs) == 10
    monkeypatch.setattr(ablation, "train", lambda *_, **__: pytest.fail("trained again"))
    second = ablation.ablate(GAMES, (0, 1), settings, Recipe(epochs=1, batch=64), kept=kept)
    assert second.runs == first.runs
    assert all(0 <= run.value <= 100 for run in first.runs)
