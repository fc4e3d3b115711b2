"""`explain` and `touches`: from an operator's name and arguments to what its cells are made of."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from convscope import ops
from convscope.errors import InputError
from convscope.ops import arguments, values
from convscope.ops.explain import bilinear, shares
from convscope.ops.explain.explanation import Explanation, Touches
from convscope.ops.explain.links import Index
from convscope.ops.explain.operator import Operator

READERS: dict[str, Callable[..., Operator]] = {
    "corr2d": bilinear.corr2d,
    "linear": bilinear.linear,
    "linear_input_grad": bilinear.linear_input_grad,
    "linear_weight_grad": bilinear.linear_weight_grad,
    "linear_bias_grad": bilinear.linear_bias_grad,
    "max_pool2d": shares.max_pool2d,
    "max_pool2d_input_grad": shares.max_pool2d_input_grad,
    "avg_pool2d": shares.avg_pool2d,
    "avg_pool2d_input_grad": shares.avg_pool2d_input_grad,
    "relu": shares.relu,
    "relu_input_grad": shares.relu_input_grad,
}
"""What can be explained: each takes the operator's arguments, in its order."""
for _axes in (1, 2, 3):
    READERS |= {
        f"conv{_axes}d": partial(bilinear.conv, _axes),
        f"conv{_axes}d_input_grad": partial(bilinear.input_grad, _axes),
        f"conv{_axes}d_weight_grad": partial(bilinear.weight_grad, _axes),
        f"conv{_axes}d_bias_grad": partial(bilinear.bias_grad, _axes),
        f"conv_transpose{_axes}d": partial(bilinear.transpose, _axes),
        f"conv_transpose{_axes}d_input_grad": partial(bilinear.transpose_input_grad, _axes),
        f"conv_transpose{_axes}d_weight_grad": partial(bilinear.transpose_weight_grad, _axes),
        f"conv_transpose{_axes}d_bias_grad": partial(bilinear.bias_grad, _axes),
    }


def explain(op: str | Callable[..., Any], inputs: Mapping[str, Any] | Sequence[Any], at: Any) -> Explanation:
    """How one cell of an operator's result comes about: which cells meet in which products, and their sum.

    `value = sum of the products + bias`. A gradient is explained as what it is, a result of its own operator:
    `explain("conv2d_weight_grad", ..., at=(m, c, u, v))`.

    op      a function of `convscope.ops` or its name
    inputs  its arguments, by name, or as a tuple or list in order
    at      the cell of its result, one whole number for each axis, as (n, m, i, j)

    Raises InputError for an operator that is not known, arguments that it refuses, and a cell that is not there.

    >>> x, w = np.arange(12.0).reshape(1, 1, 3, 4), np.array([[[[1.0, -1.0], [0.0, 2.0]]]])
    >>> e = explain("conv2d", {"x": x, "w": w, "padding": 1, "bias": np.array([0.5])}, at=(0, 0, 0, 2))
    >>> print(e)
    conv2d, cell (0, 0, 0, 2) of a result of 1 x 1 x 4 x 5
    c=0
      x[0, 0, -1:1, 1:3]     w[0, 0, 0:2, 0:2]     product
      [0]  [0]                1   -1               0  0
       1    2            *    0    2           =   0  4
    sum of 4 products: 4, with bias 0.5: 4.5
    [ ] padding: zeros
    """
    name, operator = _read(op, inputs)
    at = _cell(at, "at", operator.shape, f"{name} here gives a result of shape {operator.shape}")
    terms = tuple(operator.result(at))
    bias = operator.bias(at)
    total = sum(term.product for term in terms)
    return Explanation(
        name,
        at,
        operator.shape,
        terms,
        total,
        None if bias is None else bias.value,
        _rounded(total if bias is None else total + bias.value, operator.dtype),
        operator.windows_over,
        tuple(operator.notes(terms) if terms else [operator.unreached]),
    )


def touches(op: str | Callable[..., Any], inputs: Mapping[str, Any] | Sequence[Any], array: str, cell: Any) -> Touches:
    """Every output that one cell of an argument touches, and what it gives to each.

    The gradient of that cell is the same list, with the outputs' gradients in place of the cell's own value.

    op, inputs  as `explain` takes them
    array       the argument's name, as "x", "w" or "bias"
    cell        one of its cells, one whole number for each axis

    Raises InputError as `explain` does, and for an argument that is no array.

    >>> x, w = np.arange(12.0).reshape(1, 1, 3, 4), np.array([[[[1.0, -1.0], [0.0, 2.0]]]])
    >>> print(touches("conv2d", {"x": x, "w": w}, "x", (0, 0, 1, 3)))
    conv2d, x[0, 0, 1, 3] = 7: touches 2 outputs
      cell                                gets
      (0, 0, 0, 2)   w[0, 0, 1, 1] = 2      14
      (0, 0, 1, 2)   w[0, 0, 0, 1] = -1     -7
    """
    name, operator = _read(op, inputs)
    if not isinstance(array, str) or array not in operator.parts:
        raise InputError(f"array={array!r}: {name} has {', '.join(operator.parts)} to ask about; name one of these")
    shape = operator.arrays[array].shape
    cell = _cell(cell, "cell", shape, f"{array} has shape {shape}")
    terms = tuple(operator.parts[array](cell))
    value, notes = operator.arrays[array][cell].item(), tuple(operator.notes(terms) if terms else ())
    return Touches(name, array, cell, value, terms, operator.windows_over, notes)


def _read(op: Any, inputs: Any) -> tuple[str, Operator]:
    """The operator's name, and its call with these arguments."""
    name = op if isinstance(op, str) else getattr(op, "__name__", str(op))
    if name not in READERS:
        near = sorted(difflib.get_close_matches(name, READERS))
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"{', '.join(each for each in READERS if '_grad' not in each)} and their gradients can"
        )
        raise InputError(f"op={name!r}: not an operator that can be explained; {hint}")
    if not isinstance(op, str) and op not in (getattr(ops, name), getattr(ops.reference, name)):
        raise InputError(f"op={op!r}: not convscope's own {name}; give that or its name")
    signature = inspect.signature(getattr(ops, name))
    by_name = isinstance(inputs, Mapping)
    if not by_name and not isinstance(inputs, tuple | list):
        raise InputError(f"inputs is a {type(inputs).__name__}: give {name}'s arguments as a dict or a tuple")
    try:
        bound = signature.bind(**inputs) if by_name else signature.bind(*inputs)
    except TypeError as problem:
        raise InputError(f"inputs of {name}: {problem}; it takes {', '.join(signature.parameters)}") from None
    bound.apply_defaults()
    return name, READERS[name](*bound.arguments.values())


def _cell(given: Any, name: str, shape: Index, origin: str) -> Index:
    """Checked: one whole number for each axis, inside `shape`, which `origin` tells."""
    if 0 in shape:
        raise InputError(f"{name}={given!r}: {origin}, which has no cells; give a batch with pictures in it")
    last = tuple(size - 1 for size in shape)
    cell = values.integers(given, name, (len(shape),), f"{len(shape)} whole numbers, as {last}: {origin}", 0)
    if any(place > most for place, most in zip(cell, last)):
        raise InputError(f"{name}={cell}: {origin}, whose last cell is {last}; give a cell up to that one")
    return cell


def _rounded(total: float, dtype: np.dtype) -> float:
    try:
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, as in the operator
            return dtype.type(total).item()
    except OverflowError:
        raise arguments.integer_overflow(int(total), dtype) from None
