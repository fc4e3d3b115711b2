"""Pooling against PyTorch, forward and backward, ties and NaN included; laws; finite differences."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope import ops


class Case(NamedTuple):
    x: tuple[int, int, int, int]
    kernel_size: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: int | tuple[int, int] = 0
    dilation: int | tuple[int, int] = 1
    ceil_mode: bool = False

    def __str__(self):
        unusual = [
            f"{k}={v}" for k, v in self._asdict().items() if k not in "x" and v != self._field_defaults.get(k)
        ]
        return " ".join(["x".join(map(str, self.x)), *unusual]).replace(" ", "_")


SMALL = [
    Case((2, 3, 4, 6), 2),
    Case((1, 2, 5, 7), (2, 3)),  # leaves a remainder on both axes
    Case((1, 2, 5, 7), (2, 3), ceil_mode=True),
    Case((2, 2, 6, 5), 3, stride=(1, 2)),  # overlapping windows
    Case((1, 2, 7, 8), 2, stride=3),  # steps over cells
    Case((2, 2, 5, 4), 3, stride=2, padding=1),
    Case((2, 2, 5, 4), (2, 3), stride=(2, 1), padding=(1, 0)),
    Case((1, 2, 5, 6), (3, 2), stride=2, padding=(1, 1), ceil_mode=True),
    Case((1, 1, 2, 2), 3, stride=3, padding=1, ceil_mode=True),  # a last window would start in the padding
    Case((1, 1, 2, 2), 3, stride=2, ceil_mode=True),  # a window larger than the image
    Case((1, 2, 4, 3), 1, stride=2),
    Case((0, 2, 4, 4), 2),
]
DILATED = [
    Case((1, 2, 7, 8), (2, 3), dilation=(3, 2)),
    Case((2, 2, 8, 7), 3, stride=2, padding=1, dilation=2, ceil_mode=True),
    Case((1, 1, 6, 9), 2, stride=(1, 3), padding=(0, 1), dilation=(1, 3)),
]
# Only for the fast twin: batches that fill tiles of images, leave a remainder, or are too few for one
LARGER = [
    *[Case((n, 6, 28, 28), 2) for n in (1, 5, 16, 33)],
    *[Case((n, 5, 11, 9), 3, stride=2, padding=1) for n in (1, 5, 16, 33)],
    *[Case((n, 3, 9, 14), (3, 2), stride=(2, 3), padding=(1, 0), ceil_mode=True) for n in (1, 16, 33)],
]


def numbers(case, dtype):
    """Negative on the whole (so that padding with 0 would show) and full of ties."""
    rng = np.random.default_rng(sum(case.x))
    return (rng.integers(-6, 1, case.x) / 2 - 0.5).astype(dtype)


def upstream_of(y, dtype):
    return np.random.default_rng(1).standard_normal(y.shape).astype(dtype)


def compare_max(impl, case, x, agree):
    tensor = torch.from_numpy(x).requires_grad_()
    theirs, where = F.max_pool2d(tensor, *case[1:], return_indices=True)
    y, indices = impl.max_pool2d(x, *case[1:], return_indices=True)
    agree(y, theirs)
    agree_exactly(indices, where)
    agree(impl.max_pool2d(x, *case[1:]), theirs)
    upstream = upstream_of(y, x.dtype)
    (grad,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(upstream))
    agree(impl.max_pool2d_input_grad(x.shape, upstream, indices), grad)


def agree_exactly(ours, theirs):
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours, theirs.numpy())


def compare_avg(impl, case, count_include_pad, x, agree):
    options = dict(zip(case._fields[1:4], case[1:4])) | {"ceil_mode": case.ceil_mode}
    options["count_include_pad"] = count_include_pad
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.avg_pool2d(tensor, **options)
    agree(impl.avg_pool2d(x, **options), theirs)
    upstream = upstream_of(theirs, x.dtype)
    (grad,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(upstream))
    agree(impl.avg_pool2d_input_grad(x.shape, upstream, **options), grad)


@pytest.mark.parametrize("case", [*SMALL, *DILATED], ids=str)
def test_max_against_pytorch(impl, case, dtype, agree):
    compare_max(impl, case, numbers(case, dtype), agree)


@pytest.mark.parametrize("case", LARGER, ids=str)
def test_fast_max_against_pytorch(case, dtype, agree):
    compare_max(ops, case, numbers(case, dtype), agree)


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("case", SMALL, ids=str)
def test_avg_against_pytorch(impl, case, count_include_pad, dtype, agree):
    compare_avg(impl, case, count_include_pad, numbers(case, dtype), agree)


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("case", LARGER, ids=str)
def test_fast_avg_against_pytorch(case, count_include_pad, dtype, agree):
    compare_avg(ops, case, count_include_pad, numbers(case, dtype), agree)


@pytest.mark.parametrize("n", [1, 17])
def test_nan_and_infinities_as_pytorch(impl, n, dtype, agree):
    case = Case((n, 2, 6, 6), 3, stride=(2, 1), padding=1)
    x = numbers(case, dtype)
    x[0, 0, 0, 0] = x[0, 0, 0, 1] = x[-1, 1, 3, 3] = np.nan
    x[0, 0, 4:] = -np.inf
    x[0, 1, 2, 2] = np.inf
    compare_max(impl, case, x, agree)


def test_of_equal_cells_the_first_in_reading_order_wins(impl):
    _, indices = impl.max_pool2d(np.zeros((1, 1, 4, 4)), 2, return_indices=True)
    np.testing.assert_array_equal(indices[0, 0], [[0, 2], [8, 10]])


def test_padding_is_not_zero_for_the_maximum(impl):
    y = impl.max_pool2d(np.full((1, 1, 3, 3), -5.0), 3, stride=1, padding=1)
    assert (y == -5).all()


def test_same_and_four_sided_padding(impl):
    x = np.random.default_rng(0).standard_normal((1, 2, 5, 7))
    assert impl.max_pool2d(x, 3, 2, "same").shape == impl.avg_pool2d(x, 3, 2, "same").shape == (1, 2, 3, 4)
    np.testing.assert_array_equal(impl.max_pool2d(x, 3, 2, "same"), impl.max_pool2d(x, 3, 2, 1))
    np.testing.assert_array_equal(impl.max_pool2d(x, 2, 1, "same"), impl.max_pool2d(x, 2, 1, (0, 1, 0, 1)))
    np.testing.assert_array_equal(impl.max_pool2d(x, 2, 1, "valid"), impl.max_pool2d(x, 2, 1))
    lower = impl.max_pool2d(x, 2, 1, (1, 0, 1, 0))
    np.testing.assert_array_equal(lower[:, :, 1:, 1:], impl.max_pool2d(x, 2, 1))


def test_any_memory_layout_and_arguments_left_alone(impl, dtype, agree):
    case = Case((3, 2, 6, 5), 2, stride=1, padding=1)
    x = numbers(case, dtype)
    strange = np.asfortranarray(x)[::-1][::-1]
    strange.flags.writeable = False
    agree(impl.max_pool2d(strange, *case[1:]), impl.max_pool2d(x, *case[1:]))
    agree(impl.avg_pool2d(strange, *case[1:4]), impl.avg_pool2d(x, *case[1:4]))
    y, indices = impl.max_pool2d(x, *case[1:], return_indices=True)
    for index_dtype in (np.int32, np.uint16):
        agree(
            impl.max_pool2d_input_grad(x.shape, np.asfortranarray(y), indices.astype(index_dtype)),
            impl.max_pool2d_input_grad(x.shape, y, indices),
        )
    agree(
        impl.avg_pool2d_input_grad(x.shape, np.asfortranarray(y), *case[1:4]),
        impl.avg_pool2d_input_grad(x.shape, y, *case[1:4]),
    )


@st.composite
def poolings(draw):
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return (
        (draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(3, 7)), draw(st.integers(3, 7))),
        {
            "kernel_size": kernel,
            "stride": draw(st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3))),
            "padding": (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))),
            "ceil_mode": draw(st.booleans()),
        },
    )


few = settings(max_examples=40)
seeds = st.integers(0, 2**32 - 1)


@few
@given(poolings(), seeds)
def test_laws_of_the_maximum(impl, pooling, seed):
    shape, options = pooling
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    y, indices = impl.max_pool2d(x, **options, return_indices=True)
    # the maximum is a cell of the image, and the index says which
    planes = x.reshape(*shape[:2], -1)
    np.testing.assert_array_equal(
        np.take_along_axis(planes, indices.reshape(*y.shape[:2], -1), 2), y.reshape(*y.shape[:2], -1)
    )
    # it goes with any rising function, and no window's gradient is lost
    np.testing.assert_array_equal(impl.max_pool2d(2 * x + 1, **options), 2 * y + 1)
    upstream = rng.standard_normal(y.shape)
    grad = impl.max_pool2d_input_grad(x.shape, upstream, indices)
    np.testing.assert_allclose(grad.sum((2, 3)), upstream.sum((2, 3)), atol=1e-12)
    # finite differences, by a step too small for another cell to win
    direction = rng.standard_normal(shape)
    step = 1e-7
    rise = np.vdot(impl.max_pool2d(x + step * direction, **options) - y, upstream) / step
    assert rise == pytest.approx(np.vdot(grad, direction), abs=1e-5)


@few
@given(poolings(), st.booleans(), seeds)
def test_laws_of_the_mean(impl, pooling, count_include_pad, seed):
    shape, options = pooling
    options = options | {"count_include_pad": count_include_pad}
    rng = np.random.default_rng(seed)
    x1, x2 = rng.standard_normal((2, *shape))
    y = impl.avg_pool2d(x1, **options)
    np.testing.assert_allclose(
        impl.avg_pool2d(3 * x1 - x2, **options), 3 * y - impl.avg_pool2d(x2, **options), atol=1e-12
    )
    # linear, so the gradient is the adjoint: <A x, g> = <x, A' g>
    upstream = rng.standard_normal(y.shape)
    grad = impl.avg_pool2d_input_grad(x1.shape, upstream, **options)
    assert np.vdot(grad, x1) == pytest.approx(np.vdot(y, upstream), abs=1e-11)
    if not count_include_pad:
        np.testing.assert_allclose(impl.avg_pool2d(np.ones(shape), **options), np.ones(y.shape), atol=1e-12)
