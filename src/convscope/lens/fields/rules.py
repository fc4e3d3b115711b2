"""What the result of each operator sees, given what its arguments see.

Every operator of PyTorch falls into one of a few kinds: windows that slide (`windows`), cells that are moved (views,
copies, padding), cell by cell, everything along some axes (sums, normalisation, softmax), and products of matrices.
What is of no known kind is taken to see all that its arguments see.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any

import torch
from torch import Tensor

from convscope.lens.calls import named_arguments, op_name, tensors_in
from convscope.lens.fields import windows
from convscope.lens.fields.call import Call, Rule
from convscope.lens.fields.shadows import Shadow, hull, join, moved

SAME = {
    "_conj", "_prelu_kernel", "_to_copy", "bernoulli", "clone", "contiguous", "hardswish", "lift_fresh",
    "log_sigmoid_forward", "masked_fill", "nan_to_num", "native_dropout", "prelu", "rrelu_with_noise", "tril",
    "triu", "where",
}  # fmt: skip  # cell by cell, though PyTorch does not mark them so
COPIES = {
    "_unsafe_view", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d", "cat",
    "channel_shuffle", "flip", "gather", "im2col", "index", "index_select", "native_channel_shuffle",
    "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "repeat",
    "repeat_interleave", "replication_pad1d", "replication_pad2d", "replication_pad3d", "roll", "rot90",
    "select_scatter", "slice_scatter", "stack", "take", "unfold_copy", "upsample_nearest1d", "upsample_nearest2d",
    "upsample_nearest3d",
}  # fmt: skip  # ... and every view
ALONG = {
    "_log_softmax", "_safe_softmax", "_softmax", "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero",
    "cummax", "cummin", "cumprod", "cumsum", "linalg_vector_norm", "log_softmax", "logcumsumexp", "logsumexp",
    "max", "mean", "median", "min", "nansum", "norm", "prod", "renorm", "softmax", "sort", "std", "std_mean", "sum",
    "topk", "var", "var_mean",
}  # fmt: skip
ATTENTIONS = {
    "cudnn_attention", "efficient_attention", "flash_attention", "flash_attention_for_cpu",
}  # fmt: skip
NORMALISATIONS = {
    "_fused_rms_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm",
    "miopen_batch_norm", "native_batch_norm", "native_group_norm", "native_layer_norm",
}  # fmt: skip
ALL = {
    "_native_multi_head_attention", "_transformer_encoder_layer_fwd", "gru", "lstm", "mkldnn_rnn_layer",
}  # fmt: skip

Known = Callable[[Tensor], Shadow | None]


def follow(func: Any, args: tuple, kwargs: Mapping[str, Any] | None, result: Any, known: Known) -> list[Shadow | None]:
    """The shadows of all tensors of a result, in order; None for those that do not depend on the input."""
    made = list(tensors_in(result))
    shadows = {id(x): shadow for x in tensors_in((args, kwargs)) if (shadow := known(x)) is not None}
    if not shadows or not made:
        return [None] * len(made)
    given = named_arguments(func, args, kwargs)
    call = Call(op_name(func), func, given, args, dict(kwargs or {}), shadows, made)
    if any(not shadow.bounds for shadow in shadows.values()):  # an input of no axes, only features
        return [next(iter(shadows.values()))] * len(made)
    found = list(_rule(call)(call))
    if len(found) == 1:
        found *= len(made)
    return [shadow if shadow is None or _fits(shadow, x) else call.everything(x) for shadow, x in zip(found, made)]


def _fits(shadow: Shadow, x: Tensor) -> bool:
    return all(
        bound.ndim == x.ndim and all(size in (1, whole) for size, whole in zip(bound.shape, x.shape))
        for bound in shadow.bounds
    )


def _rule(call: Call) -> Rule:
    name = call.name
    made_new = name == "zero" or name.endswith("_like") or name.startswith("new_")
    if made_new or (name == "fill" and len(call.shadows) == 1):
        return lambda call: [None]
    if name in RULES:
        return RULES[name]
    if name == "as_strided" and call.func._schema.name.endswith("_"):
        return _laid_anew
    if name in ALL:
        return lambda call: [call.everything(x, exact=True) for x in call.made]
    if name in SAME or torch.Tag.pointwise in call.func.tags or (name in ALONG and "other" in call.given):
        return _pointwise
    if name in ALONG:
        return _along
    if name in COPIES or any(a.alias_info and not a.alias_info.is_write for a in call.func._schema.arguments):
        return _moved
    return lambda call: [call.everything(x) for x in call.made]


def _pointwise(call: Call) -> list[Shadow]:
    shadows = [call.shadows[id(x)] for x in tensors_in((call.args, call.kwargs)) if id(x) in call.shadows]
    return [join(shadows, call.made[0].ndim)]


def _copied(call: Call) -> list[Shadow]:
    return [join([call.shadow(call.given["src"])], call.made[0].ndim)]


def _moved(call: Call) -> list[Shadow]:
    """The operation itself, upon bounds in place of numbers; what does not depend on the input sees nothing."""
    source = call.source
    shadow = call.shadows[id(source)]
    func = call.func
    if call.name in ("view", "_unsafe_view", "_reshape_alias"):
        shape = call.made[0].shape
        return moved(shadow, source.shape, lambda bound: bound.reshape(shape))

    def of(b: int) -> Any:
        def swapped(value: Any) -> Any:
            if isinstance(value, Tensor):
                if id(value) in call.shadows:
                    bound = call.shadows[id(value)].bounds[b].expand(value.shape)
                    return _like(value, bound) if call.name == "as_strided" else bound
                return (
                    torch.full((), inf, dtype=torch.float64).expand(value.shape)
                    if value.is_floating_point()
                    else value.cpu()
                )
            if isinstance(value, list | tuple):
                return type(value)(swapped(each) for each in value)
            return value

        return func(*swapped(call.args), **{name: swapped(value) for name, value in call.kwargs.items()})

    bounds = iter(range(len(shadow.bounds)))
    try:
        results = moved(shadow, source.shape, lambda _: of(next(bounds)))
    except (RuntimeError, IndexError, TypeError):  # it asks for whole numbers, say: places that the input chooses
        return [call.everything(x) for x in call.made]
    if call.name in ("cat", "stack"):
        parts = [call.shadows[id(x)] for x in call.given["tensors"] if id(x) in call.shadows]
        results = [replace(results[0], exact=all(part.exact for part in parts))]
    if "upsample" in call.name:
        scale = [n / m for n, m in zip(source.shape[2:], call.made[0].shape[2:])]
        if len(scale) == len(shadow.steps):
            results = [replace(results[0], steps=tuple(step * by for step, by in zip(shadow.steps, scale)))]
    return results


def _like(x: Tensor, bound: Tensor) -> Tensor:
    """Bounds that lie in memory as the cells of x do."""
    return torch.empty_strided(x.shape, x.stride(), dtype=bound.dtype).copy_(bound)


def _laid_anew(call: Call) -> list[Shadow]:
    """Strides that are set in place, as global pooling does: known where all cells see the same."""
    alike = all(bound.numel() == 1 for bound in call.shadows[id(call.source)].bounds)
    return [call.everything(call.made[0], exact=alike)]


def _along(call: Call) -> list[Shadow]:
    """Everything along some axes: reductions, which may drop them, and what mixes cells there."""
    source, made = call.source, call.made[0]
    dims = call.given.get("dim")
    dims = [dims] if isinstance(dims, int) else list(dims or range(source.ndim))
    seen = hull(call.shadows[id(source)], dims)
    if made.ndim == source.ndim:
        return [seen]
    gone = {d % source.ndim for d in dims}
    return [seen.mapped(lambda bound: bound.reshape([n for d, n in enumerate(bound.shape) if d not in gone]))]


def _product(call: Call) -> list[Shadow]:
    """Rows of the one with columns of the other; then what is added."""
    names = ("self", "mat2") if "mat2" in call.given and "mat1" not in call.given else ("mat1", "mat2")
    if call.name in ("baddbmm",):
        names = ("batch1", "batch2")
    left, right = (call.given[name] for name in names)
    seen = [hull(call.shadow(left), [-1]), hull(call.shadow(right), [-2])]
    added = call.given["self"] if names[0] != "self" else None
    if added is not None and id(added) in call.shadows:
        seen.append(call.shadow(added))
    return [join(seen, call.made[0].ndim)]


def _linear(call: Call) -> list[Shadow]:
    x = call.given["input"]
    return [join([hull(call.shadow(x), [-1]), *call.rest(x)], x.ndim)]


def _attention(call: Call) -> list[Shadow]:
    """Each query, with all keys and all values."""
    query, key, value = (call.shadow(call.given[name]) for name in ("query", "key", "value"))
    made = call.made[0]
    others = call.rest(*(call.given[name] for name in ("query", "key", "value")))
    seen = join([hull(query, [-1]), hull(key, [-1, -2]), hull(value, [-2]), *others], made.ndim)
    return [seen, *(call.everything(x, exact=True) for x in call.made[1:])]


def _normalisation(call: Call) -> list[Shadow]:
    """By the statistics of the picture itself: all cells of the axes that they are taken over."""
    x = call.source
    shadow = call.shadows[id(x)]
    if call.name == "native_group_norm":
        shadow = hull(shadow, range(1, x.ndim))
    elif "normalized_shape" in call.given:
        shadow = hull(shadow, range(x.ndim - len(call.given["normalized_shape"]), x.ndim))
    elif call.given.get("training"):
        shadow = hull(shadow, [axis for axis in range(x.ndim) if axis != 1])
    shadow = join([shadow, *call.rest(x)], x.ndim)
    return [shadow, *(call.everything(made, exact=True) for made in call.made[1:])]


def _glu(call: Call) -> list[Shadow]:
    """The first half along an axis times a gate, the second."""
    x, dim = call.source, call.given["dim"]
    half = x.shape[dim] // 2
    ends = [moved(call.shadows[id(x)], x.shape, lambda b, at=at: b.narrow(dim, at, half))[0] for at in (0, half)]
    return [join(ends, x.ndim)]


def _embedding(call: Call) -> list[Shadow]:
    return [call.shadow(call.given["indices"]).mapped(lambda bound: bound[..., None])]


RULES: dict[str, Rule] = {
    **dict.fromkeys(["convolution", "_convolution"], windows.convolution),  # traced graphs call the latter
    "constant_pad_nd": windows.padding,
    "copy": _copied,
    "embedding": _embedding,
    "glu": _glu,
    "linear": _linear,
    **dict.fromkeys(["mm", "addmm", "bmm", "baddbmm"], _product),
    **{f"{kind}_pool{k}d": windows.pool for kind in ("avg", "max") for k in (1, 2, 3)},
    **{f"max_pool{k}d_with_indices": windows.pool for k in (1, 2, 3)},
    **{f"_adaptive_avg_pool{k}d": windows.adaptive for k in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{k}d": windows.adaptive for kind in ("avg", "max") for k in (1, 2, 3)},
    **{f"upsample_{how}": windows.interpolation for how in ("linear1d", "bilinear2d", "trilinear3d", "bicubic2d")},
    **{f"_scaled_dot_product_{how}": _attention for how in ATTENTIONS},
    **dict.fromkeys(NORMALISATIONS, _normalisation),
}
