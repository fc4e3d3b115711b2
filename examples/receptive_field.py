"""What a unit of LeNet-5 sees of the picture, by arithmetic and by trying.

Run: python examples/receptive_field.py
"""

import numpy as np

from convscope import nn
from convscope.geometry import Field

WINDOWS = {"conv1": (5, 1, 2), "pool1": (2, 2, 0), "conv2": (5, 1, 0), "pool2": (2, 2, 0)}

print("two layers of 2 x 2 kernels, stride 1")
field = Field().through((2, 2)).through((2, 2))
print(f"  one cell of the second sees {field.size[0]} x {field.size[1]}: all 9 cells of a 3 x 3 picture")


def seen(depth: int, row: int, column: int) -> tuple[int, int]:
    """Rows and columns of the picture that change one unit, found by changing one cell of the picture after another.

    All weights are positive and the picture is raised, so that neither ReLU nor a maximum hides a cell.
    """
    rng = np.random.default_rng(0)
    layers = [nn.Conv2D(1, 1, 5, padding=2, dtype=np.float64), nn.AvgPool2D(2)]
    layers += [nn.Conv2D(1, 1, 5, dtype=np.float64), nn.AvgPool2D(2)]
    for layer in (layers[0], layers[2]):
        layer.weight[:] = rng.uniform(0.5, 1, layer.weight.shape)
    pictures = np.concatenate([np.zeros((1, 784)), np.eye(784)]).reshape(785, 1, 28, 28)
    for layer in layers[:depth]:
        pictures = layer(pictures)
    changed = (pictures[1:, 0, row, column] != pictures[0, 0, row, column]).reshape(28, 28)
    return int(changed.any(1).sum()), int(changed.any(0).sum())


print("LeNet-5 on 28 x 28                              by arithmetic          by trying")
field, size = Field(), 28
for depth, (name, (kernel, stride, pad)) in enumerate(WINDOWS.items(), 1):
    field = field.through((kernel, kernel), (stride, stride), (pad, pad))
    size = (size + 2 * pad - kernel) // stride + 1
    middle = size // 2
    found = seen(depth, middle, middle)
    assert found == field.size, f"{name}: {found} is not {field.size}"
    print(
        f"  {name}: kernel {kernel}, stride {stride}, padding {pad}, {size:2} x {size:2} units;"
        f" each sees {field.size[0]:2} x {field.size[1]:2}, {field.stride[0]} apart; {found[0]:2} x {found[1]:2}"
    )
print("  fc1 to fc3: every unit sees all 28 x 28")
