import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from convscope.cli.app import app
from convscope.tasks import digits


@pytest.fixture(scope="session")
def convscope() -> Callable[..., Result]:
    """The command line in this process."""
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], prog_name="convscope")


@pytest.fixture(scope="session")
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The installed program, in a process of its own."""

    def run(*words: object, **how: object) -> subprocess.CompletedProcess[str]:
        code = "from convscope.cli import main; main()"
        command = [sys.executable, "-c", code, *(str(word) for word in words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.run(command, text=True, stdin=subprocess.DEVNULL, **(pipes | how))  # pyright: ignore

    return run


@pytest.fixture(scope="session")
def refused() -> Callable[[subprocess.CompletedProcess[str] | Result], str]:
    """The one line with which bad input was refused."""

    def line(told: subprocess.CompletedProcess[str] | Result) -> str:
        assert (told.exit_code if isinstance(told, Result) else told.returncode) == 2, told
        assert not told.stdout
        assert told.stderr.count("\n") == 1, told.stderr
        assert told.stderr.startswith("convscope: ")
        return told.stderr.removeprefix("convscope: ").removesuffix("\n")

    return line


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files: 300 digits to train on and 60 to test."""
    folder, mnist = tmp_path_factory.mktemp("data") / "few", digits.load()
    folder.mkdir()
    for part, images, labels, n in (
        ("train", mnist.train_images, mnist.train_labels, 300),
        ("t10k", mnist.test_images, mnist.test_labels, 60),
    ):
        for kind, array in (("images-idx3", images[:n]), ("labels-idx1", labels[:n].astype(np.uint8))):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())
    return folder


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, convscope: Callable[..., Result], few: Path) -> Path:
    """Of a network that was trained on the few for two epochs."""
    file = tmp_path_factory.mktemp("weights") / "lenet5.safetensors"
    told = convscope("train", "digits", "--data", few, "--epochs", 2, "--out", file)
    assert told.exit_code == 0, told.output
    return file


@pytest.fixture(scope="session")
def digit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digit as a scan shows it: dark on light, larger than MNIST's."""
    file = tmp_path_factory.mktemp("scan") / "digit.png"
    Image.fromarray(255 - digits.load().test_images[0]).resize((112, 112)).save(file)
    return file


@pytest.fixture
def stops() -> Iterator[None]:
    """A command that was stopped leaves SIGINT ignored, as its process ends."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGALRM, before[1])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's real cache is touched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "convscope"
