"""How pictures become what a network takes, as data: sizes, range, mean, spread and the order of channels."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from convscope.errors import InputError

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_CHANNELS = {"RGB": 3, "BGR": 3, "grey": 1}

PRESETS = {
    "imagenet": "mean=0.485,0.456,0.406;std=0.229,0.224,0.225;crop=0.875",  # torchvision's, and most of timm's
    "inception": "mean=0.5;std=0.5;crop=0.875",  # -1 to 1
    "unit": "mean=0;std=1",  # 0 to 1
    "caffe": "mean=104,117,123;std=1;range=255;order=BGR;crop=0.875",
}
"""Common settings by name, without a size."""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture before a network sees it.

    input = (value / 255 * white - mean) / std, channel by channel in `order`, for values 0 to 255.

    size    rows and columns of the input
    mean, std   one number for all channels or one for each, in the network's order
    white   what full brightness is before mean and std: 1 or 255
    order   "RGB", "BGR", "grey", or "channels:6" for six channels (any number) that are no colours
    crop    the share of the shorter side that the input shows: the picture is resized until its shorter side
            is size / crop, then cut to size in the middle
    interpolation   "nearest", "bilinear", "bicubic" or "lanczos", all smoothed when shrinking, as Pillow does

    `str` writes the settings as one line, which `parse` reads.

    Raises InputError for numbers of channels that do not fit each other and for settings out of range.

    >>> imagenet = Preprocessing((224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    >>> imagenet.shape, imagenet.black[0]
    ((3, 224, 224), -2.1179039301310043)
    >>> print(imagenet)
    size=224x224;mean=0.485,0.456,0.406;std=0.229,0.224,0.225;range=1;order=RGB;crop=1;interpolation=bilinear
    """

    size: tuple[int, int]
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    white: float = 1.0
    order: str = "RGB"
    crop: float = 1.0
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if self.order not in _CHANNELS and not re.fullmatch(r"channels:[1-9]\d*", self.order):
            raise InputError(f"preprocessing: order={self.order!r}; use RGB, BGR, grey or, for six, channels:6")
        channels = self.channels
        if not {len(self.mean), len(self.std)} <= {1, channels}:
            raise InputError(
                f"preprocessing: mean={self.mean}, std={self.std} for the {channels} channels of {self.order}; "
                "give one number, or one for each channel"
            )
        finite = all(map(math.isfinite, (*self.mean, *self.std, self.white, self.crop)))
        if not finite or min(self.size) < 1 or min(self.std) <= 0 or not 0 < self.crop <= 1 or self.white <= 0:
            raise InputError(
                f"preprocessing: size={self.size}, mean={self.mean}, std={self.std}, white={self.white}, "
                f"crop={self.crop}; sizes, std and white must lie above 0, crop between 0 and 1"
            )
        if self.interpolation not in _RESAMPLING:
            raise InputError(
                f"preprocessing: interpolation={self.interpolation!r}; use one of {', '.join(_RESAMPLING)}"
            )

    @classmethod
    def parse(cls, text: str, shape: Sequence[int] | None = None) -> "Preprocessing":
        """The settings from one line: `name=value` with semicolons between, one of `PRESETS` before them or not.

        The names are size, mean, std, range (what full brightness is, 1 or 255), order, crop, interpolation.
        What the line leaves open is taken from `shape`, the (c, h, w) of an input where that is known: its
        size (else 224 x 224) and an order with its number of channels (else RGB).

        Raises InputError for what cannot be read, and as the class does.

        >>> Preprocessing.parse("inception;size=299x299")
        Preprocessing(size=(299, 299), mean=(0.5,), std=(0.5,), white=1.0, order='RGB', crop=0.875,
                      interpolation='bilinear')
        >>> Preprocessing.parse("range=255", shape=(6, 8, 9)).order
        'channels:6'
        """
        preset, _, rest = text.partition(";")
        line = f"{PRESETS[preset.strip()]};{rest}" if preset.strip() in PRESETS else text
        given: dict[str, Any] = {}
        for part in filter(None, map(str.strip, line.split(";"))):
            name, _, value = (piece.strip() for piece in part.partition("="))
            try:
                given[_FIELDS.get(name, name)] = _READ[name](value)
            except KeyError:
                raise InputError(
                    f"preprocessing: {part!r}; use {', '.join(PRESETS)}, or settings such as "
                    f"mean=0.5;std=0.5;size=224x224 (known: {', '.join(_READ)})"
                ) from None
            except ValueError:
                raise InputError(f"preprocessing: {part!r} cannot be read; write it as {_EXAMPLE[name]}") from None
        if shape is not None and len(shape) == 3:
            orders = {1: "grey", 3: "RGB"}
            given.setdefault("size", tuple(shape[1:]))
            given.setdefault("order", orders.get(shape[0], f"channels:{shape[0]}"))
        return cls(**{"size": (224, 224), **given})

    @property
    def channels(self) -> int:
        return _CHANNELS.get(self.order) or int(self.order.partition(":")[2])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one input."""
        return (self.channels, *self.size)

    @property
    def black(self) -> tuple[float, ...]:
        """What the network gets for black, one number a channel in its order."""
        return tuple((self._level(0.0)).tolist())

    @property
    def full(self) -> tuple[float, ...]:
        """What the network gets for white, one number a channel in its order."""
        return tuple(self._level(self.white).tolist())

    def fit(self, image: Image.Image) -> UInt8[np.ndarray, "h w c"]:
        """One picture resized and cut to `size`, RGB or grey, as people see it.

        Raises InputError for a network whose channels are no colours.
        """
        if self.order not in _CHANNELS:
            raise InputError(
                f"preprocessing: a picture has no {self.channels} channels; give arrays (n, h, w, {self.channels})"
            )
        image = image.convert("L" if self.order == "grey" else "RGB")
        rows, columns = self.size
        scale = max(rows / image.height, columns / image.width) / self.crop
        # never smaller than the cut, whatever rounding does
        target = (max(columns, round(image.width * scale)), max(rows, round(image.height * scale)))
        if target != image.size:
            image = image.resize(target, _RESAMPLING[self.interpolation])
        left, top = (image.width - columns) // 2, (image.height - rows) // 2
        cut = np.asarray(image.crop((left, top, left + columns, top + rows)))
        return cut[..., None] if cut.ndim == 2 else cut

    def to_inputs(self, pictures: UInt8[np.ndarray, "n h w c"]) -> Float[Tensor, "n c h w"]:
        """Pictures as people see them (RGB or grey, any size) as the network takes them, float32."""
        if pictures.ndim != 4 or pictures.shape[3] != self.channels or pictures.dtype != np.uint8:
            raise InputError(
                f"pictures: {pictures.dtype} of shape {pictures.shape}; give uint8 (n, h, w, {self.channels})"
            )
        planes = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float()
        if self.order == "BGR":
            planes = planes.flip(1)
        return planes.mul_(self.white / 255).sub_(_column(self.mean)).div_(_column(self.std))  # whole photographs

    def to_pictures(self, inputs: Float[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n h w c"]:
        """The way back: what the network took, as people see it; values beyond black and white are cut."""
        shares = (inputs * np.reshape(self.std, (-1, 1, 1)) + np.reshape(self.mean, (-1, 1, 1))) / self.white
        pictures = (np.clip(shares, 0, 1) * 255).round().astype(np.uint8)
        return (pictures[:, ::-1] if self.order == "BGR" else pictures).transpose(0, 2, 3, 1)

    def as_dict(self) -> dict[str, Any]:
        """All settings as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        numbers = {"mean": self.mean, "std": self.std, "range": (self.white,)}
        told = {name: ",".join(map(_shortest, values)) for name, values in numbers.items()}
        told = {"size": "x".join(map(str, self.size)), **told, "order": self.order}
        told |= {"crop": _shortest(self.crop), "interpolation": self.interpolation}
        return ";".join(f"{name}={value}" for name, value in told.items())

    def _level(self, value: float) -> np.ndarray:
        return (value - np.asarray(self.mean)) / np.asarray(self.std) + np.zeros(self.channels)


def _column(numbers: Sequence[float]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(-1, 1, 1)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _size(text: str) -> tuple[int, int]:
    rows, columns = map(int, text.split("x"))
    return rows, columns


_READ: dict[str, Callable[[str], Any]] = {
    "size": _size,
    "mean": _numbers,
    "std": _numbers,
    "range": float,
    "order": str,
    "crop": float,
    "interpolation": str,
}
_FIELDS = {"range": "white"}
_EXAMPLE = {
    "size": "size=224x224 (rows x columns)",
    "mean": "mean=0.5 or mean=0.485,0.456,0.406",
    "std": "std=0.5 or std=0.229,0.224,0.225",
    "range": "range=1 or range=255",
    "crop": "crop=0.875",
}


def _shortest(number: float) -> str:
    """The shortest text that reads as this very number."""
    return repr(float(number)).removesuffix(".0")
