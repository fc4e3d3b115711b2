"""From the store to the pages: reads records, gives HTML; the templates draw. Knows no network."""

from collections.abc import Iterator, Mapping
from importlib.resources import files

import jinja2

from convscope.atlas import cards, overview
from convscope.atlas.book import Book, Data
from convscope.atlas.store import Store
from convscope.atlas.texts import LANGUAGES, Texts

STATIC = ("atlas.css", "atlas.js")


def pages(store: Store, facts: Data, keys: Mapping[str, str]) -> dict[str, str]:
    """All pages in all languages, and what they load: path in the atlas's folder -> content.

    facts: as `job` puts them into the manifest. keys: the records' names -> their keys in the store.
    """
    here = files("convscope.atlas")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(here / "templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = {folder: Texts(language) for language, folder in LANGUAGES.items()}
    languages = [{"lang": t("lang"), "name": t("name"), "folder": folder} for folder, t in texts.items()]
    out = {name: (here / "static" / name).read_text(encoding="utf-8") for name in STATIC}
    for folder, t in texts.items():
        book = Book(store, facts, keys, root="../" * folder.count("/"))
        rows, columns = book.size
        shared = {
            "t": t,
            "root": book.root,
            "languages": languages,
            "learned": book.learned,
            "classes": book.classes,
            "rows": rows,
            "columns": columns,
        }
        for page, template, content in _contents(book):
            out[folder + page] = environment.get_template(template).render(shared | content, page=page)
    return out


def _contents(book: Book) -> Iterator[tuple[str, str, Data]]:
    """(file name, template, what it is told) of every page."""
    for layer in book.learned:
        content = cards.content(book, layer)
        yield layer["page"], "layer.html", content
        if layer is book.output:
            yield "index.html", "index.html", overview.content(book, content["cards"])
