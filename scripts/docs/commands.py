"""The page of all commands, as each prints its own `--help`."""

from collections.abc import Iterator
from functools import cache

from typer.main import get_command
from typer.testing import CliRunner

from convscope.cli.app import app

WIDTH = 80  # columns: what fits beside the page's own menus
PAGES = {
    "reference/commands.md": """# Commands

What each command prints when it is asked with `--help`. A command ends with status 0 when it is done, 1 when it is done
and the answer is no (`grade`, `recover`), 2 when its input cannot be used, with one line on stderr that says why, and
130 when it was stopped with Ctrl-C.
""",
    "reference/commands.zh.md": """# 命令

以下是各命令加上 `--help` 时打印的内容（英文）。退出状态：0 表示完成；1 表示完成，但答案是“否”（`grade`、`recover`）；\
2 表示输入无法使用，stderr 上给出一行说明；130 表示被 Ctrl-C 中止。
""",
}


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command and group, the shorter first."""
    yield from _below(get_command(app), ())


def _below(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            yield from _below(each, (*words, name))


def told(words: tuple[str, ...]) -> str:
    asked = CliRunner().invoke(app, [*words, "--help"], prog_name="convscope", env={"COLUMNS": str(WIDTH)})
    if asked.exit_code != 0:
        raise RuntimeError(f"convscope {' '.join(words)} --help ended with {asked.exit_code}: {asked.output}")
    return asked.output.strip("\n")


@cache
def pages() -> dict[str, str]:
    sections = "\n".join(map(_section, commands()))
    return {name: f"{preface}\n{sections}" for name, preface in PAGES.items()}


def _section(words: tuple[str, ...]) -> str:
    level = "#" * max(2, len(words) + 1)
    return f"{level} {' '.join(('convscope', *words))}\n\n```text\n{told(words)}\n```\n"
