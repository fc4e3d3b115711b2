"""One photograph made anew: how it shows itself and is saved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convscope.files import AnyPath, check_can_write, write_whole
from convscope.lens.anysize import shrunk
from convscope.lens.shown.cards import Card
from convscope.lens.shown.results import Shown
from convscope.pictures import Picture, check_ending, encoded

IN_NOTEBOOKS = 1024
"""Pixels: a notebook shows a picture with a longer side made smaller."""


@dataclass(frozen=True)
class Remade(Shown):
    """A result that is one picture of any size.

    picture: (h, w, 3) of uint8. recipe: everything that it takes to make it again, as plain numbers and text.
    """

    picture: Picture
    recipe: Mapping[str, Any]

    def cards(self) -> Iterator[Card]:
        """The picture as a page shows it, with a longest side of at most 1024; `save` writes all of it."""
        yield Card(shrunk(self.picture, IN_NOTEBOOKS))

    def save(self, path: AnyPath) -> list[Path]:
        """Write the picture, with its recipe, as .png, .jpg, .jpeg or .webp; returns the file, alone in a list.

        `convscope.pictures.recipe_in` reads the recipe.

        Raises InputError where nothing can be written, for other endings, and for a picture larger than that kind of
        file holds.
        """
        path = written_as(path, self.picture.shape[:2])
        return [write_whole(path, encoded(self.picture, path.suffix, self.recipe))]


def written_as(path: AnyPath, sides: Sequence[int] = ()) -> Path:
    """The file that a picture of those sides (h, w) is to be saved in, asked about before long work.

    Raises InputError as `Remade.save` does.
    """
    path = Path(path)
    check_ending(path.suffix or path.name, sides)
    return check_can_write(path)
