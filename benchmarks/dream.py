"""Dreams of large pictures: time and peak memory, beside a plain loop in PyTorch that sees the picture whole.

    python benchmarks/dream.py [--quick] [--sizes 512 2048 6000] [--beside 2048] [--steps 12] [--few 2] [--rounds 3]

The plain loop is the usual one: the same octaves, enlarged bilinearly, and as many steps in each; the picture is rolled
by some cells, the network, as it is and cut off after the layer, sees all of it, and a step goes along the gradient
over its mean magnitude. It raises the same layer as `dream` does by default. The pictures are not the same: convscope
also blurs its gradient at two widths and evens it out.

Every run has a process of its own (Linux), with the network loaded and warm. MiB is the peak above what was held
before. "times" is the plain loop's seconds over convscope's, the median and the range over the rounds. Above the size
`--beside` convscope runs alone, once, with `--few` steps. convscope looks once more at the end of each octave: of few
steps that is a large part.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import skimage.data
import torch
from beside import REST, machine
from matting import forgotten_peak, resident
from PIL import Image
from torch import nn

from convscope.lens.anysize import as_photograph, enter, leave, resized
from convscope.lens.dreams import dream
from convscope.lens.dreams.dreaming import DREAMY
from convscope.lens.models import Network, load, preprocessing_of
from convscope.pictures import Picture

NETWORK, SCALE, STRENGTH, JITTER = "squeezenet", 1.4, 0.08, 32


def photograph(longest: int, photo: Path | None) -> Picture:
    """Two thirds as high as wide, as from a camera: 6000 is 24 megapixels."""
    picture = as_photograph(Image.fromarray(skimage.data.coffee()) if photo is None else photo)
    return resized(picture, round(longest * 2 / 3), longest)


def plain(network: Network, picture: Picture, octaves: int, steps: int) -> Picture:
    """The usual loop."""
    layer = int(DREAMY[NETWORK].removeprefix("features."))
    blocks = network.model.get_submodule("features")[: layer + 1].requires_grad_(False)  # type: ignore[index]
    prepared = preprocessing_of(network)
    low, high = (torch.tensor(end).reshape(-1, 1, 1) for end in (prepared.black, prepared.full))
    random = np.random.default_rng(0)
    base, detail = enter(network, picture), torch.zeros(())
    for octave in reversed(range(octaves)):
        sides = [round(side / SCALE**octave) for side in base.shape[2:]]
        start = nn.functional.interpolate(base, sides, mode="bilinear")
        x = start if not detail.ndim else start + nn.functional.interpolate(detail, sides, mode="bilinear")
        for _ in range(steps):
            moves = random.integers(-JITTER, JITTER + 1, 2).tolist()
            seen = x.roll(moves, (2, 3)).requires_grad_()
            (gradient,) = torch.autograd.grad(blocks(seen).square().mean(), seen)
            gradient = gradient.roll([-move for move in moves], (2, 3))
            step = STRENGTH / steps * (high - low) / gradient.abs().mean()
            x = (x + step * gradient).clamp(low, high)
        detail = x - start
    return leave(network, x)


def alone(who: str, longest: int, options: argparse.Namespace) -> None:
    """In a process of its own: prints the seconds, and the MiB of the peak above what was held before."""
    network, picture = load(NETWORK), photograph(longest, options.photo)

    def run(shown: Picture, octaves: int, steps: int) -> Picture:
        if who == "plain":
            return plain(network, shown, octaves, steps)
        return dream(shown, model=network, octaves=octaves, steps=steps, tile=options.tile).picture

    steps = options.steps if longest <= options.beside else options.few
    run(photograph(192, options.photo), 1, 1)
    before, begin = forgotten_peak(), time.perf_counter()
    made = run(picture, options.octaves, steps)
    seconds = time.perf_counter() - begin
    if made.shape != picture.shape or np.array_equal(made, picture):
        raise SystemExit(f"{who}: no dream of {picture.shape[:2]}")
    print(f"{seconds:.3f} {resident('VmHWM') - before:.0f}")


def apart(who: str, longest: int) -> tuple[float, float]:
    """(seconds, MiB) of `alone`, with the same options."""
    time.sleep(REST)
    command = [sys.executable, __file__, *sys.argv[1:], "--alone", who, str(longest)]
    seconds, rise = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(seconds), float(rise)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 2048, 6000], help="the longest sides")
    parser.add_argument("--beside", type=int, default=2048, help="the largest size of the plain loop")
    parser.add_argument("--photo", type=Path, help="a picture (default: one of scikit-image's), resized to 3 : 2")
    parser.add_argument("--steps", type=int, default=12, help="in each octave")
    parser.add_argument("--few", type=int, default=2, help="steps above the size `--beside`")
    parser.add_argument("--octaves", type=int, default=2)
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3, help="of sizes at which the plain loop runs; one for others")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one round of 6 steps, of 512 and 1024")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.beside, options.rounds, options.steps = [512, 1024], 512, 1, 6
    torch.set_num_threads(options.threads)
    if options.alone:
        return alone(options.alone[0], int(options.alone[1]), options)
    print(f"{machine(options.threads)}; load {os.getloadavg()[0]:.1f}")
    print(f"{NETWORK} {DREAMY[NETWORK]}, {options.octaves} octaves, tiles of {options.tile}")
    for longest in options.sizes:
        beside = longest <= options.beside
        rounds = [
            [apart(who, longest) for who in (("convscope", "plain") if beside else ("convscope",))]
            for _ in range(options.rounds if beside else 1)
        ]
        for who, results in zip(("convscope", "plain"), zip(*rounds)):
            seconds, memory = (statistics.median(values) for values in zip(*results))
            line = f"{round(longest * 2 / 3):6} x {longest:<6}{who:10}{seconds:8.2f} s{memory:8.0f} MiB"
            line += f"  {options.steps if beside else options.few} steps an octave"
            if who == "plain":
                times = [theirs[0] / own[0] for own, theirs in rounds]
                line += f"  {statistics.median(times):.2f} times ({min(times):.2f} to {max(times):.2f})"
            print(line, flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    return None


if __name__ == "__main__":
    main()
