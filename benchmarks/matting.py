"""The matting Laplacian of a photograph, beside pymatting's: time to build it, to apply it, and the memory it takes.

    python benchmarks/matting.py [--sizes 512,1024,2048] [--threads 2] [--rounds 5] [--peers FOLDER]

pymatting goes into a folder of its own: pip install --no-deps --target FOLDER pymatting==1.1.16. "Build" is
`Affinity.of` beside `cf_laplacian`; "apply" is the energy of a picture of three channels with its gradient, beside the
product of pymatting's CSR matrix, in single precision as well, with the three channels: the gradient alone. Memory is
what the finished matrix holds, and what the process held more at its peak while building it, each in a process of its
own (Linux). The gradients are compared too: in windows that are nearly of one hue the inverse by determinants, which is
pymatting's, loses digits, and some differ. "times" is the peer's time over
convscope's, the median and the range over the rounds.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from beside import machine, race, ratio

from convscope.lens.styles.matting import Affinity


def photograph(side: int) -> np.ndarray:
    """(side, side, 3) from 0 to 1: a photograph, mirrored beside itself until it fills the square."""
    tile = skimage.data.astronaut()
    again = -(-side // len(tile))
    return np.pad(tile, [(0, (again - 1) * len(tile))] * 2 + [(0, 0)], mode="symmetric")[:side, :side] / 255


def resident(which: str) -> float:
    """MiB that this process holds ("VmRSS") or has held at most ("VmHWM"); Linux alone tells."""
    return int(Path("/proc/self/status").read_text().split(which + ":")[1].split()[0]) / 2**10


def memory(who: str, side: int) -> None:
    """Prints MiB held by the matrix, and MiB by which building it raised the peak above what was held before."""
    picture = photograph(side)
    pixels = torch.from_numpy(picture).float().movedim(-1, 0).contiguous()
    if who == "convscope":
        Affinity.of(pixels[:, :16, :16])  # what is loaded at the first call is not counted
        before = forgotten_peak()
        held = Affinity.of(pixels).planes.nbytes
    else:
        from pymatting.laplacian.cf_laplacian import cf_laplacian  # pyright: ignore[reportMissingImports]

        cf_laplacian(photograph(16))
        before = forgotten_peak()
        matrix = cf_laplacian(picture)
        held = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    print(f"{held / 2**20:.0f} {resident('VmHWM') - before:.0f}")


def forgotten_peak() -> float:
    """MiB held now, from where the peak is counted."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="512,1024,2048")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="the folder that pymatting was installed into")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peers:
        sys.path.append(str(options.peers))
    if options.memory:
        memory(options.memory[0], int(options.memory[1]))
        return
    cf_laplacian: Any = None
    if options.peers:
        from pymatting.laplacian.cf_laplacian import cf_laplacian  # pyright: ignore[reportMissingImports]
    print(f"{machine(options.threads)}; load {os.getloadavg()[0]:.1f}")
    for side in map(int, options.sizes.split(",")):
        picture = photograph(side)
        pixels = torch.from_numpy(picture).float().movedim(-1, 0).contiguous()
        affinity = Affinity.of(pixels)
        x = (0.8 * pixels.flip(-1) + 0.1)[None].requires_grad_()
        build: dict[str, Any] = {"convscope": lambda pixels=pixels: Affinity.of(pixels)}
        apply: dict[str, Any] = {"convscope": lambda a=affinity, x=x: torch.autograd.grad(a.energy(x).sum(), x)}
        if cf_laplacian:
            matrix = cf_laplacian(picture).astype(np.float32)
            columns = x.detach()[0].flatten(1).T.contiguous().numpy()
            build["pymatting"] = lambda picture=picture: cf_laplacian(picture)
            apply["pymatting"] = lambda matrix=matrix, columns=columns: 2 * (matrix @ columns)
            (ours,) = apply["convscope"]()
            theirs = apply["pymatting"]() / (27 * (side - 2) ** 2)
            away = np.abs(ours[0].flatten(1).T.numpy() - theirs).max() / np.abs(theirs).max()
            print(f"{side} x {side}: the gradients differ by {away:.1e} of the largest")
        for what, contestants in (("build", build), ("apply", apply)):
            times = race(contestants, options.rounds)
            for name, timing in times.items():
                middle, low, high = ratio(times["convscope"], timing)
                print(
                    f"{side:6}  {what}  {name:<10}{1e3 * timing.seconds:10.1f} ms  "
                    f"{middle:6.2f} times ({low:.2f} to {high:.2f})",
                    flush=True,
                )
        for name in build:
            peers = ["--peers", str(options.peers)] if options.peers else []
            command = [sys.executable, __file__, "--memory", name, str(side), "--threads", str(options.threads), *peers]
            held, rise = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            print(f"{side:6}  memory {name:<10}{held:>9} MiB held, {rise} MiB more at the peak", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
