"""What a network for Go is shown of a position, and what its first layer of kernels answers."""

import base64
from typing import Any

import numpy as np
import torch

from convscope.pictures import signed
from convscope.tasks.go.planes import MOST
from convscope.tasks.go.positions import inputs
from convscope.tasks.go.rules import Board
from convscope.tasks.go.training import Trained

FIRST = 3
"""Modules of the first layer: kernels, normalisation, ReLU."""
KINDS: tuple[tuple[str, int | None], ...] = (
    *((kind, None) for kind in ("own", "opposing", "empty", "ones")),
    *(("ago", turns) for turns in range(1, MOST + 1)),
    *(("liberties", count) for count in range(1, MOST + 1)),
    *(("captures", count) for count in range(MOST)),
    *(("atari", count) for count in range(1, MOST + 1)),
    *(("after", count) for count in range(1, MOST + 1)),
    *((kind, None) for kind in ("sensible", "ladderCaptures", "ladderEscapes")),
)
"""What each of `planes.PLANES` is, in words that can be said in any language, and its number."""


def maps(network: Trained, board: Board, of: str) -> dict[str, Any]:
    """All maps in colours on one scale, 0 neutral: `most` has the full colour. `silent`: which are 0 everywhere."""
    shown = inputs([board], network.settings.features)
    body: Any = network.model.body
    with torch.inference_mode():
        values = shown[0].numpy() if of == "planes" else body[:FIRST](shown)[0].numpy()
    most = float(np.abs(values).max())
    colours = [base64.b64encode(signed(plane, most).tobytes()).decode() for plane in values]
    names = KINDS if of == "planes" else [("kernel", unit) for unit in range(len(values))]
    return {
        "maps": [{"kind": kind, "number": number, "colours": c} for (kind, number), c in zip(names, colours)],
        "values": np.round(values, 3).tolist(),
        "silent": (~values.any((1, 2))).tolist(),
        "most": most,
    }
