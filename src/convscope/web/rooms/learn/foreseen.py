"""What a descent will do, before its first step: stable or not, how the loss will fall, what stays out of reach."""

from math import log
from typing import Any

import numpy as np

from convscope.inverse.optimizers import adam_reach
from convscope.inverse.squares import squares
from convscope.inverse.stability import Verdict, foresee
from convscope.web.rooms.learn import planes
from convscope.web.rooms.learn.lesson import Lesson
from convscope.web.rooms.learn.task import Task

SHOWN = 4
"""Directions shown of the steepest, of the flattest, and of those without any curvature."""
GENEROUS = 25.0
"""How many times the way to go Adam's suggested rate can lead: it turns back and forth on its way."""

ROUNDING = 1e-20
"""A least loss below this share of the picture's own squares is 0 but for rounding."""


def verdict(task: Task, given: Lesson) -> Verdict:
    """Under the task's rate, or the suggested one."""
    loss = squares(given.x, given.y, given.size, task.bias)

    def at(rate: float, steps: int) -> Verdict:
        return foresee(loss, rate, steps, task.seed, task.optimizer, task.momentum)

    return at(task.rate if task.rate is not None else suggested(at(1.0, 0), task.steps), task.steps)


def suggested(v: Verdict, steps: int) -> float:
    """Half of the largest stable rate; of Adam, which has none, one that leads far enough in these steps."""
    if v.largest_rate is None:
        rate = min(GENEROUS * v.distance / adam_reach(steps), 0.2) or 0.01
    else:
        rate = v.largest_rate / 2 if np.isfinite(v.largest_rate) else 0.01
    return max(float(f"{rate:.2g}"), 1e-12)


def limit(given: Lesson, v: Verdict) -> float:
    """The end of the colour scale that all kernels of a lesson share: what is to be found, or most of it."""
    taps = given.truth if given.truth is not None else v.best[: given.size[0] * given.size[1]]
    return float(np.abs(taps).max()) or 1.0


def told(task: Task, given: Lesson, v: Verdict) -> dict[str, Any]:
    """As plain values."""
    start = squares(given.x, given.y, given.size, task.bias).start(task.seed)
    kernel = start[: given.size[0] * given.size[1]].reshape(given.size)
    scale = limit(given, v)
    top, left = (part.start for part in given.cut[0])
    return {
        "before": planes.picture(given.x),
        "after": planes.picture(given.y),
        "part": {"top": top, "left": left, "rows": given.whole[0], "columns": given.whole[1]}
        if task.after is not None and given.x.shape != given.whole
        else None,
        "start": planes.signed(kernel, scale),
        "truth": None if given.truth is None else planes.signed(given.truth, scale),
        "size": list(given.size),
        "fits": task.after is not None or given.truth is not None,
        "verdict": _verdict(task, given, v),
        "directions": _directions(given, v),
    }


def _verdict(task: Task, given: Lesson, v: Verdict) -> dict[str, Any]:
    factors = None if v.factors is None else v.factors[v.curvatures > 0]
    return {
        "kind": _kind(v),
        "rate": v.learning_rate,
        "suggested": suggested(v, task.steps),
        "largest": planes.known(v.largest_rate),
        "losses": None if v.losses is None else planes.numbers(v.losses),
        "floor": planes.known(v.floor) if v.floor > ROUNDING * float(np.sum(given.y**2)) else 0.0,
        "distance": planes.known(v.distance),
        "reach": planes.known(v.reach),
        "unseen": len(v.unreachable),
        "unknowns": len(v.curvatures),
        "steepest": None if factors is None or not factors.size else planes.known(factors[0]),
        "slowest": None if factors is None or not factors.size else planes.known(np.abs(factors).max()),
        "halves": None if factors is None or not factors.size else _halves(float(np.abs(factors).max())),
        "condition": planes.known(_condition(v.curvatures[v.curvatures > 0])),
    }


def _kind(v: Verdict) -> str:
    """In one word, as the catalogue has it."""
    if not v.curvatures.any():
        return "flat"
    if v.largest_rate is None:
        return "adam-short" if v.reach < v.distance else "adam"
    return "border" if v.at_the_border else "stable" if v.stable else "unstable"


def _condition(curvatures: np.ndarray) -> float | None:
    return float(curvatures[0] / curvatures[-1]) if curvatures.size else None


def _halves(factor: float) -> float | None:
    """Steps in which an error halves; negative: in which it doubles."""
    return planes.known(log(0.5) / log(factor)) if 0 < factor < np.inf and factor != 1 else None


def _directions(given: Lesson, v: Verdict) -> list[dict[str, Any]]:
    """The steepest, the flattest and the unseen ones as patterns of taps, each with what a step does to its error."""
    curved = np.flatnonzero(v.curvatures > 0)
    flat = np.flatnonzero(v.curvatures == 0)
    shown = [*curved[:SHOWN], *curved[max(SHOWN, len(curved) - SHOWN) :], *flat[:SHOWN]]
    taps = given.size[0] * given.size[1]
    found = []
    for k in shown:
        pattern = v.directions[k, :taps].reshape(given.size)
        factor = None if v.factors is None or v.curvatures[k] == 0 else float(v.factors[k])
        found.append(
            {
                "pattern": planes.signed(pattern, float(np.abs(pattern).max()) or 1.0),
                "curvature": planes.known(float(v.curvatures[k])),
                "factor": planes.known(factor),
                "halves": None if factor is None else _halves(abs(factor)),
            }
        )
    return found
