"""Average pooling in place of the maximum, which makes smoother pictures (Gatys et al. 2016)."""

from copy import deepcopy

from torch import nn

from convscope.errors import InputError


def averaged(model: nn.Module) -> nn.Module:
    """A copy in which every nn.MaxPool2d is the average over the same windows, padding left out.

    Raises InputError where there is none, and for one with dilation or one that gives indices.
    """
    copy = deepcopy(model)
    pools = [(name, module) for name, module in copy.named_modules() if isinstance(module, nn.MaxPool2d)]
    if not pools:
        raise InputError(f"pooling='average': {type(model).__name__} has no nn.MaxPool2d to replace; use pooling='max'")
    for name, pool in pools:
        if pool.dilation not in (1, (1, 1)) or pool.return_indices:
            raise InputError(f"pooling='average': {name!r} is {pool}, which no average replaces; use pooling='max'")
        average = nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, count_include_pad=False)
        if not name:
            return average
        copy.set_submodule(name, average)
    return copy
