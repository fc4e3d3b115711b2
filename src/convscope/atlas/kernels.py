"""A convolution's kernels as small pictures, one file a unit: a pixel is a cell."""

import math

import numpy as np
from jaxtyping import Float
from torch import nn

from convscope import lens, pictures
from convscope.atlas.plan import Task
from convscope.atlas.store import Record
from convscope.atlas.subject import Layer, Subject
from convscope.errors import InputError
from convscope.geometry import span
from convscope.lens.models import Network
from convscope.lens.probe import find_layer
from convscope.pictures import Picture

MOST = 64
"""Kernels of one unit that are shown: of more inputs those of the largest norm."""
PAPER = (205, 203, 198)


def show(subject: Subject, task: Task) -> Record:
    """The record of a layer's kernels.

    Kernels that are laid on colours become pictures in colours: grey is 0, and what is brighter raises the unit. Of
    others each unit gets a sheet, `across` kernels in a row with a line of one pixel around each, in the order of its
    inputs, or the strongest first where not all are shown; blue is negative, red positive. `limit` is the number of
    the full colour, the largest magnitude of the layer: all its pictures can be compared.

    Raises InputError for a layer that is no 2-D convolution.
    """
    member = subject.members[task.member]
    weights = lens.kernels(member.network.model, task.layer)
    limit = float(np.abs(weights).max(initial=0))
    if not np.isfinite(limit):
        raise InputError(f"layer {task.layer!r}: a weight is not finite; train or load the network again")
    inputs, rows, columns = weights.shape[1:]
    in_colour = _is_in_colour(member.network, member.layer(task.layer))
    across = 1 if in_colour else _across(min(inputs, MOST))
    files = {}
    for unit, own in enumerate(weights):
        picture = _colours(member.network, own, limit) if in_colour else _sheet(own, limit, across)
        files[f"unit-{unit}.png"] = pictures.png(picture)
    numbers = {
        "layer": task.layer,
        "rows": rows,
        "columns": columns,
        "inputs": inputs,
        "inputs shown": min(inputs, MOST),
        "limit": limit,
        "kind": "colour" if in_colour else "signed",
        "across": across,
    }
    return Record(task.key, numbers, files)


def _is_in_colour(network: Network, layer: Layer) -> bool:
    """Whether the kernels lie on red, green and blue themselves: three channels, and nothing before them."""
    conv = find_layer(network.model, layer.name)
    if not isinstance(conv, nn.Conv2d):
        return False
    spans = tuple(span(*sides) for sides in zip(conv.kernel_size, conv.dilation, strict=True))
    colours = network.preprocessing is None or network.preprocessing.order in ("RGB", "BGR")
    sees = None if layer.field is None else layer.field.size
    return network.input_shape[0] == 3 == conv.in_channels // conv.groups and colours and sees == spans


def _colours(network: Network, kernel: Float[np.ndarray, "3 r s"], limit: float) -> Picture:
    taken = network.preprocessing
    kernel = kernel[::-1] if taken is not None and taken.order == "BGR" else kernel
    return pictures.colour(kernel, -limit or -1.0, limit or 1.0)


def _sheet(kernels: Float[np.ndarray, "c r s"], limit: float, across: int) -> Picture:
    if len(kernels) > MOST:
        norms = np.square(kernels).sum((1, 2))
        kernels = kernels[np.argsort(-norms, kind="stable")[:MOST]]
    tiles = [pictures.signed(kernel, limit) for kernel in kernels]
    return pictures.sheet(tiles, across, gap=1, paper=PAPER)


def _across(count: int) -> int:
    """Kernels in a row: about as many as rows, and full rows where that can be."""
    least = math.isqrt(count - 1) + 1
    return next((across for across in range(least, 2 * least) if count % across == 0), least)
