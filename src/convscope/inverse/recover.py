"""Which kernel made `after` from `before`? Exact least squares, with how sure each tap is and whether to believe it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convscope.errors import InputError
from convscope.inverse.alignment import middle, spot
from convscope.inverse.borders import border
from convscope.inverse.jpeg import Bounded, refine
from convscope.inverse.normal import joined
from convscope.inverse.pairs import Pair, read_pairs
from convscope.inverse.reasons import Reason
from convscope.inverse.recovery import BELIEVABLE, Recovery
from convscope.inverse.search import Answer, Search
from convscope.inverse.sizes import held_out
from convscope.inverse.solve import Spread, solve
from convscope.inverse.tiles import Taps
from convscope.inverse.verdict import largest_decided, remarks, verdict_of
from convscope.ops import values

CHANNELS = ("auto", "shared", "each", "mixed")

JPEG_MARGIN = 12.0
"""Grey levels from black and white in a JPEG file at which a cell may be one that was clipped before it was stored."""


def recover(
    before: Any,
    after: Any,
    size: int | tuple[int, int] | str = "auto",
    *,
    bias: bool | None = None,
    stride: int | tuple[int, int] = 1,
    channels: str = "auto",
    constraints: Sequence[str] = (),
    ridge: float = 0.0,
    jpeg: ArrayLike | None = None,
) -> Recovery:
    """The kernel K, and bias b, that minimise `sum of (corr2d(before, K) + b - after)**2` over the inner cells.

    before    a picture (h, w), (channels, h, w) or (h, w, 3); or a list of pictures, for several pairs at once
    after     what the filter made of it, of the same dtype and so the same unit of grey: as large, or smaller by the
              kernel's size less one, or by the stride
    size      rows and columns of K (one number: square), or "auto": the smallest that foretells unseen parts of the
              picture as well as any (cross-validation, one-standard-error rule)
    bias      True or False; by default one is there if the pictures ask for it
    channels  "shared" (one kernel for all), "each" (one kernel a channel), "mixed" (every output from all inputs);
              "auto" takes the simplest that fits
    constraints  of "nonnegative", "sums to one", "symmetric" (K[-u] = K[u]); any of them
    ridge     pulls undecided taps to zero, as a share of the pictures' mean square; 0 for none
    jpeg      the 8 x 8 quantization table of its luma, where `after` was read from a JPEG file (in Pillow
              `image.quantization[0]`); then what JPEG rounded away is not taken for blur (see `inverse.jpeg`)

    No border is assumed: cells whose window hangs over the edge take no part, and tell the padding afterwards. Nor do
    cells of 8- and 16-bit pictures that may be cut off at black or white.

    Raises InputError for pictures that cannot belong together, and sizes that do not fit.

    >>> import convscope as cs
    >>> from convscope import ops
    >>> picture = np.random.default_rng(0).integers(0, 256, (40, 50)).astype(float)
    >>> found = cs.recover(picture, ops.corr2d(picture, [[0, 1, 0], [1, -4, 1], [0, 1, 0]]), size=3)
    >>> found.kernel.round(6) + 0.0
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    >>> found.verdict
    'exact'
    """
    values.choice(channels, "channels", CHANNELS)
    pairs = read_pairs(before, after, stride, channels == "mixed")
    constraints = (constraints,) if isinstance(constraints, str) else tuple(constraints)
    penalty = float(values.array(ridge, "ridge"))
    if not penalty >= 0:
        raise InputError(f"ridge={ridge}: a penalty is 0 or more; use ridge=0 for none")
    table = None if jpeg is None else _table(jpeg, pairs)
    search = Search(pairs, constraints, penalty, channels, bias, JPEG_MARGIN if table is not None else 0.0)
    found = search.at(size, (0, 0))
    if not found.good and (moved := _moved(pairs[0], found)) is not None:
        shifted = search.at(size, moved)
        if shifted.squares < 0.5 * found.squares:
            found = shifted
    return _told(search, found, table)


def _moved(pair: Pair, found: Answer) -> tuple[int, int] | None:
    """Where the filter's response lies, if it is clear and not about the middle."""
    if not pair.same_size():
        return None
    at = spot(middle(pair.before.mean(0)), middle(pair.after.mean(0)), found.taps.size)
    inside = abs(at.row) <= found.taps.rows // 2 and abs(at.column) <= found.taps.columns // 2
    return None if inside or at.share < 0.05 else (at.row, at.column)


def _told(search: Search, found: Answer, table: np.ndarray | None) -> Recovery:
    """The answer with its verdict."""
    pair, c, m = search.pairs[0], search.c, search.m
    kernel, bias = found.kernel(c, m), found.biases(m)
    null = _null_space(found, c)
    verdict, why = verdict_of(search, found, kernel, bias, null)
    if verdict == "noisy" and table is not None:
        found, told = _unblurred(search, found, table)
        why, kernel, bias = [*why, *told], found.kernel(c, m), found.biases(m)
    reasons = remarks(search, found, bias)
    p = len(found.systems[0][0].gram)
    unseen = held_out(found.systems, found.model, np.arange(p))
    tolerance = max(3 * found.rms, 3 * found.floor, 1e-5 * found.scale)
    largest, more = largest_decided(search, found)
    counted = sum(tile.count for tile in found.systems[0])
    clipped = [1 - np.mean(sound) for one in search.pairs if (sound := one.sound()) is not None]
    one_bias = found.channels == "shared"
    return Recovery(
        kernel=_shaped(found, [fit.taps for fit in found.fits], c, m),
        stderr=_shaped(found, [errors.taps for errors in found.spreads], c, m),
        reach=max(errors.reach for errors in found.spreads),
        bias=float(bias[0]) if one_bias else bias,
        bias_stderr=float(found.spreads[0].bias[0]) if one_bias else np.concatenate([e.bias for e in found.spreads]),
        verdict=verdict,
        reasons=(*why, *reasons) if verdict in BELIEVABLE else tuple(why),
        offset=(found.taps.first_row + pair.centre[0], found.taps.first_column + pair.centre[1]),
        channels=found.channels,
        stride=pair.stride,
        residual=found.rms,
        rounding=found.floor,
        held_out=float(np.sqrt(unseen.mean())) if len(unseen) else found.rms,
        explained=found.explained,
        windows=counted,
        clipped=float(np.mean(clipped)) if clipped else 0.0,
        rank=p - len(null),
        taps=p,
        null_space=null,
        condition=max(fit.condition for fit in found.fits),
        border=border(pair, found.window, found.placed(kernel), bias, tolerance) if verdict in BELIEVABLE else (),
        largest_size=largest,
        or_more=more,
    )


def _table(jpeg: ArrayLike, pairs: list[Pair]) -> np.ndarray:
    table = np.asarray(jpeg)
    if table.size != 64 or table.dtype.kind not in "iu" or table.min() < 1:
        raise InputError(f"jpeg has shape {table.shape}: give the table's 64 whole numbers, at least 1, row by row")
    if pairs[0].after.dtype != np.uint8:
        raise InputError(f"jpeg is given and after is {pairs[0].after.dtype}: JPEG files hold uint8; give after so")
    return table.reshape(8, 8)


def _unblurred(search: Search, found: Answer, table: np.ndarray) -> tuple[Answer, list[Reason]]:
    """The kernel by the bounds of the coefficients that a JPEG file holds, in place of the blurrier one."""
    pair, taps = search.pairs[0], found.taps
    if found.channels != "shared" or search.constraints or pair.stride != (1, 1) or len(search.pairs) > 1:
        return found, [Reason("jpeg not asked")]
    before, after = (_luma(picture) for picture in (pair.before, pair.after))
    sound = search.unclipped_by(found)[0]
    bias = float(found.fits[0].bias[0]) if found.model.bias else None
    start, better = found.fits[0].taps[:, 0].reshape(taps.size), None
    while True:
        first = taps.first_row + pair.centre[0], taps.first_column + pair.centre[1]
        better = refine(before, after, table, first, start, bias, sound)
        if better is None or better.outside > 1 or (less := _without_edge(taps, better)) is None:
            break
        # least squares spreads what JPEG did over more taps than there are
        start = better.taps.reshape(taps.size)[less.inside(taps)].reshape(less.size)
        taps = less
    if better is None or better.outside > 1:
        if better is None:
            return found, [Reason("jpeg not undone")]
        return found, [Reason("jpeg out of bounds", sigmas=f"{better.outside:.2g}")]
    chosen = np.flatnonzero(taps.inside(found.taps))
    systems = [[tile.of_taps(chosen) for tile in found.systems[0]]]
    law = search.model((1, *taps.size), found.model.bias)
    fit = replace(solve(joined(systems[0]), law), taps=better.taps[:, None], bias=np.array([better.bias]))
    errors = Spread(better.stderr[:, None], np.array([better.bias_stderr]), 1.96)
    squares = float(sum(fit.squares(tile).sum() for tile in systems[0]))
    return replace(
        found, taps=taps, model=law, systems=systems, fits=[fit], spreads=[errors], squares=squares
    ), [Reason("jpeg allowed for")]


def _without_edge(taps: Taps, found: Bounded) -> Taps | None:
    """One tap less all around, if those at the edge are zero but for their errors."""
    less = taps.shrunk(1, 1, 1, 1)
    if less is None:
        return None
    edge = ~less.inside(taps).ravel()
    z = found.taps[edge] / found.stderr[edge]
    return less if np.mean(z**2) < 1.2 else None


def _luma(picture: np.ndarray) -> np.ndarray:
    """Grey as JPEG has it (ITU-R BT.601)."""
    if len(picture) == 1:
        return picture[0].astype(np.float64)
    return np.tensordot([0.299, 0.587, 0.114], picture.astype(np.float64), 1)


def _shaped(answer: Answer, taps: list[np.ndarray], c: int, m: int) -> np.ndarray:
    """Flat taps of each kernel, as `Recovery.kernel` has them."""
    r, s = answer.taps.size
    if answer.channels == "shared":
        return taps[0].reshape(r, s)
    if answer.channels == "each":
        return np.stack([one.reshape(1, r, s) for one in taps])
    return taps[0].T.reshape(m, c, r, s)


def _null_space(answer: Answer, c: int) -> np.ndarray:
    """(k, channels, r, s): what may be added to every kernel that was looked for."""
    channels = c if answer.channels == "mixed" else 1
    least = min(answer.fits, key=lambda fit: fit.free)
    return least.null.reshape(-1, channels, *answer.taps.size)
