"""Shapes on their way through a network: windows, stride, padding, channels, pooling.

Run: python examples/sizes.py
"""

import numpy as np

from convscope import nn, ops
from convscope.geometry import output_size, remainder

print("cells on an axis = floor((size + padding on both sides - kernel) / stride) + 1, and what is left over")
for size, kernel, stride, pad in ((6, 3, 1, 0), (28, 5, 1, 2), (28, 5, 1, 0), (7, 3, 2, 0), (8, 3, 2, 0), (8, 3, 2, 1)):
    out, over = output_size(size, kernel, stride, (pad, pad)), remainder(size, kernel, stride, (pad, pad))
    print(f"  size {size:2}, kernel {kernel}, stride {stride}, padding {pad}: {out:2} cells, {over} left over")

print("padding kernel//2 keeps the size for odd kernels only")
for kernel in (2, 3, 4, 5):
    print(f"  5 cells, kernel {kernel}, padding {kernel // 2}: {output_size(5, kernel, 1, (kernel // 2,) * 2)} cells")

print("channels: each kernel has as many planes as the picture, and there are as many results as kernels")
rng = np.random.default_rng(0)
for channels, kernels, size, r in ((3, 1, 6, 3), (3, 2, 6, 3), (5, 10, 100, 3)):
    x, w = rng.standard_normal((1, channels, size, size)), rng.standard_normal((kernels, channels, r, r))
    cell = (x[0, :, :r, :r] * w[0]).sum()
    assert np.isclose(ops.conv2d(x, w)[0, 0, 0, 0], cell), "one cell is one sum over all planes"
    print(f"  {x.shape} under {w.shape}: {ops.conv2d(x, w).shape}, each cell a sum of {w[0].size} products")

print("padding 1 around 5 x 5, under the kernel 1 2 3 / 4 5 6 / 7 8 9")
x = np.array([[3, 4, 5, 6, 5], [4, 2, 2, 1, 5], [4, 5, 6, 7, 8], [5, 6, 7, 8, 9], [1, 2, 4, 5, 6.0]])
y = ops.conv2d(x[None, None], np.arange(1.0, 10).reshape(1, 1, 3, 3), padding=1)[0, 0]
print("\n".join("  " + " ".join(f"{value:4g}" for value in row) for row in y))

print("the largest cell of each 2 x 2 window")
x = np.array([[3, 4, 5, 6], [2, 4, 5, 6], [1, 6, 5, 7], [6, 7, 9, 5.0]])
print("\n".join("  " + " ".join(f"{value:g}" for value in row) for row in ops.max_pool2d(x[None, None], 2)[0, 0]))
lost = -np.ones((1, 1, 3, 3))
print(f"  all -1, padding 1: the corner is {ops.max_pool2d(lost, 2, padding=1)[0, 0, 0, 0]:g}; padding never wins")

print("LeNet-5, 5 x 5 kernels and 2 x 2 pooling: what the first fully connected layer gets")
for size, pad in ((28, 0), (28, 2), (32, 0)):
    after = (output_size(size, 5, 1, (pad, pad)) // 2 - 4) // 2
    print(f"  {size} x {size}, padding {pad} in the first: 16 * {after} * {after} = {16 * after * after} numbers")

print("pooling has no weights and takes none from the convolutions; it saves those of the next full layer")
net = nn.LeNet5(seed=0).state()
convolutions = sum(net[name].size for name in net if name.startswith("conv"))
print(f"  both convolutions: {convolutions} weights, for pictures of any size")
print(f"  fc1 with pooling: {net['fc1.weight'].size} weights; without: {120 * 16 * 24 * 24}")

print("random kernels of variance 1/c let a layer answer r*s times as large (variance) as its input")
x, w = rng.standard_normal((8, 6, 40, 40)), rng.standard_normal((400, 6, 5, 5))
for rule, scale in (("1/c", 6), ("1/(c*r*s)", 6 * 25)):
    y = ops.conv2d(x, w / np.sqrt(scale))
    print(f"  5 x 5 kernels, {rule}: output's standard deviation {y.std() / x.std():.1f} of the input's")
