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
    pitch = w + 4
    # a rim of two black cells, onto which everything beyond falls: no branches, so that vectors are fetched at once
    black, gain = levels[0], (levels[255] - levels[0]) / np.float32(255)
    source = np.zeros((h + 4) * pitch, np.float32)
    for n in range(first, last):
        image, m = images[places[n]], maps[n]
        for i in range(h):
            row = source[(i + 2) * pitch + 2 : (i + 3) * pitch]
            for j in range(w):
                row[j] = image[i, j]
        for i in range(h):
            target, row_start, column_start = out[n, 0, i], m[0, 0] * i + m[0, 2], m[1, 0] * i + m[1, 2]
            for j in range(w):
                y = min(max(row_start + m[0, 1] * j, np.float32(-2)), np.float32(h))
                x = min(max(column_start + m[1, 1] * j, np.float32(-2)), np.float32(w))
                top, left = np.int32(np.floor(y)), np.int32(np.floor(x))
                dy, dx = y - top, x - left
                k = np.uint32((top + 2) * pitch + left + 2)
                upper = source[k] + dx * (source[k + np.uint32(1)] - source[k])
                k += np.uint32(pitch)
                lower = source[k] + dx * (source[k + np.uint32(1)] - source[k])
                target[j] = black + gain * (upper + dy * (lower - upper))
