"""Integer arithmetic against counting by hand, and against PyTorch's own output sizes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.geometry import (
    Field,
    Field1D,
    output_size,
    remainder,
    same_padding,
    transposed_padding,
    transposed_size,
)

axes = st.tuples(  # size, kernel, stride, pad, dilation: the order of output_size
    st.integers(1, 30),
    st.integers(1, 6),
    st.integers(1, 5),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.integers(1, 4),
)


def fits(size, kernel, stride, pad, dilation):
    return size + sum(pad) >= dilation * (kernel - 1) + 1


@given(axes.filter(lambda axis: fits(*axis)))
def test_output_size_counts_the_windows(axis):
    size, kernel, stride, pad, dilation = axis
    padded = size + sum(pad)
    starts = [i for i in range(0, padded, stride) if i + dilation * (kernel - 1) < padded]
    assert output_size(*axis) == len(starts)
    last_cell = starts[-1] + dilation * (kernel - 1)
    assert remainder(*axis) == padded - 1 - last_cell
    # the axis that transposing gives back is the one we came from, once told its remainder
    if stride > remainder(*axis):
        back = transposed_size(len(starts), kernel, stride, pad, dilation, output_padding=remainder(*axis))
        assert back == size


@given(axes, st.booleans())
def test_pooling_sizes_are_those_of_pytorch(axis, ceil_mode):
    size, kernel, stride, (pad, _), dilation = axis
    if 2 * pad > kernel:
        return
    try:
        theirs = F.max_pool1d(
            torch.zeros(1, 1, size), kernel, stride, pad, dilation, ceil_mode=ceil_mode
        ).shape[-1]
    except RuntimeError:
        with pytest.raises(InputError, match="use a smaller kernel or more padding"):
            output_size(size, kernel, stride, (pad, pad), dilation, ceil_mode)
    else:
        assert output_size(size, kernel, stride, (pad, pad), dilation, ceil_mode) == theirs


def test_ceil_mode_drops_a_window_that_would_start_in_the_padding_after_the_input():
    assert output_size(2, 3, stride=3, pad=(1, 1), ceil_mode=True) == 1
    assert output_size(2, 1, stride=2, ceil_mode=True) == 1
    assert output_size(4, 3, stride=2, ceil_mode=True) == 2


@given(axes)
def test_same_padding_gives_the_size_over_the_stride_with_as_little_as_possible(axis):
    size, kernel, stride, _, dilation = axis
    before, after = same_padding(size, kernel, stride, dilation)
    windows = -(-size // stride)
    assert after - before in (0, 1)
    assert output_size(size, kernel, stride, (before, after), dilation) == windows
    if before + after and windows > 1:
        assert output_size(size, kernel, stride, (before, after - 1), dilation) == windows - 1


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (3, 1), (4, 2), (2, 5)])
def test_same_padding_is_that_of_pytorch_at_stride_1(kernel, dilation):
    x, w = torch.arange(1.0, 8.0)[None, None], torch.arange(1.0, kernel + 1)[None, None]
    theirs = F.conv1d(x, w, padding="same", dilation=dilation)
    ours = F.conv1d(F.pad(x, same_padding(7, kernel, 1, dilation)), w, dilation=dilation)
    assert torch.equal(ours, theirs)


@given(axes.filter(lambda axis: fits(*axis)))
def test_transposed_padding_runs_the_kernel_back(axis):
    size, kernel, stride, pad, dilation = axis
    windows = output_size(*axis)
    spread = (windows - 1) * stride + 1 + remainder(*axis)
    assert (
        output_size(spread + sum(transposed_padding(kernel, pad, dilation)), kernel, dilation=dilation)
        == size
    )


def test_transposed_sizes_of_pytorch():
    y = F.conv_transpose1d(
        torch.zeros(1, 1, 4), torch.zeros(1, 1, 3), stride=3, padding=1, output_padding=2, dilation=2
    )
    assert transposed_size(4, 3, stride=3, pad=(1, 1), dilation=2, output_padding=2) == y.shape[-1]


windows = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)), max_size=5
)


@given(windows, st.integers(0, 3))
def test_fields_by_walking_back_cell_by_cell(chain, unit):
    field = Field1D()
    for kernel, stride, pad, dilation in chain:
        field = field.through(kernel, stride, pad, dilation)
    seen = {unit}
    for kernel, stride, pad, dilation in reversed(chain):
        seen = {i * stride - pad + u * dilation for i in seen for u in range(kernel)}
    assert field.interval(unit) == (min(seen), max(seen) + 1)


@given(windows)
def test_fields_by_the_closed_form(chain):
    """Araujo et al. 2019, equation 2, solved: size = 1 + sum of (span - 1) * product of the strides below."""
    field, size, jump = Field1D(), 1, 1
    for kernel, stride, pad, dilation in chain:
        field = field.through(kernel, stride, pad, dilation)
        size += dilation * (kernel - 1) * jump
        jump *= stride
    assert (field.size, field.stride) == (size, jump)


def test_field_of_lenet_and_of_unequal_axes():
    field = Field().through((5, 5), pad=(2, 2)).through((2, 2), stride=(2, 2)).through((5, 5))
    assert (field.size, field.stride, field.offset, field.whole) == ((14, 14), (2, 2), (-2, -2), False)
    assert field.box(0, 0) == (-2, -2, 12, 12)
    assert field.box(3, 1) == (4, 0, 18, 14)
    oblong = Field().through((1, 3), stride=(2, 1), pad=(0, 1), dilation=(1, 2))
    assert (oblong.size, oblong.stride, oblong.offset) == ((1, 5), (2, 1), (0, -1))
    assert oblong.box(1, 2) == (2, 1, 3, 6)
    assert oblong.axis(1) == Field1D(5, 1, -1)


def test_a_whole_field_stays_whole():
    field = Field.of_everything(28, 20)
    assert field.whole
    assert field.box(0, 0) == field.box(7, 7) == (0, 0, 28, 20)
    assert field.through((3, 3)) == field


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: output_size(0, 1), r"size=0: it counts cells, so it is at least 1; use size=1"),
        (lambda: output_size(5, 3, stride=0), r"stride=0: .* use stride=1"),
        (lambda: output_size(5, 3, dilation=-1), r"dilation=-1: .* use dilation=1"),
        (lambda: output_size(5, 3, pad=(-1, 0)), r"pad=\(-1, 0\): padding is at least 0; .* slice the array"),
        (
            lambda: output_size(3, 3, dilation=2, pad=(0, 1)),
            r"kernel=3 with dilation=2 spans 5 cells, more than the 4 of",
        ),
        (
            lambda: remainder(3, 4),
            r"kernel=4 .* size=3 with pad=\(0, 0\); use a smaller kernel or more padding",
        ),
        (lambda: same_padding(5, 0), r"kernel=0: .* use kernel=1"),
        (
            lambda: transposed_size(3, 3, 2, output_padding=2),
            r"output_padding=2 with stride=2: a remainder is 0 to 1",
        ),
        (lambda: transposed_size(1, 1, pad=(1, 0)), r"the transposed size would be 0.*use less pad"),
        (lambda: Field1D().through(0), r"kernel=0"),
    ],
)
def test_errors(call, text):
    with pytest.raises(InputError, match=text):
        call()
