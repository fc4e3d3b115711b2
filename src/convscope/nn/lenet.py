"""LeNet-5 as the tutorials have it: max pooling, ReLU, three fully connected layers."""

from typing import Any

import numpy as np

from convscope.nn.init import kaiming_uniform, lecun_normal
from convscope.nn.layers import Conv2D, Flatten, Linear, MaxPool2D, ReLU
from convscope.nn.sequential import Sequential


class LeNet5(Sequential):
    """(n, 1, 28, 28) -> (n, classes) logits; 61,706 parameters for ten classes.

    After LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2, whose pictures of
    32 x 32 are those of 28 x 28 with padding 2; with every map of the first pooling feeding every kernel of the second
    convolution, ReLU for tanh and max pooling for trained subsampling, as is usual today.

    >>> net = LeNet5(seed=0)
    >>> net.vector.size, net(np.zeros((3, 1, 28, 28), np.float32)).shape
    (61706, (3, 10))
    """

    def __init__(self, seed: int = 0, classes: int = 10, dtype: Any = np.float32) -> None:
        rng = np.random.default_rng(seed)
        hidden = {"init": kaiming_uniform, "rng": rng, "dtype": dtype}
        super().__init__(
            {
                "conv1": Conv2D(1, 6, 5, padding=2, **hidden),
                "relu1": ReLU(),
                "pool1": MaxPool2D(2),
                "conv2": Conv2D(6, 16, 5, **hidden),
                "relu2": ReLU(),
                "pool2": MaxPool2D(2),
                "flatten": Flatten(),
                "fc1": Linear(16 * 5 * 5, 120, **hidden),
                "relu3": ReLU(),
                "fc2": Linear(120, 84, **hidden),
                "relu4": ReLU(),
                "fc3": Linear(84, classes, init=lecun_normal, rng=rng, dtype=dtype),
            }
        )
