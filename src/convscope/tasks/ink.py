"""From a photo or scan of one handwritten digit to a picture in the form MNIST has.

    polarity -> uneven light -> threshold -> the digit's own ink -> pen -> 20 pixels -> centre of 28 x 28

The last two steps are those the authors of MNIST state (LeCun et al. 1998, and the MNIST page): scaled with
its proportions kept to fit 20 x 20, with grey levels from antialiasing, and moved so that the centre of
mass lies at the centre of 28 x 28.
"""

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8
from PIL import Image, ImageFilter

from convscope.errors import InputError

SIDE, BOX = 28, 20

_WORKING_SIDE = 256  # larger pictures are reduced to this first: a digit needs 20 pixels, not thousands
_LIGHT_SIDE = 48  # light changes slowly, so it is looked at in a small copy
_LIGHT_DEGREE = 4  # ... where a polynomial of this degree follows a lamp's pool of light
_DIMMEST = 64  # darker paper is not taken for bright paper in dim light, which would magnify its grain
_LEAST_CONTRAST = 0.08  # ink less dark than this, above its paper, cannot be told from the paper's own grain
_LEAST_SEPARATION = 6.0  # ... nor ink within so many standard deviations of the paper; grain alone reaches 5
_FAINT = 0.15  # greys below this share of the contrast are paper
_SPECK = 0.05  # pieces smaller than this share of the largest piece are dirt, not strokes
_PEN = 0.1  # MNIST's strokes are rarely narrower than this share of the digit's size

_NO_INK = "no ink found: nothing stands out from the paper; give a sharper or closer picture"

Plane = Float32[np.ndarray, "_ _"]
Mask = Bool[np.ndarray, "_ _"]


def to_mnist(picture: Plane) -> UInt8[np.ndarray, "28 28"]:
    """The digit in a grey picture (0 black to 255 white): white on black, scaled and centred as MNIST's are.

    Dark ink on light paper or the reverse; one digit, upright, and its paper fills the picture.

    Raises InputError where nothing stands out from the paper.
    """
    picture = _shrunk(picture, _WORKING_SIDE)
    ink, solid = _ink(_darkness(picture if _is_dark_on_light(picture) else 255 - picture))
    return _centred(_fitted(_thickened(_cropped(ink, _digit(solid)))))


def _resized(picture: Plane, height: int, width: int) -> Plane:
    smooth = Image.Resampling.BILINEAR  # averages over all it covers when it shrinks
    return np.asarray(Image.fromarray(picture).resize((width, height), smooth, reducing_gap=3))


def _shrunk(picture: Plane, side: int) -> Plane:
    height, width = picture.shape
    longer = max(height, width)
    if longer <= side:
        return picture
    return _resized(picture, max(1, height * side // longer), max(1, width * side // longer))


def _is_dark_on_light(picture: Plane) -> bool:
    """Whether what differs most from its surroundings is darker than they are.

    The surroundings are the median over two fifths of the picture; the cube weighs ink above grain and slow
    shadows.
    """
    small = Image.fromarray(_shrunk(picture, _LIGHT_SIDE))
    paper = small.filter(ImageFilter.MedianFilter(2 * max(small.size) // 5 | 1))
    return float(((np.asarray(small) - np.asarray(paper)) ** 3).sum()) <= 0


def _darkness(picture: Plane) -> Plane:
    """How much darker each pixel is than its paper would be in the same light: 0 as the paper, 1 black.

    Two estimates of the paper, the darker one taken: the closing is too bright beside a dim edge of the
    picture, the polynomial on the dark side of a hard shadow.
    """
    small = _shrunk(picture, _LIGHT_SIDE)
    paper = _resized(np.minimum(_closing(small), _slow_light(small)), *picture.shape)
    return np.clip((paper - picture) / np.maximum(paper, _DIMMEST), 0, 1)


def _closing(picture: Plane) -> Plane:
    """Morphological closing: dark things narrower than a third of the picture are filled from around them."""
    window = max(picture.shape) // 3 | 1
    widest = Image.fromarray(picture).filter(ImageFilter.MaxFilter(window))
    return np.asarray(widest.filter(ImageFilter.MinFilter(window)))


def _slow_light(picture: Plane) -> Plane:
    """The paper's brightness as a polynomial of row and column, by asymmetric least squares.

    Pixels darker than the surface (ink) count for a twentieth only, so that it settles on the paper.
    """
    height, width = picture.shape
    row, column = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    powers = [(a, b) for a in range(_LIGHT_DEGREE + 1) for b in range(_LIGHT_DEGREE + 1 - a)]
    terms = np.stack([(row**a * column**b).ravel() for a, b in powers])
    brightness = picture.ravel()
    paper = np.full_like(brightness, np.median(brightness))
    for _ in range(15):
        weighted = terms * np.where(brightness < paper, 0.05, 1)
        paper = np.linalg.lstsq(weighted @ terms.T, weighted @ brightness, rcond=None)[0] @ terms
    return paper.reshape(picture.shape).astype(np.float32)


def _ink(darkness: Plane) -> tuple[Plane, Mask]:
    """The amount of ink in each pixel, 0 to 1, and where it surely is ink."""
    solid = darkness > _otsu(darkness)
    if solid.all() or not solid.any():
        raise InputError(_NO_INK)
    paper, pen = darkness[~solid], darkness[solid]
    contrast = pen.mean() - paper.mean()
    if contrast < max(_LEAST_CONTRAST, _LEAST_SEPARATION * paper.std()):
        raise InputError(_NO_INK)
    faintest = paper.mean() + _FAINT * contrast
    return np.clip((darkness - faintest) / (pen.mean() - faintest), 0, 1), solid


def _otsu(values: Plane) -> float:
    """The threshold in 0..1 that makes the variance between the two classes greatest (Otsu 1979, eq. 18)."""
    counts, edges = np.histogram(values, 256, (0, 1))
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * (edges[1:] + edges[:-1]) / 2).cumsum()
    gap = sums / np.maximum(below, 1) - (sums[-1] - sums) / np.maximum(above, 1)
    return float(edges[1 + (below * above * gap**2).argmax()])


def _digit(solid: Mask) -> Mask:
    """The digit's pieces: not the dirt, nor what comes in over the border if there is something else."""
    pieces = _pieces(solid)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    inside = sizes.copy()
    inside[np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])] = 0
    if inside.max() > _SPECK * sizes.max():
        sizes = inside
    return (sizes > _SPECK * sizes.max())[pieces]


def _pieces(solid: Mask) -> Int32[np.ndarray, "_ _"]:
    """Connected pieces (8 neighbours), each filled with a number of its own above 0; 0 elsewhere.

    Every pixel takes the greatest number around it, then the number that stands where that one started
    from, until nothing changes: the second step doubles the reach each time.
    """
    own = np.arange(1, solid.size + 1, dtype=np.int32).reshape(solid.shape)
    numbers = np.where(solid, own, np.int32(0))
    while True:
        around = np.asarray(Image.fromarray(numbers).filter(ImageFilter.MaxFilter(3)))
        grown = np.where(solid, numbers.ravel()[np.where(solid, around, own) - 1], np.int32(0))
        if (grown == numbers).all():
            return numbers
        numbers = grown


def _cropped(ink: Plane, digit: Mask) -> Plane:
    """The digit's ink alone, with the grey pixels along its edges."""
    near = Image.fromarray(digit.astype(np.uint8)).filter(ImageFilter.MaxFilter(5))
    return _trimmed(ink * np.asarray(near, np.float32))


def _trimmed(ink: Plane) -> Plane:
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _thickened(ink: Plane) -> Plane:
    """As if drawn with a broader pen, if it was a thin one: MNIST's writers had broad pens.

    A stroke's width is twice its area over its outline; the outline is the sum of all steps, times pi / 4
    since it runs in every direction.
    """
    wanted = _PEN * max(ink.shape)
    ink = np.pad(ink, round(wanted / 2) + 1)
    outline = np.pi / 4 * (abs(np.diff(ink, axis=0)).sum() + abs(np.diff(ink, axis=1)).sum())
    growth = round((wanted - 2 * ink.sum() / outline) / 2)
    if growth > 0:
        ink = np.asarray(Image.fromarray(ink).filter(ImageFilter.MaxFilter(2 * growth + 1)))
    return _trimmed(ink)


def _fitted(ink: Plane) -> Plane:
    """Scaled so that the longer side is 20."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    return _resized(ink, max(1, round(height * scale)), max(1, round(width * scale)))


def _centred(ink: Plane) -> UInt8[np.ndarray, "28 28"]:
    """Moved so that the centre of mass lies at row 14, column 14 of 28 x 28, as it does in MNIST."""
    height, width = ink.shape
    row = ink.sum(1) @ np.arange(height) / ink.sum()
    column = ink.sum(0) @ np.arange(width) / ink.sum()
    top = min(max(round(SIDE / 2 - row), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - column), 0), SIDE - width)
    centred = np.zeros((SIDE, SIDE), np.uint8)
    centred[top : top + height, left : left + width] = np.rint(255 * ink)
    return centred
