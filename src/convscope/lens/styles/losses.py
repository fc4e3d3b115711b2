"""How far a picture is from the content and the styles that were given: one loss by name for each layer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import SupportsFloat

import torch
from jaxtyping import Float
from torch import Tensor

from convscope.lens.objectives import Objective, Scene, gram_matrix, gram_near, total_variation, towards
from convscope.lens.probe import Look
from convscope.lens.styles.terms import Terms

SMALLEST = 1e-12
"""A target of nothing at all (a layer that is silent) is not divided by."""


@dataclass(frozen=True)
class Losses:
    """Terms to be made small, by name: (weight, objective), where the objective is minus what the loss is.

    All but the roughness are relative: 0 where the picture is just as it should be, 1 where its layer is silent.
    """

    terms: dict[str, tuple[float, Objective]]
    _latest: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def objective(self) -> Objective:
        """Minus the weighted sum. Whenever it is evaluated, `latest` tells of its terms."""
        parts = [weight * objective for weight, objective in self.terms.values()]

        def value(scene: Scene) -> Tensor:
            values = {name: objective(scene) for name, (_, objective) in self.terms.items()}
            self._latest.update({name: -value.detach() for name, value in values.items()})
            return torch.stack([self.terms[name][0] * value for name, value in values.items()]).sum(0)

        layers = frozenset[str]().union(*(part.layers for part in parts))
        return Objective(" + ".join(map(str, parts)), layers, value, is_sum=True)

    @property
    def latest(self) -> dict[str, float]:
        """Each loss of the picture seen last, before its weight; "total": their weighted sum."""
        found = {name: float(value.mean()) for name, value in self._latest.items()}
        return {**found, "total": sum(self.terms[name][0] * value for name, value in found.items())}


def losses(
    look: Look,
    terms: Terms,
    content: Float[Tensor, "1 c h w"],
    styles: Sequence[Tensor],
    mix: Sequence[float],
    *,
    strength: SupportsFloat,
    span: SupportsFloat,
    centred: bool = False,
    regions: tuple[Float[Tensor, "r hc wc"], Sequence[Float[Tensor, "r _ _"]]] | None = None,
) -> Losses:
    """What is asked of a picture: the content's activations, the styles' Gram matrices, and little roughness.

    loss = sum_l c_l |F_l - F_l(content)|^2 / |F_l(content)|^2
           + strength sum_l s_l |G_l - T_l|^2 / |T_l|^2 + tv roughness,  T_l = sum_k mix_k G_l(style k)

    with the weights c and s of `terms`, each divided by their sum. A weighted sum of the distances to several
    matrices has the same minimum as the distance to their mean, so one matrix serves.
    span: from black to white in the network's units. regions: soft masks (r, ...) over the content and over each style;
    the Gram matrices are then taken in each region by itself.
    (Gatys, Ecker, Bethge 2016, equation 7, with every term relative; Luan et al. 2017 for regions.)
    """
    over, under = regions or (None, [None] * len(styles))
    found: dict[str, tuple[float, Objective]] = {}
    with torch.no_grad():
        matrices = {name: torch.zeros(()) for name in terms.style}
        for picture, share, masks in zip(styles, mix, under, strict=True):
            for name, seen in look(picture).items():
                if name in matrices:
                    matrices[name] = matrices[name] + share * gram_matrix(seen, centred=centred, regions=masks)
        whole = sum(map(float, terms.content.values()))
        for name, seen in look(content).items():
            if name in terms.content:
                size = max(float(seen.square().mean()), SMALLEST)
                found[f"content {name}"] = float(terms.content[name]) / whole, 1 / size * towards(name, seen)
    whole = sum(map(float, terms.style.values()))
    for name, matrix in matrices.items():
        target = gram_near(name, matrix, centred=centred, regions=over)
        weight = float(strength) * float(terms.style[name]) / whole
        found[f"style {name}"] = weight, 1 / max(_size(matrix, over), SMALLEST) * target
    if float(terms.tv):
        found["roughness"] = float(terms.tv), -1 / float(span) * total_variation()
    return Losses(found)


def _size(matrices: Tensor, regions: Tensor | None) -> float:
    """The mean square of Gram matrices, over regions by their areas."""
    each = matrices.square().mean((-2, -1))[0]
    if regions is None:
        return float(each)
    areas = regions.to(each).flatten(1).mean(1)
    return float(each @ areas / areas.sum())
