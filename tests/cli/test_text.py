import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from convscope.cli import text
from convscope.cli.commands import group
from convscope.tasks import keeping

Convscope = Callable[..., Result]


@pytest.fixture(scope="module")
def convscope() -> Convscope:
    """The commands of this file, by their own names."""
    app = group("Texts.")
    for command in (text.train, text.evaluate, text.predict, text.ablate, text.filters):
        app.command(command.__name__)(command)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], prog_name="convscope")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of forty reviews in GBK, with one broken row and one review twice."""
    file = tmp_path_factory.mktemp("data") / "reviews.csv"
    rows = [f"{k},{'房间很好' if k % 2 else '太差了'}，第{k}次入住,{'喜欢' if k % 2 else '讨厌'}" for k in range(40)]
    file.write_bytes("\n".join(["id,review,stars", *rows, "broken", rows[0], ""]).encode("gbk"))
    return file


@pytest.fixture(scope="module")
def columns(reviews: Path) -> list[object]:
    return [reviews, "--text-column", "review", "--label-column", "stars"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, convscope: Convscope, columns: list[object]) -> Path:
    file = tmp_path_factory.mktemp("weights") / "text.safetensors"
    told = convscope("train", *columns, "--epochs", 12, "--batch", 4, "--out", file)
    assert told.exit_code == 0, told.output
    assert told.stderr.splitlines() == [
        "convscope: skipped 1 rows or files that hold no labelled text:",
        "convscope:   line 42: 1 cells, the header has 3",
        "convscope: left out 1 texts that are there twice, and 0 that have two labels",
    ]
    lines = told.stdout.splitlines()
    assert "characters, vectors of 128, windows 3/4/5 with 100 filters each" in lines[0]
    assert [line.split()[:2] for line in lines[1:13]] == [["epoch", str(k + 1)] for k in range(12)]
    assert any(line.startswith("  naive Bayes ") for line in lines)
    assert lines[-1] == f"weights in {file}"
    assert os.listdir(file.parent) == ["text.safetensors"]
    return file


def test_train_in_json_with_vectors_and_words(convscope: Convscope, columns: list[object], tmp_path: Path):
    (tmp_path / "v.txt").write_text("房间 1 0 2\n很 0 1 -1\n")
    options = ["--tokens", "jieba", "--vectors", tmp_path / "v.txt", "--frozen", "--longest", 6, "--epochs", 1]
    told = convscope("train", *columns, *options, "--out", tmp_path / "w", "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer.keys() == {"weights", "network", "history", "test"}
    assert "jieba, vectors of 3 (frozen)" in answer["network"]
    assert answer["test"]["accuracy"].keys() == {"network", "naive Bayes", "TF-IDF + logistic regression"}
    assert answer["test"]["texts"] == 4


def test_evaluate_reads_the_test_of_its_own_set_and_all_of_another(
    convscope: Convscope, weights: Path, columns: list[object], tmp_path: Path
):
    own = json.loads(convscope("evaluate", weights, *columns, "--json").stdout)
    assert (own["texts"], len(own["accuracy"])) == (4, 3)
    more = tmp_path / "more.csv"
    more.write_text("text,label\n房间很好很好,喜欢\n")
    told = convscope("evaluate", weights, more)
    assert told.exit_code == 0, told.output
    assert "accuracy on 1 more texts that were not learned from\n  network  100.00%" in told.stdout


def test_predict_shows_the_class_and_the_windows(convscope: Convscope, weights: Path, tmp_path: Path):
    file, page = tmp_path / "texts.txt", tmp_path / "page.html"
    file.write_text("太差了\n")
    told = convscope("predict", "房间很好", "--file", file, "--weights", weights, "-o", page)
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].startswith("喜欢 (")
    assert lines[0].endswith("%)  房间很好")
    assert "filter" in lines[1]
    assert any(line.startswith("讨厌 (") for line in lines)
    assert page.read_text().count("<article>") == 2


def test_predict_in_json_with_an_empty_text(convscope: Convscope, weights: Path):
    told = convscope("predict", "房间很好", " ", "--weights", weights, "--json")
    assert (told.exit_code, told.stderr) == (2, "")
    good, empty = json.loads(told.stdout)["predictions"]
    assert good["class"] == "喜欢"
    assert good["windows"][0].keys() == {"start", "end", "words", "size", "filters", "weight"}
    assert [token["word"] for token in good["tokens"]] == list("房间很好")
    assert empty == {"text": " ", "error": "' ': no word in it; give a text with at least one"}


def test_filters_are_shown_by_their_n_grams(
    convscope: Convscope, weights: Path, columns: list[object], tmp_path: Path
):
    page = tmp_path / "page.html"
    options = ["--weights", weights, "--window", 4, "--unit", 7, "--count", 2, "-o", page]
    told = convscope("filters", *columns, *options)
    assert told.exit_code == 0, told.output
    head, row = told.stdout.splitlines()
    assert head.startswith("filter  speaks for")
    assert row.startswith("4/7")
    assert page.read_text().count("<tr>") == 2
    (told_filter,) = json.loads(convscope("filters", *columns, *options, "--json").stdout)["filters"]
    assert told_filter["best"][1] >= told_filter["seen"][0][1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "none.csv"], "none.csv: no such file or directory; name a table"),
        (["train", "--builtin", "films"], "builtin='films': no such set"),
        (["train", "--tokens", "letters"], "tokens='letters': no such way"),
        (["train", "--frozen"], "frozen: there are no vectors"),
        (["train", "--vectors", "none"], "none: no such file"),
        (["evaluate", "none"], "none: no such file"),
        (["evaluate", "go.safetensors"], "holds a network for go"),
        (["predict", "--weights", "none"], "no text to read"),
        (["predict", "x", "--file", "none"], "none: no such file"),
        (["predict", "x", "--weights", "none"], "none: no such file"),
        (["ablate", "none.csv"], "none.csv: no such file"),
        (["filters", "--weights", "none"], "none: no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_2(
    convscope: Convscope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
):
    from torch import nn

    monkeypatch.chdir(tmp_path)
    keeping.save("go.safetensors", "go", nn.Linear(1, 1), {})
    told = convscope(*words)
    assert told.exit_code == 2, told.output
    assert told.stderr.startswith("convscope: ")
    assert told.stderr.count("\n") == 1
    assert message in told.stderr
    assert os.listdir(tmp_path) == ["go.safetensors"]
