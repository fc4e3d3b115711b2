"""The forms of `ops.proofs` beside PyTorch (oneDNN) and `ops.conv2d`: where each wins, over kernel sizes and channels.

    python benchmarks/faces.py [--rounds 5]

One picture, float32, padding "same", one thread each. PyTorch runs in NCHW and in channels_last; the faster counts. The
matrices of `sparse` and `fully_connected` are made beforehand, as one would keep them; all else is timed as called.
Printed for each form: times as fast as PyTorch (lowest to highest round), milliseconds, and multiplications and bytes
stored as `costs` has them.
"""

import argparse
import os
from collections.abc import Callable

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before NumPy and PyTorch load

import numpy as np
import torch
from beside import Timing, machine, race, ratio

from convscope import ops
from convscope.ops import proofs
from convscope.ops.fast.compiled import set_threads

SIZE = 32
SHAPES = [(8, k) for k in (1, 3, 5, 9, 15, 25)] + [(c, 3) for c in (1, 32, 128)]  # channels in and out, kernel
MOST_CELLS = 2**25  # of a matrix written out: larger ones are left out


def contestants(channels: int, k: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, channels, SIZE, SIZE)).astype(np.float32)
    w = rng.standard_normal((channels, channels, k, k)).astype(np.float32)
    runs: dict[str, Callable[[], object]] = {"ops.conv2d": lambda: ops.conv2d(x, w, padding="same")}
    for name, layout in (("NCHW", torch.contiguous_format), ("channels_last", torch.channels_last)):
        tx, tw = (torch.from_numpy(array).to(memory_format=layout) for array in (x, w))
        runs[name] = lambda tx=tx, tw=tw: torch.conv2d(tx, tw, padding="same")
    for name in proofs.costs(x.shape, w.shape, padding="same"):
        if name in ("sparse", "fully_connected"):
            continue
        runs[name] = lambda form=proofs.FORMS[name]: form(x, w, padding="same")
    vector, cells = x.ravel(), (channels * SIZE * SIZE) ** 2
    if channels * channels * k * k * SIZE * SIZE <= MOST_CELLS:
        W = proofs.matrix(x.shape, w, padding="same")
        runs["sparse"] = lambda: W @ vector
        if cells <= MOST_CELLS:
            dense = W.toarray()
            runs["fully_connected"] = lambda: dense @ vector
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    set_threads(1)
    torch.set_num_threads(1)
    print(machine(1))
    with torch.no_grad():
        for channels, k in SHAPES:
            timings = race(contestants(channels, k), options.rounds, budget=0.02)
            peer = [timings.pop(name).rounds for name in ("NCHW", "channels_last")]
            best = Timing([min(pair) for pair in zip(*peer, strict=True)])
            table = proofs.costs((1, channels, SIZE, SIZE), (channels, channels, k, k), padding="same")
            layer = f"{channels} -> {channels} channels, {k} x {k} on {SIZE} x {SIZE}"
            print(f"\n{layer}; PyTorch {best.seconds * 1e3:.3f} ms")
            for name in sorted(timings, key=lambda one: timings[one].seconds):
                middle, low, high = ratio(timings[name], best)
                line = f"  {name:16} {middle:7.3f} ({low:.3f} to {high:.3f})  {timings[name].seconds * 1e3:9.3f} ms"
                if name in table:
                    cost = table[name]
                    line += f"  {cost.multiplications / 1e6:9.2f} M products  {cost.stored / 2**20:8.2f} MiB"
                print(line, flush=True)


if __name__ == "__main__":
    main()
