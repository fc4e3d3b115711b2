"""corr2d on plain pictures: the examples every learner meets, and what it does with dtypes."""

import numpy as np
import pytest

from convscope.errors import InputError


def test_the_first_example(impl):
    Y = impl.corr2d(np.arange(9.0).reshape(3, 3), [[0, 1], [2, 3]])
    np.testing.assert_array_equal(Y, [[19, 25], [37, 43]])


def test_edges_of_a_black_band(impl):
    X = np.ones((6, 8))
    X[:, 2:6] = 0
    Y = impl.corr2d(X, [[1.0, -1.0]])
    np.testing.assert_array_equal(Y, np.tile([0, 1, 0, 0, 0, -1, 0], (6, 1)))
    # a detector of vertical edges sees nothing in a picture of horizontal ones
    np.testing.assert_array_equal(impl.corr2d(X.T, [[1.0, -1.0]]), np.zeros((8, 5)))


def test_a_kernel_as_large_as_the_picture_answers_one_number(impl):
    Y = impl.corr2d(np.arange(1, 10).reshape(3, 3), [[0, 1, 0], [1, 0, -1], [0, -1, 0]])
    np.testing.assert_array_equal(Y, [[-8]])


@pytest.mark.parametrize(
    ("X", "K", "result"),
    [
        (np.uint8, np.uint8, np.uint8),
        (np.int16, np.int16, np.int16),
        (np.uint8, np.int64, np.int64),
        (np.float32, np.float32, np.float32),
        (np.float32, np.int64, np.float32),
        (np.int32, np.float64, np.float64),
    ],
)
def test_dtypes(impl, X, K, result):
    Y = impl.corr2d(np.full((2, 3), 3, X), np.full((1, 2), 2, K))
    assert Y.dtype == result
    np.testing.assert_array_equal(Y, np.full((2, 2), 12))


def test_lists_of_whole_numbers_stay_whole(impl):
    Y = impl.corr2d([[1, 2, 3]], [[1, -1]])
    assert Y.dtype == np.int64
    np.testing.assert_array_equal(Y, [[-1, -1]])


def test_sums_that_a_dtype_cannot_hold_are_not_wrapped_around(impl):
    X = np.full((2, 2), 200, np.uint8)
    with pytest.raises(
        InputError, match=r"X and K are uint8, which cannot hold the sum 400; use X.astype\(np.int64\)"
    ):
        impl.corr2d(X, np.ones((1, 2), np.uint8))


def test_nan_is_data(impl):
    Y = impl.corr2d([[1.0, np.nan, 1.0, 1.0]], [[1.0, 1.0]])
    np.testing.assert_array_equal(Y, [[np.nan, np.nan, 2]])


@pytest.mark.parametrize(
    ("X", "K", "text"),
    [
        ("abc", [[1]], r"X='abc' has dtype <U3: an array of real numbers is needed; give a NumPy array"),
        ([["a", "b"]], [[1]], r"X=\[\['a', 'b'\]\] has dtype <U1: an array of real numbers"),
        ([[1]], [["1"]], r"K=\[\['1'\]\] has dtype <U1"),
        ([[1, 2], [3]], [[1]], r"X=\[\[1, 2\], \[3\]\] does not make an array .*lists of equal length"),
        ([[None]], [[1]], r"X=\[\[None\]\] has dtype object"),
        ([[1j]], [[1]], r"X=\[\[1j\]\] has dtype complex128"),
        ([[True]], [[1]], r"X=\[\[True\]\] has dtype bool"),
        (
            [1, 2],
            [[1]],
            r"X has shape \(2,\): 2 axes \(h, w\) are needed, not 1; add what is missing, as in X\[None\]",
        ),
        (np.ones((1, 3, 3)), [[1]], r"X has shape \(1, 3, 3\): 2 axes .* not 3; take one, as in X\[0\]"),
        ([[1]], 2, r"K has shape \(\): 2 axes \(r, s\) are needed, not 0; .* K\[None, None\]"),
        (np.ones((0, 3)), [[1]], r"X has shape \(0, 3\): every axis has at least one cell"),
        (
            np.ones((2, 3)),
            np.ones((3, 1)),
            r"K has shape \(3, 1\) and X has shape \(2, 3\): the kernel must fit",
        ),
        (
            np.ones((2, 3), np.float32),
            np.ones((1, 1)),
            r"X is float32 and K is float64: .* use K.astype\(X.dtype\)",
        ),
    ],
)
def test_errors(impl, X, K, text):
    with pytest.raises(InputError, match=text):
        impl.corr2d(X, K)
