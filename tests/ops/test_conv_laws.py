"""What a convolution must obey whatever the numbers: laws, finite differences, and SciPy as another judge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d, correlate2d

from convscope.ops.shapes import PADDING_MODES

few = settings(max_examples=60)


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


@st.composite
def convolutions(draw):
    """Any small convolution that fits: (shape of x, shape of w, the other arguments)."""
    groups = draw(st.integers(1, 2))
    c, m = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    h, w = draw(st.integers(2, 6)), draw(st.integers(2, 6))
    mode = draw(st.sampled_from(PADDING_MODES))
    most_h, most_w = {"reflect": (h - 1, w - 1), "circular": (h, w)}.get(mode, (3, 3))
    pads = [draw(st.integers(0, min(3, most))) for most in (most_h, most_h, most_w, most_w)]
    dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    r = draw(st.integers(1, min(3, (h + sum(pads[:2]) - 1) // dilation[0] + 1)))
    s = draw(st.integers(1, min(3, (w + sum(pads[2:]) - 1) // dilation[1] + 1)))
    options = {
        "stride": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "padding": tuple(pads),
        "dilation": dilation,
        "groups": groups,
        "padding_mode": mode,
        "flip": draw(st.booleans()),
    }
    return (draw(st.integers(1, 2)), c, h, w), (m, c // groups, r, s), options


seeds = st.integers(0, 2**32 - 1)


@few
@given(convolutions(), seeds)
def test_gradients_are_adjoints(impl, convolution, seed):
    """<conv(x, w), g> = <x, input_grad(w, g)> = <w, weight_grad(x, g)>, as conv is linear in x and in w."""
    x_shape, w_shape, options = convolution
    x, w = numbers(seed, *x_shape), numbers(seed + 1, *w_shape)
    y = impl.conv2d(x, w, **options)
    g = numbers(seed + 2, *y.shape)
    product = np.vdot(y, g)
    assert np.vdot(x, impl.conv2d_input_grad(x.shape, w, g, **options)) == pytest.approx(product, abs=1e-10)
    assert np.vdot(w, impl.conv2d_weight_grad(x, w.shape, g, **options)) == pytest.approx(product, abs=1e-10)


@few
@given(convolutions(), seeds)
def test_linear_in_images_and_in_kernels(impl, convolution, seed):
    x_shape, w_shape, options = convolution
    (x1, x2), (w1, w2) = numbers(seed, 2, *x_shape), numbers(seed + 1, 2, *w_shape)
    y = impl.conv2d(x1, w1, **options)
    np.testing.assert_allclose(
        impl.conv2d(3 * x1 - x2, w1, **options), 3 * y - impl.conv2d(x2, w1, **options), atol=1e-11
    )
    np.testing.assert_allclose(
        impl.conv2d(x1, 3 * w1 - w2, **options), 3 * y - impl.conv2d(x1, w2, **options), atol=1e-11
    )


@few
@given(convolutions(), seeds)
def test_finite_differences(impl, convolution, seed):
    """The slope along a direction d, (f(x + e d) - f(x - e d)) / 2e, is <gradient, d>, f = sum y**2 / 2."""
    x_shape, w_shape, options = convolution
    x, w, bias = numbers(seed, *x_shape), numbers(seed + 1, *w_shape), numbers(seed + 2, w_shape[0])
    dx, dw, db = numbers(seed + 3, *x.shape), numbers(seed + 4, *w.shape), numbers(seed + 5, *bias.shape)

    def f(step):
        return np.sum(impl.conv2d(x + step * dx, w + step * dw, bias + step * db, **options) ** 2) / 2

    upstream = impl.conv2d(x, w, bias, **options)
    slope = (
        np.vdot(dx, impl.conv2d_input_grad(x.shape, w, upstream, **options))
        + np.vdot(dw, impl.conv2d_weight_grad(x, w.shape, upstream, **options))
        + np.vdot(db, impl.conv2d_bias_grad(upstream))
    )
    step = 1e-5
    assert (f(step) - f(-step)) / (2 * step) == pytest.approx(slope, rel=1e-6, abs=1e-5)


@few
@given(st.integers(1, 4), st.integers(1, 4), seeds)
def test_a_single_bright_cell_prints_the_kernel(impl, r, s, seed):
    """Cross-correlation prints it turned by 180 degrees, convolution upright."""
    w = numbers(seed, 1, 1, r, s)
    x = np.zeros((1, 1, 2 * r - 1, 2 * s - 1))
    x[0, 0, r - 1, s - 1] = 1
    np.testing.assert_array_equal(impl.conv2d(x, w, flip=True), w)
    np.testing.assert_array_equal(impl.conv2d(x, w), w[:, :, ::-1, ::-1])


@few
@given(st.integers(0, 3), st.integers(0, 3), seeds)
def test_a_kernel_of_a_single_one_shifts(impl, u, v, seed):
    x, w = numbers(seed, 2, 2, 5, 6), np.zeros((2, 1, 4, 4))
    w[:, :, u, v] = 1
    np.testing.assert_array_equal(impl.conv2d(x, w, groups=2), x[:, :, u : u + 2, v : v + 3])


@few
@given(st.integers(-4, 4), st.integers(-4, 4), seeds)
def test_shifted_images_give_shifted_results(impl, down, right, seed):
    x, w = numbers(seed, 1, 2, 5, 4), numbers(seed, 2, 2, 3, 2)
    options = {"padding": "same", "padding_mode": "circular"}
    shifted = impl.conv2d(np.roll(x, (down, right), (2, 3)), w, **options)
    np.testing.assert_allclose(
        shifted, np.roll(impl.conv2d(x, w, **options), (down, right), (2, 3)), atol=1e-12
    )


@few
@given(st.integers(3, 7), st.integers(3, 7), st.integers(1, 3), st.integers(1, 3), seeds)
def test_scipy(impl, h, w, r, s, seed):
    x, kernel = numbers(seed, h, w), numbers(seed + 1, r, s)

    def conv(**options):
        return impl.conv2d(x[None, None], kernel[None, None], **options)[0, 0]

    np.testing.assert_allclose(conv(), correlate2d(x, kernel, "valid"), atol=1e-12)
    np.testing.assert_allclose(impl.corr2d(x, kernel), correlate2d(x, kernel, "valid"), atol=1e-12)
    np.testing.assert_allclose(conv(flip=True), convolve2d(x, kernel, "valid"), atol=1e-12)
    np.testing.assert_allclose(
        conv(flip=True, padding=(r - 1, s - 1)), convolve2d(x, kernel, "full"), atol=1e-12
    )
    if h >= r and w >= s:
        wrapped = conv(flip=True, padding=(r - 1, 0, s - 1, 0), padding_mode="circular")
        full = np.roll(convolve2d(x, kernel, "same", boundary="wrap"), ((r - 1) // 2, (s - 1) // 2), (0, 1))
        np.testing.assert_allclose(wrapped, full, atol=1e-12)


def test_stride_takes_every_so_many(impl):
    x, w = numbers(1, 2, 2, 8, 9), numbers(2, 3, 2, 3, 2)
    np.testing.assert_allclose(
        impl.conv2d(x, w, stride=(2, 3)), impl.conv2d(x, w)[:, :, ::2, ::3], atol=1e-12
    )


def test_dilation_spreads_the_kernel(impl):
    x, w = numbers(1, 2, 2, 8, 9), numbers(2, 3, 2, 3, 2)
    spread = np.zeros((3, 2, 5, 4))
    spread[:, :, ::2, ::3] = w
    np.testing.assert_allclose(impl.conv2d(x, w, dilation=(2, 3)), impl.conv2d(x, spread), atol=1e-12)


def test_groups_are_convolutions_side_by_side(impl):
    x, w = numbers(1, 2, 6, 5, 4), numbers(2, 4, 3, 2, 3)
    halves = [impl.conv2d(x[:, 3 * k : 3 * k + 3], w[2 * k : 2 * k + 2]) for k in (0, 1)]
    np.testing.assert_allclose(impl.conv2d(x, w, groups=2), np.concatenate(halves, axis=1), atol=1e-12)
