"""A layer drawn towards what it saw in another picture, wherever that fits best."""

import torch
from torch import Tensor

from convscope.lens.objectives.algebra import Objective, Scene
from convscope.lens.objectives.targets import Numbers, Target


def attraction(layer: str, activations: Numbers) -> Objective:
    """More of a guide: the mean over positions of a . g, where g is the guide's activation most like a.

    activations: (1, units, *positions) of the guide; its positions may be others than the canvas has. Most like: of
    the greatest cosine. (The guided dreams of Mordvintsev, Olah and Tyka 2015, "Inceptionism", which take the greatest
    product.)

    Raises InputError for what is no array of one picture's activations.

    >>> scene = Scene(torch.zeros(1, 1, 2, 2), {"a": torch.tensor([[[3.0, 0.0], [0.0, 1.0]]])}, torch.arange(1))
    >>> attraction("a", [[[2.0, 0.0], [0.0, 5.0]]])(scene)
    tensor([5.5000])
    """
    target = Target.of(f"attraction({layer!r})", activations)
    guide = target.values[0].flatten(1)  # (units, places)
    directions = torch.nn.functional.normalize(guide, dim=0)

    def value(scene: Scene) -> Tensor:
        a = scene.activations[layer]
        a = a.flatten(2) if a.ndim > 2 else a[..., None]
        with torch.no_grad():  # whoever is most like is chosen, not changed
            best = (directions.to(a).T @ a).argmax(1)  # (n, positions)
        chosen = guide.to(a)[:, best].transpose(0, 1)  # (n, units, positions)
        return (a * chosen).sum(1).mean(1)

    return Objective(f"attraction({layer}, {target.text})", frozenset([layer]), value, local=True)
