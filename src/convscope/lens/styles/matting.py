"""How far a picture is, window by window, from a recolouring of a photograph: the matting Laplacian.

A photograph stays a photograph when the colours of every small window change together by one affine function:
edges stay where they are, and nothing new is drawn. The matting Laplacian L of the photograph measures what is left
over: x' L x is the sum, over all 3 x 3 windows, of the squared residual of the best such function.
"""

from dataclasses import dataclass, field
from typing import SupportsFloat

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from convscope.errors import InputError
from convscope.lens.images import Box
from convscope.lens.objectives import Objective, Scene
from convscope.lens.objectives.targets import Target
from convscope.lens.styles.guided import solve

OFFSETS = tuple((r, s) for r in range(3) for s in range(-2, 3) if (r, s) > (0, 0))
"""The neighbours (rows down, columns right) of a pixel that share a window with it, one of each opposite two."""

CELLS = tuple((r, s) for r in range(3) for s in range(3))
STRIP = 2**15
"""About as many pixels are worked on at once: they stay in the processor's cache, and building needs little memory."""


@dataclass(frozen=True)
class Affinity:
    """The matting Laplacian L = D - W of a picture: planes[k, r, s] is the weight of (r, s) and its neighbour k.

    Twelve planes hold the whole sparse matrix, since W is symmetric and D its row sums. Weights may be negative; L has
    no negative eigenvalue all the same, and L x = 0 where x is constant or, up to epsilon, an affine function of the
    picture's colours.
    """

    planes: Float[Tensor, "12 h w"] = field(repr=False)

    @classmethod
    def of(cls, picture: Float[Tensor, "c h w"], epsilon: SupportsFloat = 1e-7) -> "Affinity":
        """The affinity of a picture (c, h, w) with values from 0 to 1, of its type and on its device.

        Between pixels i and j, a sum over the windows that hold both:
        w_ij = sum (1 + (I_i - mean)' (covariance + epsilon/9 Id)^-1 (I_j - mean)) / 9.
        (Levin, Lischinski, Weiss: A closed-form solution to natural image matting, 2008, equation 12.)

        epsilon is what a steeper function of the colours costs: less of it lets fainter colour differences grow to
        edges. Raises InputError for a picture smaller than a window, one that is not finite, and an epsilon that is
        not above 0.
        """
        penalty = float(epsilon)
        height, width = picture.shape[1:]
        if min(height, width) < 3:
            raise InputError(f"matting: a picture of {height} x {width} pixels; give 3 x 3 or more, one window")
        if not penalty > 0:
            raise InputError(f"matting: epsilon={penalty:.4g}; use a number above 0, such as 1e-7")
        if not bool(picture.isfinite().all()):
            raise InputError("matting: the picture holds NaN or infinity; give finite values from 0 to 1")
        colours = picture.detach().cpu()  # not every device has the doubles that near-flat windows need
        planes = torch.empty(len(OFFSETS), height, width, dtype=colours.dtype)
        rows = max(STRIP // width, 1)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            low, high = max(top - 2, 0), min(bottom + 2, height)  # what these rows share windows with
            planes[:, top:bottom] = _weights(colours[:, low:high].double(), penalty)[:, top - low : bottom - low]
        return cls(planes.to(picture.device))

    def energy(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """x' L x of each picture as a mean over windows, their 9 cells, and channels: the square of what is left over.

        A picture that departs from every recolouring by 0.01 has 1e-4. Computed as the sum of w_ij (x_i - x_j)^2 over
        pairs, small differences squared, so that single precision is enough; the gradient is 2 L x, as a mean likewise.
        Raises InputError for pictures of another size.
        """
        self._check(x)
        energy: Tensor = _Energy.apply(x, self.planes)  # pyright: ignore[reportAssignmentType]
        (height, width), channels = self.planes.shape[1:], x.shape[1]
        return energy / (9 * (height - 2) * (width - 2) * channels)

    def apply(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """L x. Raises InputError for pictures of another size."""
        self._check(x)
        return _product(x, self.planes)[0]

    def to(self, like: Tensor) -> "Affinity":
        """The same, of the type and on the device of `like`."""
        return Affinity(self.planes.to(like))

    def _check(self, x: Tensor) -> None:
        if x.shape[2:] != self.planes.shape[1:]:
            sizes = (" x ".join(map(str, shape)) for shape in (x.shape[2:], self.planes.shape[1:]))
            raise InputError("matting: a picture of {} pixels beside a photograph of {}; give one size".format(*sizes))


def photorealism(content: Float[Tensor, "1 c h w"], box: Box, epsilon: SupportsFloat = 1e-7) -> Objective:
    """Minus how far a picture is from a local recolouring of `content`: the mean square of what the best one leaves.

    content and the pictures are in the network's units, the box their range; what is left is measured in shares of it
    (`Affinity.energy`). With the weight 1e4 a residual of 0.01, which is 2.5 of 255 levels, costs 1: as much as all of
    the content, where that is measured relative to its size.
    (Luan, Paris, Shechtman, Bala: Deep photo style transfer, 2017, equation 2, as a mean. Their weight is 1e4 too,
    beside losses of other scales.)

    Raises InputError as `Affinity.of` does, and for a content that is not finite.
    """
    text = Target.of("photorealism", content).text
    affinity = Affinity.of(box.shares(content)[0].clamp(0, 1), epsilon)

    def value(scene: Scene) -> Tensor:
        shares = box.shares(scene.pictures)
        return -affinity.to(shares).energy(shares)

    return Objective(f"photorealism({text})", frozenset(), value)


def _weights(colours: Tensor, epsilon: float) -> Tensor:
    """The planes of a strip (c, h, w)."""
    channels, height, width = colours.shape
    rows, columns = height - 2, width - 2
    around = torch.stack([colours[:, r : r + rows, s : s + columns] for r, s in CELLS])
    around -= around.mean(0)  # differences first: in near-flat windows mean squares would leave nothing but rounding
    covariance = torch.stack([(around * around[:, [k]]).mean(0) for k in range(channels)])
    covariance += epsilon / 9 * torch.eye(channels).to(covariance)[..., None, None]
    solved = solve(covariance, around)
    planes = colours.new_zeros(len(OFFSETS), height, width)
    for i, (r, s) in enumerate(CELLS):
        for plane, (down, right) in zip(planes, OFFSETS):
            if (r + down, s + right) in CELLS:
                j = CELLS.index((r + down, s + right))
                weights = plane[r : r + rows, s : s + columns]
                weights += 1 / 9
                for one, other in zip(around[i], solved[j]):
                    weights.addcmul_(one, other, value=1 / 9)
    return planes


def _product(x: Tensor, planes: Tensor) -> tuple[Tensor, Tensor]:
    """L x and x' L x (n,)."""
    height, width = x.shape[2:]
    product, energy = torch.zeros_like(x), x.new_zeros(len(x))
    rows = max(STRIP // width, 1)
    for top in range(0, height, rows):
        for plane, (down, right) in zip(planes, OFFSETS):
            bottom = max(min(top + rows, height - down), top)
            here = (..., slice(top, bottom), slice(max(-right, 0), width - max(right, 0)))
            there = (..., slice(top + down, bottom + down), slice(max(right, 0), width - max(-right, 0)))
            step = x[here] - x[there]
            flow = plane[here] * step
            energy += (flow * step).sum((1, 2, 3))
            product[here] += flow
            product[there] -= flow
    return product, energy


class _Energy(torch.autograd.Function):
    """x' L x, which keeps L x for its gradient and none of the differences in between."""

    @staticmethod
    def forward(ctx, x: Tensor, planes: Tensor) -> Tensor:
        product, energy = _product(x, planes)
        ctx.save_for_backward(product)
        return energy

    @staticmethod
    @once_differentiable
    def backward(ctx, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return 2 * grad_outputs[0][:, None, None, None] * product, None
