"""conv2d and its three gradients against PyTorch, forward and backward, with random upstream gradients."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn import grad as nn_grad

from convscope import ops
from convscope.geometry import same_padding

TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class Case(NamedTuple):
    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, ...] | str = 0
    dilation: int | tuple[int, int] = 1
    groups: int = 1
    padding_mode: str = "zeros"
    flip: bool = False

    def __str__(self):
        """As a test's name: the shapes, and what is not as usual."""
        unusual = [
            f"{k}={v}" for k, v in self._asdict().items() if k not in "xw" and v != self._field_defaults[k]
        ]
        return " ".join(["x".join(map(str, self.x)), "x".join(map(str, self.w)), *unusual]).replace(" ", "_")


SMALL = [
    Case((1, 1, 3, 3), (1, 1, 3, 3)),
    Case((2, 3, 5, 7), (4, 3, 2, 3)),
    Case((1, 2, 7, 5), (3, 2, 1, 1)),
    Case((2, 2, 8, 6), (3, 2, 3, 2), stride=(3, 2)),  # leaves a remainder on both axes
    Case((1, 1, 4, 9), (2, 1, 2, 2), stride=3),  # steps over cells
    Case((2, 2, 4, 5), (2, 2, 3, 3), padding=1),
    Case((1, 2, 4, 3), (2, 2, 2, 3), padding=(2, 1), stride=2),
    Case((1, 2, 3, 4), (2, 2, 3, 2), padding=(0, 2, 1, 3)),
    Case((1, 1, 2, 3), (2, 1, 2, 2), padding=(3, 4)),  # padding wider than the kernel
    Case((1, 2, 7, 8), (2, 2, 3, 2), dilation=(2, 3)),
    Case((1, 2, 9, 8), (2, 2, 2, 3), dilation=(3, 2), stride=(2, 3), padding=(1, 2)),
    Case((2, 4, 5, 4), (6, 2, 2, 3), groups=2),
    Case((1, 3, 5, 4), (6, 1, 3, 2), groups=3, padding=1, stride=2),  # depthwise, two kernels a channel
    Case((1, 2, 5, 6), (2, 2, 3, 3), padding="valid"),
    Case((1, 2, 5, 6), (2, 2, 2, 4), padding="same"),
    Case((1, 2, 5, 6), (2, 2, 3, 2), padding="same", dilation=(1, 3)),
    Case((1, 2, 5, 6), (2, 2, 3, 3), padding="same", stride=(2, 3)),
    Case((1, 2, 4, 5), (2, 2, 2, 3), flip=True),
    Case((2, 2, 6, 5), (4, 1, 3, 2), flip=True, groups=2, stride=2, dilation=2, padding=(1, 2, 0, 1)),
    *[
        Case(
            (2, 2, 4, 5),
            (2, 2, 3, 2),
            padding=(1, 3, 4, 2),
            padding_mode=mode,
            stride=(2, 1),
            flip=mode == "circular",
        )
        for mode in ("reflect", "replicate", "circular")
    ],
    Case((1, 1, 3, 2), (1, 1, 2, 2), padding=(3, 2), padding_mode="circular"),  # the whole image, all around
    Case((1, 2, 4, 4), (2, 2, 3, 3), padding="same", padding_mode="reflect", dilation=2),
    Case((0, 2, 4, 5), (3, 2, 2, 2)),  # no images
]

# Only for the fast twin: batches that fill tiles of images, leave a remainder, or are too few for one
LARGER = [
    *[Case((n, 1, 28, 28), (6, 1, 5, 5), padding=2) for n in (1, 5, 16, 33)],
    *[Case((n, 6, 14, 14), (16, 6, 5, 5)) for n in (1, 5, 16, 33)],
    *[Case((n, 5, 9, 11), (7, 5, 3, 3), padding=1) for n in (1, 5, 16, 33)],
    *[Case((n, 3, 13, 10), (5, 3, 4, 3), stride=(2, 3), padding=(1, 0)) for n in (1, 5, 33)],
    *[Case((n, 4, 9, 12), (6, 2, 3, 2), dilation=2, groups=2, padding=2) for n in (1, 16, 33)],
    *[Case((n, 8, 7, 9), (8, 1, 3, 3), groups=8, padding=1, padding_mode="reflect") for n in (5, 33)],
    Case((33, 3, 8, 9), (4, 3, 3, 3), padding=1, flip=True),
    Case((3, 16, 20, 17), (24, 16, 1, 1), stride=2),
    Case((2, 3, 41, 37), (9, 3, 7, 7), stride=2, padding=3),
    Case((2, 32, 15, 16), (40, 32, 3, 3), padding=1),
    Case((1, 3, 64, 3), (2, 3, 11, 1), padding=(5, 0)),
    Case((1, 1, 1, 200), (1, 1, 1, 25)),
]


def four_sides(case):
    """The padding of a case as (top, bottom, left, right), worked out apart from ops."""
    if case.padding == "valid":
        return 0, 0, 0, 0
    if case.padding == "same":
        stride, dilation = np.broadcast_to(case.stride, 2), np.broadcast_to(case.dilation, 2)
        rows, columns = (
            same_padding(case.x[2 + k], case.w[2 + k], int(stride[k]), int(dilation[k])) for k in (0, 1)
        )
        return *rows, *columns
    padding = (case.padding,) * 2 if isinstance(case.padding, int) else case.padding
    return padding if len(padding) == 4 else (padding[0], padding[0], padding[1], padding[1])


def numbers(case, dtype):
    rng = np.random.default_rng(sum(case.x) + 7 * sum(case.w))
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in (case.x, case.w, case.w[:1]))


def by_torch(case, x, w, bias):
    top, bottom, left, right = four_sides(case)
    x = F.pad(x, (left, right, top, bottom), mode=TORCH_MODES[case.padding_mode]) if x.shape[0] else x
    w = torch.flip(w, (2, 3)) if case.flip else w
    return F.conv2d(x, w, bias, case.stride, 0, case.dilation, case.groups)


def compare(impl, case, dtype, agree):
    x, w, bias = numbers(case, dtype)
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, w, bias)]
    theirs = by_torch(case, *tensors)
    ours = impl.conv2d(x, w, bias, *case[2:])
    agree(ours, theirs)
    upstream = np.random.default_rng(1).standard_normal(theirs.shape).astype(dtype)
    grads = torch.autograd.grad(theirs, tensors, torch.from_numpy(upstream))
    agree(impl.conv2d_input_grad(x.shape, w, upstream, *case[2:]), grads[0])
    agree(impl.conv2d_weight_grad(x, w.shape, upstream, *case[2:]), grads[1])
    agree(impl.conv2d_bias_grad(upstream), grads[2])


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_against_pytorch(impl, case, dtype, agree):
    compare(impl, case, dtype, agree)


@pytest.mark.parametrize("case", LARGER, ids=str)
def test_fast_against_pytorch(case, dtype, agree):
    compare(ops, case, dtype, agree)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_is_that_of_pytorch(impl, dilation, dtype, agree):
    case = Case((1, 2, 5, 6), (2, 2, 2, 4), padding="same", dilation=dilation)
    x, w, _ = numbers(case, dtype)
    theirs = F.conv2d(torch.from_numpy(x), torch.from_numpy(w), padding="same", dilation=dilation)
    agree(impl.conv2d(x, w, padding="same", dilation=dilation), theirs)


def test_same_signature_as_torch_nn_grad(impl, dtype, agree):
    """Whoever knows torch.nn.grad can pass the same arguments in the same places."""
    case = Case((2, 4, 6, 7), (4, 2, 3, 2))
    x, w, _ = numbers(case, dtype)
    arguments = (2, 1, 1, 2)
    upstream = impl.conv2d(x, w, None, *arguments)
    torch_up = torch.from_numpy(upstream)
    agree(
        impl.conv2d_input_grad(x.shape, w, upstream, *arguments),
        nn_grad.conv2d_input(x.shape, torch.from_numpy(w), torch_up, *arguments),
    )
    agree(
        impl.conv2d_weight_grad(x, w.shape, upstream, *arguments),
        nn_grad.conv2d_weight(torch.from_numpy(x), w.shape, torch_up, *arguments),
    )


def test_any_memory_layout_and_arguments_left_alone(impl, dtype, agree):
    case = Case((3, 2, 6, 5), (4, 2, 3, 2), stride=(1, 2), padding=1)
    x, w, bias = numbers(case, dtype)
    plain = impl.conv2d(x, w, bias, *case[2:])
    strange_x = np.asfortranarray(x)[::-1, :, ::-1][::-1, :, ::-1]
    strange_w = np.repeat(w, 2, axis=3)[..., ::2]
    for given in (strange_x, strange_w, bias):
        given.flags.writeable = False
    agree(impl.conv2d(strange_x, strange_w, bias, *case[2:]), plain)
    g = np.asfortranarray(plain)
    agree(
        impl.conv2d_input_grad(x.shape, strange_w, g, *case[2:]),
        impl.conv2d_input_grad(x.shape, w, plain, *case[2:]),
    )
    agree(
        impl.conv2d_weight_grad(strange_x, w.shape, g, *case[2:]),
        impl.conv2d_weight_grad(x, w.shape, plain, *case[2:]),
    )
    agree(impl.conv2d_bias_grad(g), impl.conv2d_bias_grad(plain))


def test_nan_and_infinity_reach_the_windows_that_see_them_and_no_others(impl, dtype):
    x, w = np.ones((1, 1, 5, 6), dtype), np.ones((1, 1, 2, 3), dtype)
    x[0, 0, 1, 4], x[0, 0, 4, 0] = np.nan, np.inf
    y = impl.conv2d(x, w)[0, 0]
    where = np.zeros((4, 4), bool)
    where[0:2, 2:4] = True
    np.testing.assert_array_equal(np.isnan(y), where)
    assert y[3, 0] == np.inf
    assert np.isfinite(y).sum() == 16 - 4 - 1


def test_cells_in_the_remainder_of_a_stride_have_no_gradient(impl):
    w, upstream = np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2))
    grad = impl.conv2d_input_grad((1, 1, 5, 4), w, upstream, stride=2)
    assert (grad[0, 0, 4] == 0).all()
    assert (grad[0, 0, :4] == 1).all()
