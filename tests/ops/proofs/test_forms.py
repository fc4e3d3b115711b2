"""Every form of any small convolution: equal, exactly on integers; adjoints, gradients, counts; what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope import ops
from convscope.errors import InputError
from convscope.ops import proofs
from convscope.ops.proofs.problem import problem
from convscope.ops.proofs.sliding import columns
from convscope.ops.shapes import PADDING_MODES

few = settings(max_examples=60)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def convolutions(draw):
    """Any small convolution: (shape of x, shape of w, options); every third one as Winograd's form wants it."""
    winograd = draw(st.integers(0, 2)) == 0
    groups, n = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    c, m = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    h, w = draw(st.integers(3, 7)), draw(st.integers(3, 7))
    mode = draw(st.sampled_from(PADDING_MODES))
    most = {"reflect": (h - 1, w - 1)}.get(mode, (3, 3))
    pads = [draw(st.integers(0, min(3, limit))) for limit in (most[0], most[0], most[1], most[1])]
    dilation = (1, 1) if winograd else (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    r = 3 if winograd else draw(st.integers(1, min(4, (h + sum(pads[:2]) - 1) // dilation[0] + 1)))
    s = 3 if winograd else draw(st.integers(1, min(4, (w + sum(pads[2:]) - 1) // dilation[1] + 1)))
    options = {
        "stride": (1, 1) if winograd else (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "padding": tuple(pads),
        "dilation": dilation,
        "groups": groups,
        "padding_mode": mode,
        "flip": draw(st.booleans()),
    }
    return (n, c, h, w), (m, c // groups, r, s), options


def integers(seed, *shape, limit=50):
    return np.random.default_rng(seed).integers(-limit, limit + 1, shape)


def allowed(form, w_shape, options):
    return form != "winograd" or (w_shape[2:], options["stride"], options["dilation"]) == ((3, 3), (1, 1), (1, 1))


@pytest.mark.parametrize("form", proofs.FORMS)
@few
@given(convolutions(), seeds)
def test_integers_are_exact(form, convolution, seed):
    x_shape, w_shape, options = convolution
    x, w, bias = integers(seed, *x_shape), integers(seed + 1, *w_shape), integers(seed + 2, w_shape[0])
    if not allowed(form, w_shape, options):
        with pytest.raises(InputError, match="for kernels of 3 x 3 at stride 1 and dilation 1; use another form"):
            proofs.FORMS[form](x, w, bias, **options)
        return
    y = proofs.FORMS[form](x, w, bias, **options)
    loops = ops.reference.conv2d(x.astype(float), w.astype(float), bias.astype(float), **options)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, loops)


@pytest.mark.parametrize("form", proofs.FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@few
@given(convolutions(), seeds)
def test_floats_are_equal_but_for_rounding(form, dtype, convolution, seed):
    x_shape, w_shape, options = convolution
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(x_shape).astype(dtype), rng.standard_normal(w_shape).astype(dtype)
    if allowed(form, w_shape, options):
        y = proofs.FORMS[form](x, w, **options)
        truth = ops.conv2d(x.astype(float), w.astype(float), **options)
        assert y.dtype == dtype
        assert y.flags.c_contiguous
        np.testing.assert_allclose(y, truth, rtol=0, atol=100 * np.finfo(dtype).eps * np.abs(w).sum())


@few
@given(convolutions(), seeds)
def test_the_matrix_and_its_transpose(convolution, seed):
    """<Wx, y> = <x, W'y>, W' is the gradient in the input, and W has a row an output, a column an input."""
    x_shape, w_shape, options = convolution
    x_shape = (1, *x_shape[1:])
    x, w = integers(seed, *x_shape), integers(seed + 1, *w_shape)
    W, forward = proofs.matrix(x_shape, w, **options), proofs.im2col(x, w, **options)
    y = integers(seed + 2, *forward.shape)
    assert W.shape == (y.size, x.size)
    np.testing.assert_array_equal(W @ x.ravel(), forward.ravel())
    assert (W @ x.ravel()) @ y.ravel() == x.ravel() @ (W.T @ y.ravel())
    back = ops.reference.conv2d_input_grad(x_shape, w.astype(float), y.astype(float), **options)
    np.testing.assert_array_equal((W.T @ y.ravel()).reshape(x_shape), back)


@few
@given(convolutions(), seeds)
def test_the_gradient_of_a_shared_weight_is_the_sum_over_its_copies(convolution, seed):
    x_shape, w_shape, options = convolution
    layer = proofs.connections(x_shape, w_shape, **options)
    x = integers(seed, *x_shape)
    grad = integers(seed + 1, x_shape[0], w_shape[0], layer.g.out_h, layer.g.out_w)
    total = proofs.summed(layer, proofs.copy_gradients(layer, x, grad))
    right = ops.reference.conv2d_weight_grad(x.astype(float), w_shape, grad.astype(float), **options)
    assert total.dtype == np.int64
    np.testing.assert_array_equal(total, right)


@few
@given(convolutions())
def test_connections_count_as_the_matrix_does(convolution):
    x_shape, w_shape, options = convolution
    layer = proofs.connections(x_shape, w_shape, **options)
    W = proofs.matrix(x_shape, np.ones(w_shape, int), **options)
    assert layer.shape == W.shape
    assert layer.parameters == {"dense": W.toarray().size, "sparse": W.sum(), "shared": np.prod(w_shape)}
    assert layer.copies.sum() == len(layer.weight)
    assert layer.copies.max() <= layer.g.out_h * layer.g.out_w
    if layer.g.padding_mode != "zeros" or not any(layer.g.pads):
        np.testing.assert_array_equal(layer.copies, layer.g.out_h * layer.g.out_w)


@few
@given(convolutions())
def test_counts_match_what_is_there(convolution):
    x_shape, w_shape, options = convolution
    options.pop("flip")
    table = proofs.costs(x_shape, w_shape, **options)
    W = proofs.matrix(x_shape, np.ones(w_shape, np.float32), **options)
    x = np.zeros(x_shape, np.float32)
    p = problem(x, np.ones(w_shape, np.float32), None, **options)
    assert table["sparse"].multiplications == len(x) * W.nnz
    assert table["sparse"].stored == W.data.nbytes + W.indices.nbytes + W.indptr.nbytes
    assert table["fully_connected"].stored == 4 * W.toarray().size
    assert table["im2col"].stored == p.padded().nbytes + columns(p).nbytes
    assert table["windows"].stored == p.padded().nbytes
    taps, outputs = np.prod(w_shape[1:]), np.prod(p.g.output_size)
    assert {table[form].multiplications for form in ("windows", "shifts", "im2col")} == {taps * outputs}
    assert ("winograd" in table) == ((p.g.r, p.g.s, p.g.stride, p.g.dilation) == (3, 3, (1, 1), (1, 1)))


def test_taps_that_land_on_one_cell_are_summed():
    W = proofs.matrix((1, 1, 1, 2), np.array([[[[1, 10, 100]]]]), padding=(0, 1), padding_mode="replicate")
    np.testing.assert_array_equal(W.toarray(), [[11, 100], [1, 110]])


def test_dtype_of_the_matrix():
    assert proofs.matrix((1, 1, 3, 3), np.ones((1, 1, 2, 2), np.float32)).dtype == np.float32
    assert proofs.matrix((1, 1, 3, 3), np.ones((1, 1, 2, 2), np.int8)).dtype == np.int64


@pytest.mark.parametrize("form", proofs.FORMS)
def test_small_integers_keep_their_dtype_and_do_not_wrap(form):
    x, w = np.full((1, 1, 4, 5), 10, np.int8), np.ones((1, 1, 3, 3), np.int8)
    assert proofs.FORMS[form](x, w).dtype == np.int8
    with pytest.raises(InputError, match=r"x and w are int8, which cannot hold the sum 180; use x\.astype"):
        proofs.FORMS[form](x, 2 * w)
    with pytest.raises(InputError, match="x and w are int8, which cannot hold the sum -180"):
        proofs.FORMS[form](x, -2 * w)


@pytest.mark.parametrize("form", sorted(set(proofs.FORMS) - {"fft"}))
def test_sums_up_to_2_61_are_exact(form):
    """Winograd's steps wrap around on the way here, and come back."""
    x, w = np.full((1, 1, 4, 3), 2**40 - 1), np.full((1, 1, 3, 3), -(2**17))
    x[0, 0, 0, 0] = 5
    y = proofs.FORMS[form](x, w)
    assert y[0, 0, :, 0].tolist() == [-(2**17) * (5 + 8 * (2**40 - 1)), -(2**17) * 9 * (2**40 - 1)]


def test_sums_beyond_are_refused_before_anything_is_computed():
    x, w = np.full((1, 1, 3, 3), 2**40), np.full((1, 1, 3, 3), 2**18)
    with pytest.raises(InputError, match=f"their sums may reach {9 * 2**58}: exact sums are kept up to {2**61}"):
        proofs.windows(x, w)
    with pytest.raises(InputError, match=f"w holds {2**63} or its negative: use numbers within 63 bits"):
        proofs.windows(x.astype(np.uint64), np.full((1, 1, 1, 1), 2**63, np.uint64))
    with pytest.raises(InputError, match=f"w holds {2**63} or its negative"):
        proofs.windows(x, np.full((1, 1, 1, 1), -(2**63)))


@pytest.mark.parametrize("bits", [10, 15, 17, 18, 19, 20, 23])
def test_fft_is_exact_until_it_refuses(bits):
    """Just below the bound the rounding is right; beyond, the form says what it cannot promise."""
    rng = np.random.default_rng(bits)
    x, w = (rng.integers(-(2**bits), 2**bits, shape) for shape in ((1, 2, 33, 41), (3, 2, 5, 4)))
    if bits < 19:
        np.testing.assert_array_equal(proofs.fft(x, w), proofs.im2col(x, w))
    else:
        with pytest.raises(InputError, match=r"rounding in the FFT may reach [\d.e+]+, and less than 0.5 gives back"):
            proofs.fft(x, w)


def test_a_matrix_too_large_to_write_out_is_refused():
    x, w = np.zeros((1, 1, 120, 110), np.float32), np.zeros((1, 1, 3, 3), np.float32)
    with pytest.raises(InputError, match="the matrix of 12744 output units by 13200 input units would have 168220800"):
        proofs.fully_connected(x, w)
    with pytest.raises(InputError, match="the layer has 169869312 connections: at most 67108864 are listed"):
        proofs.sparse(np.zeros((1, 64, 66, 66), np.float32), np.zeros((72, 64, 3, 3), np.float32))
    with pytest.raises(InputError, match="the picture of 12744 output units by 13200 input units"):
        proofs.pattern(proofs.connections(x.shape, w.shape))


@pytest.mark.parametrize(
    ("x", "w", "said"),
    [
        (np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2)), "x is int64 and w is float64: they must have one dtype"),
        (np.ones((1, 1, 3, 3), np.float16), np.ones((1, 1, 2, 2), np.float16), "x has dtype float16: operators take"),
        (np.ones((1, 3, 3), int), np.ones((1, 1, 2, 2), int), r"x has shape \(1, 3, 3\): 4 axes"),
        (np.ones((1, 2, 3, 3), int), np.ones((1, 1, 2, 2), int), r"w needs channels/groups = 2"),
        (np.ones((1, 1, 3, 3), int), np.ones((1, 1, 4, 2), int), "kernel spans 4 x 2 cells, more than the 3 x 3"),
    ],
)
@pytest.mark.parametrize("form", proofs.FORMS)
def test_what_does_not_go_together_is_refused_as_by_conv2d(form, x, w, said):
    with pytest.raises(InputError, match=said):
        proofs.FORMS[form](x, w)
