"""The forms that are matrices: one sparse W that holds every weight at each place it works, and the same with zeros.

Both allow every stride, padding, padding mode, dilation and number of groups, up to 2**26 connections and cells.

>>> W = matrix((1, 1, 3, 3), np.array([[[[1, 2], [3, 4]]]]))
>>> W.toarray()
array([[1, 2, 0, 3, 4, 0, 0, 0, 0],
       [0, 1, 2, 0, 3, 4, 0, 0, 0],
       [0, 0, 0, 1, 2, 0, 3, 4, 0],
       [0, 0, 0, 0, 1, 2, 0, 3, 4]])
>>> W @ np.arange(9)
array([27, 37, 57, 67])
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from convscope.ops import values
from convscope.ops.proofs.problem import Problem, form, problem
from convscope.ops.proofs.wiring import check_table, connections_of


def matrix(
    input_size: Any,
    w: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> csr_array:
    """The convolution as a sparse matrix W: `y[n].ravel() = W @ x[n].ravel()`.

    W is (m*out_h*out_w, c*h*w), for one image of `input_size` (n, c, h, w). Its transpose takes a gradient of the
    output back to the input: `W.T @ grad[n].ravel()` is `conv2d_input_grad`, also called transposed convolution, since
    `<W x, y> = <x, W^T y>`. Where padding brings several taps of a window to one cell, W holds their sum. Integers
    become int64.

    Raises InputError as `ops.conv2d` does, and for more than 2**26 connections.
    """
    size, w = values.size(input_size, "input_size", "n c h w"), values.array(w, "w")
    image = np.broadcast_to(w.dtype.type(0), (1, *size[1:]))
    return _matrix(problem(image, w, None, stride, padding, dilation, groups, padding_mode, flip))


@form
def sparse(p: Problem) -> np.ndarray:
    """A sparse matrix W times each image as one long vector: see `matrix`.

    The arguments are those of `ops.conv2d`; integers are exact. Raises InputError for more than 2**26 connections.
    """
    return (_matrix(p) @ _vectors(p).T).T


@form
def fully_connected(p: Problem) -> np.ndarray:
    """A fully connected layer, `y = x W^T`, whose weights are mostly zero and otherwise copies of a few shared ones.

    W is written out, zeros and all: (m*out_h*out_w, c*h*w), `W[output, input] = w[weight]` for each of `connections`.
    The arguments are those of `ops.conv2d`; integers are exact. Raises InputError where W has more than 2**26 cells.
    """
    layer = connections_of(p.g)
    check_table(layer.shape, "the matrix")
    dense = np.zeros(layer.shape, p.w.dtype)
    np.add.at(dense, (layer.output, layer.input), p.w.ravel()[layer.weight])
    return _vectors(p) @ dense.T


def _matrix(p: Problem) -> csr_array:
    layer = connections_of(p.g)
    small = np.int32 if max(layer.shape) <= np.iinfo(np.int32).max else np.int64
    units = layer.output.astype(small), layer.input.astype(small)
    return csr_array((p.w.ravel()[layer.weight], units), shape=layer.shape)


def _vectors(p: Problem) -> np.ndarray:
    """Each image as one row of numbers."""
    return p.x.reshape(p.g.n, p.g.c * p.g.h * p.g.w)
