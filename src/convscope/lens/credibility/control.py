"""The untrained twin: the same network, its numbers shuffled within every weight, so that nothing learned is left."""

from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from convscope.lens.probe import probe, to_model

FLOOR = 0.02  # of the twins' spread: what a batch norm fixes is the same in all of them, but for rounding
POSITIONS = 400  # of each unit's values in a picture as many are looked at, evenly spread


def twin(model: nn.Module, pictures: Tensor, seed: int | None) -> nn.Module:
    """A copy whose every weight and bias holds the same numbers in an order drawn from `seed`, or, for None, in theirs.

    Batch norms measure their mean and variance anew on `pictures`. Of a network whose weights were drawn
    independently and never trained, a twin is just another draw.
    """
    copy = deepcopy(model).eval().requires_grad_(False)
    dice = torch.Generator().manual_seed(seed or 0)
    norms = [module for module in copy.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    with torch.no_grad():
        for weight in copy.parameters() if seed is not None else ():
            order = torch.randperm(weight.numel(), generator=dice).to(weight.device)
            weight.copy_(weight.flatten()[order].reshape(weight.shape))
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
            norm.train()
        if norms:
            copy(to_model(copy, pictures))
    return copy.eval()


def strangeness(model: nn.Module, layer: str, pictures: Tensor, twins: int, seed: int) -> float:
    """How far a layer's answers to natural pictures lie from those of untrained twins, in the twins' own spread.

    The largest |figure - mean| / std over eight figures of the whole layer: mean and spread over units of the log
    standard deviation and of arctan(mean/std), mean skewness and kurtosis, mean and spread of the units' correlations.
    For what this is in networks trained and not, see LEARNED in verdict.py.
    """
    own = portrait(twin(model, pictures, None), layer, pictures)  # its norms measured on these pictures too
    drawn = np.array([portrait(twin(model, pictures, seed + i), layer, pictures) for i in range(twins)])
    spread = np.maximum(drawn.std(0, ddof=1), FLOOR)
    return float(np.max(np.abs(own - drawn.mean(0)) / spread))


def portrait(model: nn.Module, layer: str, pictures: Tensor) -> Float[np.ndarray, " 8"]:
    """The eight figures of `strangeness`."""
    with torch.no_grad(), probe(model, [layer]) as look:
        said = look(to_model(model, pictures))[layer].double()
    flat = said.flatten(2) if said.ndim > 2 else said[:, :, None]
    flat = flat[:, :, :: -(-flat.shape[2] // POSITIONS)].transpose(0, 1).flatten(1).cpu().numpy()
    mean, std = flat.mean(1), flat.std(1)
    alive = std > 1e-9 * max(std.max(), 1e-300)
    if not alive.any():
        return np.zeros(8)
    mean, std = mean[alive], std[alive]
    score = (flat[alive] - mean[:, None]) / std[:, None]
    together = (score @ score.T / score.shape[1])[~np.eye(len(score), dtype=bool)]
    together = together if len(together) else np.zeros(1)
    log, shift = np.log(std), np.arctan2(mean, std)  # bounded, for units that hardly ever change
    lean, tail = np.log1p(np.abs((score**3).mean(1))).mean(), np.log((score**4).mean(1)).mean()
    return np.array(
        [log.mean(), log.std(), shift.mean(), shift.std(), lean, tail, np.abs(together).mean(), together.std()]
    )
