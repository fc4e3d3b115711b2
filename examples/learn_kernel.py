"""Learning a kernel from one picture, with the verdict before training beside what then happened.

Run: python examples/learn_kernel.py [--out FOLDER], which writes the pictures that docs/tutorials.md shows.
"""

import argparse
from pathlib import Path

import numpy as np

from convscope.files import write_whole
from convscope.inverse.descend import descend, experiment, report
from convscope.inverse.stability import verdict
from convscope.pictures import enlarge, grey, png, sheet, signed

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, help="a folder for the pictures; without it none is written")
folder = parser.parse_args().out

for name in ("4x6", "6x8"):
    trial = experiment(name)
    print(report(trial, descend(trial.x, trial.y), verdict(trial.x, trial.y)))

print("a tutorial's run on 4x6 starts with the losses 5.003 and 2.547, and ends, it says, at -0.9291 0.9291;")
print("its first two losses fix its whole way")
steep, flat = np.linalg.solve([[1, 1], [0.2**2, 0.76**2]], [5.003, 2.547])
losses = [0.2 ** (2 * k) * steep + 0.76 ** (2 * k) * flat for k in (9, 10)]
print(f"  loss after 9 steps: {losses[0]:.3f}, after 10: {losses[1]:.3f}")
tap = 1 - np.sqrt(0.76**20 * flat / 8)
print(f"  taps after 10 steps: {-tap:.4f} {tap:.4f}")

trial = experiment("6x8", np.float64)
print("6x8 with a bias learned, too")
print(f"  {verdict(trial.x, trial.y, bias=True)}".replace("\n", "\n  "))
print(f"  losses: {' '.join(f'{loss:.3g}' for loss in descend(trial.x, trial.y, bias=True).losses)}")

print("6x8, three optimisers, loss after 10 steps: predicted, and as it came")
for optimizer, rate in (
    ("gd", 0.03),
    ("gd", 0.0277),
    ("gd", 0.04),
    ("momentum", 0.03),
    ("momentum", 0.01),
    ("adam", 0.03),
):
    how = {"learning_rate": rate, "optimizer": optimizer, "momentum": 0.5}
    foreseen, found = verdict(trial.x, trial.y, **how), descend(trial.x, trial.y, **how)
    border = "none" if foreseen.largest_rate is None else f"{foreseen.largest_rate:.4f}"
    expected = "no form" if foreseen.losses is None else f"{foreseen.losses[-1]:.4f}"
    print(f"  {optimizer:8} rate {rate:<6} largest stable {border:6}  {expected:>7}  {found.losses[-1]:.4f}")

print("6x8 under a 2 x 2 kernel: all rows are alike, so only the sum of its rows can be learned")
y = trial.y[:5]
how = {"learning_rate": 0.015, "steps": 60}
start, found = descend(trial.x, y, 2, steps=0).kernel, descend(trial.x, y, 2, **how)
unreachable = verdict(trial.x, y, 2, **how).unreachable
print(f"  {len(unreachable)} of 4 directions change nothing; loss after 60 steps {found.losses[-1]:.6f}")
for label, kernel in (("start", start), ("learned", found.kernel), ("learned, rows added", found.kernel.sum(0)[None])):
    print(f"  {label}: {' / '.join(' '.join(f'{value:+.4f}' for value in row) for row in kernel)}")
print(f"  moved along these directions: {np.abs(unreachable @ (found.kernel - start).ravel()).max():.6f}")

if folder:
    found = descend(trial.x, trial.y)
    steps = [descend(trial.x, trial.y, steps=steps).kernel for steps in (0, 1, 2, 4, 10)]
    shown = [grey(trial.x, 0, 1), signed(trial.y, 1), *(signed(kernel, 1) for kernel in [*steps, trial.kernel])]
    write_whole(
        folder / "learn_kernel.png",
        png(
            sheet([enlarge(one, 12 if len(one) > 1 else 36) for one in shown], columns=8, gap=8, paper=(160, 160, 160))
        ),
    )
