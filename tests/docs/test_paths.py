"""The pages for engineers and researchers do what they say: Python prints what stands under it, commands are known."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from convscope.cli.app import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["index", "engineers", "researchers"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / f"{page}.md").read_text(), re.DOTALL | re.MULTILINE)


def test_what_researchers_are_shown_is_printed():
    shown = re.findall(
        r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```$)?",
        (DOCS / "researchers.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert len(shown) == len(blocks("researchers", "python")) > 3
    names: dict[str, object] = {}  # as in a notebook, later blocks go on with the names of earlier ones
    for code, expected in shown:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "researchers.md", "exec"), names)
        assert printed.getvalue() == expected


def lines() -> list[str]:
    joined = [line for page in PAGES for block in blocks(page, "sh") for line in _whole(block)]
    return sorted({line for line in joined if line.startswith("convscope ")})


def _whole(block: str) -> list[str]:
    return re.sub(r"\s*\\\n\s*", " ", block).splitlines()


@pytest.mark.parametrize("line", lines())
def test_commands_know_the_options_they_are_given(line: str):
    words = shlex.split(line, comments=True)[1:]
    asked: list[str] = []
    command = get_command(app)
    while words and (inner := getattr(command, "commands", {})):
        asked.append(words.pop(0) if words[0] in inner else "make")  # an atlas is made where nothing else is named
        command = inner[asked[-1]]
    told = CliRunner().invoke(app, [*asked, "--help"])
    assert told.exit_code == 0, told.output
    for option in (word for word in words if re.match("--?[a-z]", word)):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", told.output), f"{' '.join(asked)} has no {option}"
