"""The pages of an atlas: one page that opens from disk, and the data it loads as it is looked at. Knows no network.

`pages` reads the records and gives files; `static/` draws, in the reader's browser. A page opened from disk may load
no data but scripts, so all data are scripts: `data/atlas.js` (networks, layers, the map), and of each layer what a wall
needs, what it needs to show real pictures, and cards, a few units each.
"""

from collections.abc import Iterator

from convscope.atlas.site import cards, columns
from convscope.atlas.site.overview import classes, overview, training
from convscope.atlas.site.scripts import LANGUAGES, script, static, texts
from convscope.atlas.site.shelf import Data, Shelf
from convscope.atlas.store import Store

__all__ = ["pages"]


def pages(store: Store, facts: Data) -> Iterator[tuple[str, bytes | str]]:
    """(path in the atlas, content) of every file that the reader's browser needs; made one after another.

    facts: of the manifest, with the keys of all records (docs/format.md).
    """
    yield from static().items()
    for language in LANGUAGES:
        yield _data(f"texts-{language}", texts(language))
    shelf = Shelf(store, facts)
    sums: list[list[Data]] = []
    for member, network in enumerate(shelf.networks):
        pictures = shelf.pictures(member)
        sums.append([])
        for layer in range(len(network["layers"])):
            units = _units(shelf, member, layer)
            shelf.find_faces((member, layer), units, pictures)
            told = columns.columns(shelf, (member, layer), units)
            sums[-1].append({"labels": columns.counted(told), "thumbs": columns.thumbs(told)})
            yield _data(f"m{member}-l{layer}", told)
    yield _data("atlas", overview(shelf, sums))
    yield _data("classes", classes(facts))
    for member, network in enumerate(shelf.networks):
        pictures = shelf.pictures(member)
        yield _data(f"m{member}-training", training(network, pictures, classes(facts)))
        for layer in range(len(network["layers"])):
            units = _units(shelf, member, layer)
            yield _data(f"m{member}-l{layer}-tops", cards.tops(shelf, (member, layer), units, pictures))
            for number, chunk in enumerate(cards.chunks(shelf, (member, layer), units, pictures)):
                yield _data(f"m{member}-l{layer}-u{number}", chunk)


def _units(shelf: Shelf, member: int, layer: int) -> Data:
    found = shelf.record((member, layer), "units")
    return found if found is not None else columns.unknown(shelf.layer((member, layer))["shape"][0])


def _data(name: str, content: Data | list | None) -> tuple[str, str]:
    return f"data/{name}.js", script(name, content)
