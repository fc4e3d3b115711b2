"""Recovering a kernel: beside im2col least squares and gradient descent, its growth, and a 12-megapixel pair.

    python benchmarks/recover.py [--threads 2] [--rounds 5] [--only beside|growth|large]

Pictures are scikit-image's photograph of a camera man, mirrored to fill the size, with normal noise of 4 grey levels;
uint8. `after` is that under a bell of r x r taps whose every tap was moved at random by 30 %, rounded to uint8.
`recover` is all that a user gets: kernel, errors, verdict, border. "Taps alone" are its sums and one solution.
Peak memory is the high-water mark of a process that does one recovery and nothing else, interpreter and all (Linux).
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from beside import REST, Timing, machine, ratio
from numpy.typing import ArrayLike
from scipy import signal

from convscope.inverse.normal import Equations, joined
from convscope.inverse.pairs import read_pairs
from convscope.inverse.recover import recover
from convscope.inverse.solve import model, solve
from convscope.inverse.tiles import Taps, interior, tile_equations

NEAR = 0.01  # of the largest tap: how far from the exact answer gradient descent may stop
SIZES = ((400, 500), (800, 1000), (1500, 2000), (3000, 4000))
SIDES = (3, 7, 15, 31)
BESIDE = SIZES[:2]  # where the im2col matrix fits
DESCENDED = 200_000  # cells up to which gradient descent ends within the minute


def pair(h: int, w: int, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(before, after, kernel); after is smaller by r - 1."""
    from skimage import data

    rng = np.random.default_rng(0)
    photo = np.pad(data.camera(), ((0, max(h - 512, 0)), (0, max(w - 512, 0))), "symmetric")[:h, :w]
    before = np.clip(np.rint(photo + rng.normal(0, 4, (h, w)).astype(np.float32)), 0, 255).astype(np.uint8)
    bell = np.exp(-0.5 * ((np.arange(r) - (r - 1) / 2) / (r / 5)) ** 2)
    kernel = np.outer(bell, bell) * (1 + 0.3 * rng.normal(size=(r, r)))
    kernel /= kernel.sum()
    after = signal.oaconvolve(before.astype(np.float64), kernel[::-1, ::-1], "valid")
    return before, np.clip(np.rint(after), 0, 255).astype(np.uint8), kernel


def sums(before: np.ndarray, after: np.ndarray, r: int) -> Equations:
    """All that depends on the size of the pictures."""
    one, taps = read_pairs(before, after, 1, False)[0], Taps.around(r, r)
    return joined(tile_equations(one, taps, interior(one, taps), 128.0, one.sound()))


def taps_alone(before: np.ndarray, after: np.ndarray, r: int) -> np.ndarray:
    return solve(sums(before, after, r), model((1, r, r), bias=True)).taps.reshape(r, r)


def windows(before: np.ndarray, after: np.ndarray, r: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.lib.stride_tricks.sliding_window_view(before.astype(np.float64), (r, r))
    return rows.reshape(after.size, r * r), after.ravel().astype(np.float64)


def by_lstsq(before: np.ndarray, after: np.ndarray, r: int) -> np.ndarray:
    return np.linalg.lstsq(*windows(before, after, r), rcond=None)[0].reshape(r, r)


def by_normal_equations(before: np.ndarray, after: np.ndarray, r: int) -> np.ndarray:
    rows, goal = windows(before, after, r)
    return np.linalg.solve(rows.T @ rows, rows.T @ goal).reshape(r, r)


def by_descent(before: np.ndarray, after: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """L-BFGS with a strong Wolfe search on centred float32 pictures, stopped as soon as it is NEAR the exact answer."""
    import torch

    x, y = (torch.from_numpy(picture.astype(np.float32))[None, None] for picture in (before, after))
    level, spread = x.mean(), x.std()
    x, y = (x - level) / spread, (y - level) / spread
    taps, exact = torch.zeros(1, 1, *goal.shape, requires_grad=True), torch.from_numpy(goal)
    optimiser = torch.optim.LBFGS(
        [taps], max_iter=10, history_size=100, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        misfit = torch.nn.functional.mse_loss(torch.nn.functional.conv2d(x, taps), y)
        misfit.backward()
        return misfit

    for _ in range(200):
        optimiser.step(loss)
        if (taps.detach()[0, 0] - exact).abs().max() <= NEAR * exact.abs().max():
            break
    return taps.detach().numpy()[0, 0]


def beside(h: int, w: int, r: int, rounds: int) -> None:
    before, after, kernel = pair(h, w, r)
    exact = taps_alone(before, after, r)
    contestants: dict[str, Callable[[], np.ndarray]] = {
        "recover": lambda: recover(before, after, r).kernel,
        "its taps alone": lambda: taps_alone(before, after, r),
        "im2col, normal equations": lambda: by_normal_equations(before, after, r),
        "im2col, lstsq": lambda: by_lstsq(before, after, r),
    }
    if h * w <= DESCENDED:
        contestants["PyTorch, L-BFGS"] = lambda: by_descent(before, after, exact)
    found: dict[str, np.ndarray] = {}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            time.sleep(REST)
            start = time.perf_counter()
            found[name] = run()
            times[name].append(time.perf_counter() - start)
    timings = {name: Timing(one) for name, one in times.items()}
    matrix = 8 * after.size * r * r / 2**20
    print(f"{h} x {w}, kernel {r} x {r}, {rounds} rounds; the im2col matrix is {matrix:.0f} MiB")
    for name, timing in timings.items():
        off = np.abs(found[name] - kernel).max() / np.abs(kernel).max()
        ratios = ""
        for ours in ("recover", "its taps alone"):
            middle, low, high = ratio(timings[ours], timing)
            ratios += f"{middle:8.2f} times {ours} ({low:.2f} to {high:.2f})"
        print(f"  {name:<25}{timing.seconds:8.3f} s {ratios}  taps off by {off:.0e} of the largest", flush=True)


def high_water() -> float:
    """Largest memory that this process has had, in MiB (getrusage would also count the one that started it)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def child(folder: Path) -> None:
    """One recovery in a process of its own, then its sums three times: seconds and memory, as JSON."""
    before, after, kernel = (np.load(folder / f"{name}.npy") for name in ("before", "after", "kernel"))
    start = time.perf_counter()
    found = recover(before, after, len(kernel))
    told = {"recover": time.perf_counter() - start, "peak": high_water(), "verdict": found.verdict}
    times = []
    for _ in range(3):
        start = time.perf_counter()
        sums(before, after, len(kernel))
        times.append(time.perf_counter() - start)
    off = float(np.abs(found.kernel - kernel).max() / np.abs(kernel).max())
    print(json.dumps(told | {"sums": float(np.median(times)), "off": off}))


def measured(h: int, w: int, r: int, rounds: int) -> dict[str, float]:
    """`rounds` recoveries, each in a process of its own: prints them, and gives the median seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for name, array in zip(("before", "after", "kernel"), pair(h, w, r)):
            np.save(Path(folder) / f"{name}.npy", array)
        command = [sys.executable, __file__, "--child", folder]
        told = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(rounds)]
    text = f"  {h:>4} x {w:<4} ({h * w / 1e6:4.1f} MP) by {r:>2} x {r:<2}"
    for name in ("recover", "sums"):
        seconds = [one[name] for one in told]
        text += f"  {name} {np.median(seconds):7.3f} s ({min(seconds):.3f} to {max(seconds):.3f})"
    peak = max(one["peak"] for one in told)
    print(f"{text}  peak {peak:5.0f} MiB  {told[0]['verdict']}, taps off by {told[0]['off']:.0e}", flush=True)
    return {name: float(np.median([one[name] for one in told])) for name in ("recover", "sums")}


def growth(what: str, cases: list[tuple[int, int, int]], rounds: int) -> None:
    """Measures the cases and prints the power of `what` that their time grows with: the slope in logarithms."""
    print(f"growth with {what}, median of {rounds} processes (lowest to highest):")
    times = [measured(h, w, r, rounds) for h, w, r in cases]
    amounts = np.array([h * w if what == "cells" else r * r for h, w, r in cases], float)

    def power(seconds: ArrayLike) -> float:
        return float(np.polyfit(np.log(amounts), np.log(seconds), 1)[0])

    usual = f"N log N would be {power(amounts * np.log(amounts)):.2f}" if what == "cells" else "by im2col it would be 2"
    print(
        f"  time grows with {what} to the power {power([one['recover'] for one in times]):.2f} (recover), "
        f"{power([one['sums'] for one in times]):.2f} (its sums; {usual})"
    )


def pin(threads: int) -> None:
    """This process and its children to that many cores, from the start: libraries count cores when they are loaded."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > threads:
        os.sched_setaffinity(0, cores[:threads])
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("beside", "growth", "large"))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    pin(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    print(f"{machine(options.threads)}; load {os.getloadavg()[0]:.1f}")
    if options.only in (None, "large"):
        print(f"12 megapixels, {options.rounds} processes; the aims are 5 s and 1536 MiB:")
        measured(3000, 4000, 15, options.rounds)
    if options.only in (None, "growth"):
        growth("cells", [(h, w, 15) for h, w in SIZES], options.rounds)
        growth("taps", [(1500, 2000, r) for r in SIDES], options.rounds)
    if options.only in (None, "beside"):
        for (h, w), r in itertools.product(BESIDE, SIDES[1:3]):
            beside(h, w, r, options.rounds)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
