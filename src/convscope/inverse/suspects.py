"""Was it a convolution at all? What else could have made `after`, each with the share of the misfit it explains.

A convolution does the same everywhere, to every brightness, and adds up. What the best kernel leaves over must then
look like noise: no function of the picture foretells it. Each suspect is such a function, fitted on one half of the
picture (squares of a chequerboard) and tried on the other, so that a share above a few percent is no accident.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage

from convscope.inverse.alignment import spot
from convscope.inverse.normal import Equations, joined
from convscope.inverse.pairs import Pair
from convscope.inverse.reasons import Reason
from convscope.inverse.solve import Model, solve
from convscope.inverse.tiles import Region, Taps, interior, predicted, tile_equations

TELLING = 0.08
"""Share of the misfit from which a suspect counts. JPEG of any quality stays below, as does noise of any kind."""

CORNER = 512
"""Cells along a side of the corners in which a movement is measured."""

SQUARE = 32
"""Cells along a side of the chequerboard's squares."""

RANKS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "median": ndimage.median_filter,
    "maximum": ndimage.maximum_filter,
    "minimum": ndimage.minimum_filter,
}


@dataclass(frozen=True)
class Evidence:
    """`share` (0 to 1) of the squared misfit is explained by what `kind` of `reasons` and its `values` say."""

    kind: str
    share: float
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> Reason:
        return Reason(self.kind, share=self.share, **self.values)


def suspects(
    pair: Pair,
    taps: Taps,
    kernel: np.ndarray,
    bias: np.ndarray,
    sound: np.ndarray,
    systems: Sequence[Sequence[Equations]],
    model: Model,
) -> list[Evidence]:
    """What explains a telling share of what kernel (m, c, r, s) and bias (m,) leave over; strongest first.

    sound  (p, q) of bool: the cells of `after` that are not clipped
    systems, model  the equations, region by region, and what the kernel was found under
    """
    region = interior(pair, taps).middle()
    made = predicted(pair, taps, kernel, bias, region)[0]
    after = pair.after[0][region.cells].astype(np.float64)
    sound = sound[region.cells]
    found = [_by_place(pair, systems, model)]
    if np.count_nonzero(sound) > 500:
        misfit, near = after - made, _around(pair, region)
        found += _by_ranks(near, after, misfit, sound)
        found.append(_by_tone(made, misfit, sound))
        found.append(_by_contrast(near, made, misfit, sound))
        if pair.range:
            found.append(_by_linear_light(pair, taps, region, model, misfit, sound))
    return sorted((one for one in found if one and one.share > TELLING), key=lambda one: -one.share)


def _around(pair: Pair, region: Region, margin: int = 8) -> Pair:
    """The region alone, and of the first channel before it so much more around as filters of a few cells see."""
    cuts, centre = [], []
    ends = (region.top, region.bottom), (region.left, region.right)
    for (low, high), step, at in zip(ends, pair.stride, pair.centre):
        start = max(low * step + at - margin, 0)
        cuts.append(slice(start, (high - 1) * step + at + margin + 1))
        centre.append(low * step + at - start)
    before = pair.before[:1, cuts[0], cuts[1]].astype(np.float64)
    return Pair(before, pair.after[:, region.cells[0], region.cells[1]], (centre[0], centre[1]), pair.stride)


def _at(near: Pair, plane: np.ndarray) -> np.ndarray:
    """The cells of a plane like `before` on which the middles of the windows lie."""
    places = [
        np.minimum(np.arange(made) * step + at, have - 1)
        for made, step, at, have in zip(near.after.shape[1:], near.stride, near.centre, plane.shape)
    ]
    return plane[np.ix_(*places)]


def _by_place(pair: Pair, systems: Sequence[Sequence[Equations]], model: Model) -> Evidence | None:
    """A kernel for each region of its own: what moves or changes from place to place fits that far better."""
    alone = together = 0.0
    for tiles in systems:
        whole = solve(joined(tiles), model)
        for tile in tiles:
            if tile.count > 4 * len(tile.gram):
                fit = solve(tile, model)
                alone += fit.squares(tile).sum() * tile.count / (tile.count - fit.free)
                together += whole.squares(tile).sum()
    if together <= 0:
        return None
    moves = _moves(pair)
    return Evidence("movement" if moves else "place", 1 - alone / together, moves)


def _moves(pair: Pair) -> dict[str, tuple[int, int]]:
    """How far the content moved, (rows, columns), in two corners, where it moved differently."""
    x, y = pair.before.mean(0), pair.after.mean(0)
    if not pair.same_size():
        return {}
    corners = {}
    half_h, half_w = (min(n // 2, CORNER) for n in x.shape)
    for name, rows, columns in (
        ("first", slice(0, half_h), slice(0, half_w)),
        ("second", slice(-half_h, None), slice(-half_w, None)),
    ):
        at = spot(x[rows, columns], y[rows, columns])
        if at.share > 0.02:
            corners[name] = (at.row, at.column)
    spread = np.ptp(list(corners.values()), axis=0) if corners else np.zeros(2)
    if spread.max() < 3:  # less is what the middle of a symmetric response wavers by
        return {}
    return corners


def _by_ranks(near: Pair, after: np.ndarray, misfit: np.ndarray, sound: np.ndarray) -> list[Evidence]:
    """The well-known filters that sort instead of add."""
    usual = float((misfit[sound] ** 2).mean())
    found = []
    for name, filtered in RANKS.items():
        for size in (3, 5, 7):
            squares = float(((after - _at(near, filtered(near.before[0], size)))[sound] ** 2).mean())
            values = {"size": size, "rms": f"{squares**0.5:.3g}", "usual": f"{usual**0.5:.3g}"}
            found.append(Evidence(name, 1 - squares / max(usual, 1e-300), values))
    best = max(found, key=lambda one: one.share)
    return [best] if best.share > 0.5 else []


def _by_tone(made: np.ndarray, misfit: np.ndarray, sound: np.ndarray) -> Evidence:
    """A curve over brightness: straight pieces between twelve levels of what the kernel foretells."""
    levels = np.quantile(made[sound], np.linspace(0, 0.95, 12))
    pieces = [np.maximum(made - level, 0) for level in np.unique(levels)]
    share = _explained(misfit, pieces, sound)
    return Evidence("tone curve", share)


def _by_contrast(near: Pair, made: np.ndarray, misfit: np.ndarray, sound: np.ndarray) -> Evidence:
    """Sums of the usual non-linear things that edge-keeping, sharpening and equalising filters are made of."""
    before = near.before[0]
    mean = ndimage.uniform_filter(before, 7)
    contrast = np.sqrt(np.maximum(ndimage.uniform_filter(before**2, 7) - mean**2, 0))
    planes = [
        ndimage.median_filter(before, 3) - before, ndimage.median_filter(before, 5) - before,
        ndimage.maximum_filter(before, 3) - before, ndimage.minimum_filter(before, 3) - before,
        contrast, (before - mean) / (contrast + 0.02 * before.std()),
    ]  # fmt: skip
    change = made - _at(near, before)
    level = (made - made.mean()) / max(made.std(), 1e-300)
    features = [_at(near, plane) for plane in planes]
    features += [level**2, level**3, change * _at(near, contrast), change * np.abs(change), np.abs(change)]
    return Evidence("non-linear", _explained(misfit, features, sound))


def _by_linear_light(
    pair: Pair, taps: Taps, region: Region, model: Model, misfit: np.ndarray, sound: np.ndarray
) -> Evidence | None:
    """The filter may have worked on light itself and not on the numbers that stand for it (sRGB, IEC 61966-2-1)."""
    most = float(pair.range[1]) if pair.range else 1.0
    near = _around(pair, region, margin=max(taps.size))
    light = Pair(_decoded(near.before / most), _decoded(near.after[:1] / most), near.centre, near.stride)
    here = Region(0, sound.shape[0], 0, sound.shape[1])
    e = joined(tile_equations(light, taps, here, 0.0, sound))
    fit = solve(e, model if len(model.start) == len(e.gram) else _like(model, e))
    made = predicted(light, taps, fit.taps.T.reshape(1, 1, *taps.size), fit.bias, here)[0]
    squares = ((near.after[0] - most * _encoded(made))[sound] ** 2).sum()
    share = 1 - float(squares / max((misfit[sound] ** 2).sum(), 1e-300))
    return Evidence("linear light", share) if share > 0.5 else None


def _like(model: Model, e: Equations) -> Model:
    p = len(e.gram)
    return Model(np.eye(p), np.zeros(p), bias=model.bias)


def _decoded(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: np.ndarray) -> np.ndarray:
    light = np.maximum(light, 0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _explained(misfit: np.ndarray, features: list[np.ndarray], sound: np.ndarray) -> float:
    """Share of the misfit's squares that a sum of features, fitted on the other half, takes away."""
    rows, columns = np.indices(misfit.shape)
    side = max(min(SQUARE, min(misfit.shape) // 4), 1)
    half = ((rows // side + columns // side) % 2 == 0)[sound]
    table = np.stack([np.ones(half.shape), *(feature[sound] for feature in features)], 1)
    goal, left = misfit[sound], 0.0
    for here in (half, ~half):
        weights = np.linalg.lstsq(table[here], goal[here], rcond=None)[0]
        left += float(((goal[~here] - table[~here] @ weights) ** 2).sum())
    return 1 - left / max(float((goal**2).sum()), 1e-300)
