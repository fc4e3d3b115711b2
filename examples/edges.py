"""Cross-correlation by hand, and a kernel that sees vertical edges and nothing else.

Run: python examples/edges.py [--out FOLDER], which writes the pictures that docs/tutorials.md shows.
"""

import argparse
from pathlib import Path

import numpy as np

from convscope import ops
from convscope.files import write_whole
from convscope.pictures import enlarge, grey, png, sheet, signed

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, help="a folder for the pictures; without it none is written")
folder = parser.parse_args().out


def rows(values: np.ndarray) -> str:
    return "\n".join("  " + " ".join(f"{value:3g}" for value in row) for row in values)


print("3 x 3 under 2 x 2: at every place multiply cell by cell and add up")
picture, kernel = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
for i in range(2):
    for j in range(2):
        window = picture[i : i + 2, j : j + 2].ravel()
        products = " + ".join(f"{a}*{b}" for a, b in zip(window, kernel.ravel()))
        print(f"  [{i}, {j}] = {products} = {window @ kernel.ravel()}")
print(rows(ops.corr2d(picture, kernel)))

print("3 x 3 under 3 x 3: the kernel fits at one place only")
print(rows(ops.corr2d(np.arange(1, 10).reshape(3, 3), [[0, 1, 0], [1, 0, -1], [0, -1, 0]])))

band = np.ones((6, 8))
band[:, 2:6] = 0
kernel = np.array([[1.0, -1.0]])
upright, lying = ops.corr2d(band, kernel), ops.corr2d(band.T, kernel)
print("black band, columns 2 to 5; edges between columns are vertical. Under [1, -1], each row:")
print(rows(upright[:1]))
print("the band turned on its side, its edges now horizontal, under the same kernel, each row:")
print(rows(lying[:1]))
print("... and under the kernel turned with it, [[1], [-1]], each column:")
print(rows(ops.corr2d(band.T, kernel.T).T[:1]))
print("the upright band under the strict convolution's flipped kernel, [-1, 1], each row:")
print(rows(ops.corr2d(band, kernel[::-1, ::-1])[:1]))

if folder:
    shown = [grey(band, 0, 1), signed(upright, 1), grey(band.T, 0, 1), signed(lying, 1)]
    write_whole(folder / "edges.png", png(sheet([enlarge(one, 20) for one in shown], 4, 10, paper=(160, 160, 160))))
