"""Receptive fields against what really happens: NaN in one row after another of the input, and where it comes out."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.lens.fields import receptive_field
from convscope.lens.probe import probe
from tests.lens.networks import Swin, ViT


class Net(nn.Module):
    """A function with layers, and a last layer `out` that passes on what it gets."""

    def __init__(self, function: Any, **layers: nn.Module) -> None:
        super().__init__()
        self.function, self.out = function, nn.Identity()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.function(self, x))


def poisoned(model: nn.Module, layer: str, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """(cells, *positions): whether NaN in that row (column, ...) of the input reaches any unit at that position."""
    x = torch.rand(shape[1 + axis], *shape, dtype=torch.float64)
    for cell in range(len(x)):
        x[cell].select(1 + axis, cell).fill_(torch.nan)
    with torch.no_grad(), probe(model.double(), [layer]) as look:
        return look(x)[layer].isnan().any(1).numpy()


def agree(
    model: nn.Module, shape: tuple[int, ...], layer: str = "out", exact: bool = True, loose: bool = False
) -> None:
    """The box of every unit, cut to the input, is the hull of what reaches it; if `loose`, holds it."""
    field = receptive_field(model, layer, shape)
    assert field.exact == exact
    axes = len(shape) - 1
    for axis in range(axes):
        reached = poisoned(model, layer, shape, axis)
        for place in product(*map(range, reached.shape[1:])):
            cells = np.flatnonzero(reached[(slice(None), *place)])
            box = field.box(*place)
            start, stop = max(box[axis], 0), min(box[axes + axis], shape[1 + axis])
            told = f"{place} on axis {axis}: told {start} to {stop}, reached by {cells}"
            if loose:
                assert set(cells) <= set(range(start, stop)), told
            elif len(cells):
                assert (start, stop) == (cells[0], cells[-1] + 1), told
            else:
                assert start >= stop, told


def conv(inputs: int = 2, outputs: int = 2, kernel: Any = 3, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **more)


def unet(net: Any, x: Tensor) -> Tensor:
    down = F.relu(net.down(x), inplace=True)
    up = net.up(net.low(down))
    return net.last(torch.cat([x[:, :, : up.shape[2], : up.shape[3]], up], 1))


def written(net: Any, x: Tensor) -> Tensor:
    """A map that is filled in place, by slices and through views."""
    y = torch.zeros(len(x), 2, x.shape[2] + 3, x.shape[3], dtype=x.dtype)
    y[:, :, 2:-1] = net.conv(x)
    rows = y[:, :1, 1:4]
    rows += x[:, :1, 5:8]
    y[:, :, 0].copy_(x[:, :, -1])
    return y


def shift(net: Any, x: Tensor) -> Tensor:
    """Temporal shift: some channels from the row before, some from the one after."""
    y = torch.zeros_like(x)
    y[:, :1, 1:] = x[:, :1, :-1]
    y[:, 1:, :-1] = x[:, 1:, 1:]
    return net.conv(y)


def excite(net: Any, x: Tensor) -> Tensor:
    return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


def self_attention(net: Any, x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    return net.attention(tokens, tokens, tokens)[0].transpose(1, 2).view_as(x)


def axial(net: Any, x: Tensor) -> Tensor:
    """Attention along columns only."""
    weights = torch.einsum("nchw,nchv->nhwv", x, x).softmax(-1)
    return torch.einsum("nhwv,nchv->nchw", weights, x)


RGB = (2, 14, 11)
GRAPHS: dict[str, tuple[Any, dict[str, nn.Module], tuple[int, ...]]] = {
    "residual": (lambda net, x: x + net.b(F.relu(net.a(x))), {"a": conv(padding=1), "b": conv(padding=1)}, RGB),
    "branches": (
        lambda net, x: torch.cat([net.a(x), net.b(x), net.pool(x)], 1),
        {"a": conv(padding=2, dilation=2), "b": conv(kernel=(1, 5), padding=(0, 2)), "pool": nn.AvgPool2d(3, 1, 1)},
        RGB,
    ),
    "strided": (
        lambda net, x: net.c(net.b(net.a(x))),
        {"a": conv(stride=2, padding=1), "b": nn.MaxPool2d(3, 2, 1, ceil_mode=True), "c": conv(kernel=(2, 1))},
        RGB,
    ),
    "ceil": (lambda net, x: net.a(x), {"a": nn.MaxPool2d(3, 2, ceil_mode=True)}, (1, 10, 12)),
    "dilated pool": (lambda net, x: net.a(x), {"a": nn.MaxPool2d((3, 2), (2, 1), (1, 0), dilation=2)}, RGB),
    "one-sided": (lambda net, x: net.a(F.pad(x, (3, 0, 1, 2))), {"a": conv(kernel=4)}, RGB),
    "reflected": (lambda net, x: net.a(x), {"a": conv(padding=2, kernel=5, padding_mode="reflect")}, RGB),
    "repeated": (lambda net, x: net.a(x), {"a": conv(padding=2, kernel=3, padding_mode="replicate")}, RGB),
    "circular": (lambda net, x: net.a(x), {"a": conv(padding=1, padding_mode="circular")}, RGB),
    "u-net": (
        unet,
        {
            "down": conv(kernel=3, stride=2), "low": conv(padding=1),
            "up": nn.ConvTranspose2d(2, 2, 3, 2, 1, output_padding=1), "last": conv(4, 2, 1),
        },
        RGB,
    ),
    "transposed": (
        lambda net, x: net.a(x),
        {"a": nn.ConvTranspose2d(2, 4, (3, 2), (3, 1), (1, 0), (2, 0), 2, dilation=(1, 2))},
        (2, 5, 4),
    ),
    "nearest": (lambda net, x: net.a(F.interpolate(x, scale_factor=2)), {"a": conv()}, (2, 7, 6)),
    "bilinear": (
        lambda net, x: net.a(F.interpolate(x, size=(13, 9), mode="bilinear")), {"a": conv()}, (2, 7, 6)
    ),
    "corners": (
        lambda net, x: F.interpolate(x, size=(9, 11), mode="bilinear", align_corners=True), {}, (2, 5, 6)
    ),
    "bicubic": (lambda net, x: F.interpolate(x, size=(9, 11), mode="bicubic"), {}, (2, 7, 6)),
    "smaller": (lambda net, x: F.interpolate(x, size=(4, 5)), {}, RGB),
    "adaptive": (
        lambda net, x: net.b(net.a(x)),
        {"a": nn.AdaptiveAvgPool2d((6, 11)), "b": nn.AdaptiveMaxPool2d((4, 1))},
        RGB,
    ),
    "slices": (lambda net, x: net.a(x[:, :, 1::3, :-2]).flip(2), {"a": conv(kernel=2)}, RGB),
    "rolled": (lambda net, x: net.a(torch.roll(x, 2, 3)), {"a": conv(kernel=(1, 2))}, RGB),
    "shuffled": (
        lambda net, x: F.pixel_unshuffle(net.a(F.pixel_shuffle(x, 2)), 4), {"a": conv(1, 1, padding=1)}, (4, 6, 8)
    ),
    "groups": (
        lambda net, x: net.b(F.channel_shuffle(torch.cat([net.a(x), x], 1), 2)),
        {"a": conv(padding=1), "b": conv(4, 2, 1, groups=2)},
        RGB,
    ),
    "chosen": (lambda net, x: x[:, :, torch.tensor([3, 0, 9, 9, 5])], {}, RGB),
    "gated": (lambda net, x: F.glu(net.a(x), 1), {"a": conv(2, 4, padding=1)}, RGB),
    "halves": (lambda net, x: F.glu(x, 2), {}, RGB),
    "written": (written, {"conv": conv(padding=1)}, RGB),
    "shifted": (shift, {"conv": conv(kernel=(2, 1))}, RGB),
    "windows": (lambda net, x: x.unfold(2, 4, 3).mean(-1), {}, RGB),
    "patches": (lambda net, x: F.fold(F.unfold(x, 3, padding=1), (14, 11), 3, padding=1), {}, RGB),
    "columns": (lambda net, x: net.a(x).mean(3), {"a": conv()}, RGB),
    "sums": (lambda net, x: x.softmax(2), {}, RGB),
    "excited": (excite, {}, RGB),
    "group norm": (lambda net, x: net.a(x), {"a": nn.GroupNorm(2, 2)}, RGB),
    "instance norm": (lambda net, x: net.a(x), {"a": nn.InstanceNorm2d(2)}, RGB),
    "layer norm": (lambda net, x: net.a(x), {"a": nn.LayerNorm(11)}, RGB),
    "response norm": (lambda net, x: net.a(x), {"a": nn.LocalResponseNorm(2)}, RGB),
    "attention": (self_attention, {"attention": nn.MultiheadAttention(2, 1, batch_first=True)}, (2, 3, 4)),
    "axial": (axial, {}, RGB),
    "signal": (
        lambda net, x: net.b(F.relu(net.a(F.pad(x, (4, 0))))),
        {"a": nn.Conv1d(2, 3, 3, dilation=2), "b": nn.Conv1d(3, 2, 2, stride=2)},
        (2, 21),
    ),
    "pooled signal": (lambda net, x: net.a(net.b(x)), {"a": nn.AvgPool1d(3, 2, 1), "b": nn.MaxPool1d(2, 1)}, (2, 21)),
    "volume": (
        lambda net, x: net.b(net.a(x)),
        {"a": nn.Conv3d(1, 2, (1, 2, 3), (1, 2, 1), (0, 1, 1)), "b": nn.MaxPool3d(2, 1)},
        (1, 4, 7, 5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_a_field_is_what_reaches_the_unit(name: str):
    torch.manual_seed(0)
    function, layers, shape = GRAPHS[name]
    # col2im is not known. In the others a unit at the border has taps in the padding: these count as cells beyond the
    # border, and between them and the cells inside lie some that a dilated or strided window leaves out
    loose = name in ("patches", "dilated pool", "transposed", "u-net")
    agree(Net(function, **layers), shape, exact=name != "patches", loose=loose)


ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.SELU(), nn.CELU(), nn.GELU(), nn.SiLU(),
    nn.Mish(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Softsign(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(),
    nn.LogSigmoid(), nn.Threshold(0.1, 0.0), nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.RReLU(),
    nn.Tanhshrink(), nn.Hardshrink(), nn.Softshrink(), nn.BatchNorm2d(2), nn.BatchNorm2d(2, affine=False),
    nn.Softmax(1), nn.Softmax2d(), nn.LogSoftmax(1),
]  # fmt: skip


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
def test_cell_by_cell_each_unit_sees_its_own_cell(layer: nn.Module):
    field = receptive_field(nn.Sequential(layer), "0", (2, 5, 4))
    assert (field.size, field.stride, field.offset, field.exact) == ((1, 1), (1, 1), (0, 0), True)


@pytest.mark.parametrize("layer", ["embed", "block.norm", "block.qkv", "block.out", "block", "reduce"])
@pytest.mark.parametrize("shift", [0, 1])
def test_windows_of_tokens(layer: str, shift: int):
    torch.manual_seed(0)
    agree(Swin(shift), (3, 12, 24), layer)


def test_tokens_and_attention():
    torch.manual_seed(0)
    for first in (True, False):
        for layer in ("patch", "encoder.self_attn", "encoder", "head"):
            agree(ViT(first), (3, 8, 12), layer)


def test_an_operation_that_is_not_known_sees_everything_and_says_so():
    field = receptive_field(Net(lambda net, x: torch.fft.irfft(torch.fft.rfft(x))), "out", (1, 6, 7))
    assert field.box(0, 0) == (0, 0, 6, 7)
    assert not field.exact
