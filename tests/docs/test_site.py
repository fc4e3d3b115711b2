"""The docs site builds without a warning, in both languages, with all commands and public names; its links hold."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from filelock import FileLock

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = CHECKOUT / "scripts" / "docs"
ASSETS = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src", "video": "src"}


@cache
def script(name: str) -> ModuleType:
    """One of scripts/docs, which are no package: MkDocs takes them as hooks."""
    sys.path.insert(0, str(SCRIPTS))  # for what it imports beside it
    try:
        spec = util.spec_from_file_location(f"docs_{name}", SCRIPTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, whatever the number of workers; the first one builds, the others wait."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with FileLock(folder / "site.lock"):
        said = folder / "site.txt"
        if not said.exists():
            done = subprocess.run(
                [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder / "site")],
                cwd=CHECKOUT,
                env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONUTF8": "1"},
                capture_output=True,
                text=True,
                encoding="utf-8",
            )
            said.write_text(f"{done.returncode}\n{done.stderr}", encoding="utf-8")
    status, _, told = said.read_text(encoding="utf-8").partition("\n")
    assert status == "0", re.sub(r"^INFO.*\n", "", told, flags=re.MULTILINE)
    return folder / "site"


class Read(HTMLParser):
    """What one page has: its language, the places that links can lead to, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag == "html":
            self.language = given.get("lang") or ""
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if given.get(ASSETS.get(tag, "")):
            self.loads.append(given[ASSETS[tag]])


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Read]:
    return {
        path.relative_to(site).as_posix(): Read(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")
    }


def test_every_page_is_there_in_both_languages(pages: dict[str, Read]):
    english = {name for name in pages if not name.startswith("zh/")} - {"404.html"}
    assert {name.removeprefix("zh/") for name in pages if name.startswith("zh/")} - {"404.html"} == english
    assert {"index.html", "engineers.html", "researchers.html", "compares.html", "learn/1-operation.html"} <= english
    for name in english:
        assert (pages[name].language, pages[f"zh/{name}"].language) == ("en", "zh")


def test_every_command_has_its_section(pages: dict[str, Read]):
    listed = list(script("commands").commands())
    assert ("train", "style") in listed
    for words in listed:
        assert "-".join(("convscope", *words)) in pages["reference/commands.html"].ids


def _told(page: Read, module: ModuleType, name: str) -> bool:
    what = getattr(module, name)
    if isinstance(what, ModuleType):
        return what.__name__ in {room.module for room in script("api").ROOMS}  # it has a page of its own
    if isinstance(what, int):
        return True  # a line that sets several numbers at once is not read by griffe
    defined = f"{getattr(what, '__module__', '')}.{name}"
    return f"{module.__name__}.{name}" in page.ids or (defined.endswith(f".{name}.{name}") and defined in page.ids)


@pytest.mark.parametrize("room", script("api").ROOMS, ids=lambda room: room.module)
def test_every_public_name_of_a_room_is_in_the_reference(pages: dict[str, Read], room: Any):
    module = import_module(room.module)
    page = pages[f"reference/{room.page.replace('.md', '.html')}"]
    missing = {name for name in room.names or module.__all__ if not _told(page, module, name)}
    assert not missing, f"{room.page} lacks {sorted(missing)}"


def _targets(name: str, read: Read) -> Iterator[tuple[str, str, str]]:
    """(link, file that it leads to, anchor), of the links that stay on the site."""
    for link in read.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        path = os.path.normpath(Path(name).parent / unquote(parts.path)) if parts.path else name
        yield link, Path(path).as_posix(), unquote(parts.fragment)


def test_links_lead_to_pages_and_places_that_are_there(site: Path, pages: dict[str, Read]):
    wrong: list[str] = []
    for name, read in pages.items():
        if name.endswith("404.html"):
            continue  # its links are absolute: it stands for any address
        for link, path, anchor in _targets(name, read):
            if path not in pages:
                if not (site / path).is_file():
                    wrong.append(f"{name}: {link} leads to no page")
            elif anchor and anchor not in pages[path].ids and anchor != "__skip":
                wrong.append(f"{name}: {link} leads to no place on {path}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[str, Read]):
    for name, read in pages.items():
        for loaded in read.loads:
            parts = urlsplit(loaded)
            assert not parts.netloc, f"{name} loads {loaded}"
            if parts.scheme != "data" and not name.endswith("404.html"):
                assert (site / Path(name).parent / unquote(parts.path)).exists(), f"{name} loads {loaded}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_search_knows_both_languages(site: Path):
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert '"location":"zh/lens.html' in index
    assert '"location":"lens.html' in index


@pytest.mark.parametrize(
    ("page", "given", "made"),
    [
        ("a.zh.md", "[b](lens.zh.md#x)", "[b](lens.md#x)"),
        ("lens.md", "In Chinese: [透镜](lens.zh.md)", 'In Chinese: <a href="zh/lens.html">透镜</a>'),
        ("lens.zh.md", "[English](lens.md)", '<a href="../lens.html">English</a>'),
        ("a.md", "[files](../examples), `[x](../no)`", "[files](sources/examples/index.md), `[x](../no)`"),
        ("decisions/a.md", "[`lens`](../lens.md)", "[`lens`](../lens.md)"),
        ("a.md", "[how](learn/1-operation.ipynb)", "[how](learn/1-operation.md)"),
        ("a.md", "```text lens.py\n[b](../no.md)\n```", '```text title="lens.py"\n[b](../no.md)\n```'),
        ("a.md", "[there](https://example.org/a.zh.md) [here](#below)", None),
    ],
)
def test_links_and_blocks_are_made_ready_for_the_site(page: str, given: str, made: str | None):
    url = page.replace(".zh.md", ".md").replace(".md", ".html")
    assert script("links").ready(given, page, f"zh/{url}" if ".zh." in page else url) == (made or given)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("(n, *rest) and `*` too, x < y", r"(n, \*rest) and `*` too, x \< y"),
        ("it *reads* by one\nrule: (n, *a)", "it *reads* by one\nrule: (n, \\*a)"),
        ("First.\n\n>>> 1 + 1\n2", "First.\n\n```pycon\n>>> 1 + 1\n2\n```"),
        ("size   rows\n       and columns\nbias   or not", "`size`\n:   rows\n    and columns\n\n`bias`\n:   or not"),
        ("units: which.\nsize: the shape.", "`units`: which.  \n`size`: the shape."),
        ("    a = b\n    c = d", "```text\na = b\nc = d\n```"),
    ],
)
def test_docstrings_become_markdown(given: str, made: str):
    assert script("docstrings").markdown(given) == made
