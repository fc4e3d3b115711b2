"""A dream, offline: what SqueezeNet takes a photograph of a cat for, before and after flamingos grew in it.

Run: python examples/dream.py
"""

import numpy as np
import torch
from skimage.data import chelsea

import convscope as cs
from convscope.lens.dreams import dream
from convscope.lens.models.network import preprocessing_of
from convscope.lens.objectives import channel

network = cs.load("squeezenet")
photo = chelsea()[:240, 60:360]


def seen(picture: np.ndarray) -> str:
    """The class that the network takes a picture for, with its share of all 1000."""
    with torch.no_grad():
        shares = network.model(preprocessing_of(network).to_inputs(picture[None])).softmax(1)[0]
    return f"{network.classes[int(shares.argmax())]} ({float(shares.max()):.0%})"


made = dream(photo, channel("classifier.1", 130), model=network)
print(f"A photograph: {seen(photo)}")
print(f"Dreamt at {len(made.values)} sizes: {seen(made.picture)}, {made.picture.shape[:2]} pixels as before")

whole, tiled = (dream(photo, "features.7", octaves=1, steps=3, tile=tile).picture for tile in (512, 96))
apart = np.abs(whole.astype(int) - tiled).max()
print(f"In tiles of 96 pixels: as in one piece, but for {'a few' if apart < 6 else apart} of 255 levels, by rounding")
