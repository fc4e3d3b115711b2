"""Training pictures varied a little each time they are drawn: turned, scaled, sheared and moved."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, UInt8

from convscope.ops.fast.compiled import compiled, share


@dataclass(frozen=True)
class Vary:
    """How far a picture may be changed, drawn uniformly and alike for both signs; all zero leaves it alone.

    turn in degrees, scale and shear as parts of 1, move in pixels.
    """

    turn: float = 10.0
    scale: float = 0.1
    shear: float = 0.1
    move: float = 2.0

    def maps(self, n: int, size: tuple[int, int], rng: np.random.Generator) -> Float32[np.ndarray, "n 2 3"]:
        """For n pictures of h x w: matrices from a place (row, column, 1) in the new picture to one in the old."""
        turn, shear = np.deg2rad(self.turn) * _signed(rng, n), self.shear * _signed(rng, n)
        scale = 1 / (1 + self.scale * np.stack([_signed(rng, n), _signed(rng, n)]))
        move = self.move * np.stack([_signed(rng, n), _signed(rng, n)], axis=1)
        cosine, sine = np.cos(turn), np.sin(turn)
        linear = np.empty((n, 2, 2))
        linear[:, 0] = np.stack([cosine * scale[0], (shear * cosine - sine) * scale[1]], axis=1)
        linear[:, 1] = np.stack([sine * scale[0], (shear * sine + cosine) * scale[1]], axis=1)
        centre = (np.array(size) - 1) / 2
        offset = centre + move - linear @ centre
        return np.concatenate([linear, offset[:, :, None]], axis=2).astype(np.float32)


def _signed(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(-1, 1, n)


def warped(
    images: UInt8[np.ndarray, "k h w"],
    places: Int[np.ndarray, " n"],
    maps: Float32[np.ndarray, "n 2 3"],
    levels: Float32[np.ndarray, " 256"],
) -> Float32[np.ndarray, "n 1 h w"]:
    """The pictures at `places` through their maps, bilinear, black beyond the edges; values from `levels`."""
    out = np.empty((len(places), 1, *images.shape[1:]), np.float32)
    share(lambda first, last: _warp(images, places, maps, levels, out, first, last), len(places), least=16)
    return out


@compiled
def _warp(images, places, maps, levels, out, first, last):
    h, w = images.shape[1:]
    for n in range(first, last):
        source, m = images[places[n]], maps[n]
        for i in range(h):
            for j in range(w):
                y = m[0, 0] * i + m[0, 1] * j + m[0, 2]
                x = m[1, 0] * i + m[1, 1] * j + m[1, 2]
                top, left = int(np.floor(y)), int(np.floor(x))
                value = np.float32(0)
                if -1 <= top < h and -1 <= left < w:
                    dy, dx = y - top, x - left
                    for a in range(max(0, -top), min(2, h - top)):
                        for b in range(max(0, -left), min(2, w - left)):
                            value += (dy if a else 1 - dy) * (dx if b else 1 - dx) * source[top + a, left + b]
                out[n, 0, i, j] = levels[0] + (levels[255] - levels[0]) * (value / np.float32(255))
