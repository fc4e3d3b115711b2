"""Pictures with a line of words under them, and contact sheets of such cards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convscope import pictures
from convscope.pictures import Picture

SMALLEST = 96
"""Pixels: smaller pictures are enlarged, cell by cell, until their longer side has so many."""
LINE = 15


@dataclass(frozen=True)
class Card:
    """One picture of a result.

    caption: what stands under it, one line or several. name: of its own file, without the ending.
    """

    picture: Picture
    caption: str = ""
    name: str = ""


def contact_sheet(cards: Sequence[Card], columns: int | None = None) -> Picture:
    """All cards on one page, in rows of `columns`; by default about as wide as high.

    >>> contact_sheet([Card(np.zeros((48, 32, 3), np.uint8), "unit 0")] * 4).shape
    (234, 140, 3)
    """
    columns = columns or int(np.ceil(len(cards) ** 0.5))
    lines = max((card.caption.count("\n") + 1 for card in cards if card.caption), default=0)
    return pictures.sheet([_printed(card, lines) for card in cards], columns, gap=4)


def _printed(card: Card, lines: int) -> Picture:
    picture = pictures.enlarge(card.picture, -(-SMALLEST // max(card.picture.shape[:2])))
    if not lines:
        return picture
    font = ImageFont.load_default(12)
    words = card.caption.split("\n")
    height, width = picture.shape[0], max(picture.shape[1], *(int(font.getlength(line)) + 1 for line in words))
    page = Image.new("RGB", (width, height + lines * LINE), "white")
    page.paste(Image.fromarray(picture), ((width - picture.shape[1]) // 2, 0))
    for k, line in enumerate(words):
        ImageDraw.Draw(page).text((width // 2, height + (k + 1) * LINE - 3), line, "black", font, "ms")
    return np.asarray(page)
