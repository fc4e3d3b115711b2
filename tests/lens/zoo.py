"""One small network of each kind in use, with random weights: what any of them does, somebody's network does."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.lens.networks import Swin


class Net(nn.Module):
    """A function with layers."""

    def __init__(self, function: Callable[[Any, Tensor], Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


@dataclass
class Answer:
    words: str
    scores: Tensor


@dataclass(frozen=True)
class Kind:
    """build: makes the network. shape: of one input. look: an early, a middle and the last layer to look at, with
    class, shape (units, *positions) and receptive field, None for the whole input. logits: whether the output has a
    value for each class."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    look: dict[str, tuple[str, tuple[int, ...], tuple[int, ...] | None]]
    logits: bool = True


def norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm that has seen something."""
    made: Any = nn.BatchNorm2d(channels)
    nn.init.uniform_(made.weight, 0.5, 1.5)
    nn.init.uniform_(made.bias, 0.5, 1.5)
    nn.init.normal_(made.running_mean, std=0.1)
    nn.init.uniform_(made.running_var, 0.5, 1.5)
    return made


def conv(inputs: int, outputs: int, kernel: Any = 3, stride: int = 1, **more: Any) -> nn.Conv2d:
    padding = kernel // 2 if isinstance(kernel, int) else tuple(size // 2 for size in kernel)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, **more)


def pooled(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


def bottleneck(inputs: int, width: int, stride: int = 1) -> Net:
    def forward(net: Any, x: Tensor) -> Tensor:
        y = F.relu(net.bn1(net.conv1(x)))
        y = F.relu(net.bn2(net.conv2(y)), inplace=True)
        y = net.bn3(net.conv3(y))
        y += net.short(x)
        return F.relu(y)

    return Net(
        forward,
        conv1=conv(inputs, width, 1, bias=False), bn1=norm(width),
        conv2=conv(width, width, 3, stride, bias=False), bn2=norm(width),
        conv3=conv(width, 2 * width, 1, bias=False), bn3=norm(2 * width),
        short=conv(inputs, 2 * width, 1, stride),
    )  # fmt: skip


def resnet() -> Net:
    return Net(
        lambda net, x: net.fc(pooled(net.body(F.max_pool2d(F.relu(net.bn(net.stem(x))), 3, 2, 1)))),
        stem=conv(3, 6, 5, 2), bn=norm(6), body=nn.Sequential(bottleneck(6, 4), bottleneck(8, 5, 2)),
        fc=nn.Linear(10, 7),
    )  # fmt: skip


def densenet() -> Net:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.stem(x)
        for layer in net.grow:
            x = torch.cat([x, layer(x)], 1)
        return net.fc(pooled(net.relu(net.norm(x))))

    grow = nn.ModuleList(nn.Sequential(norm(c), nn.ReLU(), conv(c, 3)) for c in (4, 7, 10))
    return Net(forward, stem=conv(3, 4, 3, 2), grow=grow, norm=norm(13), relu=nn.ReLU(True), fc=nn.Linear(13, 5))


def mobilenet() -> Net:
    def excite(net: Any, x: Tensor) -> Tensor:
        return x * net.gate(net.up(F.relu(net.down(x.mean((2, 3), keepdim=True)))))

    return Net(
        lambda net, x: net.fc(
            net.drop(pooled(net.project(net.excite(net.act(net.norm(net.depth(net.act(net.stem(x)))))))))
        ),
        stem=conv(3, 8, 3, 2), act=nn.Hardswish(inplace=True), depth=conv(8, 8, (3, 5), groups=8), norm=norm(8),
        excite=Net(excite, down=conv(8, 2, 1), up=conv(2, 8, 1), gate=nn.Hardsigmoid()),
        project=conv(8, 6, 1, groups=2), drop=nn.Dropout(0.2), fc=nn.Linear(6, 5),
    )  # fmt: skip


def inception() -> Net:
    branches = nn.ModuleDict({
        "one": conv(4, 2, 1), "three": nn.Sequential(conv(4, 2, 1), nn.ReLU(), conv(2, 3, (1, 5)), conv(3, 3, (3, 1))),
        "pool": nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(4, 2, 1)),
    })  # fmt: skip
    mixed = Net(lambda net, x: torch.cat([branch(x) for branch in net.branches.values()], 1), branches=branches)
    return Net(
        lambda net, x: net.fc(pooled(F.relu(net.mixed(F.relu(net.stem(x)))))),
        stem=conv(3, 4, 3, 2), mixed=mixed, fc=nn.Linear(7, 5),
    )  # fmt: skip


def convnext() -> Net:
    def block(net: Any, x: Tensor) -> Tensor:
        y = net.norm(net.depth(x).permute(0, 2, 3, 1))
        return x + net.project(net.gelu(net.widen(y))).permute(0, 3, 1, 2)

    layers = {"depth": conv(6, 6, 7, groups=6), "norm": nn.LayerNorm(6), "widen": nn.Linear(6, 12)}
    return Net(
        lambda net, x: net.head(net.norm(net.block(net.stem(x)).mean((2, 3)))),
        stem=nn.Conv2d(3, 6, 4, 4), block=Net(block, **layers, gelu=nn.GELU(), project=nn.Linear(12, 6)),
        norm=nn.LayerNorm(6), head=nn.Linear(6, 5),
    )  # fmt: skip


class Transformer(nn.Module):
    """Patches, a class token, places, one block of attention (Dosovitskiy et al. 2021)."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.patch, self.token = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.randn(1, 1, 8))
        self.places = nn.Parameter(torch.randn(1, tokens + 1, 8))
        self.norm1, self.attention = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm2, self.mlp = nn.LayerNorm(8), nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8))
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(len(y), -1, -1), y], 1) + self.places
        z = self.norm1(y)
        y = y + self.attention(z, z, z, need_weights=False)[0]
        y = y + self.mlp(self.norm2(y))
        return self.head(y[:, 0])


def swin() -> Net:
    return Net(lambda net, x: net.head(net.body(x).mean((1, 2))), body=Swin(shift=1), head=nn.Linear(6, 5))


def unet() -> Net:
    def forward(net: Any, x: Tensor) -> Tensor:
        down = F.relu(net.down(x))
        low = F.relu(net.low(F.max_pool2d(down, 2)))
        up = F.interpolate(net.up(low), size=down.shape[2:], mode="bilinear", align_corners=False)
        return net.last(torch.cat([down, up], 1))

    return Net(forward, down=conv(3, 4), low=conv(4, 6), up=nn.ConvTranspose2d(6, 4, 2, 2), last=conv(8, 2))


def audio() -> Net:
    return Net(
        lambda net, x: net.fc(net.body(x).mean(2)),
        body=nn.Sequential(
            nn.Conv1d(1, 6, 9, 3), nn.BatchNorm1d(6), nn.ReLU(True), nn.Conv1d(6, 8, 5, dilation=2), nn.GLU(1)
        ),
        fc=nn.Linear(4, 5),
    )


def volume() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(2, 4, (2, 3, 3), (1, 2, 2)), nn.ReLU(True), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(4, 5, (3, 2, 1)),
        nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(5, 4),
    )  # fmt: skip


def plain(channels: int = 3, **more: nn.Module) -> nn.Sequential:
    """A chain with every ReLU in place."""
    body = nn.Sequential(
        conv(channels, 6, 3, 2), nn.ReLU(True), nn.MaxPool2d(2), conv(6, 8), nn.ReLU(True), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    for name, layer in more.items():
        body.add_module(name, layer)
    return body


def twice() -> Net:
    return Net(
        lambda net, x: net.fc(pooled(net.act(net.conv(net.act(net.conv(net.act(net.stem(x)))))))),
        stem=conv(3, 4), conv=conv(4, 4), act=nn.ReLU(), fc=nn.Linear(4, 5),
    )  # fmt: skip


def giving(output: Callable[[Tensor, Tensor], Any]) -> Callable[[], Net]:
    """A network whose trunk, and which itself, gives something else than a tensor."""
    return lambda: Net(
        lambda net, x: net.last(net.trunk(x)),
        trunk=Net(lambda net, x: output(net.conv(x), x), conv=conv(3, 4)),
        last=Net(lambda net, y: output(net.fc(pooled(first(y))), first(y)), fc=nn.Linear(4, 5)),
    )


def first(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    return output.scores if isinstance(output, Answer) else output["out"] if isinstance(output, dict) else output[0]


def worn() -> nn.Sequential:
    """As training left it: dropout on, one norm frozen, some weights that want no gradient."""
    model = nn.Sequential(conv(3, 4), norm(4), nn.ReLU(), nn.Dropout2d(0.5), conv(4, 6), norm(6), nn.Dropout(0.5))
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def scripted() -> nn.Sequential:
    """A compiled part in a network of layers."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        compiled = torch.jit.script(nn.Sequential(conv(3, 4), norm(4), nn.ReLU()))
    return nn.Sequential(compiled, conv(4, 5), nn.ReLU())


def exported() -> nn.Module:
    batch = ({0: torch.export.Dim.DYNAMIC},)
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        program = torch.export.export(resnet().eval(), (torch.zeros(2, 3, 22, 18),), dynamic_shapes=batch)
        return torch.export.unflatten(program)


PICTURE = (3, 22, 18)
CHAIN = {"0": ("Conv2d", (6, 11, 9), (3, 3)), "3": ("Conv2d", (8, 5, 4), (13, 13)), "7": ("Linear", (5,), None)}
TOLD = {"trunk": ("Net", (4, 22, 18), (3, 3)), "last.fc": ("Linear", (5,), None), "last": ("Net", (5,), None)}
RESNET = {
    "stem": ("Conv2d", (6, 11, 9), (5, 5)),
    "body.0.bn3": ("BatchNorm2d", (8, 6, 5), (17, 17)),
    "body.1.bn2": ("BatchNorm2d", (5, 3, 3), (25, 25)),
    "fc": ("Linear", (7,), None),
}

ZOO: dict[str, Kind] = {
    "bottlenecks": Kind(resnet, PICTURE, RESNET),
    "dense": Kind(densenet, PICTURE, {
        "stem": ("Conv2d", (4, 11, 9), (3, 3)), "grow.1.2": ("Conv2d", (3, 11, 9), (11, 11)),
        "fc": ("Linear", (5,), None),
    }),
    "squeeze and excite": Kind(mobilenet, PICTURE, {
        "stem": ("Conv2d", (8, 11, 9), (3, 3)), "depth": ("Conv2d", (8, 11, 9), (7, 11)),
        "project": ("Conv2d", (6, 11, 9), None), "fc": ("Linear", (5,), None),
    }),
    "branches": Kind(inception, PICTURE, {
        "stem": ("Conv2d", (4, 11, 9), (3, 3)), "mixed": ("Net", (7, 11, 9), (7, 11)), "fc": ("Linear", (5,), None),
    }),
    "units last": Kind(convnext, (3, 24, 20), {
        "stem": ("Conv2d", (6, 6, 5), (4, 4)), "block.widen": ("Linear", (12, 6, 5), (28, 28)),
        "head": ("Linear", (5,), None),
    }),
    "tokens": Kind(lambda: Transformer(15), (3, 20, 12), {
        "patch": ("Conv2d", (8, 5, 3), (4, 4)), "attention": ("MultiheadAttention", (8, 16), None),
        "mlp.0": ("Linear", (12, 16), None), "head": ("Linear", (5,), None),
    }),
    "windows": Kind(swin, (3, 12, 12), {
        "body.embed": ("Conv2d", (4, 6, 6), (2, 2)), "body.block": ("Windowed", (4, 6, 6), (12, 12)),
        "body.reduce": ("Linear", (6, 3, 3), (12, 12)), "head": ("Linear", (5,), None),
    }),
    "skip and up": Kind(unet, PICTURE, {
        "down": ("Conv2d", (4, 22, 18), (3, 3)), "low": ("Conv2d", (6, 11, 9), (8, 8)),
        "last": ("Conv2d", (2, 22, 18), (12, 12)),
    }, logits=False),
    "sound": Kind(audio, (1, 90), {
        "body.0": ("Conv1d", (6, 28), (9,)), "body.4": ("GLU", (4, 20), (33,)), "fc": ("Linear", (5,), None),
    }),
    "volume": Kind(volume, (2, 6, 14, 12), {
        "0": ("Conv3d", (4, 5, 6, 5), (2, 3, 3)), "3": ("Conv3d", (5, 3, 2, 2), (4, 9, 5)), "7": ("Linear", (4,), None),
    }),
    "twice": Kind(twice, PICTURE, {
        "stem": ("Conv2d", (4, 22, 18), (3, 3)), "conv": ("Conv2d", (4, 22, 18), (5, 5)),
        "conv@2": ("Conv2d", (4, 22, 18), (7, 7)), "act@3": ("ReLU", (4, 22, 18), (7, 7)), "fc": ("Linear", (5,), None),
    }),
    "tuples": Kind(giving(lambda y, x: (y, x)), PICTURE, TOLD),
    "mappings": Kind(giving(lambda y, x: {"out": y, "aux": [x]}), PICTURE, TOLD),
    "dataclasses": Kind(giving(lambda y, x: Answer("none", y)), PICTURE, TOLD),
    "squeezed": Kind(
        lambda: Net(lambda net, x: net.out(net.body(x).squeeze()), body=plain(), out=nn.Identity()), PICTURE,
        {f"body.{name}": told for name, told in CHAIN.items()}, logits=False,
    ),
    "in place, not square": Kind(plain, PICTURE, CHAIN),
    "six channels": Kind(lambda: plain(6), (6, 22, 18), CHAIN),
    "grey": Kind(lambda: plain(1), (1, 22, 18), CHAIN),
    "in training": Kind(worn, PICTURE, {
        "0": ("Conv2d", (4, 22, 18), (3, 3)), "3": ("Dropout2d", (4, 22, 18), (3, 3)),
        "6": ("Dropout", (6, 22, 18), (5, 5)),
    }, logits=False),
    "bfloat16": Kind(lambda: plain().bfloat16(), PICTURE, CHAIN),
    "float16": Kind(lambda: plain().half(), PICTURE, CHAIN),
    "float64": Kind(lambda: plain().double(), PICTURE, CHAIN),
    "partly TorchScript": Kind(scripted, PICTURE, {
        "1": ("Conv2d", (5, 22, 18), (5, 5)), "2": ("ReLU", (5, 22, 18), (5, 5))
    }, logits=False),
    "exported": Kind(exported, PICTURE, {
        name: ("InterpreterModule", shape, field) for name, (_, shape, field) in RESNET.items()
    }),
}  # fmt: skip
