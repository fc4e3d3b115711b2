"""Pooling and relu, and their gradients: of every cell a share gets through, 1, 0 or 1/count."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from convscope.ops import arguments, shapes
from convscope.ops.explain.explanation import Factor, Term
from convscope.ops.explain.links import WRAP, Index, Link, pool_links
from convscope.ops.explain.operator import Cells, Operator, factor, term
from convscope.ops.explain.text import named
from convscope.ops.reference.pool import averaged


def max_pool2d(x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, _: Any) -> Operator:
    """The winner of a window gets through whole, the others not at all."""
    x, g = arguments.max_pool2d_arguments(x, kernel_size, stride, padding, dilation, ceil_mode)
    arrays = {"x": x}

    def winner(out: Index) -> Index:
        inside = [link.cell for link in pool_links(g, "out", out) if link.cell is not None]
        best = inside[0]
        for cell in inside:
            if x[cell] > x[best] or np.isnan(x[cell]):
                best = cell
        return best

    def terms(role: str) -> Cells:
        def of(index: Index) -> Iterator[Term]:
            winners: dict[Index, Index] = {}
            for link in pool_links(g, role, index):
                best = winners.get(link.out) or winners.setdefault(link.out, winner(link.out))
                cell = Factor("x", None, -np.inf) if link.cell is None else factor(arrays, "x", link.cell)
                yield term(link.out, (cell, _share(float(link.cell == best))), link)

        return of

    def notes(found: Sequence[Term]) -> list[str]:
        told = ["[ ] padding: stands for -inf, so that it never wins"] if any(each.padding for each in found) else []
        inside = [each.factors[0].value for each in found if not each.padding]
        if len({each.output for each in found}) > 1:
            return told  # several windows, of one cell
        if np.isnan(inside).any():
            return [*told, "NaN wins over every number"]
        ties = inside.count(max(inside))
        return told + ([f"{ties} cells are the largest: the first in reading order wins"] if ties > 1 else [])

    return Operator(g.output_size, x.dtype, terms("out"), arrays, {"x": terms("cell")}, windows_over="x", notes=notes)


def max_pool2d_input_grad(*given: Any) -> Operator:
    """A cell gets the gradient of every window that it won; `indices` know which."""
    size, grad_output, indices = arguments.max_pool2d_input_grad_arguments(*given)
    arrays = {"grad_output": grad_output}

    def one(cell: Index, k: int = 0) -> Term:
        got = factor(arrays, "grad_output", cell)
        winner = (*cell[:2], *divmod(indices[cell].item(), size[3]))
        return Term(winner, (got,), got.value, row=k // WRAP, column=k % WRAP)

    def won(at: Index) -> Iterator[Term]:
        n, c, row, column = at
        windows = np.argwhere(indices[n, c] == row * size[3] + column).tolist()
        return (one((n, c, i, j), k) for k, (i, j) in enumerate(windows))

    parts: dict[str, Cells] = {"grad_output": lambda cell: [one(cell)]}
    return Operator(size, grad_output.dtype, won, arrays, parts, unreached="this cell won no window")


def avg_pool2d(x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any) -> Operator:
    """Of every cell that is counted 1/count gets through."""
    x, g = arguments.avg_pool2d_arguments(x, kernel, stride, padding, ceil_mode)
    arrays = {"x": x}

    def terms(role: str) -> Cells:
        def of(index: Index) -> Iterator[Term]:
            for link in pool_links(g, role, index):
                share = _averaged_share(link, g, count_include_pad)
                yield term(link.out, (factor(arrays, "x", link.cell), _share(share)), link)

        return of

    def notes(found: Sequence[Term]) -> list[str]:
        counted = "counted, as zeros, up to its end" if count_include_pad else "not counted"
        return [f"[ ] padding: {counted}"] if any(each.padding for each in found) else []

    return Operator(g.output_size, x.dtype, terms("out"), arrays, {"x": terms("cell")}, windows_over="x", notes=notes)


def avg_pool2d_input_grad(*given: Any) -> Operator:
    """A cell gets 1/count of the gradient of every window that it lies in."""
    *most, count_include_pad = given
    grad_output, g = arguments.avg_pool2d_input_grad_arguments(*most)
    arrays = {"grad_output": grad_output}

    def terms(role: str) -> Cells:
        def of(index: Index) -> Iterator[Term]:
            for link in pool_links(g, role, index):
                if link.cell is not None:
                    share = _share(_averaged_share(link, g, count_include_pad))
                    yield term(link.cell, (factor(arrays, "grad_output", link.out), share), link)

        return of

    parts = {"grad_output": terms("out")}
    return Operator(g.input_size, grad_output.dtype, terms("cell"), arrays, parts)


def relu(x: Any) -> Operator:
    """A positive number gets through, others do not."""
    return _gate(x, "x", x)


def relu_input_grad(x: Any, grad_output: Any) -> Operator:
    """The gradient gets through where x is positive, so not where it is 0."""
    return _gate(x, "grad_output", grad_output)


def _gate(x: Any, name: str, passing: Any) -> Operator:
    x, passing = arguments.elementwise_arguments(x, passing)
    arrays = {name: passing}

    def one(at: Index) -> list[Term]:
        share = 0.0 if x[at] <= 0 else 1.0  # NaN passes
        factors = factor(arrays, name, at), _share(share)
        return [Term(at, factors, factors[0].value if share else 0.0)]

    def notes(found: Sequence[Term]) -> list[str]:
        (at,) = (each.output for each in found)
        here = x[at].item()
        if here <= 0:
            return [f"stopped: x{named(at)} = {here:.4g} is not above 0"]
        return [f"passes: x{named(at)} = {here:.4g} is {'above 0' if here > 0 else 'no number, and stays one to see'}"]

    return Operator(x.shape, passing.dtype, one, arrays, {name: one}, notes=notes)


def _share(value: float) -> Factor:
    return Factor("share", None, value)


def _averaged_share(link: Link, g: shapes.PoolGeometry, count_include_pad: bool) -> float:
    """1/count for what is counted: not the padding if it is left out, and never what hangs over its end."""
    _, _, row, column = link.place
    counted = row < g.h + g.pads[1] and column < g.w + g.pads[3] if count_include_pad else link.cell is not None
    _, _, i, j = link.out
    return 1 / averaged(i, j, g, count_include_pad)[2] if counted else 0.0
