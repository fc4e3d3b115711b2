"""What `recover` answers, as plain values and keys: the page says it in the reader's language."""

from typing import Any

import numpy as np

from convscope.inverse.reasons import Reason
from convscope.inverse.recovery import Recovery
from convscope.web.rooms.learn import planes

MOST = 9
"""Kernels of a picture in colours, and patterns that cannot be told, that are shown."""


def told(found: Recovery, secret: np.ndarray | None, *, noisy: bool) -> dict[str, Any]:
    """The answer; with the secret kernel, how far it is off, and whether the intervals hold it (under noise)."""
    known = found.stderr[np.isfinite(found.stderr)]
    unsure = float(known.max(initial=0.0))
    scale = float(np.abs(found.kernel).max()) or 1.0
    kernels = _kernels(found)[:MOST]
    patterns = [np.concatenate(list(channels), axis=1) for channels in found.null_space[:MOST]]  # side by side
    bias = list(zip(np.atleast_1d(found.bias), np.atleast_1d(found.bias_stderr), strict=True))
    return {
        "verdict": slug(found.verdict),
        "believable": found.believable,
        "reasons": [_reason(one) for one in found.reasons],
        "kernels": [
            {"name": name, "taps": planes.signed(taps, scale), "errors": planes.shade(errors, unsure)}
            for name, taps, errors in kernels
        ],
        "unknown": [planes.signed(one, float(np.abs(one).max()) or 1.0) for one in patterns],
        "unseen": len(found.null_space),
        "rank": found.rank,
        "taps": found.taps,
        "condition": planes.known(found.condition),
        "unsure": unsure,
        "half": planes.known(found.reach * unsure),
        "bias": [{"value": planes.known(b), "error": planes.known(e)} for b, e in bias if b],
        "levels": bool(found.rounding > 0),
        "residual": planes.known(found.residual),
        "held_out": planes.known(found.held_out),
        "rounding": planes.known(found.rounding),
        "explained": planes.known(found.explained),
        "windows": found.windows,
        "clipped": planes.known(found.clipped),
        "centred": all(2 * at == 1 - n for at, n in zip(found.offset, found.kernel.shape[-2:], strict=True)),
        "offset": list(found.offset),
        "border": list(found.border),
        "largest": found.largest_size,
        "or_more": found.or_more,
        "secret": None if secret is None else _beside(found, secret, noisy),
    }


def slug(words: str) -> str:
    """As keys of the catalogue are written."""
    return words.replace(" ", "-")


def _reason(reason: Reason) -> dict[str, Any]:
    return {"kind": slug(reason.kind), "values": reason.values}


def _kernels(found: Recovery) -> list[tuple[dict[str, Any], np.ndarray, np.ndarray]]:
    """(which, taps, standard errors), each (rows, columns)."""
    taps, errors = found.kernel, found.stderr
    if taps.ndim == 2:
        return [({"kind": "one"}, taps, errors)]
    if taps.shape[2:] == (1, 1):
        return [({"kind": "mixing"}, taps[..., 0, 0], errors[..., 0, 0])]
    kind = "channel" if found.channels == "each" else "between"
    return [
        ({"kind": kind, "output": at[0] + 1, "input": at[1] + 1}, taps[at], errors[at])
        for at in np.ndindex(taps.shape[0], taps.shape[1])
    ]


def _beside(found: Recovery, secret: np.ndarray, noisy: bool) -> dict[str, Any]:
    """The secret kernel where it truly lies, first tap at (0, 0), beside what was found."""
    (top, left), (r, s) = found.offset, found.kernel.shape
    up, back = min(top, 0), min(left, 0)
    shape = max(top + r, secret.shape[0]) - up, max(left + s, secret.shape[1]) - back
    there, truth = np.zeros(shape), np.zeros(shape)
    cells = slice(top - up, top - up + r), slice(left - back, left - back + s)
    there[cells] = found.kernel
    truth[-up : secret.shape[0] - up, -back : secret.shape[1] - back] = secret
    inside = np.abs(there[cells] - truth[cells]) <= found.reach * found.stderr
    return {
        "furthest": planes.known(np.abs(there - truth).max()),
        "inside": int(inside.sum()) if noisy else None,
        "of": found.kernel.size,
    }
