"""One convolution in seven forms: equal, what each costs, and what its shared weights do.

Run: python examples/proofs.py [--out FOLDER], which writes the pictures that docs/proofs.md shows.
"""

import argparse
from pathlib import Path

import numpy as np

from convscope import nn
from convscope.files import write_whole
from convscope.ops import proofs
from convscope.ops.proofs.__main__ import main
from convscope.pictures import enlarge, png, sheet

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, help="a folder for the pictures; without it none is written")
folder = parser.parse_args().out

main()

print("\nmillions of products for one picture of 32 x 32, 8 -> 8 channels, by kernel size")
sizes = (1, 3, 5, 9, 15, 25)
tables = [proofs.costs((1, 8, 32, 32), (8, 8, k, k), padding="same") for k in sizes]
print(f"{'form':16}" + "".join(f"{f'{k} x {k}':>9}" for k in sizes))
for name in proofs.FORMS:
    cells = (f"{table[name].multiplications / 1e6:9.2f}" if name in table else f"{'-':>9}" for table in tables)
    print(f"{name:16}" + "".join(cells))
print("kilobytes stored on the way")
for name in proofs.FORMS:
    cells = (f"{table[name].stored / 1e3:9.0f}" if name in table else f"{'-':>9}" for table in tables)
    print(f"{name:16}" + "".join(cells))

print("\nLeNet-5 at its start, one picture: the gradient of all its weights, and with the mean over copies for the sum")
net, rng = nn.LeNet5(seed=0, dtype=np.float64), np.random.default_rng(0)
net(rng.standard_normal((1, 1, 28, 28)))
net.backward(rng.standard_normal((1, 10)))
gradients = net.gradients()
layers = {
    "conv1.weight": proofs.connections((1, 1, 28, 28), (6, 1, 5, 5), padding=2),
    "conv2.weight": proofs.connections((1, 6, 14, 14), (16, 6, 5, 5)),
}
means = gradients | {name: gradients[name] / layer.copies for name, layer in layers.items()}
means |= {"conv1.bias": gradients["conv1.bias"] / 28**2, "conv2.bias": gradients["conv2.bias"] / 10**2}


def compare(label: str, names: list[str]) -> None:
    right, mean = (np.concatenate([each[name].ravel() for name in names]) for each in (gradients, means))
    lengths = np.linalg.norm(right), np.linalg.norm(mean)
    print(f"  {label:10} {lengths[0] / lengths[1]:6.1f} times as short, cosine {right @ mean / np.prod(lengths):.4f}")


for layer in ("conv1", "conv2", "fc1"):
    compare(layer, [f"{layer}.weight", f"{layer}.bias"])
compare("all layers", list(gradients))

if folder:
    shown = {
        "no padding": {},
        "zeros": {"padding": 1},
        "reflect": {"padding": 1, "padding_mode": "reflect"},
        "circular": {"padding": 1, "padding_mode": "circular"},
        "stride 2": {"padding": 1, "stride": 2},
        "dilation 2": {"dilation": 2},
    }
    layers = [proofs.connections((1, 1, 6, 7), (1, 1, 3, 3), **how) for how in shown.values()]
    layers += [proofs.connections((1, 2, 4, 5), (2, 2 // groups, 3, 3), padding=1, groups=groups) for groups in (1, 2)]
    patterns = [enlarge(proofs.pattern(layer), 5) for layer in layers]
    write_whole(folder / "proofs.png", png(sheet(patterns, 4, 12, paper=(205, 205, 205))))
