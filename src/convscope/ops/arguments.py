"""What each operator is given -> checked arrays and a frozen geometry, for both twins.

Each `*_arguments` function takes its operator's arguments as the user wrote them and returns what the loops
need, or raises an `InputError`. `values` knows single values, `shapes` what goes together.
"""

from functools import partial
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.ops import shapes, values

Given = tuple[np.ndarray, np.ndarray, shapes.ConvGeometry]

_CELLS = {1: "w", 2: "h w", 3: "d h w"}
_TAPS = {1: "s", 2: "r s", 3: "t r s"}
_RESULTS = {1: "out_w", 2: "out_h out_w", 3: "out_d out_h out_w"}
"""The letters of the axes along which a convolution runs: of pictures, of kernels, of results."""


def conv_arguments(
    axes: int,
    x: Any,
    w: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    flip: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, shapes.ConvGeometry]:
    """Checked `x`, `w`, `bias` of a convolution along one, two or three axes, and its geometry."""
    x, w = values.floats(x, "x", f"n c {_CELLS[axes]}"), values.floats(w, "w", f"m c {_TAPS[axes]}")
    values.same_dtype(x, "x", w, "w")
    g = _conv(axes, x.shape, w.shape, stride, padding, dilation, groups, padding_mode, flip)
    return x, w, _bias(bias, x, w, g.m), g


conv2d_arguments = partial(conv_arguments, 2)


def conv_input_grad_arguments(axes: int, input_size: Any, w: Any, grad_output: Any, *options: Any) -> Given:
    """Checked `w`, `grad_output` and the geometry of the forward pass, which has the same options."""
    input_size = values.size(input_size, "input_size", f"n c {_CELLS[axes]}")
    w, grad_output = values.floats(w, "w", f"m c {_TAPS[axes]}"), bias_grad_argument(axes, grad_output)
    values.same_dtype(w, "w", grad_output, "grad_output")
    g = _conv(axes, input_size, w.shape, *options)
    origin = f"input_size={input_size} under w of shape {w.shape}"
    values.same_shape(grad_output, "grad_output", g.output_size, origin)
    return w, grad_output, g


def conv_weight_grad_arguments(axes: int, x: Any, weight_size: Any, grad_output: Any, *options: Any) -> Given:
    """Checked `x`, `grad_output` and the geometry of the forward pass, which has the same options."""
    x = values.floats(x, "x", f"n c {_CELLS[axes]}")
    weight_size = values.size(weight_size, "weight_size", f"m c {_TAPS[axes]}")
    grad_output = bias_grad_argument(axes, grad_output)
    values.same_dtype(x, "x", grad_output, "grad_output")
    g = _conv(axes, x.shape, weight_size, *options)
    origin = f"x of shape {x.shape} under weight_size={weight_size}"
    values.same_shape(grad_output, "grad_output", g.output_size, origin)
    return x, grad_output, g


def bias_grad_argument(axes: int, grad_output: Any) -> np.ndarray:
    """Checked `grad_output` of a convolution, transposed or not."""
    return values.floats(grad_output, "grad_output", f"n m {_RESULTS[axes]}")


def conv_transpose_arguments(
    axes: int, x: Any, w: Any, bias: Any, *options: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, shapes.ConvGeometry]:
    """Checked `x`, `w`, `bias`, and the geometry of the convolution that the transposed one is the adjoint of."""
    x, w = values.floats(x, "x", f"n c {_CELLS[axes]}"), values.floats(w, "w", f"c m {_TAPS[axes]}")
    values.same_dtype(x, "x", w, "w")
    g = _transposed(axes, x.shape, w.shape, *options)
    return x, w, _bias(bias, x, w, g.c), g


def conv_transpose_input_grad_arguments(axes: int, input_size: Any, w: Any, grad_output: Any, *options: Any) -> Given:
    """Checked `w`, `grad_output` and the same geometry."""
    input_size = values.size(input_size, "input_size", f"n c {_CELLS[axes]}")
    w, grad_output = values.floats(w, "w", f"c m {_TAPS[axes]}"), bias_grad_argument(axes, grad_output)
    values.same_dtype(w, "w", grad_output, "grad_output")
    g = _transposed(axes, input_size, w.shape, *options)
    origin = f"input_size={input_size} under w of shape {w.shape}"
    values.same_shape(grad_output, "grad_output", g.input_size, origin)
    return w, grad_output, g


def conv_transpose_weight_grad_arguments(axes: int, x: Any, weight_size: Any, grad_output: Any, *options: Any) -> Given:
    """Checked `x`, `grad_output` and the same geometry."""
    x = values.floats(x, "x", f"n c {_CELLS[axes]}")
    weight_size = values.size(weight_size, "weight_size", f"c m {_TAPS[axes]}")
    grad_output = bias_grad_argument(axes, grad_output)
    values.same_dtype(x, "x", grad_output, "grad_output")
    g = _transposed(axes, x.shape, weight_size, *options)
    origin = f"x of shape {x.shape} under weight_size={weight_size}"
    values.same_shape(grad_output, "grad_output", g.input_size, origin)
    return x, grad_output, g


def max_pool2d_arguments(
    x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> tuple[np.ndarray, shapes.PoolGeometry]:
    """Checked `x` and the geometry."""
    x = values.floats(x, "x", "n c h w")
    return x, shapes.pool_geometry(
        x.shape, *_pool_windows(kernel_size, stride, padding, dilation), bool(ceil_mode)
    )


def max_pool2d_input_grad_arguments(
    input_size: Any, grad_output: Any, indices: Any
) -> tuple[tuple[int, int, int, int], np.ndarray, np.ndarray]:
    """Checked `input_size`, `grad_output`, `indices`."""
    n, c, h, w = values.size(input_size, "input_size", "n c h w")
    grad_output = values.floats(grad_output, "grad_output", "n c h w")
    indices = values.array(indices, "indices")
    if indices.dtype.kind not in "iu":
        raise InputError(
            f"indices has dtype {indices.dtype}: cells are numbered by integers; use max_pool2d(..., "
            f"return_indices=True)"
        )
    values.same_shape(indices, "indices", grad_output.shape, "grad_output, one index for each of its cells,")
    if grad_output.shape[:2] != (n, c):
        raise InputError(
            f"grad_output has shape {grad_output.shape} and input_size={(n, c, h, w)}: pooling leaves "
            f"images and channels as they are; use input_size={(*grad_output.shape[:2], h, w)}"
        )
    if indices.size and not 0 <= indices.min() <= indices.max() < h * w:
        raise InputError(
            f"indices go from {indices.min()} to {indices.max()}: a plane of {h} x {w} cells has 0 to "
            f"{h * w - 1}; give the input_size that the pooling had"
        )
    return (n, c, h, w), grad_output, indices


def avg_pool2d_arguments(
    x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: Any
) -> tuple[np.ndarray, shapes.PoolGeometry]:
    """Checked `x` and the geometry."""
    x = values.floats(x, "x", "n c h w")
    return x, shapes.pool_geometry(x.shape, *_pool_windows(kernel_size, stride, padding, 1), bool(ceil_mode))


def avg_pool2d_input_grad_arguments(
    input_size: Any, grad_output: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: Any
) -> tuple[np.ndarray, shapes.PoolGeometry]:
    """Checked `grad_output` and the geometry of the forward pass."""
    input_size = values.size(input_size, "input_size", "n c h w")
    grad_output = values.floats(grad_output, "grad_output", "n c h w")
    g = shapes.pool_geometry(input_size, *_pool_windows(kernel_size, stride, padding, 1), bool(ceil_mode))
    values.same_shape(
        grad_output, "grad_output", g.output_size, f"input_size={input_size} in {g.r} x {g.s} windows"
    )
    return grad_output, g


def pad2d_arguments(x: Any, padding: Any, mode: Any) -> tuple[np.ndarray, shapes.Pads, str]:
    """Checked `x`, the pads and the mode."""
    x = values.floats(x, "x", "n c h w")
    values.size(x.shape, "x.shape", "n c h w")
    pads = values.pads(padding)
    values.choice(mode, "mode", shapes.PADDING_MODES)
    shapes.check_mode(mode, "mode", pads, x.shape[2:])
    return x, pads, mode


def pad2d_input_grad_arguments(
    input_size: Any, grad_output: Any, padding: Any, mode: Any
) -> tuple[tuple[int, int, int, int], np.ndarray, shapes.Pads, str]:
    """Checked `input_size`, `grad_output`, the pads and the mode."""
    n, c, h, w = values.size(input_size, "input_size", "n c h w")
    grad_output = values.floats(grad_output, "grad_output", "n c h w")
    top, bottom, left, right = pads = values.pads(padding)
    values.choice(mode, "mode", shapes.PADDING_MODES)
    shapes.check_mode(mode, "mode", pads, (h, w))
    padded = (n, c, top + h + bottom, left + w + right)
    values.same_shape(grad_output, "grad_output", padded, f"input_size={(n, c, h, w)} with padding {pads}")
    return (n, c, h, w), grad_output, pads, mode


def linear_arguments(x: Any, w: Any, bias: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Checked `x`, `w`, `bias`."""
    x = values.floats(x, "x", "n in")
    w = values.floats(w, "w", "out in")
    values.same_dtype(x, "x", w, "w")
    if x.shape[1] != w.shape[1]:
        raise InputError(
            f"x has shape {x.shape} and w has shape {w.shape}: both must have one number of inputs (last "
            f"axis); give w of shape {(w.shape[0], x.shape[1])} or x of shape {(x.shape[0], w.shape[1])}"
        )
    if bias is not None:
        bias = values.floats(bias, "bias")
        values.same_dtype(x, "x", bias, "bias")
        values.same_shape(bias, "bias", (w.shape[0],), f"w of shape {w.shape} with its {w.shape[0]} outputs")
    return x, w, bias


def linear_input_grad_arguments(w: Any, grad_output: Any) -> tuple[np.ndarray, np.ndarray]:
    """Checked `w` and `grad_output`."""
    w, grad_output = values.floats(w, "w", "out in"), values.floats(grad_output, "grad_output", "n out")
    values.same_dtype(w, "w", grad_output, "grad_output")
    values.same_shape(grad_output, "grad_output", (grad_output.shape[0], w.shape[0]), f"w of shape {w.shape}")
    return w, grad_output


def linear_weight_grad_arguments(x: Any, grad_output: Any) -> tuple[np.ndarray, np.ndarray]:
    """Checked `x` and `grad_output`."""
    x, grad_output = values.floats(x, "x", "n in"), values.floats(grad_output, "grad_output", "n out")
    values.same_dtype(x, "x", grad_output, "grad_output")
    values.same_shape(grad_output, "grad_output", (x.shape[0], grad_output.shape[1]), f"x of shape {x.shape}")
    return x, grad_output


def elementwise_arguments(x: Any, grad_output: Any) -> tuple[np.ndarray, np.ndarray]:
    """Checked `x` and a `grad_output` of its shape."""
    x, grad_output = values.floats(x, "x"), values.floats(grad_output, "grad_output")
    values.same_dtype(x, "x", grad_output, "grad_output")
    values.same_shape(grad_output, "grad_output", x.shape, f"x of shape {x.shape}")
    return x, grad_output


def last_axis_argument(x: Any) -> np.ndarray:
    """Checked `x`, whose last axis runs over classes."""
    x = values.floats(x, "x")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise InputError(f"x has shape {x.shape}: the last axis, over classes, needs at least one cell")
    return x


def cross_entropy_arguments(
    logits: Any, target: Any, reduction: Any, reductions: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Checked `logits` and `target`."""
    logits, target = values.floats(logits, "logits", "n k"), values.array(target, "target")
    values.choice(reduction, "reduction", reductions)
    n, k = logits.shape
    if target.dtype.kind not in "iu":
        raise InputError(
            f"target has dtype {target.dtype}: it holds class numbers; use target.astype(np.int64)"
        )
    values.same_shape(target, "target", (n,), f"logits of shape {logits.shape}, one class for each row,")
    if n and not 0 <= target.min() <= target.max() < k:
        raise InputError(
            f"target goes from {target.min()} to {target.max()}: logits of shape {logits.shape} know "
            f"classes 0 to {k - 1}; give one of these"
        )
    if n == 0 and reduction == "mean":
        raise InputError(f"logits has shape {logits.shape}: no rows have no mean; use reduction='sum'")
    return logits, target


def corr2d_arguments(X: Any, K: Any) -> tuple[np.ndarray, np.ndarray, np.dtype]:
    """Checked `X`, `K` and the dtype of the result: theirs; of an integer and a float, the float's."""
    X, K = values.array(X, "X"), values.array(K, "K")
    for plane, name in ((X, "X"), (K, "K")):
        if plane.ndim != 2:
            raise values.wrong_axes(plane, name, "h w" if name == "X" else "r s")
        if 0 in plane.shape:
            raise InputError(f"{name} has shape {plane.shape}: every axis has at least one cell")
    if K.shape[0] > X.shape[0] or K.shape[1] > X.shape[1]:
        raise InputError(
            f"K has shape {K.shape} and X has shape {X.shape}: the kernel must fit in the picture; use a "
            f"smaller kernel, or pad X"
        )
    if X.dtype.kind == K.dtype.kind == "f":
        values.same_dtype(X, "X", K, "K")
    if "f" in (X.dtype.kind, K.dtype.kind):
        return X, K, X.dtype if X.dtype.kind == "f" else K.dtype
    return X, K, np.result_type(X, K)


def integer_overflow(total: int, dtype: np.dtype) -> InputError:
    """The error for a sum in `corr2d` that the integers of X and K cannot hold: it is not wrapped around."""
    return InputError(f"X and K are {dtype}, which cannot hold the sum {total}; use X.astype(np.int64)")


def _bias(bias: Any, x: np.ndarray, w: np.ndarray, channels: int) -> np.ndarray | None:
    if bias is None:
        return None
    bias = values.floats(bias, "bias")
    values.same_dtype(x, "x", bias, "bias")
    values.same_shape(bias, "bias", (channels,), f"w of shape {w.shape} with its {channels} output channels")
    return bias


def _windows(
    stride: Any, padding: Any, dilation: Any, axes: int = 2
) -> tuple[tuple[int, ...], str | shapes.Pads, tuple[int, ...]]:
    """Stride, padding and dilation in the one form that a geometry is remembered by."""
    if isinstance(padding, str):
        values.choice(padding, "padding", ("valid", "same"))
    else:
        padding = values.pads_of(padding, "padding", axes)
    return values.per_axis(stride, "stride", axes), padding, values.per_axis(dilation, "dilation", axes)


def _conv(
    axes: int, x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Any, padding: Any, dilation: Any,
    groups: Any, padding_mode: Any, flip: Any,
) -> shapes.ConvGeometry:
    return shapes.conv_geometry(
        x_shape, w_shape, *_windows(stride, padding, dilation, axes), *_channels(groups, padding_mode, flip)
    )


def _transposed(
    axes: int, x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Any, padding: Any, output_padding: Any,
    groups: Any, dilation: Any, padding_mode: Any, flip: Any,
) -> shapes.ConvGeometry:
    return shapes.transposed_geometry(
        x_shape, w_shape, *_windows(stride, padding, dilation, axes),
        values.per_axis(output_padding, "output_padding", axes, 0), *_channels(groups, padding_mode, flip),
    )


def _pool_windows(kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> tuple:
    """The same for pooling, where windows by default lie side by side."""
    kernel = values.pair(kernel_size, "kernel_size")
    return kernel, *_windows(kernel if stride is None else stride, padding, dilation)


def _channels(groups: Any, padding_mode: Any, flip: Any) -> tuple[int, str, bool]:
    """What else a convolution is remembered by."""
    return (
        values.integer(groups, "groups"),
        values.choice(padding_mode, "padding_mode", shapes.PADDING_MODES),
        bool(flip),
    )
