"""What results have in common: they show themselves in notebooks and save themselves with their recipe."""

import base64
import html
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from convscope.errors import InputError
from convscope.files import AnyPath, check_can_write, write_whole
from convscope.lens.shown.cards import Card, contact_sheet
from convscope.pictures import Picture, png

IN_NOTEBOOKS = 100
"""Cards that a notebook shows; a saved sheet has all."""


class Shown(ABC):
    """A result made of pictures. It says which (`cards`); how they are shown and saved follows from that."""

    recipe: Mapping[str, Any]
    """How it was made, as plain data; goes into every file. Whoever inherits sets it."""

    @abstractmethod
    def cards(self) -> Iterable[Card]:
        """The pictures, with what stands under each."""

    def sheet(self, columns: int | None = None) -> Picture:
        """All of them on one page. Raises InputError where there are none."""
        return _page(list(self.cards()), columns)

    def save(self, path: AnyPath) -> list[Path]:
        """Write one page into a .png, or else each picture, without its caption, into a folder of that name.

        Every file carries the recipe (`convscope.pictures.png_recipe` reads it). Returns the files written.

        Raises InputError where nothing can be written there, and for names with other endings than .png.
        """
        path = saved_as(path)
        if path.suffix:
            return [write_whole(path, png(self.sheet(), self.recipe))]
        return [
            write_whole(path / f"{card.name or k}.png", png(card.picture, {**self.recipe, "picture": card.caption}))
            for k, card in enumerate(self.cards())
        ]

    def _repr_png_(self) -> bytes:
        return png(_page(list(islice(self.cards(), IN_NOTEBOOKS))), self.recipe)

    def _repr_html_(self) -> str:
        cards = list(islice(self.cards(), IN_NOTEBOOKS + 1))
        page = base64.b64encode(png(_page(cards[:IN_NOTEBOOKS]), self.recipe)).decode()
        words = html.escape("; ".join(card.caption.replace("\n", ", ") for card in cards[:IN_NOTEBOOKS]))
        more = f"<p>The first {IN_NOTEBOOKS}; save() writes all.</p>" if len(cards) > IN_NOTEBOOKS else ""
        return f'<img alt="{words}" src="data:image/png;base64,{page}">{more}'


class Listed(ABC):
    """A result made of rows. It says which (`table`); text and HTML follow from that."""

    @abstractmethod
    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """The columns' names, and the rows."""

    def __str__(self) -> str:
        return as_text(*self.table())

    def _repr_html_(self) -> str:
        head, rows = self.table()
        titles = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def as_text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their names, for a terminal.

    >>> print(as_text(("layer", "size"), [("features.0", "3 x 3")]))
    layer       size
    features.0  3 x 3
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ("  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)


def saved_as(path: AnyPath) -> Path:
    """The place a result is saved at, asked about before long work: a .png or a folder. Raises InputError as `save`."""
    path = Path(path)
    if path.suffix.lower() not in ("", ".png"):
        raise InputError(f"{str(path)!r}: a .png is written, or a folder of them; end the name in .png or in nothing")
    check_can_write(path if path.suffix else path / "0.png")
    return path


def _page(cards: Sequence[Card], columns: int | None = None) -> Picture:
    if not cards:
        raise InputError("nothing to show: the result holds no pictures")
    return contact_sheet(cards, columns)
