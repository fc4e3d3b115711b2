"""Was it a convolution at all? What else could have made `after`, each with the share of the misfit it explains.

A convolution does the same everywhere, to every brightness, and adds up. What the best kernel leaves over must then
look like noise: no function of the picture foretells it. Each suspect is such a function, fitted on one half of the
picture (squares of a chequerboard) and tried on the other, so that a share above a few percent is no accident.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from convscope.inverse.alignment import spot
from convscope.inverse.normal import Equations, joined
from convscope.inverse.pairs import Pair
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
    """`share` (0 to 1) of the squared misfit is explained by what `text` says; `kind` names it in a word or two."""

    kind: str
    share: float
    text: str


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
        misfit = after - made
        before = pair.before[0].astype(np.float64)
        found += _by_ranks(pair, before, after, misfit, region, sound)
        found.append(_by_tone(made, misfit, sound))
        found.append(_by_contrast(pair, before, made, misfit, region, sound))
        if pair.range:
            found.append(_by_linear_light(pair, taps, region, model, misfit, sound))
    return sorted((one for one in found if one and one.share > TELLING), key=lambda one: -one.share)


def _at(pair: Pair, region: Region, plane: np.ndarray) -> np.ndarray:
    """The cells of a plane like `before` on which the middles of a region's windows lie."""
    rows = np.arange(region.top, region.bottom) * pair.stride[0] + pair.centre[0]
    columns = np.arange(region.left, region.right) * pair.stride[1] + pair.centre[1]
    h, w = plane.shape
    return plane[np.ix_(np.minimum(rows, h - 1), np.minimum(columns, w - 1))]


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
    return Evidence("place", 1 - alone / together, f"the kernel differs from place to place{_moves(pair)}")


def _moves(pair: Pair) -> str:
    """How far the content moved in the four corners, where it moved differently."""
    x, y = pair.before.mean(0), pair.after.mean(0)
    if not pair.same_size():
        return ""
    corners = {}
    half_h, half_w = (min(n // 2, CORNER) for n in x.shape)
    for name, rows, columns in (
        ("top left", slice(0, half_h), slice(0, half_w)),
        ("bottom right", slice(-half_h, None), slice(-half_w, None)),
    ):
        at = spot(x[rows, columns], y[rows, columns])
        if at.share > 0.02:
            corners[name] = (at.row, at.column)
    if len(set(corners.values())) < 2:
        return ""
    return ": moved by " + ", by ".join(f"{place} (rows, columns) at the {name}" for name, place in corners.items())


def _by_ranks(
    pair: Pair, before: np.ndarray, after: np.ndarray, misfit: np.ndarray, region: Region, sound: np.ndarray
) -> list[Evidence]:
    """The well-known filters that sort instead of add."""
    usual = float((misfit[sound] ** 2).mean())
    found = []
    for name, filtered in RANKS.items():
        for size in (3, 5, 7):
            squares = float(((after - _at(pair, region, filtered(before, size)))[sound] ** 2).mean())
            text = f"a {name} of {size} x {size} cells comes within {squares**0.5:.3g}, a kernel {usual**0.5:.3g}"
            found.append(Evidence(name, 1 - squares / max(usual, 1e-300), text))
    best = max(found, key=lambda one: one.share)
    return [best] if best.share > 0.5 else []


def _by_tone(made: np.ndarray, misfit: np.ndarray, sound: np.ndarray) -> Evidence:
    """A curve over brightness: straight pieces between twelve levels of what the kernel foretells."""
    levels = np.quantile(made[sound], np.linspace(0, 0.95, 12))
    pieces = [np.maximum(made - level, 0) for level in np.unique(levels)]
    share = _explained(misfit, pieces, sound)
    return Evidence("tone curve", share, "the misfit follows brightness: a tone curve or gamma")


def _by_contrast(
    pair: Pair, before: np.ndarray, made: np.ndarray, misfit: np.ndarray, region: Region, sound: np.ndarray
) -> Evidence:
    """Sums of the usual non-linear things that edge-keeping, sharpening and equalising filters are made of."""
    mean = ndimage.uniform_filter(before, 7)
    contrast = np.sqrt(np.maximum(ndimage.uniform_filter(before**2, 7) - mean**2, 0))
    planes = [
        ndimage.median_filter(before, 3) - before, ndimage.median_filter(before, 5) - before,
        ndimage.maximum_filter(before, 3) - before, ndimage.minimum_filter(before, 3) - before,
        contrast, (before - mean) / (contrast + 0.02 * before.std()),
    ]  # fmt: skip
    change = made - _at(pair, region, before)
    level = (made - made.mean()) / max(made.std(), 1e-300)
    features = [_at(pair, region, plane) for plane in planes]
    features += [level**2, level**3, change * _at(pair, region, contrast), change * np.abs(change), np.abs(change)]
    return Evidence("non-linear", _explained(misfit, features, sound), "the misfit follows edges and contrast")


def _by_linear_light(
    pair: Pair, taps: Taps, region: Region, model: Model, misfit: np.ndarray, sound: np.ndarray
) -> Evidence:
    """The filter may have worked on light itself and not on the numbers that stand for it (sRGB, IEC 61966-2-1)."""
    most = float(pair.range[1]) if pair.range else 1.0
    light = Pair(_decoded(pair.before[:1] / most), _decoded(pair.after[:1] / most), pair.centre, pair.stride)
    parts = tile_equations(light, taps, region, 0.0, _placed(sound, region, pair))
    fit = solve(joined(parts), model if len(model.start) == len(parts[0].gram) else _like(model, parts[0]))
    made = predicted(light, taps, fit.taps.T.reshape(1, 1, *taps.size), fit.bias, region)[0]
    squares = ((pair.after[0][region.cells] - most * _encoded(made))[sound] ** 2).sum()
    share = 1 - float(squares / max((misfit[sound] ** 2).sum(), 1e-300))
    return Evidence(
        "linear light", share, "a kernel fits far better in linear light (sRGB decoded): decode both pictures first"
    )


def _placed(sound: np.ndarray, region: Region, pair: Pair) -> np.ndarray:
    whole = np.zeros(pair.after.shape[1:], bool)
    whole[region.cells] = sound
    return whole


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
