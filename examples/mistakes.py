"""Claims that go round in tutorials, each beside what it comes to when it is worked out.

Run: python examples/mistakes.py
"""

import numpy as np

from convscope import ops
from convscope.geometry import output_size

print("3 x 3 under 3 x 3 is said to be 2 x 2: 9 -3 / -3 9")
y = ops.corr2d(np.arange(1, 10).reshape(3, 3), [[0, 1, 0], [1, 0, -1], [0, -1, 0]])
print(f"  it is {y.shape[0]} x {y.shape[1]}: 2 + 4 - 6 - 8 = {y[0, 0]}")

print("[-1, 1] is said to find horizontal edges")
band = np.ones((4, 6))
band[:, 2:4] = 0
for name, picture in (("edges between columns (vertical)", band), ("edges between rows (horizontal)", band.T)):
    print(f"  {name}: {np.count_nonzero(ops.corr2d(picture, [[-1, 1]]))} cells answer")

print("strict convolution or cross-correlation is said to matter little to a learned layer")
rng = np.random.default_rng(0)
x, w = rng.integers(-9, 10, (1, 2, 7, 9)).astype(float), rng.integers(-9, 10, (3, 2, 3, 2)).astype(float)
same, turned = ops.conv2d(x, w), w[:, :, ::-1, ::-1].copy()
print(f"  with the kernel turned, the largest difference is {np.abs(same - ops.conv2d(x, turned, flip=True)).max():g}")
print(f"  with the kernel as it was, {np.abs(same - ops.conv2d(x, w, flip=True)).max():g}")

print("a loop over the input's size in place of the output's, 28 x 28 under 5 x 5")
out = output_size(28, 5)
print(f"  visits {28 * 28} places, and the kernel fits at {out * out}: {28 * 28 - out * out} hang over the edge")
print(f"  in every row place {out}, counted from 0, is the first wrong one: its window is 5 x {28 - out}")
print(f"  stride 2 and padding 2 are for {output_size(28, 5, 2, (2, 2))} x {output_size(28, 5, 2, (2, 2))} results")

print("subsampling is said to leave what is in a picture as it was")
stripes = np.tile([1.0, 0.0], (4, 4))
pooled = ops.max_pool2d(stripes[None, None], 2)[0, 0]
for name, picture in (("stripes one cell wide", stripes), ("after 2 x 2 max pooling", pooled)):
    print(f"  {name}: {np.count_nonzero(ops.corr2d(picture, [[1, -1]]))} cells of [1, -1] answer")

print("the L1 penalty on a picture made to excite a unit is said to be on the unit's output")
unit, weight = rng.standard_normal(784), 0.9  # the unit answers unit @ picture, pixels from -1 to 1
for name, picture in (
    ("no penalty", np.sign(unit)),
    ("0.9 times |output|", np.sign((1 - weight) * unit)),
    ("0.9 times the sum of |pixel|", np.sign(unit) * (np.abs(unit) > weight)),
):
    print(f"  {name}: the best picture has {np.count_nonzero(picture)} of 784 pixels lit")
