"""What convolutions along one, two and three axes, and their adjoints, must obey whatever the numbers."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convscope import ops
from convscope.ops import reference
from convscope.ops.shapes import PADDING_MODES

few = settings(max_examples=40)
seeds = st.integers(0, 2**32 - 1)


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


@st.composite
def problems(draw):
    """Any small problem that fits: (name of the operator, shape of x, shape of w, output channels, other arguments)."""
    axes = draw(st.integers(1, 3))
    transposed = axes == 2 or draw(st.booleans())  # conv2d has laws of its own
    groups, n = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    c, m = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    mode = draw(st.sampled_from(PADDING_MODES))
    stride, dilation, pads, size, kernel, extra = [], [], [], [], [], []
    for _ in range(axes):
        stride.append(draw(st.integers(1, 3)))
        dilation.append(draw(st.integers(1, 2)))
        kernel.append(draw(st.integers(1, 3)))
        span = dilation[-1] * (kernel[-1] - 1) + 1
        cells = draw(st.integers(2, 5))  # of what is padded: x, or the transposed convolution's result
        most = {"reflect": cells - 1, "circular": cells}.get(mode, 3)
        before, after = draw(st.integers(0, min(2, most))), draw(st.integers(0, min(2, most)))
        if before + cells + after < span:
            kernel[-1], span = 1, 1
        pads += [before, after]
        windows, rest = divmod(before + cells + after - span, stride[-1])
        size.append(windows + 1 if transposed else cells)
        extra.append(rest)
    options = {
        "stride": tuple(stride), "padding": tuple(pads), "dilation": tuple(dilation), "groups": groups,
        "padding_mode": mode, "flip": draw(st.booleans()),
    }
    if transposed:
        options["output_padding"] = tuple(extra)
        return f"conv_transpose{axes}d", (n, c, *size), (c, m // groups, *kernel), m, options
    return f"conv{axes}d", (n, c, *size), (m, c // groups, *kernel), m, options


@few
@given(problems(), seeds)
def test_gradients_are_adjoints(impl, problem, seed):
    """<op(x, w), g> = <x, input_grad(w, g)> = <w, weight_grad(x, g)>, as it is linear in x and in w."""
    name, x_shape, w_shape, _, options = problem
    x, w = numbers(seed, *x_shape), numbers(seed + 1, *w_shape)
    y = getattr(impl, name)(x, w, **options)
    g = numbers(seed + 2, *y.shape)
    product = np.vdot(y, g)
    grad_x = getattr(impl, f"{name}_input_grad")(x.shape, w, g, **options)
    grad_w = getattr(impl, f"{name}_weight_grad")(x, w.shape, g, **options)
    assert np.vdot(x, grad_x) == pytest.approx(product, abs=1e-9)
    assert np.vdot(w, grad_w) == pytest.approx(product, abs=1e-9)


@few
@given(problems(), seeds)
def test_linear_in_inputs_and_in_kernels(impl, problem, seed):
    name, x_shape, w_shape, _, options = problem
    (x1, x2), (w1, w2) = numbers(seed, 2, *x_shape), numbers(seed + 1, 2, *w_shape)
    operator = getattr(impl, name)
    y = operator(x1, w1, **options)
    np.testing.assert_allclose(operator(3 * x1 - x2, w1, **options), 3 * y - operator(x2, w1, **options), atol=1e-10)
    np.testing.assert_allclose(operator(x1, 3 * w1 - w2, **options), 3 * y - operator(x1, w2, **options), atol=1e-10)


@few
@given(problems(), seeds)
def test_finite_differences(impl, problem, seed):
    """The slope along a direction d, (f(x + e d) - f(x - e d)) / 2e, is <gradient, d>, f = sum y**2 / 2."""
    name, x_shape, w_shape, m, options = problem
    x, w, bias = numbers(seed, *x_shape), numbers(seed + 1, *w_shape), numbers(seed + 2, m)
    dx, dw, db = numbers(seed + 3, *x.shape), numbers(seed + 4, *w.shape), numbers(seed + 5, *bias.shape)
    operator = getattr(impl, name)

    def f(step):
        return np.sum(operator(x + step * dx, w + step * dw, bias + step * db, **options) ** 2) / 2

    upstream = operator(x, w, bias, **options)
    slope = (
        np.vdot(dx, getattr(impl, f"{name}_input_grad")(x.shape, w, upstream, **options))
        + np.vdot(dw, getattr(impl, f"{name}_weight_grad")(x, w.shape, upstream, **options))
        + np.vdot(db, getattr(impl, f"{name}_bias_grad")(upstream))
    )
    step = 1e-5
    assert (f(step) - f(-step)) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-4)


@few
@given(problems(), seeds, st.sampled_from([np.float32, np.float64]))
def test_twins(agree, problem, seed, dtype):
    name, x_shape, w_shape, m, options = problem
    x, w, bias = (numbers(seed + k, *shape).astype(dtype) for k, shape in enumerate((x_shape, w_shape, (m,))))
    y = getattr(reference, name)(x, w, bias, **options)
    agree(getattr(ops, name)(x, w, bias, **options), y)
    agree(getattr(ops, f"{name}_bias_grad")(y), getattr(reference, f"{name}_bias_grad")(y))
    for gradient, arguments in (("input_grad", (x.shape, w, y)), ("weight_grad", (x, w.shape, y))):
        ours, readable = (getattr(module, f"{name}_{gradient}") for module in (ops, reference))
        agree(ours(*arguments, **options), readable(*arguments, **options))


@few
@given(problems(), seeds)
def test_transposed_is_the_adjoint_of_the_convolution(impl, problem, seed):
    """<conv_transpose(x, w), y> = <x, conv(y, w)> with one w and one set of options."""
    name, x_shape, w_shape, _, options = problem
    assume("transpose" in name)
    x, w = numbers(seed, *x_shape), numbers(seed + 1, *w_shape)
    spread = getattr(impl, name)(x, w, **options)
    y = numbers(seed + 2, *spread.shape)
    del options["output_padding"]
    read = getattr(impl, name.replace("_transpose", ""))(y, w, **options)
    assert np.vdot(spread, y) == pytest.approx(np.vdot(x, read), abs=1e-9)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_single_bright_cell_prints_the_kernel(impl, axes):
    """Cross-correlation prints it turned around, convolution upright; so does the transposed convolution."""
    kernel = (2, 4, 3)[:axes]
    w = numbers(0, 1, 1, *kernel)
    x = np.zeros((1, 1, *(2 * taps - 1 for taps in kernel)))
    x[(0, 0, *(taps - 1 for taps in kernel))] = 1
    conv, transposed = getattr(impl, f"conv{axes}d"), getattr(impl, f"conv_transpose{axes}d")
    turned = np.flip(w, tuple(range(2, w.ndim)))
    np.testing.assert_array_equal(conv(x, w, flip=True), w)
    np.testing.assert_array_equal(conv(x, w), turned)
    np.testing.assert_array_equal(transposed(np.ones((1, 1, *[1] * axes)), w), w)
    np.testing.assert_array_equal(transposed(np.ones((1, 1, *[1] * axes)), w, flip=True), turned)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_shifted_inputs_give_shifted_results(impl, name, axes):
    x, w = numbers(1, 1, 2, *(5, 4, 3)[:axes]), numbers(2, 2, 2, *(3, 2, 3)[:axes])
    by, along = (2, -1, 1)[:axes], tuple(range(2, 2 + axes))
    operator = getattr(impl, f"{name}{axes}d")
    options = {"padding": "same", "padding_mode": "circular"}
    shifted = operator(np.roll(x, by, along), w, **options)
    np.testing.assert_allclose(shifted, np.roll(operator(x, w, **options), by, along), atol=1e-12)


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_fewer_axes_are_more_axes_of_one_cell(impl, name):
    x, w = numbers(1, 2, 4, 6, 5), numbers(2, 4, 2, 3, 2)
    options = {"stride": (2, 1), "padding": (1, 0, 2, 1), "dilation": (1, 2), "groups": 2, "padding_mode": "circular"}
    three = {"stride": (1, 2, 1), "padding": (0, 0, 1, 0, 2, 1), "dilation": (1, 1, 2), "groups": 2}
    flat = getattr(impl, f"{name}2d")(x, w, **options)
    deep = getattr(impl, f"{name}3d")(x[:, :, None], w[:, :, None], **three, padding_mode="circular")
    np.testing.assert_allclose(deep[:, :, 0], flat, atol=1e-12)
    row = getattr(impl, f"{name}1d")(x[:, :, 0], w[:, :, 0], stride=2, padding=(2, 1), groups=2, flip=True)
    flat = getattr(impl, f"{name}2d")(
        x[:, :, :1], w[:, :, :1], stride=(1, 2), padding=(0, 0, 2, 1), groups=2, flip=True
    )
    np.testing.assert_allclose(row, flat[:, :, 0], atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_depthwise_is_every_channel_by_itself(impl, axes):
    """With a channel multiplier: output channels 2c and 2c + 1 see input channel c alone."""
    x, w = numbers(1, 2, 3, *(5, 6, 4)[:axes]), numbers(2, 6, 1, *(3, 2, 3)[:axes])
    conv = getattr(impl, f"conv{axes}d")
    alone = [conv(x[:, c : c + 1], w[2 * c : 2 * c + 2], padding=1, stride=2) for c in range(3)]
    np.testing.assert_allclose(conv(x, w, padding=1, stride=2, groups=3), np.concatenate(alone, axis=1), atol=1e-12)


@pytest.mark.parametrize("n", [1, 33])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_reaches_only_the_taps_that_touch_it(n, bad):
    """The fast loops compute cells between the rows of a picture too; a NaN there must not leak into the sums."""
    x, g = numbers(1, n, 2, 6, 9).astype(np.float32), np.ones((n, 3, 6, 4), np.float32)
    x[:, 0, 2, 8] = bad  # only the last tap of three sees the last column
    grad = ops.conv2d_weight_grad(x, (3, 2, 1, 3), g, stride=(1, 2))
    assert not np.isfinite(grad[:, 0, :, 2]).any()
    grad[:, 0, :, 2] = 0
    clean = ops.conv2d_weight_grad(np.where(np.isfinite(x), x, 0), (3, 2, 1, 3), g, stride=(1, 2))
    clean[:, 0, :, 2] = 0
    np.testing.assert_allclose(grad, clean, rtol=1e-5, atol=1e-4)
