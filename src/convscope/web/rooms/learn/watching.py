"""The job: a descent that is told step by step while it goes on, then the exact answer."""

import time
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.inverse.descend import descend
from convscope.inverse.recover import recover
from convscope.inverse.stability import Verdict
from convscope.web.jobs import Outcome, Report, Work
from convscope.web.lab import Lab
from convscope.web.rooms.learn import planes
from convscope.web.rooms.learn.answer import told
from convscope.web.rooms.learn.foreseen import limit
from convscope.web.rooms.learn.lesson import Lesson, whole
from convscope.web.rooms.learn.task import Task

EVERY = 0.05
"""Seconds between two events, so that no page drowns in them."""
MOST = 160
"""Kernels kept on the way."""
FOUND = 0.01
"""Share of the largest tap by which no tap is off once a kernel counts as found."""


def work(task: Task, given: Lesson, foreseen: Verdict, lab: Lab) -> Work:
    """What the queue is to do for a task."""

    def run(report: Report) -> Outcome:
        descent = Descent(task, given, foreseen, report).run()
        report(phase="recovering")
        pictures = whole(task, lab)
        try:
            found = recover(pictures.before, pictures.after, jpeg=pictures.jpeg)
            answer = told(found, task.secret(), noisy=task.noise > 0)
        except InputError as problem:
            answer = {"problem": str(problem)}
        report.check()
        return Outcome({"descent": descent, "answer": answer})

    return run


class Descent:
    """One descent as it is watched: what has not been told yet, and when the kernel was found."""

    def __init__(self, task: Task, given: Lesson, foreseen: Verdict, report: Report):
        self.task, self.given, self.report = task, given, report
        self.rate = foreseen.learning_rate
        self.limit = limit(given, foreseen)
        self.kept = frozenset(kept_steps(task.steps).tolist())
        self.losses: list[float] = []
        self.kernels: list[dict[str, Any]] = []
        self.step, self.found_at, self.furthest = 0, None, None
        self.told_at = time.monotonic()

    def run(self) -> dict[str, Any]:
        """How it ended: `problem` where it ran away."""
        task, problem = self.task, None
        try:
            descend(
                self.given.x,
                self.given.y,
                self.given.size,
                learning_rate=self.rate,
                steps=task.steps,
                bias=task.bias,
                seed=task.seed,
                optimizer=task.optimizer,
                momentum=task.momentum,
                watch=self._watch,
            )
        except InputError as ran_away:
            problem = str(ran_away)
        self._tell()
        return {"steps": self.step, "ran_away": problem, "found_at": self.found_at, "furthest": self.furthest}

    def _watch(self, step: int, loss: float, kernel: np.ndarray) -> None:
        self.step = step
        self.losses.append(loss)
        off = None if self.given.truth is None else kernel - self.given.truth
        if off is not None:
            self.furthest = planes.known(np.abs(off).max())
            near = self.furthest is not None and self.furthest <= FOUND * self.limit
            self.found_at = (step if self.found_at is None else self.found_at) if near else None
        if step in self.kept:
            told = {"step": step, "kernel": planes.signed(kernel, self.limit), "found": self.found_at is not None}
            self.kernels.append(told | {"off": None if off is None else planes.signed(off, self.limit)})
        self.report.check()
        if time.monotonic() - self.told_at >= EVERY:
            self._tell()

    def _tell(self) -> None:
        self.report(self.step, self.task.steps, phase="descending", losses=self.losses, kernels=self.kernels)
        self.losses, self.kernels, self.told_at = [], [], time.monotonic()


def kept_steps(steps: int) -> np.ndarray:
    """The steps after which the kernel is kept: all of few, of many the first ones densely.

    >>> kept_steps(5)
    array([0, 1, 2, 3, 4, 5])
    """
    if steps < MOST:
        return np.arange(steps + 1)
    return np.unique(np.round(np.linspace(0, 1, MOST) ** 2 * steps).astype(int))
