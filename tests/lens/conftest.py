"""Small networks with fixed weights that several tests look at."""

from collections import OrderedDict

import pytest
import torch
from torch import nn


@pytest.fixture
def network() -> nn.Sequential:
    """Two convolutions and two linear layers for inputs (1, 12, 10)."""
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 3, 3, padding=1),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(3, 4, (3, 2)),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(4 * 4 * 4, 7),
            relu3=nn.ReLU(),
            fc2=nn.Linear(7, 5),
        )
    )


@pytest.fixture
def edge_detector() -> nn.Sequential:
    """One convolution that answers to dark left of bright, and nothing else."""
    conv = nn.Conv2d(1, 1, (6, 6), bias=False)
    conv.weight.data[:] = torch.tensor([-1.0, -1, -1, 1, 1, 1])
    return nn.Sequential(conv)
