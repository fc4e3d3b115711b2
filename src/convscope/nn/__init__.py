"""A convolutional network by hand, in NumPy: layers with forward and backward, LeNet-5, training.

>>> import numpy as np
>>> from convscope import nn
>>> net = nn.LeNet5(seed=0)
>>> net(np.zeros((1, 1, 28, 28), np.float32)).shape
(1, 10)
"""

from convscope.nn import init
from convscope.nn.layer import Layer
from convscope.nn.layers import AvgPool2D, Conv2D, Flatten, Linear, MaxPool2D, ReLU
from convscope.nn.lenet import LeNet5
from convscope.nn.sequential import Sequential

__all__ = ["AvgPool2D", "Conv2D", "Flatten", "Layer", "LeNet5", "Linear", "MaxPool2D", "ReLU", "Sequential", "init"]
