"""Networks from the literature with random weights, as small as their graphs allow: few channels, every layer."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def conv(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    **more,
) -> nn.Module:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False, **more), nn.BatchNorm2d(outputs), nn.ReLU(True)
    )


def alexnet() -> nn.Sequential:
    """Krizhevsky 2014, "One weird trick", as torchvision builds it; up to pool5."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 11, stride=4, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 4, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(True),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(True),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(3, 2),
    )  # fmt: skip


def vgg16() -> nn.Sequential:
    """Simonyan and Zisserman 2015, configuration D; up to pool5."""
    layers: list[nn.Module] = []
    channels = 3
    for convolutions in (2, 2, 3, 3, 3):
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, 2, 3, padding=1), nn.ReLU(True)]
            channels = 2
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """He et al. 2016; the stride stands on the 3 x 3 convolution (torchvision) or on the first (the paper)."""

    def __init__(self, inputs: int, width: int, stride: int, first: bool) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, stride if first else 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1 if first else stride, padding=1, bias=False)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(width), nn.BatchNorm2d(width), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    """He et al. 2016, with bottlenecks; `blocks` is (3, 4, 6, 3) for 50 layers, (3, 4, 23, 3) for 101.

    Every block is `width` channels wide, unless `growing`, as in the paper at a width of 64.
    """

    def __init__(self, blocks: tuple[int, ...], first: bool = False, width: int = 1, growing: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(width), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)
        channels = width
        for k, count in enumerate(blocks):
            stage = []
            for i in range(count):
                wide = width * 2**k if growing else width
                stage.append(Bottleneck(channels, wide, 2 if k and not i else 1, first))
                channels = 4 * wide
            self.add_module(f"layer{k + 1}", nn.Sequential(*stage))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(channels, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for k in range(1, 5):
            x = self.get_submodule(f"layer{k}")(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def mobilenet() -> nn.Sequential:
    """Howard et al. 2017: depthwise 3 x 3, then 1 x 1; up to the last convolution."""
    layers = [conv(3, 4, 3, 2, 1)]
    for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
        layers += [conv(4, 4, 3, stride, 1, groups=4), conv(4, 4, 1)]
    return nn.Sequential(*layers)


class Beside(nn.Module):
    """Branches of one input, their channels one after another."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


def pooled(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(inputs, outputs, 1))


def inception_v3() -> nn.Sequential:
    """Szegedy et al. 2016, as torchvision builds it; up to Mixed_7c."""
    c = 2

    def a(inputs: int) -> nn.Module:
        return Beside(
            one=conv(inputs, c, 1),
            five=nn.Sequential(conv(inputs, c, 1), conv(c, c, 5, padding=2)),
            three=nn.Sequential(conv(inputs, c, 1), conv(c, c, 3, padding=1), conv(c, c, 3, padding=1)),
            pool=pooled(inputs, c),
        )

    def b(inputs: int) -> nn.Module:
        return Beside(
            three=conv(inputs, c, 3, 2),
            twice=nn.Sequential(conv(inputs, c, 1), conv(c, c, 3, padding=1), conv(c, c, 3, 2)),
            pool=nn.MaxPool2d(3, 2),
        )

    def row(n: int) -> nn.Module:
        return conv(c, c, (1, n), padding=(0, n // 2))

    def column(n: int) -> nn.Module:
        return conv(c, c, (n, 1), padding=(n // 2, 0))

    def c7(inputs: int) -> nn.Module:
        return Beside(
            one=conv(inputs, c, 1),
            seven=nn.Sequential(conv(inputs, c, 1), row(7), column(7)),
            twice=nn.Sequential(conv(inputs, c, 1), column(7), row(7), column(7), row(7)),
            pool=pooled(inputs, c),
        )

    def d(inputs: int) -> nn.Module:
        return Beside(
            three=nn.Sequential(conv(inputs, c, 1), conv(c, c, 3, 2)),
            seven=nn.Sequential(conv(inputs, c, 1), row(7), column(7), conv(c, c, 3, 2)),
            pool=nn.MaxPool2d(3, 2),
        )

    def e(inputs: int) -> nn.Module:
        return Beside(
            one=conv(inputs, c, 1),
            three=nn.Sequential(conv(inputs, c, 1), Beside(row=row(3), column=column(3))),
            twice=nn.Sequential(conv(inputs, c, 1), conv(c, c, 3, padding=1), Beside(row=row(3), column=column(3))),
            pool=pooled(inputs, c),
        )

    layers = [
        conv(3, c, 3, 2),
        conv(c, c, 3),
        conv(c, c, 3, padding=1),
        nn.MaxPool2d(3, 2),
        conv(c, c, 1),
        conv(c, c, 3),
    ]
    layers += [nn.MaxPool2d(3, 2), a(c), a(4 * c), a(4 * c), b(4 * c)]
    layers += [c7(2 * c + 4 * c), *(c7(4 * c) for _ in range(3)), d(4 * c), e(2 * c + 4 * c), e(6 * c)]
    return nn.Sequential(*layers)


class Windowed(nn.Module):
    """Tokens of a map, attended within windows and then within shifted ones (Liu et al. 2021, Swin)."""

    def __init__(self, width: int = 4, side: int = 3, shift: int = 0) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.side, self.shift = side, shift

    def forward(self, x: Tensor) -> Tensor:  # (n, h, w, c)
        n, h, w, c = x.shape
        y = torch.roll(self.norm(x), (-self.shift, -self.shift), (1, 2))
        y = y.view(n, h // self.side, self.side, w // self.side, self.side, c).permute(0, 1, 3, 2, 4, 5)
        y = y.reshape(-1, self.side**2, c)
        q, k, v = self.qkv(y).chunk(3, -1)
        y = self.out(nn.functional.scaled_dot_product_attention(q, k, v))
        y = y.view(n, h // self.side, w // self.side, self.side, self.side, c).permute(0, 1, 3, 2, 4, 5)
        return x + torch.roll(y.reshape(n, h, w, c), (self.shift, self.shift), (1, 2))


class Swin(nn.Module):
    """Patches of 2 x 2, one block, patches merged two by two, and units last on the way."""

    def __init__(self, shift: int = 0) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 4, 2, 2)
        self.block = Windowed(4, 3, shift)
        self.reduce = nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(self.embed(x).permute(0, 2, 3, 1))
        y = torch.cat([y[:, 0::2, 0::2], y[:, 1::2, 0::2], y[:, 0::2, 1::2], y[:, 1::2, 1::2]], -1)
        return self.reduce(y)


class ViT(nn.Module):
    """Patches of 4 x 4, a class token, one encoder layer (Dosovitskiy et al. 2021)."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
        self.head = nn.Linear(8, 5)
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(len(y), -1, -1), y], 1)
        y = self.encoder(y) if self.batch_first else self.encoder(y.transpose(0, 1)).transpose(0, 1)
        return self.head(y[:, 0])


PUBLISHED: dict[str, tuple[Callable[[], nn.Module], str, int, int]] = {
    "AlexNet": (alexnet, "12", 224, 195),
    "VGG-16": (vgg16, "30", 96, 212),
    "ResNet-50": (lambda: ResNet((3, 4, 6, 3), first=True), "layer4.2", 128, 483),
    "ResNet-101": (lambda: ResNet((3, 4, 23, 3), first=True), "layer4.2", 128, 1027),
    "MobileNet-v1": (mobilenet, "26.0", 96, 315),
    "Inception-v3": (inception_v3, "17", 299, 1311),
}
"""Name: (network, layer, side of a square input, size of its receptive field in Araujo et al. 2019, table 1)."""
