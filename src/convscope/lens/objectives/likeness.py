"""Objectives that compare a whole layer: with a given activation, with a style, and pictures with each other."""

from typing import Any, SupportsFloat

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.lens.objectives.algebra import Objective, Scene
from convscope.lens.objectives.targets import Numbers, Target
from convscope.lens.objectives.units import LEAST_COSINE


def towards(layer: str, activations: Numbers) -> Objective:
    """Content: minus the mean square of (activation - target), 0 where the layer is just like the target.

    activations: (1, units, *positions) as `probe` gives them, for all pictures, or (k, ...) with one for each.
    (Mahendran and Vedaldi: Understanding deep image representations by inverting them, 2015; the content term of
    Gatys et al. 2016.)

    Raises InputError for a target of another shape than the layer's on this canvas.
    """
    target = Target.of(f"towards({layer!r})", activations)

    def value(scene: Scene) -> Tensor:
        a = scene.activations[layer]
        return -(a - target.rows(scene, a)).square().flatten(1).mean(1)

    return Objective(f"towards({layer}, {target.text})", frozenset([layer]), value, target.count)


def caricature(layer: str, activations: Numbers, *, cosine_power: SupportsFloat = 0) -> Objective:
    """More of what a layer saw: the mean of activation * target, times max(0.1, their cosine)^cosine_power.

    activations: (1 or k, units, *positions), as in `towards`. Unlike there, nothing holds the activation at the
    target's size, and what is there grows. (Lucid's `dot_compare`.)

    Raises InputError for a negative power, and for a target of another shape than the layer's on this canvas.

    >>> scene = Scene(torch.zeros(1, 1, 2, 2), {"a": torch.tensor([[3.0, 4.0]])}, torch.arange(1))
    >>> caricature("a", [[2.0, 1.0]])(scene)
    tensor([5.])
    """
    power = float(cosine_power)
    if power < 0:
        raise InputError(f"caricature({layer!r}): cosine_power={power:.4g}; use 0 or more")
    target = Target.of(f"caricature({layer!r})", activations)

    def value(scene: Scene) -> Tensor:
        a = scene.activations[layer]
        a, t = a.flatten(1), target.rows(scene, a).flatten(1)
        cosine = nn.functional.cosine_similarity(a, t).clamp(min=LEAST_COSINE)
        return (a * t).mean(1) * cosine**power

    extra = f", cosine_power={power:.4g}" if power else ""
    return Objective(f"caricature({layer}, {target.text}{extra})", frozenset([layer]), value, target.count)


def gram(layer: str, activations: Numbers, *, centred: bool = False) -> Objective:
    """Style: minus the mean square of (Gram matrix - the target's), whatever lies where.

    activations: (1 or k, units, *positions) of the picture whose style is wanted; its positions may be others, and
    more, than the canvas has. centred: of the covariance, which leaves each unit's mean out.
    (Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks, 2016, equations 3 and 4,
    without the quarter.)

    Raises InputError for a target with another number of units.
    """
    style = Target.of(f"gram({layer!r})", activations)
    return gram_near(layer, gram_matrix(style.values, centred=centred), centred=centred)


def gram_near(
    layer: str, matrices: Numbers, *, centred: bool = False, regions: Float[Tensor, "r h w"] | None = None
) -> Objective:
    """Style that is given as its Gram matrix, (1 or k, units, units): minus the mean square of (own - given).

    regions: soft masks over the picture, at any resolution; then matrices (1 or k, r, units, units), one for each, and
    the value is the mean over the regions, weighted by their areas.
    (Luan, Paris, Shechtman, Bala: Deep photo style transfer, 2017, equations 3 and 4, as means and not as sums.)

    Raises InputError for matrices of another number of units or regions.
    """
    target = Target.of(f"gram_near({layer!r})", matrices)
    if regions is not None and target.values.shape[1] != len(regions):
        raise InputError(f"{target.name}: {target.values.shape[1]} matrices for {len(regions)} regions; give as many")

    def value(scene: Scene) -> Tensor:
        own = gram_matrix(scene.activations[layer], centred=centred, regions=regions)
        away = (own - target.rows(scene, own)).square().mean((-2, -1))
        if regions is None:
            return -away
        areas = regions.to(away).flatten(1).mean(1)
        return -(away @ areas) / areas.sum()

    extra = (", centred" if centred else "") + (f", {len(regions)} regions" if regions is not None else "")
    return Objective(f"gram_near({layer}, {target.text}{extra})", frozenset([layer]), value, target.count)


def diversity(layer: str) -> Objective:
    """Facets: minus the mean cosine of a picture's Gram matrix with those of the others in its group.

    Between -1 (all alike) and 0 (nothing in common); 0 for a picture that is alone in its group (Scene.groups).
    Groups do not see each other. (Olah, Mordvintsev, Schubert: Feature Visualization, 2017, "diversity".)
    """

    def value(scene: Scene) -> Tensor:
        a = scene.activations[layer]
        if scene.groups is None:
            return a.new_zeros(len(a))
        direction = nn.functional.normalize(gram_matrix(a).flatten(1), dim=1)
        others = (scene.groups[:, None] == scene.groups) & ~torch.eye(len(a), dtype=torch.bool, device=a.device)
        cosine = (direction @ direction.T).masked_fill(~others, 0)
        return -cosine.sum(1) / others.sum(1).clamp(min=1)

    return Objective(f"diversity({layer})", frozenset([layer]), value)


def gram_matrix(
    activations: Tensor, *, centred: bool = False, regions: Float[Tensor, "r h w"] | None = None
) -> Tensor:
    """How often units are active together: (n, units, *positions) -> (n, units, units), a mean over positions.

    centred: of the differences from each unit's mean, which makes it the covariance. regions: soft masks of any size,
    averaged onto the positions; the means are weighted by each, (n, r, units, units).

    >>> gram_matrix(torch.tensor([[[1.0, 3.0], [0.0, 2.0]]])).round(decimals=3).tolist()
    [[[5.0, 3.0], [3.0, 2.0]]]
    >>> gram_matrix(torch.tensor([[[1.0, 3.0], [0.0, 2.0]]]), centred=True).round(decimals=3).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    a = activations.flatten(2) if activations.ndim > 2 else activations[..., None]
    if regions is None:
        return _Products.apply((a - a.mean(2, keepdim=True) if centred else a).mT)
    rows, columns = activations.shape[2:]
    shares = nn.functional.adaptive_avg_pool2d(regions.to(a), (rows, columns)).flatten(1)
    shares = shares / shares.sum(1, keepdim=True).clamp(min=torch.finfo(a.dtype).tiny)
    a = a[:, None]
    if centred:
        a = a - (a * shares[:, None]).sum(-1, keepdim=True)
    return _Products.apply((a * shares[:, None].sqrt() * a.shape[-1] ** 0.5).mT)


class _Products(torch.autograd.Function):
    """X^T X / p of X (..., p, units), whose gradient is one product, X (D + D^T) / p: autograd would make two of it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        share = 1 / x.shape[-2]
        if x.element_size() < 4:  # else the product could leave the range of half precision
            x = x * share**0.5
            return x.mT @ x
        return (x.mT @ x).mul_(share)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        (x,), (d,) = ctx.saved_tensors, grad_outputs
        return x @ ((d + d.mT) / x.shape[-2])
