"""The one idea behind the fast convolutions: a convolution is a weighted sum of shifted copies of its input.

Lay a picture out flat, rows one after another. Then the cells under one tap of all windows are the picture itself, read
from a place further on: one shift a tap. So with the taps k of all input channels, kernel rows and kernel columns,

    forward            out[m, p] = start[m] + sum_k w[m, k] * x[shift[k] + p]        `shifted_sum`
    its adjoint in w   dw[m, k] += sum_p dout[m, p] * x[shift[k] + p]                `shifted_dots`

and the adjoint in x is a shifted sum again, of dout. A run is a stretch of p over which this is computed: an output
row, or several rows at once where what lies between them may be computed and thrown away.

Results are computed for up to `ROWS` output channels at once; such a group of channels is a panel.
"""

from typing import NamedTuple

import numpy as np

from convscope.ops.fast.compiled import compiled, inlined
from convscope.ops.fast.registers import ROWS, VECTOR_BYTES, VECTORS, dots_of_shifts, sum_of_shifts

_HALF = VECTORS // 2


class Taps(NamedTuple):
    """The taps of a kernel in the order in which they are summed.

    They stand in rows of `pitch`: a row of the kernel with all channels, or all of the kernel in one. Near the
    picture's edges rows, and parts of rows, see nothing but padding; they are left out.
    """

    shifts: np.ndarray  # place of each tap's cell, from that of the run's first output
    places: np.ndarray  # place of each tap's weight, from that of the output channel's first
    pitch: int  # taps in a row
    rows: np.ndarray  # (runs, 2): the rows summed in each run, first and one past the last
    columns: np.ndarray  # (columns, 2): the taps of each row summed in each output column, likewise
    column: int  # elements of such a column


def panel_table(groups: int, channels: int, group_step: int, step: int) -> np.ndarray:
    """Panels of `groups` x `channels` output channels: rows (group, first channel, width, place of its weights).

    Channels count through all groups; weights of channels lie `step` apart, those of groups `group_step`.
    """
    count = -(-channels // ROWS)
    widths = [(channels + k) // count for k in range(count)]
    rows = []
    for group in range(groups):
        local = 0
        for width in widths:
            rows.append((group, group * channels + local, width, group * group_step + local * step))
            local += width
    return np.array(rows, np.int64).reshape(-1, 4)


def _sum_panel(rows: int):
    """A run of one panel of `rows` channels: blocks of VECTORS vectors, then of half as many, then single vectors."""

    @inlined
    def panel(x, x0, taps, run, w, w0, w_step, start, m, out, out0, plane, length):
        lanes = VECTOR_BYTES // x.itemsize
        shifts, places, pitch, first, last = taps.shifts, taps.places, taps.pitch, taps.rows[run, 0], taps.rows[run, 1]
        p = 0
        while p < length:
            vectors = VECTORS if p + VECTORS * lanes <= length else _HALF if p + _HALF * lanes <= length else 1
            left, right = p // taps.column, (p + vectors * lanes - 1) // taps.column
            begin = min(taps.columns[left, 0], taps.columns[right, 0])
            end = max(taps.columns[left, 1], taps.columns[right, 1])
            a, b = x0 + p, out0 + p
            if vectors == VECTORS:
                sum_of_shifts(
                    rows, VECTORS, x, a, shifts, w, w0, w_step, places, first, last, pitch, begin, end, start, m,
                    out, b, plane
                )
            elif vectors == _HALF:
                sum_of_shifts(
                    rows, _HALF, x, a, shifts, w, w0, w_step, places, first, last, pitch, begin, end, start, m, out,
                    b, plane
                )
            else:
                sum_of_shifts(
                    rows, 1, x, a, shifts, w, w0, w_step, places, first, last, pitch, begin, end, start, m, out, b,
                    plane
                )
            p += vectors * lanes

    return panel


_sum_4, _sum_3, _sum_2, _sum_1 = (_sum_panel(rows) for rows in (4, 3, 2, 1))


@compiled
def shifted_sum(x, x0, x_group, taps, run, w, w_step, start, out, out0, plane, panels, length):
    """`out[m, p] = start[m] + sum_k w[m, k] * x[group of m, shift[k] + p]` for run number `run` and the panels'
    channels.

    Flat arrays; `x_group` is the distance between the inputs of two groups, `w_step` that between the weights and
    `plane` that between the results of two output channels; `length` is a multiple of the vector length.
    """
    for n in range(panels.shape[0]):
        m, width, w0 = panels[n, 1], panels[n, 2], panels[n, 3]
        a, b = x0 + panels[n, 0] * x_group, out0 + m * plane
        if width == 4:
            _sum_4(x, a, taps, run, w, w0, w_step, start, m, out, b, plane, length)
        elif width == 3:
            _sum_3(x, a, taps, run, w, w0, w_step, start, m, out, b, plane, length)
        elif width == 2:
            _sum_2(x, a, taps, run, w, w0, w_step, start, m, out, b, plane, length)
        else:
            _sum_1(x, a, taps, run, w, w0, w_step, start, m, out, b, plane, length)


def _dots_panel(rows: int):
    """All taps of one panel of `rows` channels, four at a time, then one by one."""

    @inlined
    def panel(x, x0, taps, y, y0, plane, out, out0, out_step, runs, x_step, y_step, length):
        shifts, places = taps.shifts, taps.places
        k = 0
        while k + 4 <= shifts.shape[0]:
            dots_of_shifts(
                rows, 4, x, x0, shifts, y, y0, plane, out, out0, out_step, places, k, runs, x_step, y_step, length
            )
            k += 4
        while k < shifts.shape[0]:
            dots_of_shifts(
                rows, 1, x, x0, shifts, y, y0, plane, out, out0, out_step, places, k, runs, x_step, y_step, length
            )
            k += 1

    return panel


_dots_4, _dots_3, _dots_2, _dots_1 = (_dots_panel(rows) for rows in (4, 3, 2, 1))


@compiled
def shifted_dots(x, x0, x_group, taps, y, y0, plane, out, out_step, panels, runs, x_step, y_step, length):
    """`out[m, k] += sum_i sum_p y[m, i*y_step + p] * x[group of m, shift[k] + i*x_step + p]`, i over `runs`.

    Flat arrays; `out_step` is the distance between the weights of two output channels.
    """
    for n in range(panels.shape[0]):
        m, width, w0 = panels[n, 1], panels[n, 2], panels[n, 3]
        a, b = x0 + panels[n, 0] * x_group, y0 + m * plane
        if width == 4:
            _dots_4(x, a, taps, y, b, plane, out, w0, out_step, runs, x_step, y_step, length)
        elif width == 3:
            _dots_3(x, a, taps, y, b, plane, out, w0, out_step, runs, x_step, y_step, length)
        elif width == 2:
            _dots_2(x, a, taps, y, b, plane, out, w0, out_step, runs, x_step, y_step, length)
        else:
            _dots_1(x, a, taps, y, b, plane, out, w0, out_step, runs, x_step, y_step, length)
