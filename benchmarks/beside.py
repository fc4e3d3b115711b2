"""Timing beside a peer: rounds in turn, one ratio a round, the median and the spread of the ratios."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REST = 0.05  # seconds between two contestants: threads that wait by spinning must have come to rest


@dataclass(frozen=True)
class Timing:
    """Seconds a call, one figure (the median of its calls) for each round."""

    rounds: list[float]

    @property
    def seconds(self) -> float:
        return statistics.median(self.rounds)


def race(contestants: dict[str, Callable[[], object]], rounds: int = 7, budget: float = 0.3) -> dict[str, Timing]:
    """Time the contestants in turn, `rounds` times, each for about `budget` seconds and at least three calls."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()  # compiled and warm
    for _ in range(rounds):
        for name, run in contestants.items():
            time.sleep(REST)
            run()
            calls: list[float] = []
            begin = time.perf_counter()
            while len(calls) < 3 or time.perf_counter() - begin < budget:
                start = time.perf_counter()
                run()
                calls.append(time.perf_counter() - start)
            times[name].append(statistics.median(calls))
    return {name: Timing(one) for name, one in times.items()}


def ratio(ours: Timing, theirs: Timing) -> tuple[float, float, float]:
    """How many times as fast as theirs ours is: (median, lowest, highest) over the rounds."""
    ratios = [b / a for a, b in zip(ours.rounds, theirs.rounds, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def machine(threads: int) -> str:
    """What the figures were measured on."""
    import numba
    import numpy
    import torch

    model = platform.processor() or platform.machine()
    try:
        with Path("/proc/cpuinfo").open() as file:
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return (
        f"{model}, {os.cpu_count()} cores, {threads} threads; Python {platform.python_version()}, "
        f"NumPy {numpy.__version__}, Numba {numba.__version__}, PyTorch {torch.__version__}"
    )
