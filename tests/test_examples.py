"""Every script in examples/ runs, and what docs/ quotes of it (blocks, numbers, pictures) is what it prints."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from convscope.files import write_whole

CHECKOUT = Path(__file__).parents[1]
SCRIPTS = sorted((CHECKOUT / "examples").glob("*.py"))
DRAWING = [script for script in SCRIPTS if "--out" in script.read_text()]
PAGES = sorted((CHECKOUT / "docs").glob("*.md"))
WHAT_IS_WRONG = [CHECKOUT / "docs" / f"what-is-wrong-and-why{language}.md" for language in ("", ".zh")]
CHECKED = [CHECKOUT / "docs" / "tutorials.md", *WHAT_IS_WRONG]


def name_of(path: Path) -> str:
    return path.name


def run(script: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """What a script prints; run once for all tests, also where several processes share them."""
    ours = tmp_path_factory.getbasetemp()
    kept = (ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours) / "printed"
    kept.mkdir(exist_ok=True)

    def text(script: Path) -> str:
        file = kept / f"{script.stem}.txt"
        with FileLock(kept / f"{script.stem}.lock"):
            if not file.exists():
                with TemporaryDirectory() as folder:
                    told = run(script, Path(folder))
                    assert not list(Path(folder).iterdir()), "without --out nothing is written"
                write_whole(file, told)
        return file.read_text(encoding="utf-8")

    return text


def quoted(page: Path) -> list[tuple[str, str]]:
    """(script, text) of the blocks that a page quotes, which open with ```text NAME.py."""
    return re.findall(r"^```text (\S+\.py)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def claimed(page: Path) -> list[str]:
    """Numbers in a page's sentences that are measured: with a decimal point, negative, or of three digits and more."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", prose)
    return re.findall(r"(?<![\w.])-?\d+\.\d+|(?<![\w.-])-\d+|(?<![\w.-])\d{3,}", prose)


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_runs_and_is_short(script: Path, printed):
    assert printed(script).strip()
    assert len(script.read_text().splitlines()) < 80


@pytest.mark.parametrize("page", [page for page in PAGES if quoted(page)], ids=name_of)
def test_the_blocks_of_a_page_are_what_the_scripts_print(page: Path, printed):
    for script, text in quoted(page):
        output = printed(CHECKOUT / "examples" / script)
        assert f"\n{text}" in f"\n{output}", f"{page.name} quotes {script} with what it does not print"


@pytest.mark.parametrize("page", CHECKED, ids=name_of)
def test_the_numbers_in_the_sentences_are_printed_by_the_scripts_quoted(page: Path):
    shown = "\n".join(text for _, text in quoted(page))
    assert claimed(page)
    for number in claimed(page):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\.?\d)", shown), f"{page.name}: no script prints {number}"


def test_the_two_languages_say_the_same():
    english, chinese = WHAT_IS_WRONG
    assert quoted(english) == quoted(chinese)
    assert Counter(claimed(english)) == Counter(claimed(chinese))
    headings = [re.findall(r"^#+ ", page.read_text(), re.MULTILINE) for page in (english, chinese)]
    assert headings[0] == headings[1]


def test_every_script_has_its_place_in_the_docs():
    told = "".join(page.read_text() for page in PAGES)
    assert not [script.name for script in SCRIPTS if script.name not in told]


@pytest.mark.parametrize("script", DRAWING, ids=name_of)
def test_the_pictures_in_the_docs_are_those_drawn(script: Path, tmp_path: Path):
    run(script, tmp_path, "--out", "new")
    drawn = sorted((tmp_path / "new").iterdir())
    assert drawn
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    for path in drawn:
        kept = CHECKOUT / "docs" / "pictures" / path.name
        np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(kept)))
