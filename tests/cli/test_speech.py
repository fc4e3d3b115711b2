import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from convscope.cli import speech
from convscope.cli.commands import group
from convscope.pictures import png_recipe
from convscope.tasks import fitting
from convscope.tasks.speech import training
from convscope.tasks.speech.voices import Synthesiser

Convscope = Callable[..., Result]
FEW = ["--words", "yes,no", "--voices", "8", "--epochs", "2", "--batch", "8", "--size", "10000", "--threads", "1"]


@pytest.fixture(scope="session")
def convscope() -> Convscope:
    """The commands of this file, by their own names."""
    app = group("Speech.")
    for command in (speech.train, speech.evaluate, speech.predict, speech.ablate):
        app.command(command.__name__)(command)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], prog_name="convscope")


@pytest.fixture(scope="session")
def weights(convscope: Convscope, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("speech") / "w.safetensors"
    told = convscope("train", *FEW, "--out", file)
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[-1] == f"weights in {file}"
    assert "8 synthetic voices (en) learned from" in told.stdout
    return file


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of two words by four speakers, named as FSDD's, and a broken one."""
    folder, own = tmp_path_factory.mktemp("recordings"), Synthesiser()
    for speaker in ("m1", "m3", "f2", "f5"):
        for word in ("yes", "no"):
            said = own.say(word, f"en-US+{speaker}")
            soundfile.write(folder / f"{word}_{speaker}_0.wav", said, 8000)
    (folder / "yes_zed_0.wav").write_bytes(b"RIFF")
    return folder


def test_train_in_json_gives_the_same_twice(convscope: Convscope, weights: Path, tmp_path: Path):
    out = tmp_path / "again.safetensors"
    told = convscope("train", *FEW, "--out", out, "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer.keys() == {"weights", "split", "history", "test"}
    assert answer["split"] == "by speaker"
    assert [row["epoch"] for row in answer["history"]] == [1, 2]
    assert os.listdir(tmp_path) == ["again.safetensors"]
    first, second = (training.load(file).network.state_dict() for file in (weights, out))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_recordings_are_learned_from_and_the_broken_one_named(convscope: Convscope, folder: Path, tmp_path: Path):
    out = tmp_path / "w.safetensors"
    told = convscope("train", "--data", folder, *FEW[4:], "--out", out, "--kernels", "both")
    assert told.exit_code == 0, told.output
    assert told.stderr.startswith("convscope: skipped 1 recordings:\nconvscope:   ")
    assert "yes_zed_0.wav: no sound that can be read" in told.stderr
    assert "4 recordings of" in told.stdout
    told = convscope("evaluate", out, "--data", folder, "--json")
    assert json.loads(told.stdout)["test"]["count"] == 8


def test_evaluate_on_voices(convscope: Convscope, weights: Path):
    told = convscope("evaluate", weights, "--voices", 4, "--seed", 3)
    assert told.exit_code == 0, told.output
    assert "of 16 recordings (4 synthetic voices (en))" in told.stdout


def test_predict_hears_the_good_ones_among_the_bad(convscope: Convscope, weights: Path, folder: Path, tmp_path: Path):
    good, broken = folder / "yes_m3_0.wav", folder / "yes_zed_0.wav"
    out = tmp_path / "heard"
    told = convscope("predict", good, broken, "none.wav", good, "--weights", weights, "-o", out, "--json")
    assert told.exit_code == 2
    first, second, third, again = json.loads(told.stdout)["predictions"]
    assert {**first, "picture": ""} == {**again, "picture": ""}
    assert first["best"] in ("yes", "no")
    assert first["word"] in (first["best"], "unknown")
    assert second["error"].startswith(f"{broken}: no sound")
    assert third == {"file": "none.wav", "error": "none.wav: no such file; check the name"}
    assert sorted(os.listdir(out)) == ["yes_m3_0-1.png", "yes_m3_0-4.png"]
    assert (png_recipe((out / "yes_m3_0-1.png").read_bytes()) or {})["recording"] == str(good)
    told = convscope("predict", good, broken, "--weights", weights)
    assert told.stdout.startswith(f"{good}: ")
    assert told.stderr.startswith(f"convscope: {broken}: ")


def test_predict_listens(convscope: Convscope, weights: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("convscope.tasks.speech.audio.listen", lambda: Synthesiser().say("no", "en+f2"))
    told = convscope("predict", "--mic", "--weights", weights)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("microphone: ")


def test_ablate_says_what_the_figures_support(convscope: Convscope, folder: Path):
    options = ["--kinds", "frequency;connected", "--seeds", 2, "--epochs", 1, "--json"]
    told = convscope("ablate", "--data", folder, *options)
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert len(answer["trials"]) == 2 * 2 * 4
    assert answer["sentences"][0].startswith("accuracy: ")


def test_a_stopped_training_goes_on_to_the_same_result(
    convscope: Convscope, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: None
):
    out, ended = tmp_path / "w.safetensors", fitting._Keeper.write

    def stop(keeper: fitting._Keeper, save: Callable[[str], None], first: bool) -> None:
        ended(keeper, save, first)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(fitting._Keeper, "write", stop)
        told = convscope("train", *FEW, "--out", out)
    assert told.exit_code == 130
    assert "the epochs that were over are kept" in told.stderr
    assert os.listdir(tmp_path) == ["w.safetensors.checkpoint"]
    assert convscope("train", *FEW, "--out", out).exit_code == 0
    first, second = (training.load(file).network.state_dict() for file in (weights, out))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--words", "yes"], "give two or more different words"),
        (["train", "--kernels", "space"], "kernels='space': give one of frequency"),
        (["train", "--kernels", "time", "--sections", "4"], "sections=4"),
        (["train", "--data", "none"], "data=none: no such folder"),
        (["train", "--language", "xx"], "espeak-ng does not speak it"),
        (["evaluate", "none"], "none: no such file"),
        (["predict", "--weights", "none", "x.wav"], "none: no such file"),
        (["predict"], "no recording; name files, or give --mic"),
        (["ablate", "--kinds", "space"], "give some of frequency; "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_2(
    convscope: Convscope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    if words[0] == "ablate":
        words = [*words, "--voices", "4", "--words", "a,b"]
    told = convscope(*words)
    assert (told.exit_code, told.stdout) == (2, "")
    assert message in told.stderr
    assert told.stderr.count("\n") == 1
