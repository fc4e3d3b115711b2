"""How large is the kernel? The smallest rectangle of taps that foretells unseen parts of the picture as well as any.

Each region of the picture is left out in turn, the kernel is found from the others and tried on it (cross-validation
by blocks). Among sizes that do equally well, but for one standard error of the difference, the smallest is taken
(the one-standard-error rule; Breiman et al. 1984, section 3.4.3). All sizes are inside the largest one's equations,
so that no size looks at the picture again.
"""

from collections.abc import Callable, Sequence

import numpy as np

from convscope.inverse.normal import Equations, joined
from convscope.inverse.solve import Model, quick
from convscope.inverse.tiles import Taps

TINY, NO_MATTER = 0.002, 0.01
"""Taps below this share of the largest one are dropped if the squares on unseen parts grow by less than that share:
such taps are what rounding to whole levels does, which is not quite independent of the picture."""

Systems = Sequence[Sequence[Equations]]
"""For each kernel that is looked for on its own, the equations of all regions."""


def held_out(systems: Systems, model: Model, chosen: np.ndarray) -> np.ndarray:
    """Mean squared error on each region, of the kernel that the other regions give; `chosen` taps only. (regions,)"""
    errors, counts = np.zeros(len(systems[0])), np.zeros(len(systems[0]))
    for tiles in systems:
        parts = [tile.of_taps(chosen) for tile in tiles]
        total = joined(parts)
        for k, part in enumerate(parts):
            if part.count and total.count > part.count:
                errors[k] += quick(total - part, model).squares(part).sum()
                counts[k] += part.count * len(part.energy)
    return (errors / np.maximum(counts, 1))[counts > 0]


def choose(
    systems: Systems,
    full: Taps,
    channels: int,
    model_of: Callable[[tuple[int, int, int]], Model],
    no_matter: float = 0.0,
) -> tuple[Taps, Taps]:
    """The smallest square within `full` that does as well as any, and the smallest rectangle of it that does.

    model_of   the model of a kernel's size (c, r, s)
    no_matter  share of the squares on unseen parts by which a size may be worse and still be as good
    """
    energy = sum(tile.energy.sum() for tiles in systems for tile in tiles)
    rounding = 1e-14 * energy / max(sum(tile.count for tiles in systems for tile in tiles), 1)

    def errors(taps: Taps) -> np.ndarray:
        chosen = np.flatnonzero(np.broadcast_to(taps.inside(full), (channels, *full.size)))
        return held_out(systems, model_of((channels, *taps.size)), chosen)

    every = np.abs(np.stack([quick(joined(tiles), model_of((channels, *full.size))).taps for tiles in systems]))
    largest = every.reshape(-1, channels, *full.size, every.shape[-1]).max((0, 1, 4))  # (rows, columns)

    def as_good(taps: Taps, one: np.ndarray, best: np.ndarray) -> bool:
        worse = one - best
        doubt = worse.std(ddof=1) / np.sqrt(len(worse)) if len(worse) > 1 else 0.0
        dropped = np.max(largest, where=~taps.inside(full), initial=0.0)
        ignored = NO_MATTER if dropped < TINY * largest.max() else no_matter
        return worse.mean() <= doubt + ignored * best.mean() + rounding

    squares = [taps for k in range(min(full.size)) if (taps := full.shrunk(k, k, k, k))]
    # of large ones every second, as their equations are long to solve; those between have their turn below
    squares = [taps for k, taps in enumerate(squares) if taps.rows <= 15 or k % 2 == 0]
    tried = {taps: errors(taps) for taps in squares}
    best = min(tried.values(), key=lambda errors: float(errors.mean()))
    small = next(taps for taps in reversed(squares) if as_good(taps, tried[taps], best))
    if (less := small.shrunk(1, 1, 1, 1)) and less not in tried and as_good(less, errors(less), best):
        small = less
    return small, _trimmed(small, best, errors, as_good)


def _trimmed(
    taps: Taps,
    best: np.ndarray,
    errors: Callable[[Taps], np.ndarray],
    as_good: Callable[[Taps, np.ndarray, np.ndarray], bool],
) -> Taps:
    """Without rows and columns at its sides that do nothing: both sides alike, or one if the other one does much."""
    for pair in ((1, 1, 0, 0), (0, 0, 1, 1)):
        while (less := taps.shrunk(*pair)) and as_good(less, errors(less), best):
            taps = less
    for side, other in (((1, 0, 0, 0), (0, 1, 0, 0)), ((0, 1, 0, 0), (1, 0, 0, 0)), ((0, 0, 1, 0), (0, 0, 0, 1)),
                        ((0, 0, 0, 1), (0, 0, 1, 0))):  # fmt: skip
        while (less := taps.shrunk(*side)) and (opposite := taps.shrunk(*other)):
            if not as_good(less, errors(less), best) or errors(opposite).mean() < 1.5 * best.mean():
                break
            taps = less
    return taps
