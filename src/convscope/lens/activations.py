"""What a layer says about given pictures: its feature maps."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from convscope.lens.fields import trace
from convscope.lens.probe import probe, to_model


def maps(
    model: nn.Module, x: np.ndarray | Tensor, layers: Sequence[str] | None = None
) -> dict[str, Float[np.ndarray, "n ..."]]:
    """Activations of the named layers (default: all that hold no others) for pictures x (n, c, h, w).

    Each is (n, units, rows, columns) for a map and (n, units) for a vector, float32.

    Raises InputError for a layer the model has not and for pictures it cannot take.

    >>> model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU())
    >>> maps(model, np.zeros((2, 1, 8, 8), np.float32), ["1"])["1"].shape
    (2, 6, 4, 4)
    """
    pictures = to_model(model, x)
    if layers is None:
        layers = [visit.name for visit in trace(model, tuple(pictures.shape[1:]))]  # type: ignore[arg-type]
    with torch.no_grad(), probe(model, layers) as look:
        return {name: look_at.float().cpu().numpy() for name, look_at in look(pictures).items()}
