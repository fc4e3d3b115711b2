"""The same layer as units and connections: which output unit hangs on which input unit, by which shared weight.

Units are the cells of one image, numbered as in memory: input unit `(c*h + row)*w + column`, output unit
`(m*out_h + i)*out_w + j`.
"""

import colorsys
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.ops.proofs.problem import geometry_of, sources
from convscope.ops.shapes import ConvGeometry

LARGEST_TABLE = 2**26
"""Numbers in one table, of connections or of a matrix with all its zeros: beyond (half a gibibyte) it is refused."""


@dataclass(frozen=True)
class Connections:
    """The connections of one layer for one image, in the order (m, i, j, c, u, v).

    A tap that reads a zero of the padding is no connection. With another padding mode several taps of one window may
    read one cell: so many connections between the same two units.

    output  which output unit each connection goes to
    input   which input unit it comes from
    weight  which weight it holds a copy of, as the index in `w.ravel()`
    g       the geometry of the layer
    """

    output: np.ndarray
    input: np.ndarray
    weight: np.ndarray
    g: ConvGeometry

    @property
    def shape(self) -> tuple[int, int]:
        """(output units, input units)."""
        return self.g.m * self.g.out_h * self.g.out_w, self.g.c * self.g.h * self.g.w

    @property
    def parameters(self) -> dict[str, int]:
        """How many numbers have to be learned, without biases.

        dense   every output unit hangs on every input unit
        sparse  only the connections there are, each with a weight of its own (a "locally connected" layer)
        shared  the weights of the kernels: the convolution
        """
        outputs, inputs = self.shape
        return {"dense": outputs * inputs, "sparse": len(self.weight), "shared": int(np.prod(self.g.weight_size))}

    @property
    def copies(self) -> np.ndarray:
        """How many connections hold each weight, (m, c/groups, r, s).

        `out_h * out_w` where no tap leaves the image; less for the outer taps where zeros are padded.
        """
        counts = np.bincount(self.weight, minlength=self.parameters["shared"])
        return counts.reshape(self.g.weight_size)


def connections(
    input_size: Any,
    weight_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Connections:
    """The connections of the layer that `ops.conv2d` computes with these arguments; the batch does not matter.

    Raises InputError as `ops.conv2d` does, and for more than 2**26 connections.

    >>> few = connections((1, 1, 3, 3), (1, 1, 2, 2))
    >>> few.input.reshape(4, 4)
    array([[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]])
    >>> few.parameters
    {'dense': 36, 'sparse': 16, 'shared': 4}
    """
    return connections_of(geometry_of(input_size, weight_size, stride, padding, dilation, groups, padding_mode, flip))


def connections_of(g: ConvGeometry) -> Connections:
    """The same, where the geometry is known."""
    (rows, columns), channels = sources(g), g.c // g.groups
    if (taps := int(np.prod((*g.output_size[1:], *g.weight_size[1:])))) > LARGEST_TABLE:
        raise InputError(f"the layer has {taps} connections: at most {LARGEST_TABLE} are listed; use smaller images")
    row = rows[np.arange(g.out_h)[:, None] * g.stride[0] + np.arange(g.r) * g.dilation[0]]  # out_h, r
    column = columns[np.arange(g.out_w)[:, None] * g.stride[1] + np.arange(g.s) * g.dilation[1]]  # out_w, s
    m, i, j, c, u, v = np.ogrid[: g.m, : g.out_h, : g.out_w, :channels, : g.r, : g.s]
    in_channel = m // (g.m // g.groups) * channels + c
    if g.flip:
        u, v = g.r - 1 - u, g.s - 1 - v
    row, column = row[None, :, None, None, :, None], column[None, None, :, None, None, :]
    each = np.broadcast_arrays(
        (m * g.out_h + i) * g.out_w + j,
        (in_channel * g.h + row) * g.w + column,
        ((m * channels + c) * g.r + u) * g.s + v,
        (row >= 0) & (column >= 0),
    )
    output, input, weight, there = (array.ravel() for array in each)
    return Connections(output[there], input[there], weight[there], g)


def pattern(layer: Connections) -> np.ndarray:
    """A picture of the layer's matrix, (output units, input units, 3) of uint8 RGB: which weight sits where.

    White where nothing is connected; a kernel's rows by hue, its columns by lightness; grey where several taps meet.
    Channels are not told apart: they are the blocks.

    Raises InputError where the picture would have more than 2**26 cells.

    >>> picture = pattern(connections((1, 1, 3, 3), (1, 1, 2, 2)))
    >>> picture.shape, len(np.unique(picture.reshape(-1, 3), axis=0))
    ((4, 9, 3), 5)
    """
    check_table(layer.shape, "the picture")
    g, tap = layer.g, layer.weight % (layer.g.r * layer.g.s)
    colours = np.array(
        [
            colorsys.hls_to_rgb(0.08 + u / g.r, 0.35 + 0.4 * (v + 0.5) / g.s, 0.8)
            for u in range(g.r)
            for v in range(g.s)
        ]
    )
    picture = np.full((*layer.shape, 3), 255, np.uint8)
    picture[layer.output, layer.input] = (colours[tap] * 255).round()
    cell = np.ravel_multi_index((layer.output, layer.input), layer.shape)
    meeting, count = np.unique(cell, return_counts=True)
    picture.reshape(-1, 3)[meeting[count > 1]] = 110
    return picture


def check_table(shape: tuple[int, int], name: str) -> None:
    """Raises InputError for more cells than `LARGEST_TABLE`."""
    cells = shape[0] * shape[1]
    if cells > LARGEST_TABLE:
        raise InputError(
            f"{name} of {shape[0]} output units by {shape[1]} input units would have {cells} cells: at most "
            f"{LARGEST_TABLE} are written out; use smaller images"
        )
