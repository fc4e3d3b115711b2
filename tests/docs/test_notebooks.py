"""The learners' chapters: stored as they should be, the same in both languages, and every cell runs."""

import importlib.util
import io
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image

CHECKOUT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("notebooks", CHECKOUT / "scripts" / "docs" / "notebooks.py")
assert SPEC is not None
assert SPEC.loader is not None
notebooks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(notebooks)

CHAPTERS = notebooks.chapters()
LARGEST = 60_000  # bytes of a picture


def name_of(path: Path) -> str:
    return path.stem


def stored(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def pairs(path: Path) -> list[tuple[str, str]]:
    """Each English text with the Chinese one that follows it."""
    texts = [cell for cell in stored(path).cells if cell.cell_type == "markdown"]
    assert [cell.metadata.lang for cell in texts] == ["en", "zh"] * (len(texts) // 2)
    return [(texts[k].source, texts[k + 1].source) for k in range(0, len(texts), 2)]


def numbers(text: str) -> Counter[str]:
    """Digits in the sentences: not in code, placeholders and the names of files."""
    sentences = re.sub(r"`[^`]*`|\{\{.*?\}\}|\]\([^)]*\)|^\d\.", "", text, flags=re.MULTILINE)
    return Counter(re.findall(r"\d+(?:[.,]\d+)*", sentences))


def marks(text: str) -> tuple[Counter[str], ...]:
    """What a text consists of beside words: code, placeholders, links, headings."""
    found = (r"`[^`]+`|^    .*$", r"\{\{.*?\}\}", r"\]\(([^)]*)\)", r"^#+(?= )")
    return tuple(Counter(re.findall(each, text, flags=re.MULTILINE)) for each in found)


def test_there_are_six():
    assert [path.stem[:2] for path in CHAPTERS] == ["1-", "2-", "3-", "4-", "5-", "6-"]


@pytest.mark.parametrize("path", CHAPTERS, ids=name_of)
def test_stored_without_what_running_and_editing_leave_behind(path: Path):
    as_it_should_be = nbformat.writes(notebooks.cleared(stored(path))) + "\n"
    assert path.read_text() == as_it_should_be, f"run scripts/notebooks clear {path.stem}"


@pytest.mark.parametrize("path", CHAPTERS, ids=name_of)
def test_both_languages_say_the_same(path: Path):
    for english, chinese in pairs(path):
        assert numbers(english) == numbers(chinese), f"{english}\n\n{chinese}"
        assert marks(english) == marks(chinese), f"{english}\n\n{chinese}"
        assert re.search(r"[\u4e00-\u9fff]", chinese)
        assert not re.search(r"[\u4e00-\u9fff]", english)


@pytest.mark.parametrize("path", CHAPTERS, ids=name_of)
def test_links_lead_somewhere(path: Path):
    for english, _ in pairs(path):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", english):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", CHAPTERS, ids=name_of)
def test_every_cell_runs_and_the_pages_show_it(path: Path):
    done = notebooks.executed(path)
    made = notebooks.pages(done)
    drawn = [cell for cell in done.cells if "figure" in cell.metadata]
    names = {cell.metadata.figure.name for cell in drawn}
    assert len(names) == len(drawn) > 0
    assert all(name.startswith(path.stem[:2]) for name in names), "chapters share one folder of pictures"
    for cell in done.cells:
        outputs = cell.get("outputs", [])
        assert not [each.text for each in outputs if each.get("name") == "stderr"]
        pictures = [each for each in outputs if "image/png" in each.get("data", {})]
        assert len(pictures) == ("figure" in cell.metadata), cell.source

    assert made["en"].pictures == made["zh"].pictures
    for language, page in made.items():
        for cell in drawn:
            name = f"{cell.metadata.figure.name}.webp"
            assert f"![{cell.metadata.figure[language]}](pictures/{name})" in page.text
            assert len(page.pictures[name]) <= LARGEST
            assert Image.open(io.BytesIO(page.pictures[name])).convert("L").getextrema() != (255, 255)
        assert "{{" not in re.sub(r"```.*?```", "", page.text, flags=re.DOTALL)
        assert page.text.startswith(f"# {path.stem[0]} · ")


def notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells))


def text(source: str, language: str = "en") -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"lang": language})


def written(folder: Path, *cells: nbformat.NotebookNode) -> Path:
    path = folder / "small.ipynb"
    path.write_text(nbformat.writes(notebook(*cells)))
    return path


def test_placeholders_hold_what_was_so_at_their_place_and_nothing_runs_twice(tmp_path: Path):
    code = nbformat.v4.new_code_cell
    path = written(
        tmp_path,
        *(code("part, names = 0.25, {'a': 1}"), text('{{ part:.0%}} {{ names["a"] }}'), text("{{part}}", "zh")),
        *(code("part = 1"), text("now {{ part }}"), text("现在 {{ part }}", "zh"), code("print(part)")),
    )
    first = notebooks.executed(path, tmp_path / "kept")
    made = notebooks.pages(first)
    assert made["en"].text == (
        "```python\npart, names = 0.25, {'a': 1}\n```\n\n25% 1\n\n```python\npart = 1\n```\n\nnow 1\n\n"
        "```python\nprint(part)\n```\n\n```text\n1\n```\n"
    )
    assert "0.25" in made["zh"].text
    (kept,) = (tmp_path / "kept").glob("*.ipynb")
    kept.write_text(kept.read_text().replace("now 1", "from the cache"))
    assert "from the cache" in notebooks.pages(notebooks.executed(path, tmp_path / "kept"))["en"].text


def test_what_fails_fails_the_build(tmp_path: Path):
    path = written(tmp_path, text("{{ 1 / 0 }}"))  # a placeholder becomes a cell
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.executed(path, tmp_path / "kept")
    assert not list((tmp_path / "kept").glob("*.ipynb"))


def test_links_between_chapters_become_links_between_pages():
    own = "[`1-a.ipynb`](1-a.ipynb)"
    page = notebooks.pages(notebook(text(f"{own}, [two](2-b.ipynb#three), [out](../x.md)")))["en"]
    assert page.text == f"{own}, [two](2-b.md#three), [out](../x.md)\n"
