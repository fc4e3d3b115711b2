"""What a layer has learned, as numbers: its kernels, and a name for the whole set of weights."""

import hashlib

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from convscope.errors import InputError
from convscope.lens.probe import find_layer


def kernels(model: nn.Module, name: str) -> Float[np.ndarray, "m c r s"]:
    """A copy of a convolution's kernels: m outputs, c inputs (of each group), r rows, s columns.

    Raises InputError for a layer that the model has not or that is no 2-D convolution.
    """
    module = find_layer(model, name)
    if not isinstance(module, nn.Conv2d):
        raise InputError(
            f"layer {name!r} is a {type(module).__name__}: only Conv2d layers have kernels (m, c, r, s)"
        )
    return module.weight.detach().cpu().float().numpy().copy()


def weights_hash(model: nn.Module) -> str:
    """SHA-256 over names, shapes, types and bytes of all weights and buffers, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
