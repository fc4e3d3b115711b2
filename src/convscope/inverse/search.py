"""Kernels for given pictures: of a size, or of the size and the channels that the pictures ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.inverse.normal import Equations, joined
from convscope.inverse.pairs import Pair
from convscope.inverse.sizes import choose, held_out
from convscope.inverse.solve import Fit, Model, Spread, model, solve, spread
from convscope.inverse.tiles import Taps, interior, predicted, split, tile_equations
from convscope.ops import values

Sound = Sequence[np.ndarray | None]
"""Of each pair the cells of `after` that count, (p, q) of bool; None for all."""

LARGEST_AUTO = (15, 31)
"""Sides that an automatic size is looked for in; the next where the kernel fills one."""

JPEG_ARTEFACTS = 0.005
"""Share of the misfit that a larger kernel takes away only by following what JPEG did to fine detail."""

RARE = 0.001
"""Share of clipped cells up to which it makes no matter which ones near the ends are taken for such."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One answer: for each kernel that was looked for on its own, its equations, its fit and its standard errors.

    window  holds `taps`. Cells that it does not fit on are not counted: a program with a window of that size treats
            them as border, even where the outer taps of its kernel are zero
    outdid_larger  whether larger kernels were tried and foretold unseen parts no better
    """

    window: Taps
    taps: Taps
    channels: str
    model: Model
    systems: list[list[Equations]]
    fits: list[Fit]
    spreads: list[Spread]
    squares: float
    count: int
    floor: float
    scale: float
    outdid_larger: bool = False

    @property
    def rms(self) -> float:
        """Root mean square of what is left over, in grey levels, by the degrees of freedom."""
        free = sum(fit.free for fit in self.fits)
        return float(np.sqrt(self.squares / max(self.count - free, 1)))

    @cached_property
    def explained(self) -> float:
        """Share of the variance of `after`."""
        total = float(sum(joined(tiles).centred.energy.sum() for tiles in self.systems))
        return 1 - self.squares / total if total > 0 else 0.0

    @property
    def good(self) -> bool:
        """Whether no more is left over than rounding to whole levels, or to the digits of a float, explains."""
        return self.rms <= 1.25 * self.floor + 1e-6 * self.scale

    def kernel(self, c: int, m: int) -> np.ndarray:
        """(m, c, r, s) as it acts on all channels."""
        full = np.zeros((m, c, *self.taps.size))
        if self.channels == "mixed":
            full[:] = self.fits[0].taps.T.reshape(full.shape)
        else:
            for k in range(c):
                full[k, k] = self.fits[min(k, len(self.fits) - 1)].taps[:, 0].reshape(self.taps.size)
        return full

    def placed(self, kernel: np.ndarray) -> np.ndarray:
        """A kernel (m, c, r, s) of these taps as one of the whole window, zero elsewhere."""
        whole = np.zeros((*kernel.shape[:2], *self.window.size))
        whole[:, :, self.taps.inside(self.window)] = kernel.reshape(*kernel.shape[:2], -1)
        return whole

    def biases(self, m: int) -> np.ndarray:
        found = np.concatenate([fit.bias for fit in self.fits])
        return found if len(found) == m else np.full(m, found[0])


class Search:
    """The pairs, and what is asked of the kernel.

    margin  grey levels from black and white within which a cell may have been clipped: JPEG moves such cells about
    """

    def __init__(
        self,
        pairs: list[Pair],
        constraints: tuple[str, ...],
        ridge: float,
        channels: str,
        bias: bool | None,
        margin: float,
    ) -> None:
        self.pairs, self.constraints, self.ridge, self.bias = pairs, constraints, ridge, bias
        self.channels, self.margin = channels, margin
        self.c, self.m = len(pairs[0].before), len(pairs[0].after)
        cells = sum(pair.before.size for pair in pairs)
        level = sum(float(pair.before.sum(dtype=np.float64)) for pair in pairs) / cells
        # whole, so that sums of whole numbers stay exact
        self.level = float(np.round(level)) if pairs[0].step else level
        self.scale = max(float(np.ptp(pair.after.astype(np.float64))) for pair in pairs) or 1.0

    def at(self, size: Any, shift: tuple[int, int]) -> Answer:
        """The best kernel of a size, or of the best size, about `shift` cells from where it is expected."""
        if isinstance(size, str):
            values.choice(size, "size", ("auto",))
            window, taps, mixing, outdid_larger = self._of_itself(shift)
        else:
            window = taps = Taps.around(*values.pair(size, "size"), shift)
            outdid_larger = False
            self._check_windows(window)
            mixing = self.channels if self.channels != "auto" else self._mixing(window)
        found = self._solved(window, taps, mixing, self.equations(window, mixing, self._sound(window, mixing)))
        return replace(found, outdid_larger=outdid_larger)

    def model(self, size: tuple[int, int, int], bias: bool = True) -> Model:
        return model(size, self.constraints, bias, self.ridge)

    def equations(self, taps: Taps, mixing: str, sound: Sound) -> list[list[Equations]]:
        """For each kernel on its own, the equations region by region, of all pairs, from the sound cells."""
        if mixing == "mixed":
            return [self._regions(lambda pair: pair, taps, sound)]
        each = [self._regions(lambda pair, k=k: pair.channel(k), taps, sound) for k in range(self.c)]
        if mixing == "each":
            return each
        return [[joined(parts) for parts in zip(*each)]]

    def _regions(self, view: Any, taps: Taps, sound: Sound) -> list[Equations]:
        return [
            tile
            for pair, cells in zip(self.pairs, sound)
            for tile in tile_equations(view(pair), taps, interior(pair, taps), self.level, cells)
        ]

    def _of_itself(self, shift: tuple[int, int]) -> tuple[Taps, Taps, str, bool]:
        for side in LARGEST_AUTO:
            full = self._largest(side, shift)
            mixing = self.channels if self.channels != "auto" else self._mixing(full)
            systems = self.equations(full, mixing, self._sound(full, mixing))
            c = self.c if mixing == "mixed" else 1
            systems = [[self._raw(tile) for tile in tiles] for tiles in systems]
            least = Taps.around(min(3, full.rows), min(3, full.columns), shift)
            if self._blind(systems, full, least, c):
                return least, least, mixing, False  # the smallest that shows what these pictures cannot tell
            no_matter = JPEG_ARTEFACTS if self.margin else 0.0
            window, taps = choose(
                systems, full, c, lambda size: self.model(size, self.bias is not False), no_matter
            )
            if window.rows < full.rows or full.rows < side:
                break
        return window, taps, mixing, window.rows < full.rows

    def _blind(self, systems: list[list[Equations]], full: Taps, taps: Taps, c: int) -> bool:
        """Whether some direction of so few taps changes nothing in these pictures."""
        chosen = np.flatnonzero(np.broadcast_to(taps.inside(full), (c, *full.size)))
        law = self.model((c, *taps.size), self.bias is not False)
        return any(len(solve(joined(tiles).of_taps(chosen), law).null) for tiles in systems)

    def _largest(self, side: int, shift: tuple[int, int]) -> Taps:
        """The largest odd square up to `side` that leaves twice as many windows as taps."""
        while side > 1:
            taps = Taps.around(side, side, shift)
            try:
                windows = sum(interior(pair, taps).area for pair in self.pairs)
            except InputError:
                windows = 0
            if windows >= 2 * side * side * (self.c if self.channels == "mixed" else 1):
                return taps
            side -= 2
        return Taps.around(1, 1, shift)

    def _check_windows(self, taps: Taps) -> None:
        for pair in self.pairs:
            interior(pair, taps)

    def _mixing(self, taps: Taps) -> str:
        """The simplest way of channels that foretells unseen parts as well as any."""
        if self.c == 1 or self.c != self.m:
            return "mixed" if self.c != self.m else "shared"
        chosen, small = np.arange(taps.rows * taps.columns), self.model((1, *taps.size))
        each = [[self._raw(tile) for tile in tiles] for tiles in self.equations(taps, "each", self._unclipped())]
        shared = [[joined(parts) for parts in zip(*each)]]
        errors = {"shared": held_out(shared, small, chosen), "each": held_out(each, small, chosen)}
        worse = errors["shared"] - errors["each"]
        doubt = worse.std(ddof=1) / np.sqrt(len(worse)) if len(worse) > 1 else 0
        best = "shared" if worse.mean() <= doubt + 0.01 * errors["each"].mean() + 1e-12 * self.scale**2 else "each"
        floor = max(1.25 * self.pairs[0].step / np.sqrt(12), 1e-6 * self.scale)
        if np.sqrt(errors[best].mean()) > 2 * floor and self.c <= 4 and taps.rows * taps.columns <= 225:
            whole = [[self._raw(tile) for tile in tiles] for tiles in self.equations(taps, "mixed", self._unclipped())]
            chosen = np.arange(self.c * taps.rows * taps.columns)
            mixed = held_out(whole, self.model((self.c, *taps.size)), chosen)
            if mixed.mean() < 0.5 * errors[best].mean():
                best = "mixed"
        return best

    def _raw(self, e: Equations) -> Equations:
        """Equations of the values as given, not counted from `level`."""
        return e.moved(self.level)

    def _solved(self, window: Taps, taps: Taps, mixing: str, systems: list[list[Equations]]) -> Answer:
        size = (self.c if mixing == "mixed" else 1, *taps.size)
        chosen = np.flatnonzero(np.broadcast_to(taps.inside(window), (size[0], *window.size)))
        systems = [[self._raw(tile).of_taps(chosen) for tile in tiles] for tiles in systems]
        totals = [joined(tiles) for tiles in systems]
        if not all(total.count for total in totals):
            raise InputError(
                f"after is black or white in every cell that counts, cut off by its {self.pairs[0].after.dtype}; "
                f"give a picture that is not clipped"
            )
        for with_bias in (True, False) if self.bias is None else (self.bias,):
            law = self.model(size, with_bias)
            fits = [solve(total, law) for total in totals]
            if self.bias is None and with_bias and not any(self._matters(fit.bias).any() for fit in fits):
                continue
            squares = [fit.squares(total) for fit, total in zip(fits, totals)]
            spreads = [spread(tiles, law, fit, each) for tiles, fit, each in zip(systems, fits, squares)]
            if any(self._asked_for(fit, errors) for fit, errors in zip(fits, spreads)):
                break
        count = sum(total.count * len(total.energy) for total in totals)
        floor = self.pairs[0].step / np.sqrt(12)
        left = float(np.concatenate(squares).sum())
        return Answer(window, taps, mixing, law, systems, fits, spreads, left, count, floor, self.scale)

    def _asked_for(self, fit: Fit, errors: Spread) -> bool:
        """Whether a bias is there beyond doubt."""
        return bool((self._matters(fit.bias) & (np.abs(fit.bias) > 3 * errors.bias)).any())

    def _matters(self, bias: np.ndarray) -> np.ndarray:
        """Whether a bias is more than rounding."""
        return np.abs(bias) > 0.02 * self.pairs[0].step + 1e-6 * self.scale

    def _unclipped(self) -> Sound:
        """The cells of each pair that do not look clipped."""
        return [pair.sound(margin=self.margin) for pair in self.pairs]

    def _sound(self, taps: Taps, mixing: str) -> Sound:
        """The cells of each pair that are not clipped; where many are, by what a first kernel foretells."""
        sound = self._unclipped()
        if all(cells is None or cells.mean() > 1 - RARE for cells in sound):
            return sound
        for _ in range(3 if self.margin else 1):
            first = self._solved(taps, taps, mixing, self.equations(taps, mixing, sound))
            better = self.unclipped_by(first)
            if sum(int(np.count_nonzero(cells)) for cells in better) <= 4 * first.fits[0].free:
                break
            sound = better
        return sound

    def unclipped_by(self, answer: Answer) -> list[np.ndarray]:
        """The cells of each pair that are not clipped, by what a kernel foretells: far enough from black and white."""
        kernel, bias = answer.kernel(self.c, self.m), answer.biases(self.m)
        found = []
        for pair in self.pairs:
            cells = np.zeros(pair.after.shape[1:], bool)
            for part in split(interior(pair, answer.window)):
                made = predicted(pair, answer.taps, kernel, bias, part)
                sound = pair.sound(made, 1 + 3 * answer.rms)
                cells[part.cells] = True if sound is None else sound
            found.append(cells)
        return found
