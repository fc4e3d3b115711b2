"""One kernel over one picture: kernels by name or as text, and the result shown on a stated scale."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from convscope import ops, pictures
from convscope.errors import InputError
from convscope.geometry import remainder
from convscope.ops.arguments import conv2d_arguments

NAMED: dict[str, list[list[float]]] = {
    "identity": [[1]],
    "vertical-edge": [[1, -1]],
    "horizontal-edge": [[1], [-1]],
    "sobel-x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel-y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "prewitt-x": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "prewitt-y": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "blur": [[1 / 9] * 3] * 3,
    "gaussian": [[a * b / 256 for b in (1, 4, 6, 4, 1)] for a in (1, 4, 6, 4, 1)],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
"""Well-known kernels as cross-correlation lays them on: -x answers to change in a row, -y in a column."""


KINDS = {1: "grey", 3: "colour"}


def read_kernel(text: str) -> np.ndarray:
    """The kernel that `text` names, spells out or points to: float32 (r, s), from a file also (m, c, r, s).

    A name out of `NAMED`; or numbers, `,` between columns and `;` between rows; or a `.npy` file of a matrix, or of
    one for each channel (m, 1, r, s), or for each pair of channels (m, c, r, s).
    Raises InputError for anything else.

    >>> read_kernel("1,-1")
    array([[ 1., -1.]], dtype=float32)
    >>> read_kernel("0,1,0; 1,-4,1; 0,1,0").tolist() == read_kernel("laplacian").tolist()
    True
    """
    name = text.strip().lower()
    if name in NAMED:
        return np.array(NAMED[name], np.float32)
    if name.endswith(".npy"):
        return _checked(text, _from_file(text.strip()))
    if any(character.isdigit() for character in name) or "," in name or ";" in name:
        return _checked(text, _from_numbers(text))
    near = difflib.get_close_matches(name, NAMED, n=1)
    hint = f"did you mean {near[0]}?" if near else 'give one of them, numbers as "1,-1" or a .npy file'
    raise InputError(f"kernel={text!r}: no kernel of that name ({', '.join(NAMED)}); {hint}")


def _from_numbers(text: str) -> np.ndarray:
    rows = [row.split(",") for row in text.split(";")]
    widths = [len(row) for row in rows]
    if len(set(widths)) > 1:
        raise InputError(f"kernel={text!r}: rows of {widths} numbers; make all rows equally long")
    try:
        return np.array([[float(cell) for cell in row] for row in rows])
    except ValueError as problem:
        raise InputError(
            f'kernel={text!r}: not numbers; write "," between columns and ";" between rows, as "1,-1"'
        ) from problem


def _from_file(path: str) -> np.ndarray:
    try:
        with Path(path).open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError as problem:
        raise InputError(f"kernel={path!r}: no such file; check the name") from problem
    except (OSError, ValueError, OverflowError, MemoryError) as problem:
        raise InputError(f"kernel={path!r}: not a readable .npy file; write it with numpy.save") from problem


def _checked(text: str, kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim not in (2, 4) or kernel.size == 0 or kernel.dtype.kind not in "iuf":
        raise InputError(
            f"kernel={text!r}: an array of shape {kernel.shape} and type {kernel.dtype}; "
            "give a matrix of real numbers"
        )
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is refused as that
        kernel = kernel.astype(np.float32)
    if not np.isfinite(kernel).all():
        raise InputError(f"kernel={text!r}: holds NaN or infinite numbers; give finite ones")
    return kernel


def apply(picture: Float32[np.ndarray, "c h w"], kernel: np.ndarray, **how: Any) -> np.ndarray:
    """A kernel (r, s) over each channel by itself; kernels (c, 1, r, s) each over its own; (m, c, r, s) over all.

        out[m,i,j] = sum over c,r,s of picture[c,i+r,j+s] * kernel[m,c,r,s]

    `how` is what `ops.conv2d` takes besides: stride, padding, dilation, padding_mode, flip. Returns float32
    (m, p, q). Raises InputError as `ops.conv2d` does.

    >>> band = np.ones((1, 6, 8), np.float32); band[:, :, 2:6] = 0
    >>> apply(band, read_kernel("vertical-edge"))[0, 0]
    array([ 0.,  1.,  0.,  0.,  0., -1.,  0.], dtype=float32)
    """
    images, kernels, groups = _images(picture, kernel)
    out = ops.conv2d(images, kernels, groups=groups, **how)
    return out[:, 0] if kernel.ndim == 2 else out[0]


def left_over(picture: Float32[np.ndarray, "c h w"], kernel: np.ndarray, **how: Any) -> tuple[int, int]:
    """Rows at the bottom and columns at the right, of the padded picture, that the stride leaves over.

    >>> left_over(np.zeros((1, 6, 8), np.float32), read_kernel("blur"), stride=2)
    (1, 1)
    """
    defaults = {"stride": 1, "padding": 0, "dilation": 1, "padding_mode": "zeros", "flip": False}
    images, kernels, groups = _images(picture, kernel)
    g = conv2d_arguments(images, kernels, bias=None, groups=groups, **(defaults | how))[-1]
    rows = remainder(g.h, g.r, g.stride[0], g.pads[:2], g.dilation[0])
    columns = remainder(g.w, g.s, g.stride[1], g.pads[2:], g.dilation[1])
    return rows, columns


def _images(picture: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Images, kernels and groups as `ops.conv2d` takes them."""
    if kernel.ndim == 2:
        return picture[:, np.newaxis], kernel[np.newaxis, np.newaxis], 1
    alone = kernel.shape[1] == 1 and len(kernel) == len(picture)
    return picture[np.newaxis], kernel, len(picture) if alone else 1


@dataclass(frozen=True)
class Shown:
    """A result as a picture: `picture` to look at, and `scale`, which says what its colours mean."""

    picture: UInt8[np.ndarray, "p q 3"]
    scale: str


def show(result: Float32[np.ndarray, "c p q"], kernel: np.ndarray, bias: float | list[float] = 0.0) -> Shown:
    """Choose the scale on which a result of `apply`, with `bias` added, is honest to look at.

    A kernel that keeps flat areas as they are (its taps sum to 1: blur, sharpen), or makes them mid-grey (they
    sum to 0, the bias is 1/2), gives a picture again: 0 black and 1 white, and what lies beyond is cut off and
    counted. Any other result that has negative values is shown around zero, both signs on one scale; one without
    goes from 0, black, to its greatest value, white.
    """
    low, high = float(result.min()), float(result.max())
    sums = kernel.sum() if kernel.ndim == 2 else kernel.sum((1, 2, 3))
    # mid-grey stays mid-grey, but for the standard errors of kernels that were found from pictures
    if np.allclose(sums / 2 + np.asarray(bias), 0.5, atol=5e-3):
        outside = float(np.mean((result < -1e-6) | (result > 1 + 1e-6)))
        cut = f" ({outside:.1%} of the values lie outside and are cut off)" if outside else ""
        return Shown(pictures.colour(result), f"black = 0, white = 1{cut}")
    if low >= 0:
        return Shown(pictures.colour(result, 0, high), f"black = 0, white = {high:.4g}")
    most = max(-low, high)
    if len(result) == 1:
        scale = f"blue = {-most:.4g}, near-white = 0, red = {most:.4g}"
        return Shown(pictures.signed(result[0], most), scale)
    scale = f"per colour channel: dark = {-most:.4g}, middle = 0, light = {most:.4g}"
    return Shown(pictures.colour(result, -most, most), scale)


def describe(path: str | Path, picture: np.ndarray) -> str:
    """What a picture is, in words: `photo.png: 480 x 640, colour`."""
    return f"{path}: {picture.shape[1]} x {picture.shape[2]}, {KINDS.get(len(picture), f'{len(picture)} channels')}"
