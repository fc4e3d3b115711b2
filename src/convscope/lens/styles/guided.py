"""Smoothing that keeps to the edges of another picture: around every pixel, one affine function of its colours."""

from typing import SupportsFloat

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.errors import InputError

STRIP = 2**18
"""About as many pixels are worked on at once: what the sums need stays small, however large the picture is."""


def guided_filter(
    guide: Float[Tensor, "g h w"], picture: Float[Tensor, "c _ _"], radius: int, epsilon: SupportsFloat
) -> Float[Tensor, "c h w"]:
    """The picture as, locally, an affine function of the guide's colours: its noise goes, the guide's edges stay.

    In each window of (2 radius + 1)^2 cells, fewer at the border, a and b minimise
    sum (a . guide + b - picture)^2 + epsilon |a|^2 per cell; a pixel is the mean over the windows that hold it of
    a . guide + b. epsilon is a variance of the guide's values: windows that vary less are averaged, those that vary
    more are kept. An affine recolouring of the guide passes unchanged as epsilon falls to 0.
    (He, Sun, Tang: Guided image filtering, 2010, equations 14 to 16.)

    Raises InputError for a radius below 1, an epsilon that is not above 0, and a guide of another size.

    >>> step = torch.tensor([0.0, 0, 0, 1, 1, 1]).expand(1, 4, 6)
    >>> guided_filter(step, 2 * step + 1, radius=1, epsilon=1e-9)[0, 0].round(decimals=3).tolist()
    [1.0, 1.0, 1.0, 3.0, 3.0, 3.0]
    """
    penalty = float(epsilon)
    if radius < 1 or not penalty > 0:
        raise InputError(f"guided_filter: radius={radius}, epsilon={penalty:.4g}; use 1 or more, and more than 0")
    if guide.shape[1:] != picture.shape[1:]:
        raise InputError(
            f"guided_filter: a guide of {_size(guide)} for a picture of {_size(picture)}; give both one size"
        )
    height, width = picture.shape[1:]
    filtered = torch.empty_like(picture)
    rows = max(STRIP // width, 1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        low, high = max(top - 2 * radius, 0), min(bottom + 2 * radius, height)  # what these rows depend on
        whole = _fitted(guide[:, low:high].double(), picture[:, low:high].double(), radius, penalty)
        filtered[:, top:bottom] = whole[:, top - low : bottom - low]
    return filtered


def solve(matrices: Float[Tensor, "c c h w"], vectors: Float[Tensor, "*k c h w"]) -> Float[Tensor, "*k c h w"]:
    """The solution of matrix @ x = vector at each place, for symmetric positive definite matrices.

    Cholesky's factorisation as L D L^T: unlike Cramer's rule it loses no more digits than the matrix itself costs,
    and planes of a few channels are solved by a few operations on whole planes.

    >>> solve(torch.tensor([[2.0, 1], [1, 2]])[..., None, None], torch.tensor([4.0, 5])[:, None, None]).flatten()
    tensor([1., 2.])
    """
    channels = range(len(matrices))
    lower: dict[tuple[int, int], Tensor] = {}
    pivots: list[Tensor] = []
    for k in channels:
        pivots.append(matrices[k, k] - sum(lower[k, m] ** 2 * pivots[m] for m in range(k)))
        for i in channels[k + 1 :]:
            known = sum(lower[i, m] * lower[k, m] * pivots[m] for m in range(k))
            lower[i, k] = (matrices[i, k] - known) / pivots[k]
    x = list(vectors.unbind(-3))
    for k in channels:
        x[k] = x[k] - sum(lower[k, m] * x[m] for m in range(k))
    x = [part / pivot for part, pivot in zip(x, pivots)]
    for k in reversed(channels):
        x[k] = x[k] - sum(lower[m, k] * x[m] for m in channels[k + 1 :])
    return torch.stack(x, -3)


def _fitted(guide: Tensor, picture: Tensor, radius: int, epsilon: float) -> Tensor:
    mean, level = _box_mean(guide, radius), _box_mean(picture, radius)
    spread = _box_mean(guide[:, None] * guide, radius) - mean[:, None] * mean
    spread += epsilon * torch.eye(len(guide)).to(spread)[..., None, None]
    together = _box_mean(picture[:, None] * guide, radius) - level[:, None] * mean
    slope = solve(spread, together)
    offset = level - (slope * mean).sum(1)
    return (_box_mean(slope, radius) * guide).sum(1) + _box_mean(offset, radius)


def _box_mean(planes: Tensor, radius: int) -> Tensor:
    """The mean over the cells of each window that lie inside the picture, by running sums."""
    for axis in (-2, -1):
        length, edges = planes.shape[axis], (radius + 1, radius)
        sums = nn.functional.pad(planes, edges if axis == -1 else (0, 0, *edges)).cumsum(axis)
        planes = sums.narrow(axis, 2 * radius + 1, length) - sums.narrow(axis, 0, length)
        place = torch.arange(length).to(planes)
        count = (place + radius).clamp(max=length - 1) - (place - radius).clamp(min=0) + 1
        planes /= count if axis == -1 else count[:, None]
    return planes


def _size(picture: Tensor) -> str:
    return " x ".join(map(str, picture.shape[1:]))
