"""Into the dream: each frame the middle of the one before, enlarged and dreamt on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import SupportsFloat

import numpy as np
from PIL import Image

from convscope.errors import InputError
from convscope.lens.anysize import AnyPicture, as_photograph, shrunk
from convscope.lens.dreams.dreaming import Dreamer
from convscope.lens.models import AnyModel, Preprocessing, network
from convscope.lens.objectives import Objective
from convscope.pictures import Picture


def zooming(
    picture: AnyPicture,
    objective: Objective | str | None = None,
    *,
    frames: int,
    by: SupportsFloat = 1.04,
    model: AnyModel = "squeezenet",
    like: AnyPicture | None = None,
    octaves: int | None = None,
    scale: SupportsFloat = 1.4,
    steps: int = 12,
    strength: SupportsFloat = 0.08,
    size: int | None = None,
    tile: int | None = None,
    seed: int = 0,
    preprocessing: Preprocessing | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Picture]:
    """The frames of a fall into a dream, each as soon as it is made; all of the picture's size.

    The first frame is the picture's dream. Each next one is the middle of the last, enlarged `by` so much, and dreamt
    on a little: in a third of the steps, a quarter as far, so that what is there moves and does not boil.
    frames: how many. progress(done, total, what) is called for every frame. All else is as `dream` has it; what cannot
    be used is refused by this call, before the first frame.

    Raises InputError as `dream` does, for no frames, and for a zoom of 1 or less, or above 2.
    """
    factor = float(by)
    if frames < 1 or not 1 < factor <= 2:
        raise InputError(f"frames={frames}, by={factor:g}: use 1 frame or more, each enlarged by more than 1, up to 2")
    given = network(model, None, preprocessing)
    how = {"scale": float(scale), "tile": tile}
    first = Dreamer.of(given, objective, like, steps=steps, strength=float(strength), **how)
    later = replace(first, steps=-(-steps // 3), strength=float(strength) / 4)
    photo = shrunk(as_photograph(picture), size)
    first.octaves(photo, octaves)  # too small a picture is refused now

    def fall() -> Iterator[Picture]:
        last = photo
        for k in range(frames):
            dreamer = later if k else first
            last = dreamer.dream(magnified(last, factor) if k else last, octaves, seed + k, {}).picture
            if progress is not None:
                progress(k + 1, frames, "")
            yield last

    return fall()


def magnified(picture: Picture, factor: float) -> Picture:
    """The middle of a picture, at the picture's size.

    >>> magnified(np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, 2), 2.0)[..., 0].tolist()
    [[4, 4, 5, 5], [6, 6, 7, 7], [8, 8, 9, 9], [10, 10, 11, 11]]
    """
    h, w = picture.shape[:2]
    down, along = (side * (1 - 1 / factor) / 2 for side in (h, w))
    window = (along, down, w - along, h - down)
    return np.asarray(Image.fromarray(picture).resize((w, h), Image.Resampling.BICUBIC, box=window))
