"""Whether to believe a kernel: what is left over, what else explains it, what the pictures cannot tell."""

import numpy as np

from convscope.errors import InputError
from convscope.inverse.alignment import orientation
from convscope.inverse.normal import joined
from convscope.inverse.pairs import Pair
from convscope.inverse.reasons import Reason
from convscope.inverse.search import Answer, Search
from convscope.inverse.solve import solve
from convscope.inverse.suspects import Evidence, suspects
from convscope.inverse.tiles import Taps, interior, tile_equations

UNSURE = 0.05
"""A standard error above this share of the largest tap means that the tap is not known."""

VAGUE = 0.2
"""... and above this one, that the kernel as a whole is not."""

LARGEST_TRIED = 15
"""Side of the largest kernel that is asked whether these pictures could tell it."""


def verdict_of(
    search: Search, answer: Answer, kernel: np.ndarray, bias: np.ndarray, null: np.ndarray
) -> tuple[str, list[Reason]]:
    pair = search.pairs[0]
    if len(null):
        return "undetermined", [Reason("unseen directions", unseen=len(null), taps=null[0].size), _what_to_take(pair)]
    if answer.good:
        return "exact", []
    rms = f"{answer.rms:.3g}"
    over = Reason("levels left over" if pair.step else "left over", rms=rms)
    alike = answer.explained > 0.9  # pictures that lie on each other
    turned = orientation(pair.before.mean(0), pair.after.mean(0)) if pair.same_size() and not alike else None
    if turned:
        return "moved", [Reason(turned), over]
    found = _suspects(search, answer, kernel, bias)
    gain = 0.0 if answer.outdid_larger else _gain_of_larger(search, answer)
    if gain > (0.5 if search.margin else 0.2):  # JPEG gives larger kernels some to do
        return "too small", [Reason("a larger kernel", gain=f"{gain:.0%}")]
    if found:
        return "not a convolution", [one.reason for one in found[:3]] + [over]
    if answer.explained < 0.1:
        return "unrelated", [Reason("little in common")]
    worst = max(float(errors.taps.max()) for errors in answer.spreads)
    if worst > VAGUE * max(float(np.abs(fit.taps).max()) for fit in answer.fits):
        doubt = Reason("uncertain levels" if pair.step else "uncertain", rms=rms, worst=f"{worst:.2g}")
        return "undetermined", [doubt, _what_to_take(pair)]
    if not pair.step:
        return "noisy", [over]
    kind = "rounding or noise" if answer.rms < 2 * answer.floor else "noise"
    return "noisy", [Reason(kind, rms=rms, floor=f"{answer.floor:.2f}")]


def _suspects(search: Search, answer: Answer, kernel: np.ndarray, bias: np.ndarray) -> list[Evidence]:
    """What explains more of the misfit than rounding does."""
    pair = search.pairs[0]
    sound, unclipped = search.unclipped_by(answer)[0], pair.sound(margin=search.margin)
    if unclipped is not None and np.count_nonzero(sound) < 0.5 * np.count_nonzero(unclipped):
        sound = unclipped  # a kernel that foretells so badly is no judge of what was clipped
    found = suspects(pair, answer.window, answer.placed(kernel), bias, sound, answer.systems[:1], answer.model)
    # less is what programs do that round between two passes
    return [one for one in found if one.share * answer.rms**2 > answer.floor**2]


def _what_to_take(pair: Pair) -> Reason:
    """Which detail the picture lacks, and which picture has it."""
    changes = [float(np.abs(np.diff(pair.before.astype(np.float64), axis=axis)).mean()) for axis in (1, 2)]
    if min(changes) < 0.05 * max(changes):
        return Reason("rows alike" if changes[0] < changes[1] else "columns alike")
    return Reason("too little detail")


def _gain_of_larger(search: Search, answer: Answer) -> float:
    """Share of the misfit that a kernel twice as large takes away, on the middle of the first pair."""
    taps, pair = answer.taps, search.pairs[0]
    larger = Taps(
        2 * taps.rows + 1, 2 * taps.columns + 1,
        taps.first_row - (taps.rows + 1) // 2, taps.first_column - (taps.columns + 1) // 2,
    )  # fmt: skip
    if larger.rows * larger.columns > 1000:
        return 0.0
    try:
        region = interior(pair, larger).middle()
    except InputError:
        return 0.0
    first = pair.channel(0) if answer.channels != "mixed" else pair
    parts = [
        joined(tile_equations(first, each, region, search.level, pair.sound())).moved(search.level)
        for each in (taps, larger)
    ]
    if parts[1].count < 3 * len(parts[1].gram):
        return 0.0
    left = []
    for part, each in zip(parts, (taps, larger)):
        fit = solve(part, search.model((len(first.before), *each.size), answer.model.bias))
        left.append(fit.squares(part).sum() / (part.count - fit.free))
    return float(1 - left[1] / left[0]) if left[0] > 0 else 0.0


def largest_decided(search: Search, answer: Answer) -> tuple[int, bool]:
    """The largest odd square whose taps would be told within UNSURE of the largest tap; whether larger are possible."""
    pair = search.pairs[0].channel(0)
    most = max(float(np.abs(fit.taps).max()) for fit in answer.fits)
    noise = answer.squares / max(answer.count, 1)
    for side in range(LARGEST_TRIED, 0, -2):
        taps = Taps.around(side, side, (answer.taps.first_row + (answer.taps.rows - 1) // 2,
                                        answer.taps.first_column + (answer.taps.columns - 1) // 2))  # fmt: skip
        try:
            region = interior(pair, taps)
        except InputError:
            continue
        part = region.middle()
        here = joined(tile_equations(pair, taps, part, search.level, pair.sound()))
        if here.count < 2 * side * side:
            continue
        fit = solve(here.moved(search.level), search.model((1, *taps.size), answer.model.bias))
        share = region.area / part.area * len(search.pairs)
        worst = np.sqrt(noise / share * np.diag(fit.unit_covariance).max())
        if not len(fit.null) and worst <= UNSURE * most:
            return side, side == LARGEST_TRIED
    return 0, False


def remarks(search: Search, answer: Answer, bias: np.ndarray) -> list[Reason]:
    """What else was found out about the pair, whatever the verdict."""
    found = []
    taps = answer.taps
    if not (-taps.rows < taps.first_row <= 0 and -taps.columns < taps.first_column <= 0):
        rows, columns = taps.first_row + (taps.rows - 1) // 2, taps.first_column + (taps.columns - 1) // 2
        found.append(Reason("shifted", rows=-rows, columns=-columns))
    passes = round(-2 * float(bias[0]))
    if search.pairs[0].step and passes in (1, 2) and abs(bias[0] + passes / 2) < 0.02 and answer.rms < 2 * answer.floor:
        found.append(Reason("cut down once" if passes == 1 else "cut down twice", bias=-passes / 2))
    kernel, errors = answer.fits[0].taps, answer.spreads[0].taps
    turned = (np.abs(kernel - kernel[::-1]) > 5 * errors + 1e-6 * np.abs(kernel).max()).any()
    if answer.channels != "mixed" and turned:
        found.append(Reason("cross-correlation"))
    return found
