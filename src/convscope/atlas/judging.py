"""How far each drawing can be believed, as far as an atlas's own numbers tell. No network is run."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import numpy as np
from jaxtyping import Float

from convscope.atlas.store import unpacked
from convscope.lens.credibility.measures import percentile, ratio, selectivity
from convscope.lens.credibility.verdict import Excitement, Reason, verdict

Judgement = tuple[str, list[dict[str, Any]]]
"""A label, and its reasons as plain data: key (of `lens.credibility.TEXTS`), weight, numbers."""


def judged(
    draw: Mapping[str, Any],
    column: int,
    mean: Float[np.ndarray, " units"] | None = None,
    std: Float[np.ndarray, " units"] | None = None,
    sample: Float[np.ndarray, " n"] | None = None,
) -> Judgement:
    """The label of one drawn unit: what `lens.trust` said of it, or what follows from what its layer says to it.

    draw: the numbers of a "draw" record. column: the unit's place among the record's units. mean, std: of all units of
    the layer on natural pictures, over all positions. sample: the unit's largest value in each of n natural pictures.

    Without `lens.trust` a unit is told beside natural pictures and beside its layer: "do not trust" and "mixed" by
    the same rules, "plausible" where neither speaks against it, since that is not all that can be asked. "dead" where
    nothing moved it. "drawn" where there are no natural pictures.
    """
    if draw["trust"] is not None:
        told = draw["trust"][column]
        return told["label"], told["reasons"]
    if draw["dead"][column]:
        return "dead", plain_reasons([Reason("dead", "strongly against")])
    if mean is None or std is None or sample is None or not len(sample):
        return "drawn", []
    unit, facets = draw["units"][column], draw["facets"]
    rows = unpacked(draw["answers"])[column * facets : (column + 1) * facets].astype(np.float64)
    rows = rows[np.isfinite(rows).all(1)]
    if not len(rows):
        return "drawn", []
    said = rows[rows[:, unit].argmax()]
    value, largest, rest = float(said[unit]), float(sample.max()), float(mean[unit])
    rank, margin = selectivity(said, unit, mean, std)
    label, reasons = verdict(
        Excitement(
            value=value,
            largest=largest,
            percentile=percentile(value, sample),
            ratio=ratio(value, largest, rest),
            rank=rank,
            margin=margin,
            units=len(said),
        )
    )
    return label, plain_reasons(reasons)


def plain_reasons(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Reasons as JSON can hold them; numbers that are not finite become None."""
    return [
        {
            "key": reason.key,
            "weight": reason.weight,
            "numbers": {name: _plain(value) for name, value in reason.numbers.items()},
        }
        for reason in reasons
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool) or value is None:
        return value
    number = value.item() if isinstance(value, np.generic) else value
    return number if isfinite(number) else None
