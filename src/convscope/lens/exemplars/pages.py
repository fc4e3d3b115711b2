"""Examples to look at: for each unit a page of what it sees of its strongest and of its weakest pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.exemplars.crops import Which, crops
from convscope.lens.exemplars.found import Extremes, Found
from convscope.lens.photos import Photos
from convscope.lens.shown import Card, Shown, contact_sheet

LINKED = 3
"""Classes that are named under a page."""


class Pages(Shown):
    """A card for each unit of each layer that examples were found for, or for the units named.

    pictures: those that the examples were found in; None where the crops were kept. progress: called before each
    card with those done, their number, and what is being done.

    Raises InputError for units that a layer has not.
    """

    def __init__(
        self,
        found: Found,
        pictures: Photos | np.ndarray | Tensor | None = None,
        units: Sequence[int] | None = None,
        recipe: Mapping[str, Any] | None = None,
        progress: Callable[[int, int, str], object] | None = None,
    ):
        self._found, self._pictures, self._units, self._progress = found, pictures, units, progress
        self.recipe = found.recipe if recipe is None else recipe
        for layer, own in found.items():
            count = len(own.mean)
            if wrong := [unit for unit in units or () if not 0 <= unit < count]:
                raise InputError(f"units: {wrong[0]} of layer {layer!r}, which has {count}; units are 0 to {count - 1}")

    def units(self, layer: str) -> Sequence[int]:
        """Those of the layer that are shown."""
        return range(len(self._found[layer].mean)) if self._units is None else self._units

    def cards(self) -> Iterator[Card]:
        """Each unit's crops, the strongest in the first row, the weakest in the second, their values below them."""
        todo = [(layer, unit) for layer in self._found for unit in self.units(layer)]
        for done, (layer, unit) in enumerate(todo):
            if self._progress is not None:
                self._progress(done, len(todo), layer)
            yield self._card(layer, unit)

    def listed(self, layer: str, unit: int, names: Sequence[str]) -> dict[str, Any]:
        """What a card shows as plain data; names: the pictures'."""
        own = self._found[layer]

        def ends(part: Extremes) -> list[dict[str, Any]]:
            parts = zip(part.index[unit], part.value[unit], part.place[unit], strict=True)
            return [{"picture": names[i], "value": float(value), "place": place.tolist()} for i, value, place in parts]

        return {"unit": int(unit), "top": ends(own.top), "bottom": ends(own.bottom)}

    def _card(self, layer: str, unit: int) -> Card:
        own = self._found[layer]
        ends: tuple[tuple[Which, Extremes], ...] = ("top", own.top), ("bottom", own.bottom)
        parts = [
            Card(np.ascontiguousarray(cut.repeat(3 // cut.shape[2], 2)), f"{value:.3g}")
            for which, end in ends
            for cut, value in zip(crops(self._found, layer, unit, which, self._pictures), end.value[unit], strict=True)
        ]
        words = f"{layer} unit {unit}: strongest above, weakest below"
        if own.classes is not None:
            words += "\nmost by " + ", ".join(f"{name} ({mean:.3g})" for name, mean in own.classes.most(unit, LINKED))
        return Card(contact_sheet(parts, own.top.index.shape[1]), words, f"{layer}-unit-{unit}")
