"""Known mistakes in a convolution and its gradients."""

from functools import partial

import numpy as np

from convscope.grading.cases import Case, right
from convscope.grading.layouts import as_vector
from convscope.grading.mistakes.slip import (
    BATCH,
    LAST_LEFT_OUT,
    ONE_IMAGE,
    WINDOW,
    Change,
    Slip,
    bias_times,
    misplaced,
    one,
    pad_of,
    side_by_side,
)


def _channels(which: int) -> Change:
    def change(case: Case) -> Case:
        if case.op != "conv2d" or case.groups != 1:
            return case
        return case.but(x=case.x[:, one(which)], w=case.weights[:, one(which)])

    return change


KERNEL = (
    Slip("kernel_flipped", change=lambda case: case.but(flip=not case.flip)),
    Slip("kernel_transposed", change=lambda case: case.but(w=case.weights.swapaxes(2, 3), kernel=case.kernel[::-1])),
    Slip("kernel_half_flipped", change=lambda case: case.but(w=case.weights[:, :, ::-1])),
    Slip("kernel_half_flipped", change=lambda case: case.but(w=case.weights[:, :, :, ::-1])),
    Slip("channels_transposed", change=lambda case: case.but(w=case.weights.swapaxes(0, 1))),
    Slip("dilation_missing", change=lambda case: case.but(dilation=1)),
    Slip("dilation_missing", change=lambda case: case.but(dilation=1), after=side_by_side),
)
"""Mistakes about the kernel; in the forward pass and in the gradient of the input."""


def _first_group(case: Case) -> Case:
    return case.but(groups=1, x=case.x[:, : case.weights.shape[1]])


def _mean_over_window(case: Case, y: np.ndarray) -> np.ndarray:
    bias = 0 if case.b is None else case.b[:, None, None]
    return (y - bias) / case.weights[0, 0].size + bias


def _cut_windows(case: Case, part: str) -> np.ndarray:
    """A window for each cell of the input; slices of NumPy end with the picture, and one row is spread over all."""
    if case.groups != 1 or case.dilation != 1:
        raise NotImplementedError
    p, (r, s) = pad_of(case), case.kernel
    x = np.pad(case.x, ((0, 0), (0, 0), (p, p), (p, p)))
    y = np.zeros((len(x), len(case.weights), *x.shape[2:]))
    for n, m, i, j in np.ndindex(y.shape):
        top, left = i * case.stride, j * case.stride
        y[n, m, i, j] = (x[n, :, top : top + r, left : left + s] * case.weights[m]).sum()
    return y if case.b is None else y + case.b[:, None, None]


FORWARD = (
    *KERNEL,
    *WINDOW,
    Slip("output_as_input", compute=_cut_windows),
    Slip("groups_missing", change=_first_group),
    Slip("channels_not_summed", change=_channels(0)),
    Slip("channels_not_summed", change=_channels(-1)),
    Slip("bias_missing", change=lambda case: case.but(b=None)),
    Slip("bias_repeated", change=bias_times(lambda case: case.weights[0].size)),
    Slip("bias_repeated", change=bias_times(lambda case: case.weights[0].size + 1)),
    Slip("bias_repeated", change=bias_times(lambda case: case.weights.shape[1])),
    Slip("bias_repeated", change=bias_times(lambda case: case.weights[0, 0].size)),
    Slip("bias_subtracted", change=bias_times(lambda case: -1)),
    Slip("window_averaged", after=_mean_over_window),
    Slip("activation_inside", after=lambda case, y: np.maximum(y, 0)),
)


def _added(case: Case, part: str, *, last: str = "") -> np.ndarray:
    """Gradient of the input by adding window after window; `last`, "window", "channel" or "tap", overwrites instead."""
    if case.groups != 1:
        each = zip(
            *(np.split(a, case.groups, axis) for a, axis in ((case.x, 1), (case.weights, 0), (case.upstream, 1)))
        )
        groups = [_added(case.but(groups=1, x=x, w=w, dy=dy), part, last=last) for x, w, dy in each]
        return np.concatenate(groups, 1)
    (n, c, h, w), (_, _, r, s), gap, step = case.x.shape, case.weights.shape, case.dilation, case.stride
    kernel = case.weights[:, :, ::-1, ::-1] if case.flip else case.weights
    p, dy = pad_of(case), case.upstream
    # windows may hang over the end; what lands there is cut off
    rows, columns = ((out - 1) * step + gap * taps for out, taps in zip(dy.shape[2:], (r, s)))
    big = np.zeros((n, c, h + 2 * p + rows, w + 2 * p + columns))
    if last == "tap":
        rows, columns = np.arange(dy.shape[2]) * step, np.arange(dy.shape[3]) * step
        for u, v in np.ndindex(r, s):
            place = np.ix_(range(n), range(c), rows + u * gap, columns + v * gap)
            big[place] = np.einsum("nmij,mc->ncij", dy, kernel[:, :, u, v])
    else:
        for i, j in np.ndindex(*dy.shape[2:]):
            window = np.s_[:, :, i * step : i * step + gap * r : gap, j * step : j * step + gap * s : gap]
            if last == "channel":
                big[window] = np.einsum("n,cuv->ncuv", dy[:, -1, i, j], kernel[-1])
            elif last == "window":
                big[window] = np.einsum("nm,mcuv->ncuv", dy[:, :, i, j], kernel)
            else:
                big[window] += np.einsum("nm,mcuv->ncuv", dy[:, :, i, j], kernel)
    return big[:, :, p : p + h, p : p + w]


def _dense_backward(case: Case, part: str) -> np.ndarray:
    """The full convolution of dy with the turned kernel, as if the stride had been 1: of another size."""
    rows, columns = (dy + case.dilation * (taps - 1) for dy, taps in zip(case.upstream.shape[2:], case.kernel))
    p = pad_of(case)
    x = np.zeros((*case.x.shape[:2], rows - 2 * p, columns - 2 * p))
    return right(case.but(x=x, stride=1), part)


def _without_left_over(case: Case, y: np.ndarray) -> np.ndarray:
    """The gradient of the rows and columns that windows reach, and no zeros for the others."""
    reach = [case.dilation * (taps - 1) + 1 for taps in case.kernel]
    left = [(size + 2 * pad_of(case) - taps) % case.stride for size, taps in zip(case.x.shape[2:], reach)]
    return y[:, :, : y.shape[2] - left[0], : y.shape[3] - left[1]]


def _outputs_only(which: int) -> Change:
    return lambda case: case.but(w=case.weights[one(which)], dy=case.upstream[:, one(which)])


DX = (
    *KERNEL[:5],
    *misplaced(_added),
    Slip("stride_missing", compute=_dense_backward),
    Slip("dilation_missing", change=lambda case: case.but(dilation=1), compute=_added),
    *(Slip("overwritten", compute=partial(_added, last=last)) for last in ("window", "channel", "tap")),
    Slip("dividing_strides_only", after=_without_left_over),
    Slip("channels_not_summed", change=_outputs_only(0)),
    Slip("channels_not_summed", change=_outputs_only(-1)),
    Slip("batch_averaged", after=lambda case, y: y / len(case.x)),
    *ONE_IMAGE,
    Slip("gradient_missing", after=lambda case, y: 0 * y),
)


def _unstrided(case: Case) -> Case:
    """Windows at i, not at i*stride: cut x so that there are as many as dy has cells."""
    p, dy = pad_of(case), case.upstream
    rows, columns = (size + case.dilation * (taps - 1) for size, taps in zip(dy.shape[2:], case.kernel))
    padded = np.pad(case.x, ((0, 0), (0, 0), (p, p), (p, p)))
    return case.but(x=padded[:, :, :rows, :columns], padding=0, stride=1)


def _unpadded(case: Case) -> Case:
    return case.but(padding=(0, 2 * pad_of(case)) * 2)


def _last_window(images: slice) -> Change:
    def change(case: Case) -> Case:
        dy = np.zeros_like(case.upstream)
        dy[images, ..., -1, -1] = case.upstream[images, ..., -1, -1]
        return case.but(dy=dy)

    return change


def _per_window(case: Case, y: np.ndarray) -> np.ndarray:
    return y / (case.output_size[2] * case.output_size[3])


def _per_cell(case: Case, y: np.ndarray) -> np.ndarray:
    return _per_window(case, y) / len(case.x)


def _kept(case: Case, part: str, *, axis: int) -> np.ndarray:
    return np.moveaxis(case.upstream, axis, 0).sum((1, 2, 3))


WINDOWS = (
    Slip("positions_averaged", after=_per_window),
    Slip("positions_averaged", after=_per_cell),
    Slip("overwritten", change=_last_window(np.s_[-1:])),
    Slip("overwritten", change=_last_window(np.s_[:])),
    LAST_LEFT_OUT,
)
DW = (
    Slip("kernel_flipped", after=lambda case, y: y[:, :, ::-1, ::-1]),
    Slip("kernel_transposed", after=lambda case, y: y.swapaxes(2, 3)),
    Slip("channels_transposed", after=lambda case, y: y.swapaxes(0, 1)),
    Slip("stride_missing", change=_unstrided),
    Slip("padding_missing", change=_unpadded),
    *BATCH,
    *WINDOWS,
)
DB = (
    *BATCH,
    *WINDOWS,
    Slip("batch_not_summed", compute=lambda case, part: as_vector(case.upstream.sum((2, 3)))),
    *(Slip("axis_wrong", compute=partial(_kept, axis=axis)) for axis in (0, 2, 3)),
    Slip("bias_times_x", compute=lambda case, part: right(case.but(dy=case.upstream * case.x.sum()), part)),
)
