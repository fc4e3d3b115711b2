"""The fast operators and the readable ones are the same ones: names, arguments, defaults, numbers."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope import ops
from convscope.ops import reference


def test_the_same_names():
    assert set(ops.__all__) == {*reference.__all__, "reference"}


@pytest.mark.parametrize("name", reference.__all__)
def test_the_same_arguments(name):
    fast, readable = (inspect.signature(getattr(module, name)).parameters for module in (ops, reference))
    assert list(fast) == list(readable)
    assert [p.default for p in fast.values()] == [p.default for p in readable.values()]


@pytest.mark.parametrize("name", reference.__all__)
def test_documented(name):
    assert inspect.getdoc(getattr(ops, name))
    assert inspect.getdoc(getattr(reference, name))


@settings(max_examples=60)
@given(st.data(), st.sampled_from([np.float32, np.float64]))
def test_the_same_numbers_for_convolutions(agree, data, dtype):
    draw = data.draw
    groups, n = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 9]))
    c, m = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    (h, w), (r, s) = (draw(st.tuples(st.integers(3, 6), st.integers(3, 6))) for _ in range(2))
    r, s = min(r - 2, h), min(s - 2, w)
    options = {
        "stride": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "padding": draw(st.sampled_from([0, 1, 2, (1, 0, 2, 1), "same"])),
        "groups": groups,
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "flip": draw(st.booleans()),
    }
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    x, k, bias = (
        rng.standard_normal(shape).astype(dtype) for shape in ((n, c, h, w), (m, c // groups, r, s), (m,))
    )
    y = reference.conv2d(x, k, bias, **options)
    agree(ops.conv2d(x, k, bias, **options), y)
    agree(ops.conv2d_bias_grad(y), reference.conv2d_bias_grad(y))
    for name, arguments in (("conv2d_input_grad", (x.shape, k, y)), ("conv2d_weight_grad", (x, k.shape, y))):
        agree(getattr(ops, name)(*arguments, **options), getattr(reference, name)(*arguments, **options))
