import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from convscope.cli import digits, why
from convscope.cli.commands import group
from convscope.pictures import recipe_in
from convscope.tasks import shifts

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def ask() -> Ask:
    """The two commands, in this process."""
    app = group("ask")
    app.command("ablate")(why.ablate)
    app.command("evaluate")(digits.evaluate)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], prog_name="convscope")


def test_the_default_is_that_of_the_budget():
    assert shifts.Budget().epochs == why.EPOCHS


def test_ablate_tells_figures_and_sentences(ask: Ask, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "new" / "shifts.png"
    found: list[shifts.Study] = []
    study = shifts.study
    monkeypatch.setattr(shifts, "Budget", partial(shifts.Budget, train=32, validation=8, test=16))
    monkeypatch.setattr(shifts, "study", lambda *how: found.append(study(*how)) or found[-1])
    told = ask("ablate", "--data", few, "--seeds", 2, "--epochs", 1, "-o", out, "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    keys = {"data", "anywhere", "small", "subsampled", "sentences", "weights", "budget", "chart"}
    assert answer.keys() == keys
    assert [row["row"] for row in answer["anywhere"]["rows"]] == list(shifts.ANYWHERE)
    assert list(answer["anywhere"]["rows"][0]["parts"]) == list("012345678")
    assert len(answer["weights"]) == len(shifts.ANYWHERE) + len(shifts.SMALL) + len(shifts.SUBSAMPLED)
    assert answer["budget"]["train"] == 32
    assert answer["sentences"][0].startswith("centred: ")
    assert answer["sentences"][0].endswith(", 2 pairs)")
    assert recipe_in(out.read_bytes()) == {"command": "ablate digits", "seeds": 2, "epochs": 1, "data": "few"}

    lines = str(found[0]).splitlines()
    assert lines[0] == "each network learned 32 digits of few (epochs: 1) and reads 16"
    assert lines[3].split() == list("012345678")
    assert "  58,420 fully connected" in lines
    assert lines[-len(answer["sentences"]) :] == answer["sentences"]


def test_a_chart_that_cannot_be_made_is_told_before_long_work(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shifts, "study", lambda *_: pytest.fail("long work"))
    assert "'.gif': no kind of picture" in ask("ablate", "-o", "x.gif").stderr
    assert "cannot write /dev/null/x.png" in ask("ablate", "-o", "/dev/null/x.png").stderr
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = ask("ablate", "-o", "x.png")
    assert told.exit_code == 2
    assert "charts: the package matplotlib is not installed" in told.stderr


def test_evaluate(ask: Ask, few: Path, weights: Path):
    told = ask("evaluate", "--weights", weights, "--data", few)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("test accuracy ")
    assert "of 60 few pictures" in told.stdout
    answer = json.loads(ask("evaluate", "--weights", weights, "--data", few, "--json").stdout)
    assert answer.keys() == {"recipe", "trained_on", "test"}
    assert answer["trained_on"] == "few"
    assert f"test accuracy {answer['test']['accuracy']:.2%} " in told.stdout


def test_evaluate_with_data_of_other_classes(ask: Ask, few: Path, weights: Path, tmp_path: Path):
    for file in few.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "classes.txt").write_text("\n".join("abcdefghij"))
    told = ask("evaluate", "--weights", weights, "--data", tmp_path)
    assert told.exit_code == 2
    assert "the network tells 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 apart, and the classes of" in told.stderr
    assert told.stderr.count("\n") == 1
