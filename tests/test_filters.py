import io
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convscope import filters, ops
from convscope.errors import InputError


@pytest.mark.parametrize(
    ("text", "kernel"),
    [
        ("1,-1", [[1, -1]]),
        (" 1 ; -1 ", [[1], [-1]]),
        ("0,1,0;1,-4,1;0,1,0", filters.NAMED["laplacian"]),
        ("5", [[5]]),
        (".5, -1e-1", [[0.5, -0.1]]),
        ("Sobel-X", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    ],
)
def test_kernels_by_name_and_as_text(text: str, kernel: list[list[float]]):
    read = filters.read_kernel(text)
    assert read.dtype == np.float32
    assert_array_equal(read, np.array(kernel, np.float32))


def test_a_kernel_from_a_file(tmp_path: Path):
    np.save(tmp_path / "k.npy", np.arange(6).reshape(2, 3))
    read = filters.read_kernel(str(tmp_path / "k.npy"))
    assert read.dtype == np.float32
    assert_array_equal(read, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("name", filters.NAMED)
def test_named_kernels_keep_flat_areas_or_silence_them(name: str):
    assert filters.read_kernel(name).sum() == pytest.approx(0, abs=1e-6) or filters.read_kernel(
        name
    ).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2;3", r"kernel='1,2;3': rows of \[2, 1\] numbers; make all rows equally long"),
        ("1,,2", "kernel='1,,2': not numbers; write \",\" between columns"),
        ("1,a", "kernel='1,a': not numbers"),
        (";", "kernel=';': not numbers"),
        ("nan,1", "kernel='nan,1': holds NaN or infinite numbers; give finite ones"),
        ("1e99", "kernel='1e99': holds NaN or infinite numbers"),
        ("sobelx", r"kernel='sobelx': no kernel of that name \(identity, .*\); did you mean sobel-x\?"),
        (
            "",
            r"kernel='': no kernel of that name \(.*\); give one of them, numbers as \"1,-1\" or a .npy file",
        ),
        ("none.npy", "kernel='none.npy': no such file; check the name"),
    ],
)
def test_kernels_that_cannot_be_read(text: str, message: str):
    with pytest.raises(InputError, match=message):
        filters.read_kernel(text)


def test_kernel_files_that_cannot_be_used(tmp_path: Path):
    path = tmp_path / "k.npy"
    for array in (np.zeros((2, 2, 2)), np.zeros((0, 3)), np.array([["a"]]), np.array([[1j]])):
        np.save(path, array)
        with pytest.raises(
            InputError, match=r"k\.npy': an array of shape \(.*\) and type .*; give a matrix of real"
        ):
            filters.read_kernel(str(path))
    np.save(path, np.array([[object()]]), allow_pickle=True)
    with pytest.raises(InputError, match=r"k\.npy': not a readable \.npy file; write it with numpy\.save"):
        filters.read_kernel(str(path))
    npz = io.BytesIO()
    np.savez(npz, np.eye(2))
    for content in (b"", b"\x93NUMPY", b"not an array", npz.getvalue()):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"k\.npy': not a readable \.npy file"):
            filters.read_kernel(str(path))


def test_each_channel_by_itself():
    picture = np.random.default_rng(0).random((3, 7, 9), np.float32)
    kernel = filters.read_kernel("1,2,3;4,5,6")
    result = filters.apply(picture, kernel, stride=(2, 3), padding=(1, 0, 2, 0), flip=True)
    assert result.dtype == np.float32
    assert len(result) == 3
    for channel, expected in zip(picture, result, strict=True):
        alone = ops.conv2d(
            channel[None, None], kernel[None, None], stride=(2, 3), padding=(1, 0, 2, 0), flip=True
        )
        assert_array_equal(alone[0, 0], expected)


def test_a_kernel_for_each_channel_and_for_each_pair():
    rng = np.random.default_rng(0)
    picture, kernels = rng.random((3, 7, 9), np.float32), rng.standard_normal((3, 3, 2, 4), np.float32)
    how = {"stride": (2, 1), "padding": (0, 1, 2, 0)}
    each = filters.apply(picture, kernels[:, :1], **how)
    for k in range(3):
        assert_allclose(each[k], filters.apply(picture[k : k + 1], kernels[k, 0], **how)[0], atol=1e-6)
    mixed = filters.apply(picture, kernels[:2], **how)
    assert mixed.shape == (2, *each.shape[1:])
    expected = sum(filters.apply(picture[c : c + 1], kernels[1, c], **how)[0] for c in range(3))
    assert_allclose(mixed[1], expected, atol=1e-5)
    spread = filters.apply(picture[:1], kernels[:, :1], **how)  # from one channel to three
    assert_allclose(spread[2], filters.apply(picture[:1], kernels[2, 0], **how)[0], atol=1e-6)
    for kernel in (kernels[:2], kernels[:, :1]):
        assert filters.left_over(picture, kernel, **how) == filters.left_over(picture, kernels[0, 0], **how)


def test_kernels_of_several_channels_from_a_file(tmp_path: Path):
    for shape in ((3, 1, 2, 4), (2, 3, 1, 1)):
        np.save(tmp_path / "k.npy", np.ones(shape))
        read = filters.read_kernel(str(tmp_path / "k.npy"))
        assert (read.shape, read.dtype) == (shape, np.float32)


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ({}, (0, 0)),
        ({"stride": (3, 2)}, (2, 0)),
        ({"stride": 4, "padding": 1}, (3, 2)),
        ({"stride": 4, "dilation": 2}, (3, 2)),
        ({"stride": (2, 3), "padding": "same"}, (0, 0)),
    ],
)
def test_what_the_stride_leaves_over(how: dict, left: tuple[int, int]):
    picture, kernel = np.zeros((1, 8, 11), np.float32), filters.read_kernel("1,2,3;4,5,6")
    kernel = np.vstack([kernel, kernel[:1]])
    assert filters.left_over(picture, kernel, **how) == left


def test_signed_results_are_shown_around_zero():
    result = np.array([[[-2, 0, 1, 2]]], np.float32)
    shown = filters.show(result, filters.read_kernel("1,-1"))
    assert shown.scale == "blue = -2, near-white = 0, red = 2"
    assert shown.picture.shape == (1, 4, 3)
    assert_array_equal(shown.picture[0, [0, 1, 3]], [(33, 102, 172), (247, 247, 247), (178, 24, 43)])
    assert shown.picture[0, 2, 0] > shown.picture[0, 2, 2]  # half-way red


def test_signed_results_of_colour_pictures_are_shown_around_the_middle():
    result = np.array([[[-4]], [[0]], [[4]]], np.float32)
    shown = filters.show(result, filters.read_kernel("sobel-x"))
    assert shown.scale == "per colour channel: dark = -4, middle = 0, light = 4"
    assert_array_equal(shown.picture, [[[0, 128, 255]]])


def test_results_that_are_pictures_again_keep_black_and_white():
    shown = filters.show(np.array([[[0, 0.5, 1]]], np.float32), filters.read_kernel("blur"))
    assert shown.scale == "black = 0, white = 1"
    assert_array_equal(shown.picture[0, :, 1], [0, 128, 255])
    shown = filters.show(np.array([[[-1, 0.5, 1, 3]]], np.float32), filters.read_kernel("sharpen"))
    assert shown.scale == "black = 0, white = 1 (50.0% of the values lie outside and are cut off)"
    assert_array_equal(shown.picture[0, :, 1], [0, 128, 255, 255])


def test_what_keeps_mid_grey_as_it_is_gives_a_picture_again():
    fixed = "black = 0, white = 1"
    some = np.array([[[0.2, 0.5, 0.9]]], np.float32)
    assert filters.show(some, filters.read_kernel("1,-1"), 128 / 255).scale == fixed
    assert filters.show(some, filters.read_kernel("-1,1;-2,1"), [1.0]).scale == fixed  # a negative
    assert filters.show(some, filters.read_kernel("1,-1"), 0.3).scale == "black = 0, white = 0.9"
    each = np.full((3, 1, 2, 2), 0.2502, np.float32)  # found from pictures, within their errors
    assert filters.show(some.repeat(3, 0), each, [0, 1e-3, 0]).scale == fixed
    each[1] *= 1.1
    assert filters.show(some.repeat(3, 0), each).scale != fixed


def test_how_a_picture_is_described():
    kinds = [filters.describe("a.png", np.zeros((c, 5, 7))) for c in (1, 2, 3)]
    assert kinds == ["a.png: 5 x 7, grey", "a.png: 5 x 7, 2 channels", "a.png: 5 x 7, colour"]


def test_results_without_sign_use_the_whole_range_and_a_flat_one_is_black():
    shown = filters.show(np.array([[[0, 1, 4]]], np.float32), filters.read_kernel("1,3"))
    assert shown.scale == "black = 0, white = 4"
    assert_array_equal(shown.picture[0, :, 0], [0, 64, 255])
    flat = filters.show(np.zeros((1, 2, 2), np.float32), filters.read_kernel("1,-1"))
    assert not flat.picture.any()
