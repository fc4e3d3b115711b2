"""How pictures enter a network, read from what timm, torchvision and transformers keep beside theirs.

Each function gives None for settings that `Preprocessing` cannot say, rather than something near them.
"""

from collections.abc import Mapping
from typing import Any

from convscope.errors import InputError
from convscope.lens.models.preprocessing import Preprocessing

_PIL = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}


def from_timm(settings: Mapping[str, Any], channels: int) -> Preprocessing | None:
    """Of a `pretrained_cfg`: input_size (c, h, w), mean, std, crop_pct, interpolation."""
    if settings.get("crop_mode", "center") != "center":
        return None
    return _made(
        channels,
        size=settings.get("input_size", ())[-2:],
        mean=settings.get("mean"),
        std=settings.get("std"),
        crop=settings.get("crop_pct") or 0.875,
        interpolation=settings.get("interpolation") or "bilinear",
    )


def from_torchvision(transforms: Any, channels: int) -> Preprocessing | None:
    """Of the transforms of a weights' entry: crop_size, resize_size, mean, std, interpolation."""
    cut, resized = (getattr(transforms, name, None) for name in ("crop_size", "resize_size"))
    if not cut or not resized:
        return None
    return _made(
        channels,
        size=(cut[0], cut[-1]),
        mean=transforms.mean,
        std=transforms.std,
        crop=min(cut) / min(resized),
        interpolation=transforms.interpolation.value,
    )


def from_processor(settings: Mapping[str, Any], channels: int) -> Preprocessing | None:
    """Of transformers' preprocessor_config.json. What is squeezed to a size there is cut to it here."""
    if settings.get("rescale_offset") or settings.get("do_rescale") is False:
        return None
    normalised = settings.get("do_normalize", True)
    resized, cut = _side(settings.get("size")), _side(settings.get("crop_size"))
    if resized is None:
        return None
    share = settings.get("crop_pct")
    if settings.get("do_center_crop") and cut is not None:
        size, crop = cut, min(cut) / min(resized)
    else:
        size, crop = resized, share if share and min(resized) < 384 else 1.0  # as ConvNeXt's does
    return _made(
        channels,
        size=size,
        mean=settings.get("image_mean") if normalised else (0.0,),
        std=settings.get("image_std") if normalised else (1.0,),
        white=round(255 * settings.get("rescale_factor", 1 / 255), 9),
        order="BGR" if settings.get("do_flip_channel_order") else "RGB",
        crop=min(crop, 1.0),
        interpolation=_PIL.get(int(settings.get("resample", 2)), ""),
    )


def _side(size: Any) -> tuple[int, int] | None:
    if isinstance(size, Mapping):
        if "shortest_edge" in size:
            size = size["shortest_edge"]
        elif "height" in size and "width" in size:
            return int(size["height"]), int(size["width"])
    return (size, size) if isinstance(size, int) else None


def _made(channels: int, *, size: Any, mean: Any, std: Any, **more: Any) -> Preprocessing | None:
    try:
        numbers = {"mean": tuple(map(float, mean)), "std": tuple(map(float, std))}
        order = more.pop("order", "RGB") if channels == 3 else "grey" if channels == 1 else f"channels:{channels}"
        rows, columns = map(int, size)
        return Preprocessing((rows, columns), **numbers, order=order, **more)
    except (InputError, TypeError, ValueError):
        return None
