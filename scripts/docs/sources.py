"""Files outside docs that pages link to, as pages: the site has no repository beside it to link into."""

import ast
import os
import re
from functools import cache
from pathlib import Path, PurePosixPath

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
WRITTEN_IN = {".py": "python", ".sh": "sh", ".toml": "toml", ".yml": "yaml"}
SHOWN = ("README.md", "README.zh.md", "CHANGELOG.md", "NOTICE", "LICENSE", "examples")


def page_of(file: str) -> str | None:
    """The place in docs of the page that shows a file or folder of the checkout; None where there is none."""
    name = PurePosixPath(file)
    if not any(name.is_relative_to(shown) for shown in SHOWN) or not (CHECKOUT / file).exists():
        return None
    if (CHECKOUT / file).is_dir():
        return f"sources/{file}/index.md"
    if name.suffix == ".md":  # a README would be taken for the index of its folder
        return f"sources/{file.lower()}"
    return f"sources/{name.with_suffix('')}.md"


@cache
def pages() -> dict[str, str]:
    made: dict[str, str] = {}
    for name in SHOWN:
        path = CHECKOUT / name
        files = sorted(path.glob("*.py")) if path.is_dir() else [path]
        if path.is_dir():
            made[_page(path)] = _listing(path, files)
        made |= {_page(file): _shown(file) for file in files}
    return made


def _page(path: Path) -> str:
    page = page_of(path.relative_to(CHECKOUT).as_posix())
    assert page is not None
    return page


def _listing(folder: Path, files: list[Path]) -> str:
    lines = [f"- [{file.name}]({file.stem}.md): {_first_line(file)}" for file in files]
    return f"# {folder.relative_to(CHECKOUT).as_posix()}\n\n" + "\n".join(lines) + "\n"


def _first_line(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _shown(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return re.sub(r"\]\((?![a-z]+:|#)", "](../../", text).replace("](../../docs/", "](../")
    language = WRITTEN_IN.get(file.suffix, "text")
    return f"# {file.relative_to(CHECKOUT).as_posix()}\n\n````{language}\n{text.rstrip()}\n````\n"


def outside(path: str) -> str | None:
    """A path that is relative to docs, from the checkout, when it leads out of docs."""
    full = os.path.normpath(DOCS / path)
    return None if Path(full).is_relative_to(DOCS) else Path(full).relative_to(CHECKOUT).as_posix()
