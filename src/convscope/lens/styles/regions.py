"""Which part of a photograph takes its style from which part of another: pictures whose colours are labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy import ndimage
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.anysize import AnyPicture, as_photograph
from convscope.pictures import Picture

MOST = 20
"""Regions a mask may have: with more it is a photograph, or one whose colours have run."""

TOLERANCE = 24
"""Levels, of 255 in each channel, within which colours are one label: what JPEG does to a flat colour."""

LEAST = 1e-3
"""The share of a mask that a colour must cover to be a label."""

_WANTED = "give a label picture, one plain colour for each region, saved as PNG"


@dataclass(frozen=True)
class Regions:
    """labels: the colours, "#rrggbb"; content: their masks (r, h, w); styles: each style's masks (r, hs, ws).

    A mask holds 1 where a pixel belongs to the region and 0 elsewhere.
    """

    labels: tuple[str, ...]
    content: Float[Tensor, "r h w"] = field(repr=False)
    styles: tuple[Tensor, ...] = field(repr=False)


def regions(
    content: AnyPicture,
    styles: AnyPicture | Sequence[AnyPicture],
    page: Picture,
    paintings: Sequence[Picture],
) -> Regions:
    """The regions of a content's mask and of each style's, for the pictures that these are masks of.

    Each distinct colour, or grey level, of the masks is a label; the same colour means the same region in all of them.
    Noise and blends at borders are no labels: colours within TOLERANCE of a more frequent one, and those whose pixels,
    but for the ones with neighbours of another colour, cover less than LEAST of every mask. Their pixels go to the
    nearest label. Masks may be larger or smaller than their pictures where the proportions are the same to a pixel;
    they are then resized without blending.
    (The regions of Luan et al.: Deep photo style transfer, 2017, section 3.2.)

    Raises InputError for a mask of other proportions than its picture, one that is no label picture (more than MOST
    labels, or less than half of it plain), a label that is missing in one of the masks, and another number of masks
    than of styles.
    """
    given = [styles] if isinstance(styles, str | PathLike | Image.Image | np.ndarray) else list(styles)
    if len(given) != len(paintings):
        raise InputError(f"masks: {len(given)} for {len(paintings)} style pictures; give each style picture one mask")
    names = [_name(content, "content mask"), *(_name(mask, "style mask") for mask in given)]
    masks = [
        _fitting(as_photograph(mask), picture, name)
        for mask, picture, name in zip((content, *given), (page, *paintings), names)
    ]
    labels, covered = _labels(masks, names)
    for colour, shares in zip(labels, covered):
        if shares.min() < LEAST:
            raise InputError(
                f"{names[int(shares.argmin())]}: no region of {_hex(colour)}, which {names[int(shares.argmax())]} has; "
                "paint one there, or give that region another region's colour"
            )
    mine, *theirs = (_belonging(mask, labels) for mask in masks)
    return Regions(tuple(map(_hex, labels)), mine, tuple(theirs))


def _fitting(mask: Picture, picture: Picture, name: str) -> Picture:
    (height, width), (rows, columns) = mask.shape[:2], picture.shape[:2]
    # where one was resized, each of its sides was rounded to whole pixels
    if min(abs(height * columns / width - rows), abs(width * rows / height - columns)) > 1:
        raise InputError(
            f"{name}: {height} x {width} pixels for a picture of {rows} x {columns}; give a mask of that size, or of "
            "the same proportions"
        )
    return np.asarray(Image.fromarray(mask).resize((columns, rows), Image.Resampling.NEAREST))


def _labels(
    masks: Sequence[Picture], names: Sequence[str]
) -> tuple[UInt8[np.ndarray, "r 3"], Float[np.ndarray, "r masks"]]:
    """The colours that are labels, and the share of each mask that is plainly of each."""
    counted = [np.unique(mask.reshape(-1, 3)[_plain(mask).ravel()], axis=0, return_counts=True) for mask in masks]
    colours, place = np.unique(np.concatenate([own for own, _ in counted]), axis=0, return_inverse=True)
    shares = np.zeros((len(masks), len(colours)))
    start = 0
    for mask, share, (own, counts) in zip(masks, shares, counted):
        share[place[start : start + len(own)]] = counts / mask[..., 0].size
        start += len(own)
    labels, covered = list[np.ndarray](), list[np.ndarray]()
    left = np.ones(len(colours), bool)
    for k in np.argsort(-shares.max(0), kind="stable"):
        if not left[k]:
            continue
        near = left & (np.abs(colours.astype(int) - colours[k]).max(1) <= TOLERANCE)
        left &= ~near
        own = shares[:, near].sum(1)
        if own.max() >= LEAST:
            labels.append(colours[k])
            covered.append(own)
            if len(labels) > MOST:
                raise InputError(f"{names[int(own.argmax())]}: more than {MOST} colours; {_WANTED}")
    labelled = np.sum(covered, 0) if covered else np.zeros(len(masks))
    if labelled.min() < 0.5:
        raise InputError(f"{names[int(labelled.argmin())]}: less than half of it is of plain colours; {_WANTED}")
    return np.array(labels), np.array(covered)


def _plain(mask: Picture) -> Bool[np.ndarray, "h w"]:
    """Where all neighbours of a pixel have its colour, as nearly as may be: not where two regions blend."""
    size = (3, 3, 1)
    spread = ndimage.maximum_filter(mask, size, mode="nearest") - ndimage.minimum_filter(mask, size, mode="nearest")
    return spread.max(2) <= TOLERANCE


def _belonging(mask: Picture, labels: np.ndarray) -> Tensor:
    """(r, h, w): 1 where a pixel's nearest label is this one."""
    away = [np.square(mask.astype(np.int32) - label).sum(2) for label in labels.astype(np.int32)]
    nearest = np.argmin(away, 0)
    return torch.from_numpy((nearest == np.arange(len(labels))[:, None, None]).astype(np.float32))


def _name(mask: AnyPicture, role: str) -> str:
    return f"{role} {mask}" if isinstance(mask, str | PathLike) else role


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{level:02x}" for level in colour.tolist())
