"""A photograph of any size as a network takes it, and back: nothing is cut, nothing is squeezed."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath
from convscope.imagefiles import quiet, read_picture
from convscope.lens.models import Network, preprocessing_of
from convscope.pictures import Picture

STRIP = 256  # rows
AnyPicture = AnyPath | Image.Image | np.ndarray


def as_photograph(picture: AnyPicture) -> UInt8[np.ndarray, "h w 3"]:
    """A picture file, a PIL image or an array (h, w), (h, w, 1 or 3) of uint8 as red, green and blue.

    Files are read as people see them: upright, in colours of eight bits, transparency laid on white.

    Raises InputError for a file that is no sound picture, and for arrays of other shapes and types.
    """
    if isinstance(picture, np.ndarray):
        planes = picture[..., None] if picture.ndim == 2 else picture
        if planes.ndim != 3 or planes.shape[2] not in (1, 3) or planes.dtype != np.uint8 or not planes.size:
            raise InputError(f"picture: {picture.dtype} of shape {picture.shape}; give uint8 (h, w) or (h, w, 3)")
        return np.ascontiguousarray(np.broadcast_to(planes, (*planes.shape[:2], 3)))
    if isinstance(picture, Image.Image):
        return np.array(picture.convert("RGB"))
    with quiet():
        return np.array(read_picture(picture).convert("RGB"))


def resized(picture: Picture, rows: int, columns: int) -> Picture:
    """The picture in other sizes, smoothed when shrinking (Lanczos)."""
    if picture.shape[:2] == (rows, columns):
        return picture
    return np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.LANCZOS))


def shrunk(picture: Picture, longest: int | None) -> Picture:
    """The picture with a longest side of at most so many pixels; None: as it is. Raises InputError below 1."""
    if longest is None or max(picture.shape[:2]) <= longest:
        return picture
    if longest < 1:
        raise InputError(f"size={longest}: the longest side in pixels; use 1 or more")
    share = longest / max(picture.shape[:2])
    return resized(picture, *(max(round(side * share), 1) for side in picture.shape[:2]))


def enter(network: Network, picture: Picture) -> Float[Tensor, "1 c h w"]:
    """The picture, at its own size, as the network takes it, on the network's device.

    Raises InputError where nobody said how pictures become inputs, and for a network whose channels are no colours.
    """
    taken = replace(preprocessing_of(network), size=picture.shape[:2], crop=1.0)
    colours = taken.fit(Image.fromarray(picture))  # of this very size, so nothing is resized; grey where it takes that
    inputs = taken.to_inputs(np.array(colours)[None])
    weight = next((p for p in network.model.parameters() if p.is_floating_point()), None)
    return inputs if weight is None else inputs.to(weight.device)


def leave(network: Network, inputs: Float[Tensor, "1 c h w"]) -> Picture:
    """The way back: an input of the network as people see it."""
    values, back = inputs.detach().float().cpu().numpy(), preprocessing_of(network).to_pictures
    # strip by strip: on the way back there are several copies
    strips = [back(values[:, :, top : top + STRIP])[0] for top in range(0, values.shape[2], STRIP)]
    seen = np.concatenate(strips)
    return np.ascontiguousarray(np.broadcast_to(seen, (*seen.shape[:2], 3)))


def enlarged(inputs: Float[Tensor, "n c h w"], rows: int, columns: int) -> Float[Tensor, "n c rows columns"]:
    """Inputs in other sizes, cubic between the cells, smoothed when shrinking."""
    if inputs.shape[2:] == (rows, columns):
        return inputs
    return torch.nn.functional.interpolate(
        inputs, size=(rows, columns), mode="bicubic", align_corners=False, antialias=True
    )
