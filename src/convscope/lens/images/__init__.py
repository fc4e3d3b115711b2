"""How a picture is described while it is being optimised: by its pixels, its frequencies, or their phases.

A parameterisation maps free numbers to pictures that are valid inputs, whatever the numbers are: for every
picture `noise_shape` standard normal numbers go through `initial` into parameters (n, ...), and calling it
makes pictures (n, c, *positions) of them, inside `box`. Both are plain functions of their arguments; the
parameters live with the caller. A `Prior` says what the pictures at hand look like: their colours and how strong
each frequency is in them. `Photo` begins as a given picture instead of noise. Pictures have any number of channels
and of axes: signals (c, length), volumes.

An alpha channel is one channel more, between 0 and 1 (`Box.with_alpha`, `Prior.with_alpha`); transforms.Over
lays such a picture over a background.
"""

from convscope.lens.images.box import Box
from convscope.lens.images.fourier import Fourier
from convscope.lens.images.maco import Maco
from convscope.lens.images.photo import Photo
from convscope.lens.images.pixels import Pixels
from convscope.lens.images.priors import Prior

__all__ = ["Box", "Fourier", "Maco", "Photo", "Pixels", "Prior"]
