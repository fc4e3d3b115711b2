"""What the README says is so: its Python prints what stands under it, its tree lists what is there."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from convscope.cli.app import app

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_python_prints_what_the_readme_shows():
    shown = re.findall(r"^```python\n(.*?)^```\n```text\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert len(shown) == len(blocks("python")) > 0, (
        "each python block is followed by a text block: what it prints"
    )
    names: dict[str, object] = {}  # as in a notebook, later blocks go on with the names of earlier ones
    for code, expected in shown:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        assert printed.getvalue() == expected


def commands() -> list[str]:
    lines = "".join(blocks("sh")).splitlines()
    return [line for line in lines if line.startswith("convscope ")]


@pytest.mark.parametrize("line", commands())
def test_commands_know_the_options_the_readme_gives_them(line: str):
    words = shlex.split(line, comments=True)[1:]
    depth = 2 if words[0] in ("train", "evaluate", "predict", "ablate", "go", "text") else 1
    if words[0] == "atlas":
        depth = 2
        words[1:1] = [] if words[1] in ("verify", "merge") else ["make"]  # which is meant where none is named
    told = CliRunner().invoke(app, [*words[:depth], "--help"])
    assert told.exit_code == 0, told.output
    for option in (word for word in words if re.match("--?[a-z]", word)):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", told.output), (
            f"{' '.join(words[:depth])} has no {option}"
        )


def test_make_knows_the_readme_targets():
    targets = re.findall(r"^make (\w+)", "".join(blocks("sh")), re.MULTILINE)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)


def listed() -> dict[str, str]:
    """Path -> comment, of the tree's entries; two more spaces of indentation are one folder deeper."""
    (tree,) = re.findall(r"^```text\n(src/convscope/\n.*?)^```$", README, re.DOTALL | re.MULTILINE)
    above: list[str] = []
    entries: dict[str, str] = {}
    for line in tree.splitlines():
        ((indent, name, comment),) = re.findall(r"^( *)(\S+) *(.*)$", line)
        above[len(indent) // 2 :] = [name]
        entries["".join(above)] = comment
    return entries


def test_the_tree_lists_every_source_file():
    here = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "src" / "convscope").rglob("*.py")
        if path.name != "__init__.py" or path.read_text().strip().count("\n") > 5
    }
    missing = here - set(listed())
    assert not missing, f"the README's tree lacks {sorted(missing)}"


def test_everything_in_the_tree_is_there_and_explained():
    for path, comment in listed().items():
        assert (CHECKOUT / path).exists(), f"the README's tree lists {path}"
        assert comment or path.endswith("/"), f"the README's tree says nothing about {path}"


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in (CHECKOUT / "docs").glob("*.md"))])
def test_links_lead_somewhere(page: str):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (CHECKOUT / page).read_text()):
        assert ((CHECKOUT / page).parent / target).exists(), f"{page} links to {target}"
