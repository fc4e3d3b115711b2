"""What the pictures at hand look like: their mean, their colours, and how strong each frequency is in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.images import spectra
from convscope.lens.images.box import Box

# Prior.natural tells where these come from
NATURAL_MEAN = np.array([0.511, 0.522, 0.501])
NATURAL_COLOUR = np.array([[0.238, 0.111, -0.026], [0.249, 0.010, 0.049], [0.266, -0.109, -0.022]])
NATURAL_BETWEEN = np.array([0.25, 0.42, 0.48])
NATURAL_EXPONENTS = np.array([2.4, 2.9, 2.8])


@dataclass(frozen=True, eq=False)
class Prior:
    """Pictures as a stationary random field: shares mean + L y, the y of each channel with its own spectrum.

    All in shares of the way from black (0) to white (1), so that it serves any network.

    mean: (c,). colour: L, (c, c), where L L^T is the covariance of the channels over all pixels; its columns are
    the principal colours, the strongest first, and y (c, *positions) are decorrelated and of variance 1.
    power: (c, *corner) mean |ortho-normalised Fourier transform of y|^2 on the grid of `shape`, for frequencies
    from 0 to 1/2 cycle a pixel in each axis (the two signs together), whose mean over all frequencies is 1.
    shape: the positions of the pictures it was fitted to. name: what it was fitted to.
    """

    mean: np.ndarray
    colour: np.ndarray
    power: np.ndarray
    shape: tuple[int, ...]
    name: str

    def __repr__(self) -> str:
        return f"Prior({self.name})"

    @classmethod
    def fit(
        cls, pictures: np.ndarray | Tensor | Iterable, box: Box | None = None, *, name: str | None = None
    ) -> "Prior":
        """The prior of pictures (n, c, *positions): an array, or anything that gives pictures (c, *positions).

        box: their black and white (default: 0 and 1). One pass; memory grows with c^2 positions, not with n. The
        covariance counts the differences between whole pictures too, as frequency 0; the other frequencies are those
        of each picture less its own mean, faded out towards its borders (see spectra.windowed).

        Raises InputError for pictures of different shapes, without any variance, not finite, or none at all.

        >>> signals = np.random.default_rng(0).normal(0.5, 0.1, (200, 1, 50)).cumsum(2)
        >>> prior = Prior.fit(signals, Box(0.0, 100.0))
        >>> prior.power.shape, bool(prior.power[0, 1] > 20 * prior.power[0, -1])
        ((1, 26), True)
        """
        cross, square, means, shape = np.zeros(()), np.zeros(()), [], None
        for picture in pictures:
            x = torch.as_tensor(picture).detach().to("cpu", torch.float64)
            shape = shape or tuple(x.shape)
            if x.ndim < 2 or tuple(x.shape) != shape:
                raise InputError(
                    f"prior: a picture of shape {tuple(x.shape)} after {len(means)} of {shape}; give all as one "
                    "(c, *positions), such as (3, 224, 224)"
                )
            x = (x if box is None else box.shares(x[None])[0]).numpy()
            means.append(x.mean(tuple(range(1, x.ndim))))
            apart = x - means[-1].reshape(-1, *(1,) * (x.ndim - 1))
            flat, waves = apart.reshape(len(x), -1), spectra.windowed(apart)
            square = square + flat @ flat.T / flat.shape[1]
            cross = cross + np.real(waves[:, None] * waves.conj())
        if shape is None:
            raise InputError("prior: no pictures; give some, as an array (n, c, *positions)")
        positions, count = shape[1:], len(means)
        between = np.atleast_2d(np.cov(means, rowvar=False, bias=True))
        covariance = square / count + between
        if not np.isfinite(covariance).all() or not np.trace(covariance) > 1e-12:
            raise InputError(
                f"prior: the {count} pictures have a variance of {np.trace(covariance):.3g}; give several that are "
                "finite and not all one shade"
            )
        colour, whiten = _factor(covariance)
        power = np.einsum("ka,ab...,kb->k...", whiten, cross, whiten)
        power[~whiten.any(1)] = 1  # a colour that does not occur has any spectrum
        power = spectra.corner(power, range(1, power.ndim))
        power = _with_variance_1(power, np.einsum("ka,ab,kb->k", whiten, between, whiten), positions)
        return cls(
            np.mean(means, 0), colour, power, positions, name or f"{count} pictures of {'x'.join(map(str, shape))}"
        )

    @classmethod
    def natural(cls, order: Literal["RGB", "BGR", "grey"] = "RGB") -> "Prior":
        """Photographs (c, h, w), from a handful of constants; grey by the luma weights of ITU-R BT.601.

        `fit` of 152 photographs of animals, monuments and tools (those of Debian's gcompris-qt-data with at least
        224 pixels either way, shorter side resampled to 224, middle cut out) gave mean and colour; the share of the
        variance that lies between whole photographs; and exponents a of power = 1 / frequency^a by least squares
        over the seven octaves up to 1/2 cycle a pixel. The law gives 0.8 to 1.2 of the power of brightness in every
        octave; of that of the two other colours 0.6 to 1.4, and twice as much in the finest.

        Raises InputError for an unknown order.
        """
        if order not in ("RGB", "BGR", "grey"):
            raise InputError(f"prior: order={order!r}; use 'RGB', 'BGR' or 'grey'")
        shape = (224, 224)
        axis = np.arange(113) / 224
        frequency = np.hypot(axis[:, None], axis)
        frequency[0, 0] = np.inf
        power = _with_variance_1(frequency ** -NATURAL_EXPONENTS[:, None, None], NATURAL_BETWEEN, shape)
        mean, colour = NATURAL_MEAN, NATURAL_COLOUR
        if order == "BGR":
            mean, colour = mean[::-1].copy(), colour[::-1].copy()  # PyTorch takes no negative strides
        if order == "grey":
            luma = np.array([0.299, 0.587, 0.114])
            part = (luma @ colour) ** 2
            mean, colour = luma[None] @ mean, np.sqrt([[part.sum()]])
            power = np.tensordot(part / part.sum(), power, 1)[None]
        return cls(mean, colour, power, shape, f"natural, {order}")

    def with_alpha(self) -> "Prior":
        """The same with an alpha channel that owes the colours nothing: mean 1/2, deviation 1/4, forms as large."""
        c = len(self.mean)
        colour = np.zeros((c + 1, c + 1))
        colour[:c, :c], colour[c, c] = self.colour, 0.25
        power = np.append(self.power, self.power[:1], 0)
        return Prior(np.append(self.mean, 0.5), colour, power, self.shape, f"{self.name}, with alpha")

    def amplitude(self, shape: tuple[int, ...]) -> np.ndarray:
        """The root of the power on a canvas of that shape, for half its spectrum: (c, *half)."""
        power = spectra.resample(self.power, self.shape, shape)
        return np.sqrt(spectra.unfold(power, shape))

    def enter(self, box: Box, y: Tensor) -> Tensor:
        """Decorrelated y (n, c, *positions) as pictures in the box."""
        colour = torch.as_tensor(self.colour, dtype=y.dtype, device=y.device)
        return box.enter_around(torch.as_tensor(self.mean), torch.einsum("ck,nk...->nc...", colour, y))

    def check(self, size: tuple[int, ...]) -> None:
        """Raise InputError where pictures (c, *positions) of that size cannot have this prior."""
        if (size[0], len(size)) != (len(self.mean), self.power.ndim):
            raise InputError(
                f"{self!r} is for {len(self.mean)} channels with {self.power.ndim - 1} axes; size={size} has "
                f"{size[0]} with {len(size) - 1}: fit a prior to such pictures"
            )


def _with_variance_1(power: np.ndarray, between: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Power (c, *corner) scaled to a variance of 1, of which the share `between` (c,) is that of frequency 0."""
    zero, weights = (slice(None), *(0,) * len(shape)), spectra.weights(shape)
    power[zero] = 0
    within = (power * weights).reshape(len(power), -1).sum(1)
    scale = np.divide(1 - between, within, where=within > 0, out=np.zeros_like(within))
    power = power * scale.reshape(-1, *(1,) * len(shape))
    power[zero] = between / weights.flat[0]
    return power


def _factor(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L with L L^T = covariance, its columns by falling strength, and its inverse, 0 for colours that do not occur."""
    strength, colours = np.linalg.eigh(covariance)
    strength, colours = strength[::-1], colours[:, ::-1]
    signs = np.sign(colours[np.abs(colours).argmax(0), range(len(strength))])
    occurs = strength > 1e-10 * strength[0]
    deviation = np.sqrt(np.where(occurs, strength, 0))
    inverse = np.divide(1, deviation, where=occurs, out=np.zeros_like(deviation))
    return colours * signs * deviation, (colours * signs * inverse).T
