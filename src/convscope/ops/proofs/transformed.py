"""The forms that compute elsewhere: as products of spectra (FFT), and as products of small transforms (Winograd).

Both do fewer multiplications than the definition asks for. What they save, they pay in rounding.

>>> x, w = np.arange(20).reshape(1, 1, 4, 5), np.arange(9).reshape(1, 1, 3, 3)
>>> fft(x, w)[0, 0]
array([[312, 348, 384], [492, 528, 564]])
>>> np.array_equal(winograd(x, w), fft(x, w))
True
"""

import math

import numpy as np
from scipy.fft import next_fast_len

from convscope.errors import InputError
from convscope.geometry import span
from convscope.ops.proofs.problem import Problem, form
from convscope.ops.shapes import ConvGeometry

# 2G, B^T and A^T of Lavin and Gray's section 4.1. With G doubled all three hold integers, and the result is four times
# the convolution: a division by 4, which rounds nothing, gives it exactly.
TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


@form
def fft(p: Problem) -> np.ndarray:
    """FFT: correlation in space is, frequency by frequency, a product with the conjugate.

    `y = F^-1( sum over c of F(padded) * conj(F(w)) )`, at every place; a stride then keeps every so many. The kernel is
    spread by its dilation and filled up with zeros to the image's size; where the wrapped-around windows lie, nothing
    is read. The arguments are those of `ops.conv2d`, all allowed.

    On integers the result is rounded, and exact: the rounding error is bounded beforehand, and where the bound reaches
    0.5 an InputError says so. Source of the bound: Percival 2003, "Rapid multiplication modulo the sum and difference
    of highly composite numbers".
    """
    g, padded = p.g, p.padded()
    size = fft_size(g, p.exact)
    if p.exact:
        _check_rounding(p, padded, size)
    spread = np.zeros((*p.kernels().shape[:3], *_spans(g)), p.x.dtype)
    spread[..., :: g.dilation[0], :: g.dilation[1]] = p.kernels()
    if p.exact:
        padded, spread = padded.astype(np.float64), spread.astype(np.float64)
    spectra, filters = (np.fft.rfft2(array, size) for array in (padded, spread))
    products = np.einsum("ngcij,gmcij->ngmij", spectra, filters.conj())
    everywhere = np.fft.irfft2(products, size)
    (rows, columns), (step_i, step_j) = _valid(g), g.stride
    y = everywhere[..., :rows:step_i, :columns:step_j]
    return np.rint(y).astype(np.int64) if p.exact else y


def fft_size(g: ConvGeometry, exact: bool) -> tuple[int, int]:
    """Rows and columns that are transformed: powers of two on integers, as the bound asks; else the next fast size."""
    rows, columns = g.padded_size[2:]
    if exact:
        return 1 << (rows - 1).bit_length(), 1 << (columns - 1).bit_length()
    return int(next_fast_len(rows, True)), int(next_fast_len(columns, True))  # pyright: ignore[reportArgumentType]


def _check_rounding(p: Problem, padded: np.ndarray, size: tuple[int, int]) -> None:
    """|error| <= |x| |w| ((1 + e)^3k (1 + e sqrt 5)^(3k + 1) (1 + e)^3k - 1) for one product with 2^k cells, with the
    norms of the windows' image and the kernel; products add over channels, each sum rounding once more."""
    levels, e = math.log2(size[0]) + math.log2(size[1]), float(np.finfo(np.float64).eps)
    channels = p.g.c // p.g.groups
    images = np.sqrt((padded.astype(np.float64) ** 2).sum(axis=(3, 4))).max(axis=0, initial=0)  # groups, c
    kernels = np.sqrt((p.kernels().astype(np.float64) ** 2).sum(axis=(3, 4)))  # groups, m, c
    norms = float((images[:, None] * kernels).sum(axis=2).max())
    error = norms * math.expm1((6 * levels + channels) * math.log1p(e) + (3 * levels + 1) * math.log1p(e * 5**0.5))
    if error >= 0.5:
        raise InputError(
            f"x and w are {p.dtype} with sums up to {p.largest_sum}: rounding in the FFT may reach {error:.2g}, and "
            f"less than 0.5 gives back integers; use smaller numbers, or another form"
        )


def _spans(g: ConvGeometry) -> tuple[int, int]:
    return span(g.r, g.dilation[0]), span(g.s, g.dilation[1])


def _valid(g: ConvGeometry) -> tuple[int, int]:
    """Places of the kernel at stride 1."""
    (rows, columns), (tall, wide) = g.padded_size[2:], _spans(g)
    return rows - tall + 1, columns - wide + 1


@form
def winograd(p: Problem) -> np.ndarray:
    """Winograd's F(2x2, 3x3): four output cells from a tile of 4 x 4 with 16 multiplications, where 36 were needed.

    `Y = A^T [ sum over c of (G w G^T) * (B^T tile B) ] A`, tiles two cells apart, the last ones filled up with zeros.
    Kernels of 3 x 3, stride 1, dilation 1; any padding, padding mode and groups. Integers are exact.

    Raises InputError for another kernel, stride or dilation. Source: Lavin and Gray 2016, "Fast algorithms for
    convolutional neural networks", section 4.1.
    """
    g = p.g
    check_winograd(g)
    tall, wide = -(-g.out_h // 2), -(-g.out_w // 2)
    padded = p.padded()
    fill = ((0, 0),) * 3 + ((0, 2 * tall + 2 - padded.shape[3]), (0, 2 * wide + 2 - padded.shape[4]))
    view = np.lib.stride_tricks.sliding_window_view(np.pad(padded, fill), (4, 4), (3, 4))[..., ::2, ::2, :, :]
    tiles = _transformed(B, view.transpose(5, 6, 1, 2, 0, 3, 4))  # 4, 4, groups, c/groups, n, tall, wide
    filters = _transformed(TWICE_G, p.kernels().transpose(3, 4, 0, 1, 2))  # 4, 4, groups, m/groups, c/groups
    four_times = _transformed(A, filters @ tiles.reshape(*tiles.shape[:4], g.n * tall * wide))
    y = four_times // 4 if p.exact else four_times / 4
    y = y.reshape(2, 2, g.m, g.n, tall, wide).transpose(3, 2, 4, 0, 5, 1)
    return y.reshape(g.n, g.m, 2 * tall, 2 * wide)[..., : g.out_h, : g.out_w]


def check_winograd(g: ConvGeometry) -> None:
    """Raises InputError for what F(2x2, 3x3) was not made for."""
    if (g.r, g.s) != (3, 3) or g.stride != (1, 1) or g.dilation != (1, 1):
        raise InputError(
            f"kernel {g.r} x {g.s}, stride={g.stride}, dilation={g.dilation}: Winograd's F(2x2, 3x3) is for kernels of "
            f"3 x 3 at stride 1 and dilation 1; use another form"
        )


def _transformed(matrix: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """`matrix . plane . matrix^T` for all planes, which lie in the first two axes."""
    matrix, (rows, columns, *rest) = matrix.astype(planes.dtype), planes.shape
    down = (matrix @ planes.reshape(rows, -1)).reshape(len(matrix), columns, -1)
    return (matrix @ down).reshape(len(matrix), len(matrix), *rest)
