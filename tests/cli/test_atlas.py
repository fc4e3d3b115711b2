import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Convscope = Callable[..., Result]
Program = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[[subprocess.CompletedProcess[str] | Result], str]

# the real atlas, drawn in two steps a unit
QUICK = """
from convscope.atlas import work
draw = work.lens.draw
work.lens.draw = lambda *words, **how: draw(*words, **{**how, "steps": 2})
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from convscope.atlas import work

    draw = work.lens.draw
    monkeypatch.setattr(work.lens, "draw", lambda *words, **how: draw(*words, **{**how, "steps": 2}))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("quick")
def test_atlas_says_what_to_open_and_a_second_run_changes_nothing(
    convscope: Convscope, few: Path, weights: Path, tmp_path: Path
):
    folder = tmp_path / "atlas"
    command = ["atlas", folder, "--data", few, "--weights", weights]
    told = convscope(*command)
    assert (told.exit_code, told.stdout) == (0, f"open {folder / 'index.html'}\n"), told.output
    manifest = json.loads((folder / "convscope-atlas.json").read_text())
    assert (manifest["facts"]["data"], manifest["facts"]["pictures"]) == ("few", 60)
    assert len(manifest["facts"]["history"]) == 2
    first = contents(folder)

    again = convscope(*command, "--json")
    assert json.loads(again.stdout) == {"index": str(folder / "index.html")}
    assert contents(folder) == first


STOPS_AT_FC1 = """
import os, signal
from convscope import cli
from convscope.atlas.store import Store
put = Store.put

def stopping(store, record):
    put(store, record)
    if record.key.startswith("draw-fc1"):
        os.kill(os.getpid(), signal.SIGINT)

Store.put = stopping
cli.main()
"""


@pytest.mark.usefixtures("quick")
def test_a_stopped_atlas_goes_on(convscope: Convscope, few: Path, weights: Path, tmp_path: Path):
    folder = tmp_path / "atlas"
    command = ["atlas", str(folder), "--data", str(few), "--weights", str(weights)]
    stopped = subprocess.run([sys.executable, "-c", QUICK + STOPS_AT_FC1, *command], capture_output=True, text=True)
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert stopped.stderr == f"convscope: stopped; what was drawn is kept in {folder}, the same command goes on\n"
    kept = contents(folder)
    assert any(path.name.startswith("draw-fc1") for path in kept)
    assert not any(path.suffix == ".part" or path.suffix == ".html" for path in kept)

    assert convscope(*command).exit_code == 0
    finished = contents(folder)
    assert {path: finished[path] for path in kept if path.name != "convscope-atlas.json"}.items() <= kept.items()
    assert Path("index.html") in finished


def test_atlas_trains_first_and_says_what_a_stop_there_leaves(few: Path, tmp_path: Path, cache: Path):
    code = (
        "import os, signal\n"
        "from contextlib import nullcontext\n"
        "from convscope import cli\n"
        "from convscope.nn import progress\n"
        "stop = lambda step: os.kill(os.getpid(), signal.SIGINT) if step.epoch == 2 else None\n"
        "progress.progress_bar = lambda quiet: nullcontext(stop)\n"
        "cli.main()"
    )
    command = [sys.executable, "-c", code, "atlas", str(tmp_path / "atlas"), "--data", str(few)]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 128 + signal.SIGINT, told
    assert told.stderr == (
        "convscope: stopped while training; the epochs that were over are kept, the same command goes on\n"
    )
    assert [file.suffix for file in cache.iterdir()] == [".checkpoint"]
    assert not (tmp_path / "atlas").exists()


def test_weights_of_other_classes_are_told(
    program: Program, refused: Refused, few: Path, weights: Path, tmp_path: Path
):
    (few / "classes.txt").write_text("\n".join("abcdefghij"))
    try:
        line = refused(program("atlas", tmp_path / "atlas", "--data", few, "--weights", weights))
    finally:
        (few / "classes.txt").unlink()
    assert line.startswith(f"{weights} knows the classes 0, 1, 2")
    assert "give --data the set that it was trained on" in line
    assert os.listdir(tmp_path) == []
