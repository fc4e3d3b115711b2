"""conv2d and its two gradients from LeNet to ResNet sizes, beside PyTorch (oneDNN): ratios and their geometric mean.

    python benchmarks/convolution.py [--threads 2] [--rounds 5]

PyTorch runs in NCHW and in channels_last, and each figure is compared with the faster of the two. For the two smallest
shapes the plain loops of `ops.reference` run too, on one picture.
"""

import argparse
import time

import numpy as np
import torch
from beside import Timing, machine, race, ratio

from convscope import ops
from convscope.ops.fast.compiled import set_threads

# in channels, height = width, out channels, kernel, stride, padding
SHAPES = {
    "LeNet conv1": (1, 28, 6, 5, 1, 2),
    "LeNet conv2": (6, 14, 16, 5, 1, 0),
    "ResNet stem": (3, 224, 64, 7, 2, 3),
    "ResNet 56": (64, 56, 64, 3, 1, 1),
    "ResNet 1x1": (64, 56, 256, 1, 1, 0),
    "ResNet down": (128, 56, 128, 3, 2, 1),
    "ResNet 28": (128, 28, 128, 3, 1, 1),
    "ResNet 14": (256, 14, 256, 3, 1, 1),
    "ResNet 7": (512, 7, 512, 3, 1, 1),
}
PASSES = ("forward", "input gradient", "weight gradient")


def contestants(n: int, shape: tuple[int, ...]) -> dict[str, dict[str, object]]:
    c, h, m, k, stride, padding = shape
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, c, h, h)).astype(np.float32)
    w = rng.normal(size=(m, c, k, k)).astype(np.float32)
    size = (h + 2 * padding - k) // stride + 1
    grad = rng.normal(size=(n, m, size, size)).astype(np.float32)
    runs: dict[str, dict[str, object]] = {
        "forward": {"convscope": lambda: ops.conv2d(x, w, None, stride, padding)},
        "input gradient": {"convscope": lambda: ops.conv2d_input_grad(x.shape, w, grad, stride, padding)},
        "weight gradient": {"convscope": lambda: ops.conv2d_weight_grad(x, w.shape, grad, stride, padding)},
    }
    back = torch.ops.aten.convolution_backward
    fixed = ([0], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1)
    for name, layout in (("NCHW", torch.contiguous_format), ("channels_last", torch.channels_last)):
        tx, tw, tg = (torch.from_numpy(array).to(memory_format=layout) for array in (x, w, grad))
        runs["forward"][name] = lambda tx=tx, tw=tw: torch.conv2d(tx, tw, None, stride, padding)
        runs["input gradient"][name] = lambda t=(tg, tx, tw): back(*t, *fixed, [True, False, False])
        runs["weight gradient"][name] = lambda t=(tg, tx, tw): back(*t, *fixed, [False, True, False])
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    set_threads(options.threads)
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    print(f"{'times PyTorch (lowest to highest); GFLOP/s of convscope':>60}")
    logs = []
    with torch.no_grad():
        for n in (1, 32):
            for name, shape in SHAPES.items():
                c, h, m, k, stride, padding = shape
                flops = 2 * n * m * c * k * k * ((h + 2 * padding - k) // stride + 1) ** 2
                line = f"batch {n:2}  {name:12}"
                for which, runs in contestants(n, shape).items():
                    timings = race(runs, options.rounds, budget=0.05)
                    ours = timings.pop("convscope")
                    best = Timing([min(row) for row in zip(*(one.rounds for one in timings.values()), strict=True)])
                    middle, low, high = ratio(ours, best)
                    logs.append(np.log(middle))
                    line += f"  {which} {middle:.2f} ({low:.2f} to {high:.2f}) {flops / ours.seconds / 1e9:4.0f}"
                print(line, flush=True)
    print(f"geometric mean over {len(logs)} figures: {np.exp(np.mean(logs)):.2f} times PyTorch")
    for name in ("LeNet conv1", "LeNet conv2"):
        c, h, m, k, stride, padding = SHAPES[name]
        x, w = np.ones((1, c, h, h), np.float32), np.ones((m, c, k, k), np.float32)
        begin = time.perf_counter()
        ops.reference.conv2d(x, w, None, stride, padding)
        loops = time.perf_counter() - begin
        fast = race({"convscope": lambda x=x, w=w, s=stride, p=padding: ops.conv2d(x, w, None, s, p)}, 3)[
            "convscope"
        ].seconds
        print(f"{name}, one picture: {loops / fast:,.0f} times the plain loops")


if __name__ == "__main__":
    main()
