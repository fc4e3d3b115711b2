"""Operators whose windows slide over a map: convolution, pooling, interpolation, padding."""

import torch
from torch import Tensor

from convscope.lens.fields.call import Call
from convscope.lens.fields.shadows import NUDGE, Shadow, hull, join, slide


def convolution(call: Call) -> list[Shadow]:
    x, weight, made = call.given["input"], call.given["weight"], call.made[0]
    spatial = weight.ndim - 2
    stride, pad, dilation = (call.numbers(name, spatial, 1) for name in ("stride", "padding", "dilation"))
    groups, transposed = call.given["groups"], call.given["transposed"]
    channels = x.ndim - spatial - 1

    def by_group(bound: Tensor) -> Tensor:
        if bound.shape[channels] == 1 or groups == 1:
            return bound.amin(channels, keepdim=True)
        grouped = bound.unflatten(channels, (groups, -1)).amin(channels + 1)
        return grouped.repeat_interleave(made.shape[channels] // groups, channels)

    shadow = call.shadow(x).mapped(by_group)
    for d in range(spatial):
        axis = x.ndim - spatial + d
        windows = torch.arange(made.shape[axis])[:, None]
        taps = torch.arange(weight.shape[2 + d])[None] * dilation[d]
        valid, factor = None, float(stride[d])
        if transposed:
            reached = windows + pad[d] - taps
            valid, taps, factor = reached % stride[d] == 0, reached // stride[d], 1 / stride[d]
            if stride[d] > 1:  # no cells are added at the border, so nothing lies beyond
                valid &= (taps >= 0) & (taps < x.shape[axis])
        else:
            taps = windows * stride[d] - pad[d] + taps
        shadow = slide(shadow, axis, x.shape[axis], taps, factor, _own(call, spatial, d), valid)
    return [join([shadow, *call.rest(x)], made.ndim)]


def _own(call: Call, spatial: int, d: int) -> int | None:
    """The input axis that the d-th of these spatial axes continues, if there are as many."""
    return d if spatial == call.axes else None


def pool(call: Call) -> list[Shadow]:
    x, made = call.source, call.made[0]
    spatial = int(call.name.removesuffix("_with_indices")[-2])
    kernel = call.numbers("kernel_size", spatial)
    stride = call.numbers("stride", spatial) if call.given.get("stride") else kernel
    pad, dilation = call.numbers("padding", spatial), call.numbers("dilation", spatial, 1)
    shadow = call.shadows[id(x)]
    for d in range(spatial):
        axis = x.ndim - spatial + d
        taps = torch.arange(made.shape[axis])[:, None] * stride[d] - pad[d]
        taps = taps + torch.arange(kernel[d])[None] * dilation[d]
        shadow = slide(shadow, axis, x.shape[axis], taps, float(stride[d]), _own(call, spatial, d))
    return [shadow]


def adaptive(call: Call) -> list[Shadow]:
    """Window i of m goes from floor(i*n/m) to ceil((i+1)*n/m)."""
    x, made = call.source, call.made[0]
    spatial = int(call.name[-2])
    shadow = call.shadows[id(x)]
    for d in range(spatial):
        axis = x.ndim - spatial + d
        n, m = x.shape[axis], made.shape[axis]
        if m == 1:
            shadow = hull(shadow, [axis])
            continue
        windows = torch.arange(m)
        start, stop = windows * n // m, -(-(windows + 1) * n // m)
        taps = start[:, None] + torch.arange(int((stop - start).max()))[None]
        shadow = slide(shadow, axis, n, taps, n / m, _own(call, spatial, d), taps < stop[:, None])
    return [shadow]


def interpolation(call: Call) -> list[Shadow]:
    """Linear: the two cells around each point; cubic: the four."""
    x, made = call.source, call.made[0]
    spatial, reach = x.ndim - 2, 2 if "cubic" in call.name else 1
    shadow = call.shadows[id(x)]
    for d in range(spatial):
        n, m = x.shape[2 + d], made.shape[2 + d]
        windows = torch.arange(m, dtype=torch.float64)
        if call.given["align_corners"]:
            points = windows * (n - 1) / max(m - 1, 1)
        else:
            points = (windows + 0.5) * n / m - 0.5
        points = points.clamp(min=0) if reach == 1 else points
        taps = torch.floor(points + NUDGE).long()[:, None] + torch.arange(1 - reach, reach + 1)[None]
        shadow = slide(shadow, 2 + d, n, taps.clamp(0, n - 1), n / m, _own(call, spatial, d))
    return [shadow]


def padding(call: Call) -> list[Shadow]:
    """A border of one constant: its cells see what would lie there, so that fields go on beyond the input."""
    x = call.source
    shadow, pads = call.shadows[id(x)], call.given["pad"]
    for d in range(len(pads) // 2):
        axis = x.ndim - 1 - d
        taps = torch.arange(call.made[0].shape[axis])[:, None] - pads[2 * d]
        own = axis - 2 if x.ndim == call.axes + 2 and axis >= 2 else None
        shadow = slide(shadow, axis, x.shape[axis], taps, 1, own)
    return [shadow]
