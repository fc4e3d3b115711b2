"""conv1d, conv3d and the transposed convolutions against PyTorch, forward and backward, random upstream gradients."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn import grad as nn_grad

from convscope import ops

TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


class Case(NamedTuple):
    """`pads` are (before, after) for each axis; `given` is how the padding is passed, if not so."""

    x: tuple[int, ...]
    w: tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    pads: tuple[int, ...] = ()
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    padding_mode: str = "zeros"
    flip: bool = False
    given: int | tuple[int, ...] | str | None = None
    output_padding: int | tuple[int, ...] = 0

    def __str__(self):
        """As a test's name: the shapes, and what is not as usual."""
        unusual = [f"{k}={v}" for k, v in self._asdict().items() if k not in "xw" and v != self._field_defaults[k]]
        return " ".join(["x".join(map(str, self.x)), "x".join(map(str, self.w)), *unusual]).replace(" ", "_")

    @property
    def axes(self):
        return len(self.x) - 2

    @property
    def sides(self):
        return self.pads or (0, 0) * self.axes

    def options(self):
        padding = self.sides if self.given is None else self.given
        return {
            "stride": self.stride, "padding": padding, "dilation": self.dilation, "groups": self.groups,
            "padding_mode": self.padding_mode, "flip": self.flip,
        }


SMALL = [
    Case((1, 1, 3), (1, 1, 3)),
    Case((2, 3, 7), (4, 3, 2), given="valid"),
    Case((2, 2, 8), (3, 2, 3), stride=3),  # leaves a remainder
    Case((2, 2, 9), (2, 2, 2), stride=4, given=(0,)),  # steps over cells
    Case((2, 2, 5), (2, 2, 3), pads=(2, 0)),
    Case((1, 2, 6), (2, 2, 4), pads=(1, 2), given="same"),
    Case((1, 2, 8), (2, 2, 3), pads=(0, 1), given="same", stride=3),
    Case((1, 2, 9), (2, 2, 3), pads=(2, 2), given=2, dilation=3, stride=2),
    Case((2, 4, 6), (6, 2, 3), groups=2, flip=True),
    Case((2, 3, 9), (6, 1, 3), groups=3, pads=(1, 1), given=(1,)),  # depthwise, two kernels a channel
    *[
        Case((2, 2, 5), (4, 1, 3), pads=(3, 4), padding_mode=mode, stride=2, groups=2, flip=True)
        for mode in ("reflect", "replicate", "circular")
    ],
    Case((0, 2, 5), (3, 2, 2)),  # no signals
    Case((1, 1, 2, 3, 4), (1, 1, 2, 3, 4)),
    Case((2, 3, 3, 5, 4), (4, 3, 2, 3, 2)),
    Case((1, 2, 7, 5, 6), (3, 2, 3, 2, 2), stride=(3, 2, 3)),  # leaves a remainder on every axis
    Case((1, 1, 9, 4, 5), (2, 1, 2, 2, 2), stride=(4, 3, 3)),  # steps over cells
    Case((1, 2, 3, 4, 2), (2, 2, 2, 3, 2), pads=(1, 1, 2, 2, 0, 0), given=(1, 2, 0)),
    Case((1, 2, 3, 4, 2), (2, 2, 3, 3, 2), pads=(0, 2, 1, 0, 3, 1)),
    Case((1, 1, 2, 2, 3), (2, 1, 2, 2, 2), pads=(3, 3, 3, 3, 3, 3), given=3),  # padding wider than the kernel
    Case((1, 2, 4, 3, 5), (2, 2, 2, 3, 4), pads=(0, 1, 1, 1, 1, 2), given="same"),
    Case((1, 2, 7, 8, 6), (2, 2, 3, 2, 2), dilation=(2, 3, 2), stride=(1, 2, 3), pads=(1, 1, 0, 0, 2, 2)),
    Case((2, 4, 3, 4, 3), (6, 2, 2, 2, 3), groups=2, flip=True, stride=(2, 1, 1)),
    Case((1, 3, 4, 3, 5), (6, 1, 3, 2, 3), groups=3, pads=(1, 1, 1, 1, 1, 1), given=1),
    *[
        Case((2, 2, 4, 3, 5), (2, 1, 3, 3, 2), pads=(1, 3, 2, 1, 4, 0), padding_mode=mode, stride=(2, 1, 3), groups=2)
        for mode in ("reflect", "replicate", "circular")
    ],
    Case((0, 2, 3, 4, 5), (3, 2, 2, 2, 2)),  # no volumes
]

# Only for the fast twin: enough to fill tiles and runs, with a remainder
LARGER = [
    *[Case((n, 5, 100), (7, 5, 9), pads=(4, 4), stride=stride) for n in (1, 5, 33) for stride in (1, 3)],
    *[Case((n, 8, 40), (16, 1, 5), groups=8, dilation=2, padding_mode="reflect", pads=(7, 3)) for n in (1, 33)],
    *[Case((n, 3, 9, 12, 11), (5, 3, 3, 3, 3), pads=(1, 1, 1, 1, 1, 1)) for n in (1, 5, 16)],
    *[Case((n, 6, 8, 9, 7), (12, 1, 3, 2, 3), groups=6, stride=(2, 1, 2), pads=(1, 0, 2, 1, 0, 2)) for n in (1, 5)],
    Case((2, 4, 7, 15, 10), (6, 2, 4, 1, 3), groups=2, dilation=(2, 1, 3), padding_mode="circular", pads=(0, 2) * 3),
]

TRANSPOSED = [
    Case((1, 1, 3), (1, 1, 3)),
    Case((2, 3, 5), (3, 4, 2), stride=3, output_padding=2),
    Case((2, 3, 5), (3, 4, 4), stride=2, pads=(1, 2)),
    Case((1, 4, 5), (4, 3, 3), stride=2, pads=(2, 2), given=2, dilation=2, groups=2, output_padding=(1,)),
    Case((1, 2, 5), (2, 2, 2), stride=4),  # leaves cells between
    Case((2, 2, 5, 4), (2, 3, 2, 3)),
    Case((2, 2, 3, 4), (2, 3, 4, 3), stride=(2, 3), output_padding=(1, 2), pads=(1, 1, 1, 1), given=1),
    Case((1, 4, 3, 4), (4, 1, 3, 2), stride=(3, 1), dilation=(1, 3), groups=4, pads=(0, 1, 2, 0)),  # depthwise
    Case((1, 4, 3, 2), (4, 2, 3, 2), stride=2, groups=2, flip=True),
    Case((2, 2, 3, 4), (2, 3, 2, 3), given="valid", stride=(1, 2)),
    *[
        Case(
            (2, 2, 4, 3), (2, 2, 3, 2), stride=(2, 3), pads=(2, 1, 0, 1), groups=2, flip=True, padding_mode=mode,
            output_padding=(1, 0),
        )
        for mode in ("reflect", "replicate", "circular")
    ],
    Case((2, 2, 7), (2, 2, 3), pads=(2, 1), padding_mode="circular", dilation=2),
    Case((2, 3, 2, 3, 4), (3, 2, 2, 3, 2), stride=(1, 2, 3), output_padding=(0, 1, 2)),
    Case((1, 4, 3, 2, 3), (4, 2, 3, 2, 2), groups=2, stride=2, pads=(1, 0, 0, 1, 1, 2), dilation=(2, 1, 2)),
    *[
        Case((1, 2, 3, 3, 4), (2, 2, 3, 2, 3), pads=(1, 0, 0, 1, 1, 2), padding_mode=mode, stride=(2, 1, 1), flip=True)
        for mode in ("reflect", "replicate", "circular")
    ],
]

LARGER_TRANSPOSED = [
    *[Case((n, 7, 30), (7, 5, 6), stride=3, output_padding=2, pads=(2, 1)) for n in (1, 17)],
    *[Case((n, 9, 13, 11), (9, 5, 4, 4), stride=2, pads=(1, 1, 1, 1)) for n in (1, 5, 33)],
    Case((2, 6, 17, 20), (6, 2, 3, 3), groups=6, dilation=2, pads=(2, 0, 1, 3)),
    Case((2, 4, 5, 9, 7), (4, 6, 3, 3, 2), stride=(2, 3, 1), pads=(1, 0, 1, 1, 0, 0), output_padding=(1, 2, 0)),
]


def numbers(case, dtype, channels):
    rng = np.random.default_rng(sum(case.x) + 7 * sum(case.w))
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in (case.x, case.w, (channels,)))


def by_torch(case, x, w, bias):
    """The forward pass of PyTorch, for all that it does not take as we do: modes, uneven sides, flip."""
    last_first = [side for k in reversed(range(case.axes)) for side in case.sides[2 * k : 2 * k + 2]]
    if x.shape[0] and any(last_first):
        x = F.pad(x, last_first, mode=TORCH_MODES[case.padding_mode])
    w = torch.flip(w, tuple(range(2, w.ndim))) if case.flip else w
    return CONV[case.axes](x, w, bias, case.stride, 0, case.dilation, case.groups)


def compare(impl, case, dtype, agree):
    name = f"conv{case.axes}d"
    x, w, bias = numbers(case, dtype, case.w[0])
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, w, bias)]
    theirs = by_torch(case, *tensors)
    agree(getattr(impl, name)(x, w, bias, **case.options()), theirs)
    upstream = np.random.default_rng(1).standard_normal(theirs.shape).astype(dtype)
    grads = torch.autograd.grad(theirs, tensors, torch.from_numpy(upstream))
    agree(getattr(impl, f"{name}_input_grad")(x.shape, w, upstream, **case.options()), grads[0])
    agree(getattr(impl, f"{name}_weight_grad")(x, w.shape, upstream, **case.options()), grads[1])
    agree(getattr(impl, f"{name}_bias_grad")(upstream), grads[2])


def transposed_size(case):
    """`(size - 1)*stride + span - pads + output_padding`, worked out apart from ops."""
    stride, dilation, extra = (np.broadcast_to(a, case.axes) for a in (case.stride, case.dilation, case.output_padding))
    spans = dilation * (np.array(case.w[2:]) - 1) + 1
    whole = (np.array(case.x[2:]) - 1) * stride + spans + extra
    sizes = whole - np.array(case.sides).reshape(-1, 2).sum(axis=1)
    return case.x[0], case.w[1] * case.groups, *sizes.tolist()


def compare_transposed(impl, case, dtype, agree):
    """PyTorch's gradient of a convolution, padded in any way, is a transposed convolution, differentiable again."""
    name, size = f"conv_transpose{case.axes}d", transposed_size(case)
    x, w, bias = numbers(case, dtype, size[1])
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, w, bias)]
    anything = torch.zeros(size, dtype=tensors[0].dtype, requires_grad=True)
    forward = by_torch(case, anything, tensors[1], None)
    (theirs,) = torch.autograd.grad(forward, anything, tensors[0], create_graph=True)
    theirs = theirs + tensors[2].reshape(-1, *[1] * case.axes)
    options = case.options() | {"output_padding": case.output_padding}
    agree(getattr(impl, name)(x, w, bias, **options), theirs)
    upstream = np.random.default_rng(1).standard_normal(size).astype(dtype)
    grads = torch.autograd.grad(theirs, tensors, torch.from_numpy(upstream))
    agree(getattr(impl, f"{name}_input_grad")(x.shape, w, upstream, **options), grads[0])
    agree(getattr(impl, f"{name}_weight_grad")(x, w.shape, upstream, **options), grads[1])
    agree(getattr(impl, f"{name}_bias_grad")(upstream), grads[2])


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_against_pytorch(impl, case, dtype, agree):
    compare(impl, case, dtype, agree)


@pytest.mark.parametrize("case", LARGER, ids=str)
def test_fast_against_pytorch(case, dtype, agree):
    compare(ops, case, dtype, agree)


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_against_pytorch(impl, case, dtype, agree):
    compare_transposed(impl, case, dtype, agree)


@pytest.mark.parametrize("case", LARGER_TRANSPOSED, ids=str)
def test_fast_transposed_against_pytorch(case, dtype, agree):
    compare_transposed(ops, case, dtype, agree)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_same_arguments_in_the_same_places_as_pytorch(impl, axes, dtype, agree):
    """stride 2, padding 1, output padding 1, groups 2, dilation 3; and for a convolution without the third of these."""
    x = np.random.default_rng(0).standard_normal((2, 4, *range(6, 6 + axes))).astype(dtype)
    w = np.random.default_rng(1).standard_normal((4, 2, *range(2, 2 + axes))).astype(dtype)
    tx, tw = torch.from_numpy(x), torch.from_numpy(w)
    theirs = CONV_TRANSPOSE[axes](tx, tw, None, 2, 1, 1, 2, 3)
    agree(getattr(impl, f"conv_transpose{axes}d")(x, w, None, 2, 1, 1, 2, 3), theirs)
    small = w[..., :1, :, :][..., :2] if axes == 3 else w[..., :2]
    up = getattr(impl, f"conv{axes}d")(x, small, None, 2, 1, 3, 2)
    tsmall, tup = torch.from_numpy(small.copy()), torch.from_numpy(up)
    for which, arguments, theirs in (
        ("input", (x.shape, small, up, 2, 1, 3, 2), (tx.shape, tsmall, tup, 2, 1, 3, 2)),
        ("weight", (x, small.shape, up, 2, 1, 3, 2), (tx, tsmall.shape, tup, 2, 1, 3, 2)),
    ):
        oracle = getattr(nn_grad, f"conv{axes}d_{which}")
        agree(getattr(impl, f"conv{axes}d_{which}_grad")(*arguments), oracle(*theirs))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_same_transposed_undoes_the_size_of_same(impl, axes):
    """Of size*stride cells "same" makes size, and the transposed convolution brings them back: it is the adjoint."""
    rng, stride = np.random.default_rng(0), (3, 2, 1)[:axes]
    size = (2, 2, *(4 * step for step in stride))
    w = rng.standard_normal((3, 2, *(4, 3, 2)[:axes]))
    y = rng.standard_normal((2, 3, *[4] * axes))
    back = getattr(impl, f"conv_transpose{axes}d")(y, w, None, stride, "same")
    assert back.shape == size
    x = rng.standard_normal(size)
    there = getattr(impl, f"conv{axes}d")(x, w, None, stride, "same")
    assert np.vdot(there, y) == pytest.approx(np.vdot(x, back))


@pytest.mark.parametrize("name", ["conv1d", "conv3d", "conv_transpose2d", "conv_transpose3d"])
def test_any_memory_layout_and_arguments_left_alone(impl, name, dtype, agree):
    axes = int(name[-2])
    x = np.random.default_rng(0).standard_normal((3, 2, *(5, 6, 4)[:axes])).astype(dtype)
    w = np.random.default_rng(1).standard_normal((2, 2, *(3, 2, 2)[:axes])).astype(dtype)
    operator = getattr(impl, name)
    plain = operator(x, w)
    strange_x, strange_w = np.asfortranarray(x)[::-1][::-1], np.repeat(w, 2, axis=-1)[..., ::2]
    strange_x.flags.writeable = strange_w.flags.writeable = False
    agree(operator(strange_x, strange_w), plain)
    g = np.asfortranarray(plain)
    for grad, arguments, same in (
        ("input", (x.shape, strange_w, g), (x.shape, w, plain)),
        ("weight", (strange_x, w.shape, g), (x, w.shape, plain)),
    ):
        operator = getattr(impl, f"{name}_{grad}_grad")
        agree(operator(*arguments), operator(*same))
    assert plain.flags.c_contiguous


def test_of_no_images_there_is_nothing_to_spread(impl, dtype):
    x, w = np.zeros((0, 2, 3, 4), dtype), np.ones((2, 3, 2, 3), dtype)
    y = impl.conv_transpose2d(x, w, np.ones(3, dtype), stride=2)
    assert (y.shape, y.dtype) == ((0, 3, 6, 9), dtype)
    assert impl.conv_transpose2d_input_grad(x.shape, w, y, stride=2).shape == x.shape
    np.testing.assert_array_equal(impl.conv_transpose2d_weight_grad(x, w.shape, y, stride=2), np.zeros_like(w))
