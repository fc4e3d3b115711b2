"""Photographs filtered by other people's programs: the kernel they used comes back, within its own stated error.

What is true of a program is taken from its documentation, or from the program itself, fed with one bright cell.
"""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage, signal
from skimage import exposure, filters, transform

from convscope.inverse import search
from convscope.inverse.recover import recover

PHOTOS = ["camera", "coins"]


def pillow(picture, how):
    return np.asarray(Image.fromarray(picture).filter(how))


def response(program, side=25):
    """What a linear program makes of one bright cell, turned by 180 degrees: its kernel as cross-correlation has it."""
    dot = np.zeros((side, side))
    dot[side // 2, side // 2] = 1
    return program(dot)[::-1, ::-1]


def pillow_kernel(name):
    """Pillow's fixed kernels lie bottom row first."""
    size, scale, _, taps = getattr(ImageFilter, name).filterargs
    return np.reshape(taps, size)[::-1] / scale


def box(radius):
    """A row of equal taps, the two outermost by the radius's fraction, as Pillow's BoxBlur has it."""
    whole = int(radius)
    row = np.ones(2 * whole + 3)
    row[[0, -1]] = radius - whole
    return row / row.sum()


def placed(kernel, like, offset):
    """The part of a kernel, its middle tap on the cell, that `like` has, whose first tap lies at `offset`."""
    whole = np.zeros((63, 63))
    r, s = kernel.shape
    whole[31 - (r - 1) // 2 :, 31 - (s - 1) // 2 :][:r, :s] = kernel
    top, left = 31 + offset[0], 31 + offset[1]
    return whole[top : top + like.shape[0], left : left + like.shape[1]]


def agrees(found, kernel, most=4.5):
    """Every tap within its interval but for a few, none beyond what chance allows; nothing of weight left out."""
    truth = placed(kernel, found.kernel, found.offset)
    off = np.abs(found.kernel - truth) / np.maximum(found.stderr, 1e-9)
    inside = np.mean(off <= found.reach)
    assert found.believable, found
    assert off.max() < most, found
    assert inside >= (0.8 if found.kernel.size > 9 else 0.65), found
    assert np.abs(kernel).sum() - np.abs(truth).sum() < 0.02 * np.abs(kernel).sum()


@pytest.fixture(scope="module", params=PHOTOS)
def photo(request, pictures):
    return pictures.photo(request.param)


@pytest.mark.parametrize("name", [
    "BLUR", "CONTOUR", "DETAIL", "EDGE_ENHANCE", "EDGE_ENHANCE_MORE", "EMBOSS", "FIND_EDGES", "SHARPEN", "SMOOTH",
    "SMOOTH_MORE",
])  # fmt: skip
def test_pillow_by_name(photo, name):
    how = getattr(ImageFilter, name)
    found = recover(photo, pillow(photo, how))
    # exact halves, as sixths have many, Pillow's single precision rounds up or down by the size of the sum: such
    # noise depends on the picture, and shifts a tap of DETAIL by 0.0005, 5.5 standard errors
    agrees(found, pillow_kernel(name), most=6 if name == "DETAIL" else 4.5)
    assert found.verdict == "exact"
    assert found.border == ("copied",)  # Pillow leaves the border as it was
    assert abs(found.bias - how.filterargs[2]) < 0.3


def test_pillow_kernel(photo):
    taps = np.random.default_rng(1).integers(-2, 6, (5, 5))
    after = pillow(photo, ImageFilter.Kernel((5, 5), taps.ravel().tolist(), scale=float(taps.sum())))
    agrees(recover(photo, after), taps[::-1] / taps.sum())


@pytest.mark.parametrize("radius", [1, 2, 1.5])
def test_pillow_box(photo, radius):
    found = recover(photo, pillow(photo, ImageFilter.BoxBlur(radius)))
    agrees(found, np.outer(box(radius), box(radius)))
    assert "replicate" in found.border


def test_pillow_gaussian_is_three_boxes(photo):
    """Three boxes of radius (sqrt(12 sigma^2/3 + 1) - 1)/2, near enough; Pillow rounds after each of six passes."""
    sigma = 2
    length = np.sqrt(12 * sigma**2 / 3 + 1)
    whole = np.floor((length - 1) / 2)
    part = (2 * whole + 1) * (whole * (whole + 1) - sigma**2) / (6 * (sigma**2 / 3 - (whole + 1) ** 2))
    row = box(whole + part)
    row = np.convolve(np.convolve(row, row), row)
    found = recover(photo, pillow(photo, ImageFilter.GaussianBlur(sigma)))
    agrees(found, np.outer(row, row))
    assert found.residual > 1.2 * found.rounding
    assert any("rounding in several steps" in reason for reason in found.reasons)


@pytest.mark.parametrize("sigma", [0.7, 1.5])
def test_scipy_gaussian(photo, pictures, sigma):
    program = lambda picture: ndimage.gaussian_filter(picture, sigma)  # noqa: E731
    found = recover(photo, pictures.rounded(program(photo.astype(float))))
    agrees(found, response(program))
    assert found.verdict == "exact"
    assert "symmetric" in found.border


def test_scipy_in_floats(photo):
    x = photo.astype(float)
    for program in (ndimage.laplace, lambda picture: ndimage.sobel(picture, 1), lambda p: ndimage.uniform_filter(p, 5)):
        found = recover(x, program(x))
        assert found.verdict == "exact"
        np.testing.assert_allclose(
            found.kernel, placed(response(program), found.kernel, found.offset), atol=1e-7 * np.abs(found.kernel).max()
        )


def test_scikit_image(photo):
    x = photo.astype(float)
    for program in (filters.sobel_h, filters.prewitt_v, lambda p: filters.gaussian(p, 1.2, preserve_range=True)):
        found = recover(x, program(x))
        assert found.verdict == "exact"
        np.testing.assert_allclose(found.kernel, placed(response(program), found.kernel, found.offset), atol=1e-6)


def test_opencv_filters(photo):
    taps = np.random.default_rng(4).standard_normal((3, 5)).astype(np.float32)
    taps *= 0.9 / np.abs(taps).sum()
    agrees(recover(photo, cv2.filter2D(photo, -1, taps, delta=80)), taps)
    agrees(recover(photo, cv2.blur(photo, (5, 3))), np.full((3, 5), 1 / 15))
    found = recover(photo.astype(np.float32), cv2.Sobel(photo.astype(np.float32), cv2.CV_32F, 1, 0))
    np.testing.assert_allclose(found.kernel, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], atol=1e-4)
    assert found.border == ("reflect",)


def test_opencv_gaussian_is_not_quite_the_one_it_names(photo):
    """In eight bits OpenCV's taps are multiples of 1/256 along each axis: found so, and told from the Gaussian."""
    named = cv2.getGaussianKernel(7, 1.5)
    found = recover(photo, cv2.GaussianBlur(photo, (7, 7), 1.5))
    row = np.round(found.kernel.sum(0) * 256) / 256
    assert np.abs(row - named.ravel()).max() > 0.001
    agrees(found, np.outer(row, row))
    floats = recover(photo.astype(np.float32), cv2.GaussianBlur(photo.astype(np.float32), (7, 7), 1.5))
    np.testing.assert_allclose(floats.kernel, named @ named.T, atol=1e-5)


JPEG_KERNELS = {
    "gaussian": np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256,
    "detail": np.array([[0, -1, 0], [-1, 10, -1], [0, -1, 0]]) / 6,
    "random": np.random.default_rng(0).standard_normal((5, 3)) / 12,
}


@pytest.mark.parametrize("name", JPEG_KERNELS)
@pytest.mark.parametrize("quality", [95, 85, 60])
def test_jpeg(photo, pictures, name, quality):
    """JPEG drops fine detail. With its quanta the kernel comes back within its errors; without, it is blurred by it."""
    truth = JPEG_KERNELS[name]
    lift = 0 if truth.sum() > 0.9 else 90
    scene = (40 + 0.6 * photo).astype(np.uint8)  # so that nothing is clipped
    after, table = pictures.as_jpeg(pictures.rounded(pictures.filtered(scene, truth) + lift), quality)
    found = recover(scene, after, size=truth.shape, jpeg=table)
    assert found.verdict == "noisy"
    off = np.abs(found.kernel - truth) / found.stderr
    assert np.sqrt(np.mean(off**2)) < 1.7
    assert off.max() < 4.5
    blurred = recover(scene, after, size=truth.shape)
    assert np.abs(found.kernel - truth).max() < 0.6 * np.abs(blurred.kernel - truth).max()


def test_jpeg_that_cannot_be_allowed_for_says_so(pictures):
    scene = (40 + 0.6 * pictures.photo("coins")).astype(np.uint8)
    after, table = pictures.as_jpeg(pictures.rounded(pictures.filtered(scene, JPEG_KERNELS["gaussian"])), 85)
    found = recover(scene, after, size=5, jpeg=table, constraints=("symmetric",))
    assert any("the true kernel may be sharper than this one" in reason for reason in found.reasons)


def test_jpeg_of_itself_finds_the_size(photo, pictures):
    truth = JPEG_KERNELS["gaussian"]
    after, table = pictures.as_jpeg(pictures.rounded(pictures.filtered(photo, truth)), 85)
    agrees(recover(photo, after, jpeg=table), truth)


def decoded(levels):
    v = levels / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encoded(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


BLUR = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def same(picture):
    return signal.correlate2d(picture, BLUR, "same", "symm")


NOT_CONVOLUTIONS = {
    "median 3": (lambda p: pillow(p, ImageFilter.MedianFilter(3)), "a median of 3 x 3 cells comes within 0"),
    "median 7": (lambda p: ndimage.median_filter(p, 7), "a median of 7 x 7 cells comes within 0"),
    "maximum": (lambda p: pillow(p, ImageFilter.MaxFilter(3)), "a maximum of 3 x 3 cells comes within 0"),
    "minimum": (lambda p: ndimage.minimum_filter(p, 5), "a minimum of 5 x 5 cells comes within 0"),
    "bilateral": (lambda p: cv2.bilateralFilter(p, 7, 30, 3), "follows edges and contrast"),
    "non-local means": (lambda p: cv2.fastNlMeansDenoising(p, None, 10), "follows edges and contrast"),
    "gamma": (lambda p: np.round(255 * (p / 255) ** 1.5), "tone curve"),
    "blur, then gamma": (lambda p: np.round(255 * (same(p.astype(float)) / 255) ** 0.7), "tone curve"),
    "equalised": (cv2.equalizeHist, "tone curve"),
    "blur in linear light": (lambda p: np.round(encoded(same(decoded(p.astype(float))))), "linear light"),
    "adaptive equalised": (lambda p: 255 * exposure.equalize_adapthist(p), "from place to place"),
    "turned by a degree": (lambda p: ndimage.rotate(p.astype(float), 1, reshape=False, order=1), "from place to place"),
    "enlarged by 2 %": (
        lambda p: cv2.resize(p, None, fx=1.02, fy=1.02)[3 : 3 + p.shape[0], 4 : 4 + p.shape[1]], "from place to place",
    ),
    "swirl": (lambda p: 255 * transform.swirl(p / 255, strength=1, radius=300), "from place to place"),
    "vignette": (lambda p: same(p.astype(float)) * np.linspace(0.6, 1, p.shape[1]), "from place to place"),
    "size of edges": (lambda p: np.abs(ndimage.sobel(p.astype(float))) / 4, "edges and contrast"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_CONVOLUTIONS)
def test_refused_with_the_evidence(photo, name, monkeypatch):
    program, evidence = NOT_CONVOLUTIONS[name]
    if name != "blur, then gamma":  # kernels of 31 x 31 take long, and only there do they say more
        monkeypatch.setattr(search, "LARGEST_AUTO", (15,))
    # so do the coins: less of them does, but for what takes room to show
    side = 200 if len(photo) < 400 and name != "adaptive equalised" else 300
    before = photo[:side, :side]
    found = recover(before, np.clip(program(before), 0, 255).astype(np.uint8))
    assert found.verdict == "not a convolution", found
    assert not found.believable
    assert any(evidence in reason for reason in found.reasons), found.reasons


CONVOLUTIONS_ALL_THE_SAME = {
    "noise": lambda p, rng: same(p.astype(float)) + 8 * rng.standard_normal(p.shape),
    "noise of light": lambda p, rng: rng.poisson(same(p.astype(float))),
    "half the contrast": lambda p, rng: 0.5 * same(p.astype(float)) + 60,
    "a shift by part of a cell": lambda p, rng: ndimage.shift(p.astype(float), (0.4, -0.3), order=1, mode="nearest"),
    "unsharp masking": lambda p, rng: 0.5 * (2 * p.astype(float) - same(p.astype(float))) + 50,
}


@pytest.mark.parametrize("name", CONVOLUTIONS_ALL_THE_SAME)
def test_not_refused(photo, name):
    after = CONVOLUTIONS_ALL_THE_SAME[name](photo, np.random.default_rng(0))
    found = recover(photo, np.clip(np.round(after), 0, 255).astype(np.uint8))
    assert found.believable, found
