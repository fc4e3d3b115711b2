import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal
from typer.testing import Result

from convscope.tasks import trained

Convscope = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[[subprocess.CompletedProcess[str] | Result], str]


def test_train_tells_each_epoch_and_the_verdict(convscope: Convscope, few: Path, tmp_path: Path):
    out = tmp_path / "new" / "w.safetensors"
    told = convscope("train", "digits", "--data", few, "--epochs", 2, "--out", out)
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["epoch", "1"], ["epoch", "2"]]
    assert lines[2].startswith("test accuracy ")
    assert "of 60 few pictures" in lines[2]
    assert lines[-1] == f"weights in {out}"
    assert told.stderr == ""
    assert os.listdir(out.parent) == ["w.safetensors"]


def test_train_in_json(convscope: Convscope, few: Path, tmp_path: Path):
    out = tmp_path / "w.safetensors"
    options = ["--epochs", 1, "--seed", 5, "--batch", 50, "--out", out, "--json"]
    told = convscope("train", "digits", "--data", few, *options)
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer.keys() == {"weights", "recipe", "history", "test"}
    assert answer["weights"] == str(out)
    assert "batch 50, 1 epochs" in answer["recipe"]
    assert answer["recipe"].endswith("seed 5")
    assert [row.keys() for row in answer["history"]] == [
        {
            "epoch",
            "train_loss",
            "train_accuracy",
            "validation_loss",
            "validation_accuracy",
            "images_per_second",
            "seconds",
        }
    ]
    test = answer["test"]
    assert test.keys() == {"data", "classes", "loss", "accuracy", "confusion", "misread"}
    assert (test["data"], test["classes"]) == ("few", list("0123456789"))
    assert sum(map(sum, test["confusion"])) == 60
    assert len(test["misread"]) == 60 - sum(test["confusion"][k][k] for k in range(10))
    assert all(one.keys() == {"place", "true", "read", "probability"} for one in test["misread"])


def test_the_defaults_are_those_of_the_recipe():
    from convscope.cli import digits
    from convscope.nn.train import Recipe

    assert (Recipe().epochs, Recipe().batch) == (digits.EPOCHS, digits.BATCH)


STOPS_IN_EPOCH_3 = """
import os, signal
from convscope import cli
from convscope.nn import progress
from contextlib import contextmanager

@contextmanager
def stopping(quiet=False):
    yield lambda step: os.kill(os.getpid(), signal.SIGINT) if step.epoch == 3 else None

progress.progress_bar = stopping
cli.main()
"""


@pytest.mark.parametrize("words", [[], ["--fresh"]], ids=["resume", "fresh"])
def test_a_stopped_training_goes_on_to_the_same_result(
    convscope: Convscope, few: Path, tmp_path: Path, words: list[str]
):
    out, reference = tmp_path / "w.safetensors", tmp_path / "reference.safetensors"
    command = ["train", "digits", "--data", str(few), "--epochs", "4"]
    stopped = subprocess.run(
        [sys.executable, "-c", STOPS_IN_EPOCH_3, *command, "--out", str(out), *words], capture_output=True, text=True
    )
    without = " without --fresh" if words else ""
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert stopped.stderr == (
        f"convscope: stopped while training; the epochs that were over are kept, the same command{without} goes on\n"
    )
    assert os.listdir(tmp_path) == ["w.safetensors.checkpoint"]

    assert convscope(*command, "--out", out).exit_code == 0
    assert convscope(*command, "--out", reference).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == ["reference.safetensors", "w.safetensors"]
    assert_array_equal(trained.load(out).network.vector, trained.load(reference).network.vector)


def test_a_checkpoint_of_another_training_is_told_and_fresh_ignores_it(
    convscope: Convscope, program: Program, refused: Refused, few: Path, tmp_path: Path
):
    out = tmp_path / "w.safetensors"
    command = ["train", "digits", "--data", str(few), "--out", str(out)]
    subprocess.run([sys.executable, "-c", STOPS_IN_EPOCH_3, *command, "--epochs", "4"], capture_output=True)
    assert "the checkpoint of another training" in refused(program(*command, "--epochs", 5))
    assert os.listdir(tmp_path) == ["w.safetensors.checkpoint"]
    assert convscope(*command, "--epochs", 1, "--fresh").exit_code == 0
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_predict_reads_every_file(convscope: Convscope, weights: Path, digit: Path):
    told = convscope("predict", "digits", digit, digit, "--weights", weights)
    assert told.exit_code == 0, told.output
    first, second = told.stdout.splitlines()
    assert first == second
    assert first.startswith(f"{digit}: ")


def test_predict_in_json_with_one_broken_file(convscope: Convscope, weights: Path, digit: Path, tmp_path: Path):
    cut = tmp_path / "cut.png"
    cut.write_bytes(digit.read_bytes()[:500])
    told = convscope("predict", "digits", digit, cut, "none.png", digit, "--weights", weights, "--json")
    assert (told.exit_code, told.stderr) == (2, "")
    good, broken, missing, again = json.loads(told.stdout)["predictions"]
    assert good == again
    assert good.keys() == {"file", "class", "probability", "runner_up", "runner_up_probability"}
    assert good["file"] == str(digit)
    assert {good["class"], good["runner_up"]} < set("0123456789")
    assert 0 <= good["runner_up_probability"] <= good["probability"] <= 1
    assert broken["file"] == str(cut)
    assert broken["error"].startswith(f"{cut}: damaged picture")
    assert missing == {"file": "none.png", "error": "none.png: no such file; check the name"}


def test_predict_reads_the_good_ones_among_the_bad(convscope: Convscope, weights: Path, digit: Path):
    told = convscope("predict", "digits", "none.png", digit, "--weights", weights)
    assert told.exit_code == 2
    assert told.stderr == "convscope: none.png: no such file; check the name\n"
    assert told.stdout.startswith(f"{digit}: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "digits", "--epochs", "0"], "Invalid value for '--epochs'"),
        (["train", "digits", "--threads", "0"], "Invalid value for '--threads'"),
        (["train", "digits", "--seed", "-1"], "Invalid value for '--seed'"),
        (["train", "digits", "more"], "unexpected extra argument"),
        (["train", "digits", "--data", "none"], "data=none: no such folder"),
        (["train", "digits", "--data", "."], "data=.: holds neither IDX files"),
        (["train", "digits", "--data", "cut"], "cut/train-images-idx3-ubyte: truncated"),
        (["train", "digits", "--data", "cut", "--out", "cut/train-images-idx3-ubyte/w"], "not a directory"),
        (["train", "digits", "--data", "cut", "--out", "."], "cannot write .: a folder has that name"),
        (["train", "digits", "--data", "cut", "--out", "/dev/null"], "cannot write /dev/null: it is a device"),
        (["train", "digits", "--data", "cut", "--out", "o" * 250], "file name too long"),
        (["predict", "digits"], "Missing argument 'FILE...'"),
        (["predict", "digits", "x.png", "--weights", "none"], "none: no such file"),
        (["predict", "digits", "x.png", "--weights", "text"], "text: not a safetensors file"),
        (["atlas", "lenet5", "--weights", "none"], "none: no such file"),
        (["atlas", "lenet5", "-o", "cut"], "cut holds other files"),
        (["atlas", "lenet5", "-o", "text"], "cannot write into text: it is a file"),
        (["zzz"], "No such command 'zzz'; see convscope --help"),
        (["--zoom"], "No such option: --zoom; see convscope --help"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope,
    refused: Refused,
    few: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(few, tmp_path / "cut")
    images = tmp_path / "cut" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:1000])
    (tmp_path / "text").write_text("no weights")
    before = sorted(tmp_path.rglob("*"))
    assert message in refused(convscope(*words))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("words", [["predict", "digits"], ["predict", "digits", "--json"], ["--help"]], ids=" ".join)
def test_a_full_stdout_is_told(program: Program, refused: Refused, weights: Path, digit: Path, words: list[str]):
    files = [digit, "--weights", weights] if "digits" in words else []
    with Path("/dev/full").open("w") as full:
        line = refused(program(*words, *files, stdout=full))
    assert line == "cannot write to stdout: no space left on device; send it to a place with room"


@pytest.mark.parametrize("words", [["predict", "digits"], ["predict", "digits", "--json"], ["--help"]], ids=" ".join)
def test_a_reader_that_has_gone_is_no_mistake(program: Program, weights: Path, digit: Path, words: list[str]):
    files = [digit, "--weights", weights] if "digits" in words else []
    reading, writing = os.pipe()
    os.close(reading)
    try:
        told = program(*words, *files, stdout=writing)
    finally:
        os.close(writing)
    assert (told.returncode, told.stderr) == (128 + signal.SIGPIPE, "")


def test_json_is_printed_whatever_the_locale(program: Program, weights: Path, digit: Path, tmp_path: Path):
    copy = shutil.copy(digit, tmp_path / "sieben ü.png")
    told = program(
        "predict", "digits", copy, "--weights", weights, "--json", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["predictions"][0]["file"] == str(copy)


SWALLOWS_THE_FIRST = """
import os, signal
from convscope import cli

class Lost:
    def __del__(self):  # an exception in here goes nowhere
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(9): pass

def wait(*_, **__):
    Lost()
    signal.pause()
    signal.pause()

import convscope.cli.digits
convscope.cli.digits.the_network = wait
cli.main()
"""


TURNS_IT_INTO_ANOTHER = """
import os, signal
from convscope import cli
import convscope.cli.digits

def wait(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    except KeyboardInterrupt as stop:
        raise ImportError("numba failed to import") from stop

convscope.cli.digits.the_network = wait
cli.main()
"""


@pytest.mark.parametrize("code", [SWALLOWS_THE_FIRST, TURNS_IT_INTO_ANOTHER], ids=["swallowed", "turned"])
def test_a_ctrl_c_that_other_code_takes_still_stops(code: str):
    command = [sys.executable, "-c", code, "predict", "digits", "x.png"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout, told.stderr) == (130, "", "convscope: stopped\n")
