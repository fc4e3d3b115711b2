import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from convscope.cli import go
from convscope.cli.commands import group
from convscope.pictures import recipe_in
from convscope.tasks import keeping
from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.go import ablation
from convscope.tasks.go.engine import choose
from convscope.tasks.go.rules import Board, to_vertex
from convscope.tasks.go.sgf import Game
from convscope.tasks.runs import Kept

Convscope = Callable[..., Result]
FEW = ["--size", "5", "--width", "4", "--depth", "1", "--epochs", "1"]


@pytest.fixture(scope="session")
def convscope() -> Convscope:
    """The commands of this file, by their own names."""
    app = group("Go.")
    for command in (go.train, go.evaluate, go.predict, go.ablate, go.gtp):
        app.command(command.__name__)(command)
    return lambda *words, **how: CliRunner().invoke(app, [str(word) for word in words], prog_name="convscope", **how)


def record(seed: int, size: int = 5) -> str:
    """A game that somebody played at random."""
    random, board, text = np.random.default_rng(seed), Board(size), ""

    def policy(boards: object) -> np.ndarray:
        return np.ones((1, size, size))

    for k in range(20):
        move = choose(policy, board, temperature=1, random=random)
        board.play(move)
        text += f";{'BW'[k % 2]}[{'' if move is None else chr(97 + move[1]) + chr(97 + move[0])}]"
    return f"(;GM[1]SZ[{size}]PB[a]PW[b]{text})"


@pytest.fixture(scope="session")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of forty games on 5 x 5, one of them twice, one on 7 x 7, and a broken file."""
    folder = tmp_path_factory.mktemp("games")
    for k in range(40):
        (folder / f"{k}.sgf").write_text(record(k))
    (folder / "again.sgf").write_text(record(0))
    (folder / "large.sgf").write_text(record(0, 7))
    (folder / "broken.sgf").write_text("(;GM[1")
    return folder


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, convscope: Convscope, games: Path) -> Path:
    file = tmp_path_factory.mktemp("weights") / "go.safetensors"
    told = convscope("train", "--games", games, *FEW, "--out", file)
    assert told.exit_code == 0, told.output
    return file


def test_train_tells_what_was_read_and_tests_beside_the_guesses(convscope: Convscope, games: Path, tmp_path: Path):
    out = tmp_path / "new" / "go.safetensors"
    told = convscope("train", "--games", games, *FEW, "--features", "board", "--out", out)
    assert told.exit_code == 0, told.output
    first, *others = told.stderr.splitlines()
    assert first == (
        "convscope: 40 games on 5x5 read, 1 records skipped, 1 duplicates dropped, 1 on other boards left out"
    )
    assert "broken.sgf: broken record" in others[1]
    assert told.stdout.startswith("epoch   1  loss ")
    for name in ("this network", "uniform", "commonest point", "nearest to the last move"):
        assert name in told.stdout
    assert told.stdout.splitlines()[-1] == f"weights in {out}"
    assert os.listdir(out.parent) == ["go.safetensors"]


def test_evaluate_in_json_is_what_training_told(convscope: Convscope, games: Path, weights: Path, tmp_path: Path):
    out = tmp_path / "go.safetensors"
    trained = convscope("train", "--games", games, *FEW, "--out", out, "--json")
    told = convscope("evaluate", weights, "--games", games, "--json")
    assert (trained.exit_code, told.exit_code) == (0, 0), told.output
    first, second = (json.loads(each.stdout) for each in (trained, told))
    assert len(first["history"]) == 1
    own = [each["test"]["top"].pop("this network") for each in (first, second)]
    assert own[0] == pytest.approx(own[1], abs=100 / first["test"]["positions"])  # rounding may part equal points
    assert first["test"]["top"] == second["test"]["top"]
    assert list(first["test"]["top"]) == ["uniform", "commonest point", "nearest to the last move"]


def test_predict_shows_the_board_before_the_move(convscope: Convscope, games: Path, weights: Path, tmp_path: Path):
    picture = tmp_path / "new" / "board.png"
    told = convscope("predict", games / "3.sgf", "--move", 4, "--weights", weights, "-o", picture)
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == f"{games / '3.sgf'}, before move 4: white to play"
    board = "\n".join(lines[1:8])
    assert (board.count("X"), board.count("O"), board.count("(")) == (2, 1, 1)
    assert [line.split()[0] for line in lines[8:13]] == list("12345")
    assert lines[13].startswith("played was ")
    assert lines[14] == f"written: {picture}"
    with Image.open(picture) as image:
        assert image.size == (round(6.4 * 32),) * 2
    recipe = recipe_in(picture.read_bytes())
    assert recipe
    assert recipe["move"] == 4


def test_predict_in_json_and_after_the_last_move(convscope: Convscope, games: Path, weights: Path):
    told = convscope("predict", games / "3.sgf", "--move", 1, "--weights", weights, "--json")
    answer = json.loads(told.stdout)
    chances = np.array(answer["probabilities"])
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    best = tuple(map(int, np.unravel_index(chances.argmax(), chances.shape)))
    assert answer["likeliest"][0] == {"point": to_vertex((best[0], best[1]), 5), "probability": chances.max()}
    assert answer["rank"] == 1 + (chances > answer["probability"]).sum()
    after = json.loads(convscope("predict", games / "3.sgf", "--weights", weights, "--json").stdout)
    assert (after["move"], "played" in after) == (21, False)


def test_of_several_games_the_first_is_taken(convscope: Convscope, games: Path, weights: Path, tmp_path: Path):
    (tmp_path / "two.sgf").write_text(record(1) + record(2))
    told = convscope("predict", tmp_path / "two.sgf", "--weights", weights, "--json")
    assert told.exit_code == 0, told.output
    assert told.stderr == f"convscope: {tmp_path / 'two.sgf'}: holds 2 games; this is the first\n"
    assert json.loads(told.stdout)["game"].endswith("two.sgf#1")


def test_gtp_plays(convscope: Convscope, weights: Path):
    lines = b"boardsize 5\n\xff\xfe\n1 genmove b\n2 boardsize 19\n3 quit\n4 name\n"
    told = convscope("gtp", "--weights", weights, input=lines)
    assert told.exit_code == 0, told.output
    first, odd, move, size, end = told.stdout.removesuffix("\n\n").split("\n\n")
    assert (first, odd, size, end) == ("=", "? unknown command", "?2 unacceptable size", "=3")
    assert move.startswith("=1 ")
    assert "pass" not in move
    assert convscope("gtp", "--weights", weights, input="1 genmove b\n").stdout.startswith(move)


def test_gtp_answers_before_it_has_a_network(convscope: Convscope):
    told = convscope("gtp", "--size", 7, input="boardsize 7\nname\n")
    assert (told.exit_code, told.stdout) == (0, "=\n\n= convscope\n\n")


def test_ablate_shows_the_comparison(convscope: Convscope, games: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def ablated(found: tuple[Game, ...], seeds: range, settings: Any, recipe: Any, **_: Any) -> Comparison:
        asked.append((len(found), list(seeds), settings.size, recipe.epochs, recipe.rate))
        return Comparison("pooling", tuple(Run(row, seed, "", 50.0 + seed) for row in "ab" for seed in seeds))

    monkeypatch.setattr(ablation, "ablate", ablated)
    command = ["ablate", "--games", games, "--size", 5, "--seeds", 2, "--epochs", 7]
    told = [convscope(*command, *words) for words in ([], ["--json"])]
    assert [each.exit_code for each in told] == [0, 0]
    assert asked == [(40, [0, 1], 5, 7, ablation.SHORT.rate)] * 2
    assert "pooling" in told[0].stdout
    assert len(json.loads(told[1].stdout)["runs"]) == 4


def test_a_stopped_ablation_goes_on(
    convscope: Convscope, games: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    made: list[int] = []

    def figures(seed: int) -> dict[str, float]:
        made.append(seed)
        if len(made) == 2:
            raise KeyboardInterrupt
        return {"first": 50.0 + seed}

    def ablated(found: tuple[Game, ...], seeds: range, *_: Any, kept: Kept, **__: Any) -> Comparison:
        values = {seed: kept.run(f"a, seed {seed}", lambda seed=seed: figures(seed))["first"] for seed in seeds}
        return Comparison("pooling", tuple(Run("a", seed, "", value) for seed, value in values.items()))

    monkeypatch.setattr(ablation, "ablate", ablated)
    monkeypatch.setattr(ablation, "told", str)
    command = ["ablate", "--games", games, "--size", 5, "--seeds", 3]
    stopped = convscope(*command)
    assert stopped.exit_code == 130
    assert "stopped; finished runs kept: 1, the same command goes on after them" in stopped.stderr
    other = convscope(*command, "--epochs", 2)
    assert (other.exit_code, made) == (0, [0, 1, 0, 1, 2])
    assert convscope(*command).exit_code == 0
    assert made == [0, 1, 0, 1, 2, 1, 2]
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--games", "none"], "none: there is no such file or folder"),
        (["train", "--games", "empty"], "games=empty: no game on 19x19; name a folder of SGF records"),
        (["train", "--games", "one.zip"], "games=one.zip: no game on 19x19; all are on 5x5; choose that by --size"),
        (["train", "--games", "one.zip", "--size", "5"], "1 games make parts of"),
        (["train", "--games", "one.zip", "--size", "40"], "size=40"),
        (["train", "--games", "one.zip", "--features", "stones"], "features='stones'"),
        (["train", "--games", "one.zip", "--width", "0"], "Invalid value for '--width'"),
        (["train", "--games", "one.zip", "--out", "empty"], "cannot write empty: a folder has that name"),
        (["train", "--size", "7"], "size=7: convscope brings games on 9x9 and 19x19"),
        (["evaluate", "none"], "none: no such file"),
        (["evaluate", "game.sgf"], "game.sgf: not a safetensors file"),
        (["evaluate", "text.safetensors"], "text.safetensors: holds a network for text"),
        (["evaluate", "WEIGHTS", "--games", "empty"], "games=empty: no game on 5x5"),
        (["predict", "none.sgf"], "none.sgf: there is no such file"),
        (["predict", "empty"], "empty: is a folder; name one game record in it"),
        (["predict", "prose.sgf"], "prose.sgf: broken record"),
        (["predict", "game.sgf", "--weights", "WEIGHTS", "--move", "22"], "move=22: game.sgf has 20 moves; name one"),
        (["predict", "game.sgf", "--weights", "WEIGHTS", "--move", "0"], "move=0: game.sgf has 20 moves"),
        (["predict", "game.sgf", "--weights", "WEIGHTS", "-o", "b.gif"], "'.gif': no kind of picture that is written"),
        (["predict", "large.sgf", "--weights", "WEIGHTS"], "a board of 7x7: this network plays on 5x5 only"),
        (["predict", "large.sgf"], "size=7: convscope brings games on 9x9 and 19x19"),
        (["gtp", "--weights", "text.safetensors"], "text.safetensors: holds a network for text"),
        (["gtp", "--size", "1"], "size=1"),
        (["gtp", "--temperature", "-1"], "Invalid value for '--temperature'"),
        (["ablate", "--games", "empty"], "games=empty: no game on 19x19"),
        (["ablate", "--seeds", "1"], "Invalid value for '--seeds'"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
):
    import torch

    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("game.sgf").write_text(record(1))
    Path("large.sgf").write_text(record(1, 7))
    Path("prose.sgf").write_text("It was a good game.")
    with zipfile.ZipFile("one.zip", "w") as archive:
        archive.write("game.sgf")
    keeping.save("text.safetensors", "text", torch.nn.Linear(1, 1), {})
    before = sorted(tmp_path.rglob("*"))
    told = convscope(*(str(weights) if word == "WEIGHTS" else word for word in words))
    assert (told.exit_code, told.stdout) == (2, "")
    *counts, line = told.stderr.splitlines()
    assert message in line
    assert all(" read, " in count for count in counts)
    assert sorted(tmp_path.rglob("*")) == before
