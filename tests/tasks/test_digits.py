"""The digits' data: MNIST, sets like it, class folders, splits; each way of being wrong with its line."""

import gzip
import struct
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.errors import InputError
from convscope.tasks import digits
from convscope.tasks.imagesets import fitted

NAMES = {
    "train-images": "train-images-idx3-ubyte",
    "train-labels": "train-labels-idx1-ubyte",
    "t10k-images": "t10k-images-idx3-ubyte",
    "t10k-labels": "t10k-labels-idx1-ubyte",
}


def pack(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_set(
    folder: Path, packed: bool = False, dotted: bool = False, **other: np.ndarray
) -> dict[str, np.ndarray]:
    """Writes 40 training and 20 test pictures into `folder`, with the arrays in `other` put in."""
    chance = np.random.default_rng(0)
    arrays = {
        "train_images": chance.integers(0, 256, (40, 28, 28), np.uint8),
        "train_labels": np.arange(40, dtype=np.uint8) % 10,
        "t10k_images": chance.integers(0, 256, (20, 28, 28), np.uint8),
        "t10k_labels": np.arange(20, dtype=np.uint8) % 10,
    } | other
    folder.mkdir(exist_ok=True)
    for key, array in arrays.items():
        name = NAMES[key.replace("_", "-")]
        name = name.replace("-idx", ".idx") if dotted else name
        content = gzip.compress(pack(array)) if packed else pack(array)
        (folder / (name + ".gz" * packed)).write_bytes(content)
    return arrays


def picture(file: Path, value: int, size: tuple[int, int] = (28, 28)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, np.uint8)).save(file)


@pytest.fixture(scope="module")
def mnist() -> digits.ImageData:
    return digits.load()


def test_mnist(mnist):
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert mnist.train_images.dtype == np.uint8
    assert mnist.test_labels.dtype == np.int64
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.train_labels)[:3].tolist() == [5923, 6742, 5958]
    assert (mnist.name, mnist.classes, mnist.skipped) == ("MNIST", tuple("0123456789"), ())


def test_mnist_with_one_byte_changed(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for file in (files("convscope") / "data" / "mnist").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    name = "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress((folder / name).read_bytes()))
    content[-1] ^= 1
    (folder / name).write_bytes(gzip.compress(bytes(content)))
    monkeypatch.setattr(digits, "files", lambda package: tmp_path)
    with pytest.raises(
        InputError, match=rf"{name}: its content has MD5 .* not 27ae3e4e.*install convscope again"
    ):
        digits.load()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dotted", [True, False])
def test_a_set_of_the_same_form(tmp_path, packed, dotted):
    arrays = idx_set(tmp_path / "fashion", packed, dotted)
    data = digits.load(tmp_path / "fashion")
    assert (data.train_images == arrays["train_images"]).all()
    assert (data.test_labels == arrays["t10k_labels"]).all()
    assert (data.name, data.classes) == ("fashion", tuple("0123456789"))


def test_class_names(tmp_path):
    labels = np.arange(40, dtype=np.uint8) % 3
    idx_set(tmp_path, train_labels=labels, t10k_labels=labels[:20])
    (tmp_path / "classes.txt").write_text("coat\nshoe\n\nhat\n")
    assert digits.load(str(tmp_path)).classes == ("coat", "shoe", "hat")
    (tmp_path / "classes.txt").write_text("coat\nshoe\n")
    with pytest.raises(InputError, match=r"train label 2 \(item 2\) is out of range, 2 classes have 0..1"):
        digits.load(tmp_path)
    (tmp_path / "classes.txt").write_text("coat\ncoat\nhat\n")
    with pytest.raises(InputError, match="same name stands twice"):
        digits.load(tmp_path)
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"classes\.txt: cannot be read"):
        digits.load(tmp_path)


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ({"train_labels": np.zeros(39, np.uint8)}, "40 train images but 39 labels"),
        ({"t10k_labels": np.zeros(21, np.uint8)}, "20 test images but 21 labels"),
        (
            {"t10k_labels": np.full(20, 10, np.uint8)},
            r"test label 10 \(item 0\) is out of range.*classes.txt",
        ),
        ({"train_images": np.zeros((40, 32, 30), np.uint8)}, "train images are 32 x 30; must be 28 x 28"),
        ({"train_labels": np.zeros(40, np.uint8)}, "all of one class; give at least two"),
        (
            {"t10k_images": np.zeros((0, 28, 28), np.uint8), "t10k_labels": np.zeros(0, np.uint8)},
            "no test images",
        ),
        ({"train_images": np.zeros(40, np.uint8)}, r"holds labels \(1 dimension\), but pictures"),
    ],
)
def test_bad_sets(tmp_path, other, line):
    idx_set(tmp_path, **other)
    with pytest.raises(InputError, match=line):
        digits.load(tmp_path)


def test_an_incomplete_set(tmp_path):
    idx_set(tmp_path)
    (tmp_path / NAMES["t10k-labels"]).unlink()
    with pytest.raises(InputError, match="no IDX file for t10k-labels; put it beside the others"):
        digits.load(tmp_path)


def test_class_folders_hold_out_a_sixth_the_same_each_time(tmp_path):
    for label, name in enumerate(["2", "10", "1"]):
        for i in range(13):
            picture(tmp_path / name / f"{i}.png", 50 * label + i)
    data, again = digits.load(tmp_path), digits.load(tmp_path)
    assert data.classes == ("1", "2", "10")
    assert np.bincount(data.test_labels).tolist() == [2, 2, 2]
    assert np.bincount(data.train_labels).tolist() == [11, 11, 11]
    assert (data.test_images == again.test_images).all()
    values = np.concatenate([data.train_images, data.test_images])[:, 0, 0]
    assert sorted(values) == sorted(50 * label + i for label in range(3) for i in range(13))
    assert (data.test_images[data.test_labels == 2][:, 0, 0] // 50 == 1).all()  # "10" was written second


def test_train_and_test_folders(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for name in ("cat", "dog"):
            for i in range(count):
                picture(tmp_path / part / name / f"{i}.png", i)
    data = digits.load(tmp_path)
    assert (len(data.train_labels), len(data.test_labels), data.classes) == (6, 4, ("cat", "dog"))
    picture(tmp_path / "test" / "bird" / "0.png", 1)
    with pytest.raises(InputError, match="test/bird is no class of train/"):
        digits.load(tmp_path)


def test_broken_pictures_are_skipped_and_named(tmp_path):
    for name in ("a", "b"):
        for i in range(3):
            picture(tmp_path / name / f"{i}.png", i)
    (tmp_path / "a" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "b" / "notes.txt").write_text("hello")
    (tmp_path / "a" / ".hidden").write_text("not looked at")
    data = digits.load(tmp_path)
    assert len(data.train_labels) + len(data.test_labels) == 6
    assert len(data.skipped) == 2
    assert "broken.jpg: not a picture" in data.skipped[0]
    assert "notes.txt" in data.skipped[1]


def test_folders_that_hold_no_set(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        digits.load(tmp_path / "none")
    with pytest.raises(
        InputError, match=r"holds neither IDX files .* nor two or more class folders.* in it: 0"
    ):
        digits.load(tmp_path)
    picture(tmp_path / "only" / "1.png", 1)
    with pytest.raises(InputError, match="in it: 1"):
        digits.load(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        digits.load(tmp_path / "only" / "1.png")
    picture(tmp_path / "only" / "2.png", 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.png").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"class other has 0 sound pictures, give it 2 or more; the first of 1"
    ):
        digits.load(tmp_path)


def test_pictures_of_other_sizes_keep_their_proportions():
    assert (fitted(np.full((28, 28), 9.4, np.float32)) == 9).all()
    wide = np.full((50, 100), 200, np.float32)
    wide[10:-10, 20:-20] = 0
    square = fitted(wide)
    assert (square[:7] == 200).all()
    assert (square[12:16, 8:20] == 0).all()
    assert fitted(np.zeros((1, 100_000), np.float32)).shape == (28, 28)


def test_split_is_stratified_and_repeatable(mnist):
    train, held = digits.split(mnist.train_labels, 5000, seed=3)
    assert len(held) == 5000
    assert sorted([*train, *held]) == list(range(60_000))
    share = np.bincount(mnist.train_labels[held]) / np.bincount(mnist.train_labels)
    np.testing.assert_allclose(share, 1 / 12, atol=1e-3 / 5)
    assert (digits.split(mnist.train_labels, 5000, seed=3)[1] == held).all()
    assert (digits.split(mnist.train_labels, 5000, seed=4)[1] != held).any()
    assert len(digits.split(mnist.train_labels, 0)[1]) == 0


@pytest.mark.parametrize("validation", [-1, 6, 7])
def test_split_of_too_many(validation):
    with pytest.raises(
        InputError, match=f"validation={validation}: must be at least 0 and below the 6 labels"
    ):
        digits.split(np.zeros(6, np.int64), validation)


def test_normalised_mnist_has_mean_0_and_deviation_1(mnist):
    inputs = digits.normalise(mnist.train_images)
    assert inputs.shape == (60_000, 1, 28, 28)
    assert inputs.dtype == np.float32
    assert abs(inputs.mean()) < 1e-3
    assert abs(inputs.std() - 1) < 1e-3


@pytest.mark.parametrize("images", [np.zeros((2, 3, 4), np.float32), np.zeros((3, 4), np.uint8)])
def test_normalise_takes_grey_bytes_alone(images):
    with pytest.raises(InputError, match=r"must be uint8 \(n, h, w\)"):
        digits.normalise(images)
