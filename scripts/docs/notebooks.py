"""The learners' chapters: each notebook in docs/learn is executed once and becomes a page in each language.

A Markdown cell says in its metadata which language it is in ("lang"); code cells belong to both, so that both pages
show the same numbers and pictures. In Markdown `{{ name:.1%}}` stands for what Python's f"{name:.1%}" gives at that
place of the notebook. A code cell that draws says what is seen ("figure": its name, and a text in each language), and
one that is no part of the story may be folded ("folded": a title in each language).
"""

import ast
import hashlib
import io
import json
import os
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import numpy as np
from filelock import FileLock
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

from convscope.files import write_whole
from convscope.pictures import webp

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "docs" / "learn"
CACHE = CHECKOUT / "build" / "notebooks"
LANGUAGES = ("en", "zh")
LARGEST = 60_000  # bytes of a picture that keeps every pixel as it is; larger ones, photographs, give some detail away
DENSITY = 1.5  # pixels of a picture to one of the page, so that it is sharp on fine screens
PATIENCE = 120  # seconds for one cell
SURROUNDINGS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1") | {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm's, about a package that nothing here needs
}
PLACEHOLDER = re.compile(r"\{\{\s*(.+?)\s*\}\}")


@dataclass(frozen=True)
class Page:
    """A chapter in one language: its Markdown, and the files of the pictures that it shows, by name."""

    text: str
    pictures: dict[str, bytes]


def chapters() -> list[Path]:
    """The notebooks, in the order in which they are read."""
    return sorted(FOLDER.glob("*.ipynb"))


def placeholders(text: str) -> list[str]:
    return PLACEHOLDER.findall(text)


def executed(path: Path, folder: Path = CACHE) -> NotebookNode:
    """The notebook with outputs, and with values for the placeholders of its text.

    What was executed is kept, and taken again while the notebook, convscope and this file stay as they are. Raises
    nbclient.exceptions.CellExecutionError where a cell or a placeholder fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{path.stem}-{_key(path)}.ipynb"
    with FileLock(folder / f"{path.stem}.lock"):  # tests and the site may want it at once
        if not kept.exists():
            done = nbformat.writes(execute(path))
            for old in folder.glob(f"{path.stem}-*.ipynb"):
                old.unlink()
            write_whole(kept, done.encode())
        return nbformat.read(kept, as_version=4)


def execute(path: Path) -> NotebookNode:
    """The same, anew: in one kernel with one thread, in an empty folder."""
    notebook = _asking(nbformat.read(path, as_version=4))
    with TemporaryDirectory() as folder, TemporaryDirectory() as sockets:  # sockets are files: no port is opened
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        where = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, km=manager, timeout=PATIENCE, resources=where)
        client.owns_km = True  # and so ends it
        client.execute(env=os.environ | SURROUNDINGS)
    return _answered(notebook)


def pages(notebook: NotebookNode) -> dict[str, Page]:
    """An executed chapter as a page in each language; both show the same pictures."""
    pictures: dict[str, bytes] = {}
    parts: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts[cell.metadata.lang].append(_links_to_pages(cell.source))
            continue
        shown = list(_outputs(cell))
        name = f"{cell.metadata.figure.name}.webp" if "figure" in cell.metadata else ""
        pictures.update((name, what) for what in shown if isinstance(what, bytes))
        for language in LANGUAGES:
            blocks = [f"```python\n{cell.source}\n```"]
            for what in shown:
                if isinstance(what, bytes):
                    blocks.append(f"![{cell.metadata.figure[language]}](pictures/{name}){_width(what)}")
                else:
                    blocks.append(f"```text\n{what}\n```")
            if "folded" in cell.metadata:
                blocks = [_folded(cell.metadata.folded[language], blocks)]
            parts[language] += blocks
    return {language: Page("\n\n".join(parts[language]) + "\n", pictures) for language in LANGUAGES}


def cleared(notebook: NotebookNode) -> NotebookNode:
    """As notebooks are stored: without outputs, counts, and what an editor left behind."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        kept = ("lang", "figure", "folded")
        cell.metadata = NotebookNode({name: cell.metadata[name] for name in kept if name in cell.metadata})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def made() -> dict[str, bytes]:
    """Every file that the chapters become, by its place in docs."""
    files = {}
    for path in chapters():
        for language, page in _pages_of(path, _key(path)).items():
            ending = ".md" if language == LANGUAGES[0] else f".{language}.md"
            files[f"learn/{path.stem}{ending}"] = page.text.encode()
            files |= {f"learn/pictures/{name}": data for name, data in page.pictures.items()}
    return files


@cache
def _pages_of(path: Path, key: str) -> dict[str, Page]:
    return pages(executed(path))


def _key(path: Path) -> str:
    """Changes with everything that the outputs hang on, but for other packages' versions."""
    return hashlib.sha256(path.read_bytes() + _program()).hexdigest()[:16]


@cache
def _program() -> bytes:
    sources = (Path(__file__), *sorted((CHECKOUT / "src" / "convscope").rglob("*.py")))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()


def _asking(notebook: NotebookNode) -> NotebookNode:
    """With a cell after each text, that prints the values of its placeholders."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown" and (wanted := placeholders(cell.source)):
            values = ", ".join(f"f'''{{{each}}}'''" for each in wanted)
            asks = nbformat.v4.new_code_cell(f"print([{values}])")
            asks.metadata.asks = True
            cells.append(asks)
    notebook.cells = cells
    return notebook


def _answered(notebook: NotebookNode) -> NotebookNode:
    """With the values in their places, and those cells gone."""
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.metadata.get("asks"):
            values = iter(ast.literal_eval(cell.outputs[0].text))
            cells[-1].source = PLACEHOLDER.sub(lambda _: next(values), cells[-1].source)  # noqa: B023
        else:
            cells.append(cell)
    notebook.cells = cells
    return notebook


def _outputs(cell: NotebookNode) -> Iterator[str | bytes]:
    """What a code cell gave: texts, and the files of pictures."""
    for printed, outputs in groupby(cell.outputs, lambda output: output.output_type == "stream"):
        if printed:
            yield "".join(output.text for output in outputs).rstrip()
            continue
        for output in outputs:
            png = output.data.get("image/png")
            yield _smaller(b64decode(png)) if png else output.data["text/plain"].rstrip()


def _smaller(png: bytes) -> bytes:
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    exact = webp(picture)
    return exact if len(exact) <= LARGEST else webp(picture, 85)


def _width(picture: bytes) -> str:
    """For the attr_list extension: how wide a picture is shown, in CSS pixels."""
    return f'{{ width="{round(Image.open(io.BytesIO(picture)).width / DENSITY)}" }}'


def _folded(title: str, blocks: list[str]) -> str:
    inside = "\n".join(f"    {line}".rstrip() for line in "\n\n".join(blocks).splitlines())
    return f"??? note {json.dumps(title, ensure_ascii=False)}\n\n{inside}"


def _links_to_pages(text: str) -> str:
    """Links between chapters: notebooks in Jupyter, pages on the site; a link in code style is to the file itself."""
    return re.sub(r"(?<!`)\]\(([\w-]+)\.ipynb", r"](\1.md", text)
