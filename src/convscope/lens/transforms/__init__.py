"""What a picture must withstand: small random moves, drawn for every picture on its own.

A transform is a pure function of pictures (n, c, *positions) and of uniform numbers (n, draws) in [0, 1);
whoever owns the seeds draws the numbers, so that a picture's moves are its own and do not depend on its
neighbours in the batch. Numbers of 1/2 are the middle of every range: no turn, no shift.
"""

from convscope.lens.transforms.affine import Affine, rotate, scale
from convscope.lens.transforms.base import Transform, apply
from convscope.lens.transforms.cells import Crop, Jitter, Pad, jitter
from convscope.lens.transforms.grain import Blur, Noise, Over

__all__ = [
    "Affine",
    "Blur",
    "Crop",
    "Jitter",
    "Noise",
    "Over",
    "Pad",
    "Transform",
    "apply",
    "jitter",
    "rotate",
    "scale",
]
