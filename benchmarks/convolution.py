"""Convolutions of every kind beside PyTorch (oneDNN): ratios with their spread, and their geometric mean.

    python benchmarks/convolution.py [--threads 2] [--rounds 5] [--only NAME]

The plain ones go from LeNet to ResNet sizes; then come one and three axes, transposed, grouped and depthwise ones.
PyTorch runs on contiguous arrays and, along two axes, in channels_last too, and each figure is compared with the faster
of the two. For the two smallest shapes the plain loops of `ops.reference` run too, on one picture.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from beside import Timing, machine, race, ratio

from convscope import ops
from convscope.ops.fast.compiled import set_threads


@dataclass(frozen=True)
class Shape:
    """x (n, c, *size) under m kernels of `kernel`; the options are the same along all axes."""

    c: int
    size: tuple[int, ...]
    m: int
    kernel: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    groups: int = 1
    transposed: bool = False

    @property
    def name(self) -> str:
        return f"conv{'_transpose' * self.transposed}{len(self.size)}d"


def square(c: int, h: int, m: int, k: int, stride: int = 1, padding: int = 0, **others: int) -> Shape:
    return Shape(c, (h, h), m, (k, k), stride, padding, **others)


SHAPES = {
    "LeNet conv1": square(1, 28, 6, 5, 1, 2),
    "LeNet conv2": square(6, 14, 16, 5),
    "ResNet stem": square(3, 224, 64, 7, 2, 3),
    "ResNet 56": square(64, 56, 64, 3, 1, 1),
    "ResNet 1x1": square(64, 56, 256, 1),
    "ResNet down": square(128, 56, 128, 3, 2, 1),
    "ResNet 28": square(128, 28, 128, 3, 1, 1),
    "ResNet 14": square(256, 14, 256, 3, 1, 1),
    "ResNet 7": square(512, 7, 512, 3, 1, 1),
    "1-D sound": Shape(64, (4000,), 64, (9,), 1, 4),
    "1-D text": Shape(128, (256,), 256, (3,), 1, 1),
    "3-D first": Shape(3, (16, 56, 56), 32, (3, 3, 3), 1, 1),
    "3-D inner": Shape(32, (8, 28, 28), 64, (3, 3, 3), 1, 1),
    "transposed 8": square(256, 8, 128, 4, 2, 1, transposed=True),
    "transposed 28": square(128, 28, 64, 2, 2, transposed=True),
    "grouped 28": square(256, 28, 256, 3, 1, 1, groups=32),
    "depthwise 56": square(144, 56, 144, 3, 1, 1, groups=144),
    "depthwise /2": square(144, 56, 144, 3, 2, 1, groups=144),
    "depthwise x2": square(128, 28, 256, 3, 1, 1, groups=128),
}


def contestants(n: int, shape: Shape) -> tuple[dict[str, dict[str, object]], int]:
    """The passes, each with who runs it; and the floating-point operations of one."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, shape.c, *shape.size)).astype(np.float32)
    rows, columns = (shape.c, shape.m) if shape.transposed else (shape.m, shape.c)
    w = rng.normal(size=(rows, columns // shape.groups, *shape.kernel)).astype(np.float32)
    how = {"stride": shape.stride, "padding": shape.padding, "groups": shape.groups}
    ours = {which: getattr(ops, shape.name + which) for which in ("", "_input_grad", "_weight_grad")}
    y = ours[""](x, w, **how)
    grad = rng.normal(size=y.shape).astype(np.float32)
    runs: dict[str, dict[str, object]] = {
        "forward": {"convscope": lambda: ours[""](x, w, **how)},
        "input gradient": {"convscope": lambda: ours["_input_grad"](x.shape, w, grad, **how)},
        "weight gradient": {"convscope": lambda: ours["_weight_grad"](x, w.shape, grad, **how)},
    }
    axes, back, forth = len(shape.size), torch.ops.aten.convolution_backward, getattr(torch, shape.name)
    ones = [1] * axes
    fixed = ([0], [shape.stride] * axes, [shape.padding] * axes, ones, shape.transposed, [0] * axes, shape.groups)
    layouts = {"contiguous": torch.contiguous_format}
    if axes == 2:
        layouts["channels_last"] = torch.channels_last
    for name, layout in layouts.items():
        tx, tw, tg = (torch.from_numpy(array).to(memory_format=layout) for array in (x, w, grad))
        runs["forward"][name] = lambda tx=tx, tw=tw: forth(tx, tw, None, **how)
        runs["input gradient"][name] = lambda t=(tg, tx, tw): back(*t, *fixed, [True, False, False])
        runs["weight gradient"][name] = lambda t=(tg, tx, tw): back(*t, *fixed, [False, True, False])
    cells = x if shape.transposed else y  # each meets every tap of w's channels of its group
    return runs, 2 * cells.size * w[0].size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="just the shapes whose name begins so")
    options = parser.parse_args()
    set_threads(options.threads)
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    print(f"{'times PyTorch (lowest to highest); GFLOP/s of convscope':>60}")
    logs = []
    with torch.no_grad():
        for n in (1, 32):
            for name, shape in SHAPES.items():
                if not name.startswith(options.only):
                    continue
                passes, flops = contestants(n, shape)
                line = f"batch {n:2}  {name:13}"
                for which, runs in passes.items():
                    timings = race(runs, options.rounds, budget=0.05)
                    ours = timings.pop("convscope")
                    best = Timing([min(row) for row in zip(*(one.rounds for one in timings.values()), strict=True)])
                    middle, low, high = ratio(ours, best)
                    logs.append(np.log(middle))
                    line += f"  {which} {middle:.2f} ({low:.2f} to {high:.2f}) {flops / ours.seconds / 1e9:4.0f}"
                print(line, flush=True)
    if logs:
        print(f"geometric mean over {len(logs)} figures: {np.exp(np.mean(logs)):.2f} times PyTorch")
    for name in ("LeNet conv1", "LeNet conv2"):
        if not name.startswith(options.only):
            continue
        shape = SHAPES[name]
        x = np.ones((1, shape.c, *shape.size), np.float32)
        w = np.ones((shape.m, shape.c, *shape.kernel), np.float32)
        how = {"stride": shape.stride, "padding": shape.padding}
        begin = time.perf_counter()
        ops.reference.conv2d(x, w, **how)
        loops = time.perf_counter() - begin
        fast = race({"convscope": lambda x=x, w=w, how=how: ops.conv2d(x, w, **how)}, 3)["convscope"].seconds
        print(f"{name}, one picture: {loops / fast:,.0f} times the plain loops")


if __name__ == "__main__":
    main()
