"""The built wheel, installed outside the checkout, is a working convscope with its data."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import convscope

CHECKOUT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The bin folder of a fresh environment with the wheel; its dependencies are borrowed from this one."""
    home = wheel.parent / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    # The wheel comes first on the path; the .pth files of a borrowed folder (the checkout's too) do not run.
    (packages / "borrowed.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n"
    )
    run(
        *(
            sys.executable,
            "-m",
            "pip",
            "--python",
            home / "bin" / "python",
            "install",
            "--no-deps",
            "--no-index",
            wheel,
        ),
        cwd=wheel.parent,
    )
    return home / "bin"


def test_the_wheel_holds_every_file_of_the_package(wheel: Path):
    package = CHECKOUT / "src" / "convscope"
    here = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert here <= inside
    assert any(name.endswith("licenses/NOTICE") for name in inside)
    assert {name for name in inside if not name.startswith("convscope/")} == {
        name for name in inside if name.startswith(f"convscope-{convscope.__version__}.dist-info/")
    }


def test_the_installed_program_runs_from_anywhere(installed: Path, tmp_path: Path):
    assert run(installed / "convscope", "--version", cwd=tmp_path) == f"convscope {convscope.__version__}"
    where = run(installed / "python", "-c", "import convscope; print(convscope.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parent)


def test_the_installed_package_brings_its_data(installed: Path, tmp_path: Path):
    code = (
        "from convscope.tasks.digits import load; print(load().train_images.shape, load().test_images.shape)"
    )
    assert run(installed / "python", "-c", code, cwd=tmp_path) == "(60000, 28, 28) (10000, 28, 28)"


def test_the_installed_program_works_on_a_picture(installed: Path, tmp_path: Path):
    from PIL import Image

    Image.new("L", (8, 6), 255).save(tmp_path / "white.png")
    out = run(installed / "convscope", "conv", "white.png", "-k", "1,-1", "-o", "out.png", cwd=tmp_path)
    assert "out.png: 6 x 7, grey" in out
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (7, 6)
