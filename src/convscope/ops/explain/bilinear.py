"""Convolutions, their transposes and fully connected layers, and the gradients of all: one relation of three cells.

Each is two arrays whose cells meet in products, as `links` finds them, and the third cell is where a product goes. The
forward pass, the gradient in the input and that in the weights differ in which of the three is the result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convscope.ops import arguments, shapes, values
from convscope.ops.explain.explanation import Term
from convscope.ops.explain.links import WRAP, Index, conv_links
from convscope.ops.explain.operator import Cells, Operator, factor, term
from convscope.ops.explain.text import named


def bilinear(
    g: shapes.ConvGeometry, result: str, roles: dict[str, str], arrays: dict[str, np.ndarray], letters: str = "cmn"
) -> Operator:
    """An operator of the convolution's family: `roles` says which array stands for which two of out, cell and tap;
    `result` is the third."""
    sizes = {"out": g.output_size, "cell": g.input_size, "tap": g.weight_size}

    def terms(role: str) -> Cells:
        def of(index: Index) -> Iterator[Term]:
            for link in conv_links(g, role, index, letters):
                ends = {"out": link.out, "cell": link.cell, "tap": link.tap}
                output = ends[result]
                if output is not None:  # a gradient that falls on a zero of the padding is dropped
                    factors = tuple(factor(arrays, name, ends[each]) for each, name in roles.items())
                    yield term(output, factors, link)

        return of

    dtype = next(iter(arrays.values())).dtype
    parts = {name: terms(role) for role, name in roles.items()}
    over = roles.get("cell", "")

    def notes(found: Sequence[Term]) -> list[str]:
        return _padding_notes(g.padding_mode, over, found)

    return Operator(sizes[result], dtype, terms(result), arrays, parts, windows_over=over, notes=notes)


def _with_bias(operator: Operator, bias: np.ndarray | None) -> Operator:
    """The operator with one number added to each channel of its result."""
    if bias is None:
        return operator
    arrays = operator.arrays | {"bias": bias}

    def part(index: Index) -> Iterator[Term]:
        n, _, *places = operator.shape
        for first, *rest in np.ndindex(n, *places):
            one = factor(arrays, "bias", index)
            yield Term((first, *index, *rest), (one,), one.value)

    parts = operator.parts | {"bias": part}
    return replace(operator, arrays=arrays, parts=parts, bias=lambda at: factor(arrays, "bias", at[1:2]))


def _bias_grad(grad_output: np.ndarray) -> Operator:
    arrays, (n, channels, *places) = {"grad_output": grad_output}, grad_output.shape

    def one(cell: Index) -> Term:
        got = factor(arrays, "grad_output", cell)
        row, column = (0, *cell[2:])[-2:] if places else divmod(cell[0], WRAP)
        block = ", ".join([f"n={cell[0]}", *(f"d={d}" for d in cell[2:-2])]) if places else ""
        return Term(cell[1:2], (got,), got.value, block=block, row=row, column=column)

    def result(at: Index) -> Iterator[Term]:
        return (one((first, *at, *rest)) for first, *rest in np.ndindex(n, *places))

    return Operator((channels,), grad_output.dtype, result, arrays, {"grad_output": lambda cell: [one(cell)]})


def _padding_notes(mode: str, over: str, terms: Sequence[Term]) -> list[str]:
    """Where the numbers in the padding come from; or, of a gradient, how it came back."""
    inside = [term for term in terms if term.padding]
    if not inside:
        return []
    if not over:
        return [f"[ ] falls on the padding ({mode}), where this cell is copied to, and is folded back onto it"]
    if mode == "zeros":
        return ["[ ] padding: zeros"]
    copies = {
        term.place: factor.cell for term in inside for factor in term.factors if factor.array == over and factor.cell
    }
    told = [f"{over}{named(place)} is {over}{named(cell)}" for place, cell in list(copies.items())[:3]]
    more = f", … {len(copies) - 3} more" if len(copies) > 3 else ""
    return [f"[ ] padding ({mode}), copied: {', '.join(told)}{more}"]


def conv(axes: int, x: Any, w: Any, bias: Any, *options: Any) -> Operator:
    """conv1d, conv2d, conv3d: each window times the kernel."""
    x, w, bias, g = arguments.conv_arguments(axes, x, w, bias, *options)
    return _with_bias(bilinear(g, "out", {"cell": "x", "tap": "w"}, {"x": x, "w": w}), bias)


def input_grad(axes: int, *given: Any) -> Operator:
    """Of a convolution: an input cell gets a share of the gradient of every window that reads it."""
    w, grad_output, g = arguments.conv_input_grad_arguments(axes, *given)
    return bilinear(g, "cell", {"out": "grad_output", "tap": "w"}, {"grad_output": grad_output, "w": w})


def weight_grad(axes: int, *given: Any) -> Operator:
    """Of a convolution: a weight is in every window, and its gradient is the sum over them."""
    x, grad_output, g = arguments.conv_weight_grad_arguments(axes, *given)
    return bilinear(g, "tap", {"cell": "x", "out": "grad_output"}, {"x": x, "grad_output": grad_output})


def transpose(axes: int, x: Any, w: Any, bias: Any, *options: Any) -> Operator:
    """conv_transpose1d, 2d, 3d: the gradient in the input of a convolution, with x where its output's gradient is."""
    x, w, bias, g = arguments.conv_transpose_arguments(axes, x, w, bias, *options)
    return _with_bias(bilinear(g, "cell", {"out": "x", "tap": "w"}, {"x": x, "w": w}, "mcn"), bias)


def transpose_input_grad(axes: int, *given: Any) -> Operator:
    """Of a transposed convolution: a convolution."""
    w, grad_output, g = arguments.conv_transpose_input_grad_arguments(axes, *given)
    arrays = {"grad_output": grad_output, "w": w}
    return bilinear(g, "out", {"cell": "grad_output", "tap": "w"}, arrays, "mcn")


def transpose_weight_grad(axes: int, *given: Any) -> Operator:
    """Of a transposed convolution: the same sum with the two arrays' places changed."""
    x, grad_output, g = arguments.conv_transpose_weight_grad_arguments(axes, *given)
    arrays = {"grad_output": grad_output, "x": x}
    return bilinear(g, "tap", {"cell": "grad_output", "out": "x"}, arrays, "mcn")


def bias_grad(axes: int, grad_output: Any) -> Operator:
    """Of a convolution, transposed or not: the sum of a channel's gradients."""
    return _bias_grad(arguments.bias_grad_argument(axes, grad_output))


def corr2d(X: Any, K: Any) -> Operator:
    """One picture, one kernel, integers too: as conv2d without the first two axes."""
    X, K, dtype = arguments.corr2d_arguments(X, K)
    arrays = {"X": X[None, None], "K": K[None, None]}
    g = shapes.conv_geometry((1, 1, *X.shape), (1, 1, *K.shape), (1, 1), (0, 0, 0, 0), (1, 1), 1, "zeros", False)
    batched = bilinear(g, "out", {"cell": "X", "tap": "K"}, arrays)

    def plane(cells: Cells) -> Cells:
        def of(index: Index) -> Iterator[Term]:
            for one in cells((0, 0, *index)):
                factors = tuple(replace(each, cell=each.cell and each.cell[2:]) for each in one.factors)
                yield replace(one, output=one.output[2:], factors=factors, place=one.place[2:], block="")

        return of

    parts = {name: plane(cells) for name, cells in batched.parts.items()}
    return Operator(g.output_size[2:], dtype, plane(batched.result), {"X": X, "K": K}, parts, windows_over="X")


def _dense(n: int, inputs: int, outputs: int) -> shapes.ConvGeometry:
    """A fully connected layer: a convolution along no axis at all."""
    return shapes.ConvGeometry(n, inputs, outputs, 1, (), (), (), (), (), (), "zeros", False)


def linear(x: Any, w: Any, bias: Any) -> Operator:
    """All inputs times a row of weights."""
    x, w, bias = arguments.linear_arguments(x, w, bias)
    g = _dense(len(x), x.shape[1], len(w))
    return _with_bias(bilinear(g, "out", {"cell": "x", "tap": "w"}, {"x": x, "w": w}), bias)


def linear_input_grad(w: Any, grad_output: Any) -> Operator:
    """Of a fully connected layer: an input gets a share of every output's gradient."""
    w, grad_output = arguments.linear_input_grad_arguments(w, grad_output)
    g = _dense(len(grad_output), w.shape[1], w.shape[0])
    return bilinear(g, "cell", {"out": "grad_output", "tap": "w"}, {"grad_output": grad_output, "w": w})


def linear_weight_grad(x: Any, grad_output: Any) -> Operator:
    """Of a fully connected layer: the sum over the batch."""
    x, grad_output = arguments.linear_weight_grad_arguments(x, grad_output)
    g = _dense(len(x), x.shape[1], grad_output.shape[1])
    return bilinear(g, "tap", {"cell": "x", "out": "grad_output"}, {"x": x, "grad_output": grad_output})


def linear_bias_grad(grad_output: Any) -> Operator:
    """Of a fully connected layer: the sum over the batch."""
    return _bias_grad(values.floats(grad_output, "grad_output", "n out"))
