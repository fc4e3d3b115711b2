"""How results of the lens show themselves and are saved: cards, contact sheets, tables, recipes."""

from convscope.lens.shown.again import again, recipe_of
from convscope.lens.shown.cards import Card, contact_sheet
from convscope.lens.shown.portray import as_picture, framed, heat, plot
from convscope.lens.shown.remade import Remade
from convscope.lens.shown.results import Listed, Shown

__all__ = [
    "Card",
    "Listed",
    "Remade",
    "Shown",
    "again",
    "as_picture",
    "contact_sheet",
    "framed",
    "heat",
    "plot",
    "recipe_of",
]
