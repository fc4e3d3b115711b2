"""Room: learn it. A kernel is found from a picture before and after: step by step, and then exactly."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from convscope.filters import NAMED
from convscope.web.lab import TheLab
from convscope.web.rooms.learn import foreseen, snippet, watching
from convscope.web.rooms.learn.done import DONE
from convscope.web.rooms.learn.lesson import lesson
from convscope.web.rooms.learn.task import Task

router = APIRouter()


@router.get("/choices")
def choices() -> dict[str, Any]:
    """The kernels that have a name, and what else may be done to a picture."""
    return {"kernels": NAMED, "done": list(DONE)}


@router.get("/secret")
def secret(seed: Annotated[int, Query(ge=0, le=2**31)]) -> dict[str, list[list[int]]]:
    """A kernel that nobody has seen, 3 x 3, of small whole numbers; the same for the same seed."""
    rng = np.random.default_rng(seed)
    kernel = rng.integers(-3, 4, (3, 3))
    kernel[rng.integers(3), rng.integers(3)] = 4  # never all zero, and one tap is the largest
    return {"kernel": kernel.tolist()}


@router.post("/foresee")
def foresee(task: Task, lab: TheLab) -> dict[str, Any]:
    """What the descent will be given and what it will do, told before its first step; and the same in Python."""
    given = lesson(task, lab)
    verdict = foreseen.verdict(task, given)
    return {**foreseen.told(task, given, verdict), "python": snippet.python(task, given, verdict)}


@router.post("/learn")
def learn(task: Task, lab: TheLab) -> dict[str, str]:
    """Start the descent, and the exact answer after it: a job."""
    given = lesson(task, lab)
    return {"job": lab.jobs.submit("learn", watching.work(task, given, foreseen.verdict(task, given), lab)).id}
