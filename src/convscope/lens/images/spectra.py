"""Strengths of frequencies on grids of any size, and real pictures made from half their spectrum.

The spectrum of a real picture is known from half of it: torch.fft.rfftn keeps the last axis from 0 to 1/2 cycle a
pixel, (*others, last // 2 + 1). A strength that is even in every axis is known from its *corner*: each axis from 0
to 1/2, (cells // 2 + 1, ...).
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor


def to_pictures(half: Tensor, shape: Sequence[int]) -> Tensor:
    """Half spectra (n, c, *half), complex, to real pictures (n, c, *shape); Parseval holds without factors."""
    return torch.fft.irfftn(half, s=tuple(shape), dim=tuple(range(2, half.ndim)), norm="ortho")


def half_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of half a spectrum, (*others, last // 2 + 1)."""
    return (*shape[:-1], shape[-1] // 2 + 1)


def windowed(x: np.ndarray) -> np.ndarray:
    """The whole spectra (c, *shape) of pictures (c, *shape), faded out towards their borders (Hann's window).

    A Fourier transform takes opposite borders for neighbours, and the jump from one to the other, which is not the
    picture's, would print a cross on every frequency.
    """
    axes = range(1, x.ndim)
    for axis in axes:
        cells = x.shape[axis]
        fade = np.sin(np.pi * (np.arange(cells) + 0.5) / cells) ** 2
        x = x * fade.reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return np.fft.fftn(x, axes=axes, norm="ortho")


def corner(power: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """A whole spectrum's power folded along `axes`: the mean of what +f and -f have, for f from 0 to 1/2."""
    for axis in axes:
        cells = power.shape[axis]
        both = (power + np.roll(np.flip(power, axis), 1, axis)) / 2
        power = both.take(range(cells // 2 + 1), axis)
    return power


def unfold(corner: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """A corner (c, *corner) as the half spectrum (c, *half) of a picture of that shape."""
    for axis, cells in enumerate(shape[:-1], 1):
        frequency = np.arange(cells)
        corner = corner.take(np.minimum(frequency, cells - frequency), axis)
    return corner


def at_edges(shape: Sequence[int]) -> np.ndarray:
    """The places on the last axis of half a spectrum that hold both +f and -f: 0 and, of an even length, 1/2."""
    last = np.arange(shape[-1] // 2 + 1)
    return np.flatnonzero((last == 0) | (2 * last == shape[-1]))


def resample(corner: np.ndarray, old: Sequence[int], new: Sequence[int]) -> np.ndarray:
    """The power (c, *corner) of pictures of shape `old`, on the grid of pictures of shape `new`; c x the same variance.

    A cell of a corner stands for the band of frequencies nearest to it. Each new cell gets the mean of the old
    power over its own band, so that the sum over bands, which is the variance of a pixel, stays what it was: on a
    small canvas the cell of frequency 0 takes up all that is too slow for it.
    """
    for axis, (before, after) in enumerate(zip(old, new), 1):
        if before != after:
            shares = _overlap(_bands(after), _bands(before))
            corner = np.moveaxis(np.tensordot(shares, corner, (1, axis)), 0, axis)
    return corner


def weights(shape: Sequence[int]) -> np.ndarray:
    """The share of all frequencies that each cell of a corner stands for, (*corner); they add up to 1."""
    return reduce(np.multiply.outer, [2 * np.diff(_bands(cells)) for cells in shape])


def _bands(cells: int) -> np.ndarray:
    """The edges of the frequency bands of an axis of so many cells, from 0 to 1/2."""
    edges = (np.arange(cells // 2 + 1) + 0.5) / cells
    return np.concatenate([[0], np.minimum(edges, 0.5)])


def _overlap(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """The share of each new band that lies in each old one, (new, old)."""
    ends = np.minimum(new[1:, None], old[1:])
    starts = np.maximum(new[:-1, None], old[:-1])
    return np.maximum(ends - starts, 0) / np.diff(new)[:, None]
