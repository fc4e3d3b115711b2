"""The layers of the tutorials, forward and backward by hand: Conv2D, MaxPool2D, AvgPool2D, ReLU, Flatten, Linear."""

from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.nn.init import kaiming_uniform
from convscope.nn.layer import Gradients, Layer, Shape, Tile, Workspace
from convscope.ops import shapes, values
from convscope.ops.fast import pool, tiles
from convscope.ops.fast.layout import Layout, Window, layout
from convscope.ops.fast.loops import add_row_sums, relu_in_place, relu_mask_in_place
from convscope.ops.fast.matrices import outer_sums


class Conv2D(Layer):
    """Cross-correlation with `weight` (out_channels, in_channels/groups, r, s) plus `bias` (out_channels,).

    (n, in_channels, h, w) -> (n, out_channels, out_h, out_w); stride, padding and dilation as in `ops.conv2d`. Weights
    start as `init` makes them, from the generator `rng` (a fixed one by default), biases at zero.

    >>> Conv2D(1, 6, 5, padding=2)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 6, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        init: Any = kaiming_uniform,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.in_channels = values.integer(in_channels, "in_channels")
        self.out_channels = values.integer(out_channels, "out_channels")
        self.kernel_size = values.pair(kernel_size, "kernel_size")
        self.stride = values.pair(stride, "stride")
        self.padding = padding if isinstance(padding, str) else values.pads(padding)
        self.dilation = values.pair(dilation, "dilation")
        self.groups = values.integer(groups, "groups")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise InputError(
                f"groups={groups} with in_channels={in_channels} and out_channels={out_channels}: both must divide "
                f"into the groups; use groups=1"
            )
        size = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        self.weight = init(size, rng or np.random.default_rng(0)).astype(dtype)
        self.bias = np.zeros(self.out_channels, dtype) if bias else None

    def parameters(self) -> dict[str, np.ndarray]:
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def _geometry(self, shape: Shape) -> shapes.ConvGeometry:
        return shapes.conv_geometry(
            (1, *shape), self.weight.shape, self.stride, self.padding, self.dilation, self.groups, "zeros", False
        )

    def output_shape(self, shape: Shape) -> Shape:
        _check_planes(shape, "Conv2D")
        return self._geometry(shape).output_size[1:]

    def prepare(self, shape: Shape) -> Any:
        g = self._geometry(shape)
        start = np.zeros(g.m, self.weight.dtype) if self.bias is None else self.bias
        return g, start

    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        g, start = prepared
        at = _layout(g, x)
        out = space.array(self, "out", (1, g.m, g.out_h, g.out_w, x.shape[3]), x.dtype)
        tiles.forward(at, x[None], self.weight, start, out, self._planes(at, space))
        return out[0], x

    def backward_tile(
        self, grad: Tile, saved: Tile, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        at = _layout(prepared[0], saved)
        tiles.weights_backward(at, saved[None], grad[None], gradients["weight"], self._planes(at, space))
        if self.bias is not None:
            add_row_sums(grad.reshape(len(grad), -1), gradients["bias"])
        if not wants_input:
            return None
        # cells that no window reaches keep the zero they were made with
        dx = space.array(self, "dx", (1, *saved.shape), grad.dtype, np.zeros)
        planes = space.array(self, "gradient planes", (at.gradient_size,), grad.dtype, np.zeros)
        for phase in at.phases:
            tiles.backward(at, grad[None], phase, self.weight, dx, planes)
        return dx[0]

    def _planes(self, at: Layout, space: Workspace) -> np.ndarray:
        return space.array(self, "planes", (at.planes_size,), self.weight.dtype, np.zeros)


class Linear(Layer):
    """`x @ weight.T + bias`, weight (out_features, in_features): (n, in_features) -> (n, out_features).

    Forward and back to the input it is a convolution of pictures with one cell, each feature a channel.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: Any = kaiming_uniform,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.in_features = values.integer(in_features, "in_features")
        self.out_features = values.integer(out_features, "out_features")
        self.weight = init((self.out_features, self.in_features), rng or np.random.default_rng(0)).astype(dtype)
        self.bias = np.zeros(self.out_features, dtype) if bias else None

    def parameters(self) -> dict[str, np.ndarray]:
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def output_shape(self, shape: Shape) -> Shape:
        if shape != (self.in_features,):
            raise InputError(
                f"each picture comes to Linear as {shape}, and it takes ({self.in_features},): "
                f"use Flatten before it, or in_features={int(np.prod(shape))}"
            )
        return (self.out_features,)

    def prepare(self, shape: Shape) -> Any:
        kernels = self.weight[:, :, None, None]
        g = shapes.conv_geometry((1, *shape, 1, 1), kernels.shape, (1, 1), (0, 0, 0, 0), (1, 1), 1, "zeros", False)
        start = np.zeros(self.out_features, self.weight.dtype) if self.bias is None else self.bias
        return g, kernels, start

    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        g, kernels, start = prepared
        out = space.array(self, "out", (1, self.out_features, 1, 1, x.shape[3]), x.dtype)
        tiles.forward(_layout(g, x), x[None], kernels, start, out)
        return out[0], x

    def backward_tile(
        self, grad: Tile, saved: Tile, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        g, kernels, _ = prepared
        at = _layout(g, saved)
        outer_sums(grad.reshape(len(grad), -1), saved.reshape(len(saved), -1), gradients["weight"])
        if self.bias is not None:
            add_row_sums(grad.reshape(len(grad), -1), gradients["bias"])
        if not wants_input:
            return None
        dx = space.array(self, "dx", (1, *saved.shape), grad.dtype)
        planes = space.array(self, "gradient planes", (at.gradient_size,), grad.dtype, np.zeros)
        tiles.backward(at, grad[None], at.phases[0], kernels, dx, planes)
        return dx[0]


class _Pool(Layer):
    """Windows of r x s cells, `stride` apart (by default side by side), over each channel alone."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = values.pair(kernel_size, "kernel_size")
        self.stride = self.kernel_size if stride is None else values.pair(stride, "stride")
        self.padding = values.pads(padding)
        self.ceil_mode = bool(ceil_mode)

    def _geometry(self, shape: Shape) -> shapes.PoolGeometry:
        return shapes.pool_geometry((1, *shape), self.kernel_size, self.stride, self.padding, (1, 1), self.ceil_mode)

    def output_shape(self, shape: Shape) -> Shape:
        _check_planes(shape, type(self).__name__)
        return self._geometry(shape).output_size[1:]

    def prepare(self, shape: Shape) -> shapes.PoolGeometry:
        return self._geometry(shape)


class MaxPool2D(_Pool):
    """The largest cell of each window; padding never wins. Its gradient goes to that cell, to the first of equal ones.

    >>> MaxPool2D(2)(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4))[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        shape = (*prepared.output_size, x.shape[3])
        out, indices = space.array(self, "out", shape, x.dtype), space.array(self, "indices", shape, np.int32)
        pool.max_pool(x[None], prepared, out, indices)
        return out[0], indices

    def backward_tile(
        self, grad: Tile, saved: Any, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        dx = space.array(self, "dx", (*prepared.input_size, grad.shape[3]), grad.dtype)
        pool.max_pool_backward(grad[None], saved, dx)
        return dx[0]


class AvgPool2D(_Pool):
    """The mean of each window; zeros of the padding count unless `count_include_pad=False`."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = bool(count_include_pad)

    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        out = space.array(self, "out", (*prepared.output_size, x.shape[3]), x.dtype)
        pool.avg_pool(x[None], prepared, self.count_include_pad, out)
        return out[0], None

    def backward_tile(
        self, grad: Tile, saved: Any, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        dx = space.array(self, "dx", (*prepared.input_size, grad.shape[3]), grad.dtype)
        pool.avg_pool_backward(grad[None], prepared, self.count_include_pad, dx)
        return dx[0]


class ReLU(Layer):
    """`max(x, 0)`. The gradient passes where x > 0."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        relu_in_place(x.reshape(-1))
        return x, x

    def backward_tile(
        self, grad: Tile, saved: Tile, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        relu_mask_in_place(grad.reshape(-1), saved.reshape(-1))
        return grad


class Flatten(Layer):
    """(n, c, h, w) -> (n, c*h*w), channel by channel, row by row."""

    def output_shape(self, shape: Shape) -> Shape:
        return (int(np.prod(shape)),)

    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        return x.reshape(-1, 1, 1, x.shape[3]), x.shape

    def backward_tile(
        self, grad: Tile, saved: Any, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        return grad.reshape(saved)


def _layout(g: shapes.ConvGeometry, tile: Tile) -> Layout:
    window = Window((g.h, g.w), (g.r, g.s), g.pads, g.stride, g.dilation, (g.out_h, g.out_w))
    return layout(window, g.c, g.m, g.groups, tile.shape[3], tile.itemsize)


def _check_planes(shape: Shape, layer: str) -> None:
    if len(shape) != 3:
        raise InputError(f"each picture comes to {layer} as {shape}: it takes (c, h, w); put it before Flatten")
