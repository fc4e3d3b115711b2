"""A factory of small networks, found as a file; and what is beside it."""

import torch
from torch import nn

from convscope.lens.models import Network, Preprocessing

WIDTH = 3


class Small(nn.Module):
    """For (2, h, w), h != w welcome: convolution, batch norm, five classes."""

    def __init__(self, width: int = WIDTH, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, width, (3, 2), stride=(2, 1), bias=bias)
        self.norm = nn.BatchNorm2d(width)
        self.norm.running_mean = torch.linspace(-1, 1, width)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.norm(self.conv(x))).mean((2, 3)))


def described(rows: int = 9) -> Network:
    return Network(Small(), (2, rows, 7), Preprocessing((rows, 7), order="channels:2"), tuple("abcde"))


ready = Small(4)


def broken() -> nn.Module:
    raise RuntimeError("the disk\nis full")


def no_network() -> list[int]:
    return [1]
