"""The feed-forward network that learns one style: pictures in, the same pictures in that style out."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.fields import receptive_field
from convscope.lens.probe import own_randomness

STRIDE = 4
"""Of the narrow part of the network, in pixels."""

LEAST = 5
"""Pixels of the shortest side: with fewer, reflection at the border has nothing to reflect."""

SILENT = 1e-8
"""Variance below which a norm takes a channel for constant; rounding comes to about 1e-13."""

FAINT = 1e-3
"""Variance of a picture's colours, 0 to 1, below which they are less than fully spread: grain stays grain."""

AXES = ((1, 1, 1), (1, 0, -1), (1, -2, 1))
"""Lightness, red against blue, green against both: in photographs nearly uncorrelated."""

Statistics = list[tuple[Tensor, Tensor]]
"""Mean and variance of every norm's channels, (n, channels, 1, 1) each, in the order in which they are met."""


class StyleNet(nn.Module):
    """Pictures to pictures, (n, 3, h, w) both, values 0 to 1, any h and w from 5.

    Two convolutions of stride 2 down, `blocks` residual blocks of 4 * `width` channels, and two steps up, each cells
    doubled and then convolved, which leaves no checkerboard (Odena, Dumoulin, Olah 2016). Instance norms (Ulyanov,
    Vedaldi, Lempitsky 2016). Borders are reflected, so that they look like the rest. The first norm spreads the
    picture's colours evenly along AXES; the last convolution sees these beside what the network made of them, so
    that what is learned is a change of the picture, not the picture.
    (After Johnson, Alahi, Fei-Fei: Perceptual losses for real-time style transfer, 2016.)

    Raises InputError for a width or a number of blocks below 1.

    >>> StyleNet(width=2, blocks=1)(torch.zeros(1, 3, 5, 7)).shape
    torch.Size([1, 3, 5, 7])
    """

    axes: Tensor

    def __init__(self, width: int = 16, blocks: int = 3) -> None:
        super().__init__()
        for name, value in {"width": width, "blocks": blocks}.items():
            if value < 1:
                raise InputError(f"{name}={value}: use at least 1")
        self.width, self.blocks = width, blocks
        self.down = nn.ModuleList(
            [_conv(3, width, 9), _conv(width, 2 * width, 3, 2), _conv(2 * width, 4 * width, 3, 2)]
        )
        self.residual = nn.ModuleList([_conv(4 * width, 4 * width, 3) for _ in range(2 * blocks)])
        self.up = nn.ModuleList([_conv(4 * width, 2 * width, 3), _conv(2 * width, width, 3)])
        self.last = _conv(width + 3, 3, 5)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]
        axes = torch.tensor(AXES, dtype=torch.float32)
        self.register_buffer("axes", axes / axes.norm(dim=1, keepdim=True), persistent=False)
        channels = [3, width, 2 * width, 4 * width, *[4 * width] * (2 * blocks), 2 * width, width]
        self.gains = nn.ParameterList([torch.ones(1, count, 1, 1) for count in channels])
        self.shifts = nn.ParameterList([torch.zeros(1, count, 1, 1) for count in channels])

    def begin_with(self, style: Float[Tensor, "3 h w"]) -> None:
        """Let the network begin as the change of colours that gives any picture the mean and covariance of the style's.

        Both are taken before the sigmoid. The covariance's symmetric root turns no hue further than it must.
        (After Gatys et al.: Controlling perceptual factors in neural style transfer, 2017, section 5.2.)
        """
        with torch.no_grad():
            colours = style.clamp(0.02, 0.98).logit().flatten(1).to(self.axes)
            variances, axes = torch.linalg.eigh(torch.cov(colours, correction=0))
            root = axes * variances.clamp(min=0).sqrt() @ axes.T
            self.last.weight[:, -3:] = 0
            middle = self.last.kernel_size[0] // 2
            self.last.weight[:, -3:, middle, middle] = root @ self.axes.T
            self.last.bias.copy_(colours.mean(1))  # type: ignore[union-attr]

    def forward(
        self, x: Float[Tensor, "n 3 h w"], given: Statistics | None = None, seen: Statistics | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """The pictures in the style.

        given: statistics that the norms take instead of those of each picture. seen: a list, to which these
        are appended.
        """
        count = 0

        def norm(a: Tensor, least: float = 1e-5) -> Tensor:
            nonlocal count
            if given is not None:
                mean, variance = given[count]
            else:
                variance, mean = torch.var_mean(a, (2, 3), correction=0, keepdim=True)
                if seen is not None:
                    seen.append((mean, variance))
            # of a channel that is constant but for rounding, that is not made large
            gain = self.gains[count] * (variance + least).rsqrt() * (variance / (variance + SILENT))
            shift = self.shifts[count] - mean * gain
            count += 1
            return a * gain + shift

        colours = norm(nn.functional.conv2d(x, self.axes[..., None, None]), FAINT)
        a, sizes = colours, []
        for conv in self.down:
            sizes.append(a.shape[2:])
            a = norm(conv(a)).relu()
        for first, second in zip(self.residual[::2], self.residual[1::2], strict=True):
            a = a + norm(second(norm(first(a)).relu()))
        for conv in self.up:
            rows, columns = sizes.pop()
            a = nn.functional.interpolate(a, scale_factor=2.0, mode="nearest")[..., :rows, :columns]
            a = norm(conv(a)).relu()
        return self.last(torch.cat([a, colours], 1)).sigmoid()


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="reflect")
    return conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster


@cache
def reach(blocks: int) -> int:
    """How many pixels away what a pixel of the result sees may lie, with statistics given: a multiple of the stride."""
    with own_randomness():
        net, seen = StyleNet(1, blocks), []
    side = 16 * blocks + 48  # more than the field, so that one lies inside
    blank = torch.zeros(1, 3, side, side)
    net(blank, seen=seen)
    seen_by = receptive_field(_Given(net, seen), "net.last", blank.shape[1:])
    middle = range(side // 2, side // 2 + STRIDE)
    boxes = [seen_by.box(i, i) for i in middle]  # all phases of the stride
    far = max(max(i - top, bottom - 1 - i) for i, (top, _, bottom, _) in zip(middle, boxes, strict=True))
    return -(-far // STRIDE) * STRIDE


class _Given(nn.Module):
    """The network with its statistics given: without, every pixel sees the whole picture."""

    def __init__(self, net: StyleNet, given: Statistics) -> None:
        super().__init__()
        self.net, self.given = net, given

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x, self.given)
