"""Only the luminance is remade."""

import numpy as np
from skimage.color import rgb2yiq
from skimage.data import chelsea, coffee

from convscope.lens.styles.colours import grey, luminance, matched, recoloured

CAT, CUP = chelsea()[40:150, 60:211], coffee()[50:160, 100:251]


def test_luminance_is_that_of_yiq():
    np.testing.assert_allclose(luminance(CAT) / 255, rgb2yiq(CAT)[..., 0], atol=1e-4)


def test_matching_gives_mean_and_deviation():
    found = matched(luminance(CAT), luminance(CUP))
    assert abs(found.mean() - luminance(CUP).mean()) < 0.01
    assert abs(found.std() - luminance(CUP).std()) < 0.01
    flat = np.full((4, 5), 7, np.float32)
    np.testing.assert_allclose(matched(flat, luminance(CUP)), luminance(CUP).mean(), rtol=1e-5)


def test_recolouring_changes_luminance_and_leaves_chroma():
    faint = (CUP // 4 + 96).astype(np.uint8)  # nothing has to be cut
    other = (CAT // 8 + 110).astype(np.uint8)
    found = rgb2yiq(recoloured(other, faint))
    np.testing.assert_allclose(found[..., 0], rgb2yiq(other)[..., 0], atol=0.004)
    np.testing.assert_allclose(found[..., 1:], rgb2yiq(faint)[..., 1:], atol=0.005)
    np.testing.assert_array_equal(recoloured(CAT, CAT), CAT)


def test_grey_has_three_equal_channels_and_is_cut():
    found = grey(np.array([[-3.0, 12.4, 300.0]], np.float32))
    assert found.tolist() == [[[0] * 3, [12] * 3, [255] * 3]]
