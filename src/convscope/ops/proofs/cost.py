"""What each form costs: multiplications, additions, and the bytes it writes down on its way.

The counts are those of the algorithms, one image after another, not of NumPy's way to run them: an addition for each
product (a sum starts from the bias), transforms of kernels included, transforms by small matrices written out as
additions. Forms that write out the padded image do so also where the padding is 0.
"""

from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.geometry import span
from convscope.ops.proofs.problem import geometry_of, sources
from convscope.ops.proofs.transformed import check_winograd, fft_size
from convscope.ops.shapes import ConvGeometry


@dataclass(frozen=True)
class Cost:
    """Of one form.

    multiplications, additions  operations on single numbers
    stored                      bytes of the arrays it makes besides x, w and y
    moved                       bytes written and read at the least: x, w, y once, what is stored twice
    """

    form: str
    multiplications: int
    additions: int
    stored: int
    moved: int


def costs(
    input_size: Any,
    weight_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    itemsize: int = 4,
) -> dict[str, Cost]:
    """Cost of each form by name, for arrays of `itemsize` bytes a number (float32: 4); Winograd's where it is allowed.

    `taps = c/groups * r * s`, and y has `outputs = n * m * out_h * out_w` cells:

    windows, shifts, im2col  outputs * taps products; im2col writes n*c*r*s*out_h*out_w numbers
    fft                      three kinds of transforms of N = rows * columns cells, N log2(N) products and 1.5 N log2(N)
                             additions each (radix 2, real); 4 products for each frequency, image, m and c
    winograd                 16 products instead of 36 for each tile of 2 x 2 outputs, m and c; additions of
                             32 for each tile and c, 24 for each tile and m, 35 for each kernel
    sparse                   a product for each non-zero of W, for each image; W in rows: number and column, 4 bytes
    fully_connected          a product for each cell of W, for each image

    Raises InputError as `ops.conv2d` does.

    >>> {name: cost.multiplications for name, cost in costs((1, 1, 6, 6), (1, 1, 3, 3)).items()}
    {'windows': 144, 'shifts': 144, 'im2col': 144, 'fft': 654, 'winograd': 80, 'sparse': 144, 'fully_connected': 576}
    """
    g = geometry_of(input_size, weight_size, stride, padding, dilation, groups, padding_mode)
    per_group, plane, outputs = g.c // g.groups, g.out_h * g.out_w, g.n * g.m * g.out_h * g.out_w
    padded = int(np.prod(g.padded_size))
    direct = outputs * per_group * g.r * g.s
    in_units, out_units = g.c * g.h * g.w, g.m * plane
    dense = out_units * in_units
    nonzeros = g.m * per_group * _pairs(g)
    counts = {  # multiplications, additions, numbers stored
        "windows": (direct, direct, padded),
        "shifts": (direct, direct, padded + g.n * g.c * plane + outputs),
        "im2col": (direct, direct, padded + g.n * g.c * g.r * g.s * plane),
        "fft": _fft(g, padded),
        "winograd": _winograd(g, padded),
        "sparse": (g.n * nonzeros, g.n * nonzeros, nonzeros),
        "fully_connected": (g.n * dense, g.n * dense, dense),
    }
    ends = (g.n * in_units + int(np.prod(g.weight_size)) + outputs) * itemsize
    indices = {"sparse": 4 * (nonzeros + out_units + 1)}
    table = {}
    for name, count in counts.items():
        if count is not None:
            stored = count[2] * itemsize + indices.get(name, 0)
            table[name] = Cost(name, count[0], count[1], stored, ends + 2 * stored)
    return table


def _pairs(g: ConvGeometry) -> int:
    """Pairs (output cell, input cell) of one plane that hang together: those of the rows times those of the columns."""

    def along(cells: np.ndarray, windows: int, taps: int, stride: int, dilation: int) -> int:
        seen = (cells[i * stride : i * stride + taps * dilation : dilation] for i in range(windows))
        return sum(len(np.unique(one[one >= 0])) for one in seen)

    rows, columns = sources(g)
    down = along(rows, g.out_h, g.r, g.stride[0], g.dilation[0])
    return down * along(columns, g.out_w, g.s, g.stride[1], g.dilation[1])


def _fft(g: ConvGeometry, padded: int) -> tuple[int, int, int]:
    rows, columns = fft_size(g, exact=False)
    cells, frequencies = rows * columns, rows * (columns // 2 + 1)
    kernels = g.m * g.c // g.groups
    planes = g.n * g.c + kernels + g.n * g.m
    transform = planes * cells * log2(cells)
    products = 4 * g.n * kernels * frequencies
    spread = kernels * span(g.r, g.dilation[0]) * span(g.s, g.dilation[1])
    stored = padded + spread + 2 * planes * frequencies + g.n * g.m * cells
    return round(transform) + products, round(1.5 * transform) + products, stored


def _winograd(g: ConvGeometry, padded: int) -> tuple[int, int, int] | None:
    try:
        check_winograd(g)
    except InputError:
        return None
    tiles, kernels = g.n * -(-g.out_h // 2) * -(-g.out_w // 2), g.m * g.c // g.groups
    products = 16 * tiles * kernels
    additions = products + 32 * tiles * g.c + 24 * tiles * g.m + 35 * kernels
    stored = padded + 16 * (tiles * (g.c + g.m) + kernels)
    return products + 4 * tiles * g.m, additions, stored
