"""From a network to what its atlas is to be of: which layers, which units."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from torch import nn

from convscope.atlas.copies import copies
from convscope.atlas.subject import Layer, Member
from convscope.errors import InputError
from convscope.lens.listing import LayerInfo
from convscope.lens.listing import layers as listed
from convscope.lens.models import Network
from convscope.lens.probe import find_layer
from convscope.lens.weights import weights_hash


def survey(
    network: Network, label: str, patterns: Sequence[str] | None = None, units: Sequence[int] | None = None
) -> Member:
    """The network as a member of an atlas.

    patterns: names of layers, or shell patterns for them such as "features.*"; by default all that have kernels or
    weights between units (convolutions, linear layers), and the blocks made of them. units: which are drawn, of each
    layer as many of them as it has; by default all.

    Raises InputError for a pattern that matches no layer, for units that no layer has, and for networks of vectors.
    """
    if len(network.input_shape) < 2:
        raise InputError(
            f"model: {label} takes vectors {network.input_shape} of numbers, which show nothing to look at; give a "
            "network of pictures, boards, sounds or words"
        )
    infos = [info for info in _chosen(network, patterns) if info.units]
    repeated = copies(network, [info.name for info in infos])
    drawn = [_within(units, info) if _can_be_drawn(network, info.name) else () for info in infos]
    if not any(drawn) and units is not None:
        raise InputError(
            f"units: {_few(units)}, and the layers of {label} have at most {max(info.units for info in infos)}; "
            "units are counted from 0"
        )
    layers = tuple(
        Layer(
            name=info.name,
            kind=info.kind,
            shape=info.shape,
            parameters=info.parameters,
            field=info.field,
            is_block=info.is_block,
            kernel=_kernel(find_layer(network.model, info.name)),
            units=own,
            copies=repeated[info.name],
        )
        for info, own in zip(infos, drawn, strict=True)
    )
    return Member(label, network, weights_hash(network.model), _with_originals(layers))


def fewer(member: Member, counts: Sequence[int]) -> Member:
    """The same with at most so many units of each layer drawn, spread evenly over those that were; and their copies."""
    layers: list[Layer] = []
    drawn: dict[str, set[int]] = {}
    for layer, count in zip(member.layers, counts, strict=True):
        own = drawn_anew(layer)
        few = own if count >= len(own) else [own[i * len(own) // count] for i in range(count)]
        copied = [unit for unit in layer.units if unit in layer.copies and _is_drawn(layer.copies[unit], drawn)]
        drawn[layer.name] = {*few, *copied}
        layers.append(replace(layer, units=tuple(sorted(drawn[layer.name]))))
    return replace(member, layers=_with_originals(tuple(layers)))


def drawing(member: Member, units: Mapping[str, Sequence[int]]) -> Member:
    """The same with those units of each layer drawn; none of a layer that is not named."""
    layers = tuple(replace(layer, units=tuple(units.get(layer.name, ()))) for layer in member.layers)
    return replace(member, layers=_with_originals(layers))


def drawn_anew(layer: Layer) -> list[int]:
    """The units of a layer that take a drawing of their own."""
    return [unit for unit in layer.units if unit not in layer.copies]


def _is_drawn(other: tuple[str, int], drawn: Mapping[str, set[int]]) -> bool:
    return other[1] in drawn.get(other[0], ())


def _chosen(network: Network, patterns: Sequence[str] | None) -> list[LayerInfo]:
    infos = listed(network)
    if not patterns:
        own = [info for info in infos if info.is_block or _connects(find_layer(network.model, info.name))]
        chosen = [info for info in own if info.parameters]
        if not chosen:
            raise InputError("model: it has no layer with weights; name layers that are to be looked at")
        return chosen
    for pattern in patterns:
        if not any(fnmatchcase(info.name, pattern) for info in infos):
            near = difflib.get_close_matches(pattern, [info.name for info in infos], n=3, cutoff=0.3)
            raise InputError(
                f"layers: {pattern!r} matches none; "
                + (f"did you mean {' or '.join(near)}?" if near else "`convscope layers MODEL` lists them")
            )
    return [info for info in infos if any(fnmatchcase(info.name, pattern) for pattern in patterns)]


def _connects(module: nn.Module) -> bool:
    """Whether it has weights from unit to unit, as convolutions and linear layers have, unlike norms."""
    own = [weight for weight in module.parameters(recurse=False) if weight.ndim > 1]
    return bool(own) and not isinstance(module, nn.Embedding)


def _kernel(module: nn.Module) -> tuple[int, int] | None:
    """The size of a convolution's kernels, where there is something to see in them."""
    if not isinstance(module, nn.Conv2d) or module.kernel_size == (1, 1):
        return None
    rows, columns = module.kernel_size
    return int(rows), int(columns)


def _can_be_drawn(network: Network, layer: str) -> bool:
    """False for layers of a world that searches for what excites a unit, and not for that of this one."""
    return network.world is None or not network.world.searches or network.world.knows_best(layer)


def _within(units: Sequence[int] | None, info: LayerInfo) -> tuple[int, ...]:
    return tuple(range(info.units)) if units is None else tuple(unit for unit in sorted(units) if unit < info.units)


def _with_originals(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Copies only of units that are drawn themselves."""
    drawn = {layer.name: set(layer.units) for layer in layers}
    return tuple(
        replace(layer, copies={unit: other for unit, other in layer.copies.items() if _is_drawn(other, drawn)})
        for layer in layers
    )


def _few(units: Sequence[int]) -> str:
    return ", ".join(map(str, units[:3])) + (", ..." if len(units) > 3 else "")
