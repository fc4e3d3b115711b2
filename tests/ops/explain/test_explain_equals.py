"""What is explained is what the operators give: every cell of every operator, over awkward shapes, on whole numbers."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from convscope import ops
from convscope.errors import InputError
from convscope.ops.explain import explain, touches
from convscope.ops.explain.calls import READERS

Inputs = dict[str, Any]


def integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Whole numbers, so that no sum is rounded; few, so that some are equal."""
    return rng.integers(-4, 5, shape).astype(dtype)


@st.composite
def convolutions(draw: st.DrawFn, op: str) -> Inputs:
    axes = int(op[op.index("d") - 1] if "transpose" not in op else op[len("conv_transpose")])
    transposed = "transpose" in op
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    groups = draw(st.integers(1, 2))
    n, c, m = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    most = {1: 7, 2: 5, 3: 3}[axes]
    size = draw(st.tuples(*[st.integers(1, most)] * axes))
    kernel = draw(st.tuples(*[st.integers(1, 3 if axes < 3 else 2)] * axes))
    options: Inputs = {
        "stride": draw(st.tuples(*[st.integers(1, 3)] * axes)),
        "dilation": draw(st.tuples(*[st.integers(1, 2)] * axes)),
        "padding": tuple(draw(st.integers(0, min(2, size[k // 2] - 1))) for k in range(2 * axes)),
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "groups": groups,
        "flip": draw(st.booleans()),
    }
    if transposed:
        options["output_padding"] = tuple(draw(st.integers(0, step - 1)) for step in options["stride"])
    x = integers(rng, (n, c, *size))
    w = integers(rng, (c, m // groups, *kernel) if transposed else (m, c // groups, *kernel))
    forward = op.split("d_")[0] + ("d" if "d_" in op else "")
    try:
        y = getattr(ops, forward)(x, w, **options)
    except InputError:
        reject()
    grad_output = integers(rng, y.shape)
    if op.endswith("input_grad"):
        return {"input_size": x.shape, "w": w, "grad_output": grad_output, **options}
    if op.endswith("weight_grad"):
        return {"x": x, "weight_size": w.shape, "grad_output": grad_output, **options}
    if op.endswith("bias_grad"):
        return {"grad_output": grad_output}
    return {"x": x, "w": w, **options} | ({"bias": integers(rng, (m,))} if draw(st.booleans()) else {})


@st.composite
def poolings(draw: st.DrawFn, op: str) -> Inputs:
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    x = integers(rng, (draw(st.integers(1, 2)), 2, draw(st.integers(2, 6)), draw(st.integers(2, 7))))
    kernel = draw(st.tuples(st.integers(1, x.shape[2]), st.integers(1, x.shape[3])))
    options: Inputs = {
        "kernel_size": kernel,
        "stride": draw(st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "padding": tuple(draw(st.integers(0, size // 2)) for size in kernel for _ in range(2)),
        "ceil_mode": draw(st.booleans()),
    }
    if op.startswith("max"):
        options |= {"dilation": draw(st.integers(1, 2)), "return_indices": op.endswith("input_grad")}
    else:
        options["count_include_pad"] = draw(st.booleans())
    try:
        y = getattr(ops, op.removesuffix("_input_grad"))(x, **options)
    except InputError:
        reject()
    if op == "max_pool2d_input_grad":
        return {"input_size": x.shape, "grad_output": integers(rng, y[0].shape), "indices": y[1]}
    if op == "avg_pool2d_input_grad":
        return {"input_size": x.shape, "grad_output": integers(rng, y.shape), **options}
    return {"x": x, **options}


@st.composite
def others(draw: st.DrawFn, op: str) -> Inputs:
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    n, k, o = (draw(st.integers(1, 4)) for _ in range(3))
    x, w, grad_output = integers(rng, (n, 5 * k)), integers(rng, (o, 5 * k)), integers(rng, (n, o))
    plane = integers(rng, (k + 2, o + 3), draw(st.sampled_from([np.float64, np.int64])))
    return {
        "corr2d": {"X": plane, "K": plane[1 : 1 + k, 2 : 2 + o]},
        "linear": {"x": x, "w": w, "bias": integers(rng, (o,))},
        "linear_input_grad": {"w": w, "grad_output": grad_output},
        "linear_weight_grad": {"x": x, "grad_output": grad_output},
        "linear_bias_grad": {"grad_output": grad_output},
        "relu": {"x": x.reshape(n, k, 5)},
        "relu_input_grad": {"x": x, "grad_output": integers(rng, x.shape)},
    }[op]


def calls(op: str) -> st.SearchStrategy[Inputs]:
    return convolutions(op) if op.startswith("conv") else poolings(op) if "pool" in op else others(op)


@pytest.mark.parametrize("op", READERS)
@settings(max_examples=20)
@given(data=st.data())
def test_every_cell_is_what_both_twins_give(op: str, data: st.DataObject):
    inputs = data.draw(calls(op))
    fast, reference = (np.asarray(getattr(twin, op)(**inputs)) for twin in (ops, ops.reference))
    for at in np.ndindex(fast.shape):
        e = explain(op, inputs, at)
        rounding = 1e-12 if op.startswith("avg") else 0  # thirds are no binary fractions
        assert e.value == pytest.approx(fast[at], rel=rounding, abs=rounding)
        assert e.value == pytest.approx(reference[at], rel=rounding, abs=rounding)
        assert e.sum + (e.bias or 0) == pytest.approx(e.value, abs=1e-12)
        assert e.shape == fast.shape
        for term in e.terms:
            assert term.output == at
            for factor in term.factors:
                if factor.cell is not None:
                    assert factor.value == inputs[factor.array][factor.cell]
            if term.product:
                assert term.product == math.prod(factor.value for factor in term.factors)


@pytest.mark.parametrize("op", READERS)
@settings(max_examples=8)
@given(data=st.data())
def test_what_a_cell_touches_is_every_product_that_it_is_found_in(op: str, data: st.DataObject):
    inputs = data.draw(calls(op))
    found: dict[tuple, Counter] = {}
    for at in np.ndindex(np.asarray(getattr(ops, op)(**inputs)).shape):
        e = explain(op, inputs, at)
        for term in e.terms:
            for factor in term.factors:
                if factor.cell is not None:
                    found.setdefault((factor.array, factor.cell), Counter())[at, term.product, term.place] += 1
        if e.bias is not None:
            found.setdefault(("bias", at[1:2]), Counter())[at, e.bias, ()] += 1
    asked = [name for name in ("X", "K", "x", "w", "bias", "grad_output") if name in inputs]
    asked = [name for name in asked if not (op == "relu_input_grad" and name == "x")]
    for name in asked:
        for cell in np.ndindex(inputs[name].shape):
            t = touches(op, inputs, name, cell)
            assert t.value == inputs[name][cell]
            expected = found.get((name, cell), Counter())
            assert Counter((term.output, term.product, term.place) for term in t.terms) == expected


@settings(max_examples=30)
@given(data=st.data())
def test_the_gradient_of_a_cell_is_what_it_touches_weighted_by_the_gradients_there(data: st.DataObject):
    inputs = data.draw(convolutions("conv2d"))
    y = ops.conv2d(**inputs)
    grad_output = integers(np.random.default_rng(0), y.shape)
    options = {name: value for name, value in inputs.items() if name not in ("x", "w", "bias")}
    grad = ops.conv2d_input_grad(inputs["x"].shape, inputs["w"], grad_output, **options)
    for cell in np.ndindex(grad.shape):
        terms = touches("conv2d", inputs, "x", cell).terms
        assert sum(grad_output[term.output] * term.factors[1].value for term in terms) == grad[cell]


@pytest.mark.parametrize("op", ["max_pool2d", "avg_pool2d"])
@settings(max_examples=40)
@given(data=st.data())
def test_the_shares_of_a_window_add_up_to_one(op: str, data: st.DataObject):
    inputs = data.draw(poolings(op))
    for at in np.ndindex(getattr(ops, op)(**inputs).shape):
        terms = explain(op, inputs, at).terms
        assert sum(term.factors[1].value for term in terms) == pytest.approx(1)


def test_float32_is_met_to_its_rounding():
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(2, 7, 6, 9)).astype(np.float32), rng.normal(size=(3, 7, 3, 2)).astype(np.float32)
    y = ops.conv2d(x, w, stride=(2, 1), padding=1)
    for at in np.ndindex(y.shape):
        e = explain(ops.conv2d, (x, w, None, (2, 1), 1), at)
        assert e.value == pytest.approx(y[at], rel=1e-5, abs=1e-5)
        assert np.float32(e.value) == e.value  # rounded to the operator's dtype


@pytest.mark.parametrize("op", ["max_pool2d", "relu"])
def test_nan_wins_and_passes(op: str):
    x = np.array([[[[1.0, np.nan, 3.0, -2.0]]]])
    inputs = {"x": x} | ({"kernel_size": (1, 3), "stride": 1} if op == "max_pool2d" else {})
    assert math.isnan(explain(op, inputs, (0, 0, 0, 1)).value)
    assert math.isnan(getattr(ops, op)(**inputs)[0, 0, 0, 1])
    assert explain(op, inputs, (0, 0, 0, 1)).to_dict()["value"] is None


def test_what_does_not_get_through_is_zero_even_if_infinite():
    x = np.array([[[[np.inf, -np.inf]]]])
    assert explain("max_pool2d", {"x": x, "kernel_size": (1, 2)}, (0, 0, 0, 0)).value == np.inf
    assert explain("relu", {"x": x}, (0, 0, 0, 1)).value == 0
