"""Folders of pictures of every kind, as people see them and as a network takes them."""

import numpy as np
import pytest
import torch
from PIL import Image

from convscope.errors import InputError
from convscope.lens.models import Preprocessing
from convscope.lens.photos import Photos

TAKEN = Preprocessing((20, 30), mean=(0.5, 0.4, 0.3), std=(0.25, 0.5, 0.2))
GREY = Preprocessing((20, 30), order="grey")
RNG = np.random.default_rng(5)


def noise(h: int = 20, w: int = 30) -> np.ndarray:
    return RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Nine sound pictures, b0.png to b8.png, and three broken files in between."""
    pictures = [noise() for _ in range(9)]
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"b{i}.png")
    whole = (tmp_path / "b3.png").read_bytes()
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b4a.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.jpg").touch()
    (tmp_path / "notes.txt").write_text("not counted")
    (tmp_path / ".hidden.png").write_bytes(whole)
    return tmp_path, np.stack(pictures)


def test_sound_pictures_in_order_and_the_broken_ones_named(folder):
    path, pictures = folder
    photos = Photos(path, TAKEN)
    assert len(photos.files) == 12
    assert photos.skipped == ()  # nothing was looked at yet
    np.testing.assert_array_equal(np.concatenate([*photos.stacks(4)]), pictures)
    assert [len(stack) for stack in photos.stacks(4)] == [4, 4, 1]
    assert [line.split(":")[0] for line in photos.skipped] == [str(path / n) for n in ("a.png", "b4a.png", "c.jpg")]
    assert "damaged picture" in photos.skipped[1]
    assert len(photos) == 9
    assert photos.names[5] == str(path / "b5.png")
    assert photos.labels is None
    assert photos.classes == ()


@pytest.mark.parametrize("first", [0, 5, 8, -1])
def test_one_picture_before_anything_else_was_asked_for(folder, first):
    path, pictures = folder
    photos = Photos(path, TAKEN)
    np.testing.assert_array_equal(photos[first], pictures[first])
    np.testing.assert_array_equal(np.stack([*photos]), pictures)
    with pytest.raises(IndexError, match="picture 9: there are 9"):
        photos[9]


def test_one_picture_in_the_middle_of_a_pass(folder):
    path, pictures = folder
    photos, seen = Photos(path, TAKEN), []
    for i, picture in enumerate(photos):
        np.testing.assert_array_equal(photos[8 - i], pictures[8 - i])
        seen.append(picture)
    np.testing.assert_array_equal(np.stack(seen), pictures)
    assert len(photos.skipped) == 3


def test_inputs_are_what_the_network_takes(folder):
    path, pictures = folder
    photos = Photos(path, TAKEN)
    inputs = photos.inputs(3, 7)
    expected = (pictures[3:7] / 255 - np.array(TAKEN.mean)) / np.array(TAKEN.std)
    np.testing.assert_allclose(inputs.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-6)
    assert torch.equal(torch.cat([*photos.batches(2)])[3:7], inputs)
    assert photos.inputs(8, 20).shape == (1, 3, 20, 30)
    with pytest.raises(InputError, match="pictures 9 to 12: there are 9"):
        photos.inputs(9, 12)


def test_classes_are_the_folders_inside(tmp_path):
    for name, count in (("cats", 3), ("ants", 2)):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(count):
            Image.fromarray(noise()).save(tmp_path / name / "more" / f"{i}.png")
    (tmp_path / "ants" / "0.png").write_bytes(b"broken")
    photos = Photos(tmp_path, TAKEN)
    assert photos.classes == ("ants", "cats")
    assert photos.label(2) == 1
    np.testing.assert_array_equal(photos.labels, [0, 0, 1, 1, 1])
    Image.fromarray(noise()).save(tmp_path / "loose.png")
    assert Photos(tmp_path, TAKEN).classes == ()  # not every picture has one
    assert len(Photos(tmp_path, TAKEN, recursive=False)) == 1


def test_patterns_lists_and_limits(folder):
    path, pictures = folder
    np.testing.assert_array_equal(np.stack([*Photos(f"{path}/b[135].png", TAKEN)]), pictures[[1, 3, 5]])
    np.testing.assert_array_equal(np.stack([*Photos([path / "b7.png", path / "b2.png"], TAKEN)]), pictures[[7, 2]])
    np.testing.assert_array_equal(Photos(path / "b4.png", TAKEN)[0], pictures[4])
    assert [file.name for file in Photos(path, TAKEN, limit=4).files] == ["a.png", "b2.png", "b4a.png", "b7.png"]
    missing = Photos([path / "none.png", path / "b1.png"], TAKEN)
    assert len(missing) == 1
    assert "no such file" in missing.skipped[0]


def test_every_kind_of_file_as_people_see_it(tmp_path):
    colour, grey = noise(), RNG.integers(0, 256, (20, 30), dtype=np.uint8)
    clear = np.dstack([colour, np.where(np.arange(30) < 9, 0, 255)[None].repeat(20, 0).astype(np.uint8)])
    turned = Image.Exif()
    turned[0x0112] = 6  # shown a quarter turn clockwise
    stored = np.ascontiguousarray(np.rot90(colour))
    cmyk = Image.fromarray(colour).convert("CMYK")
    expected = {
        "1.png": grey[..., None].repeat(3, 2),
        "2.png": np.where(np.arange(30)[None, :, None] < 9, 255, colour),
        "3.png": colour,
        "4.png": np.asarray(Image.fromarray(colour).quantize(16).convert("RGB")),
        "5.tif": np.asarray(cmyk.convert("RGB")),
        "6.webp": colour,
    }
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "1.png")
    Image.fromarray(clear).save(tmp_path / "2.png")
    Image.fromarray(stored).save(tmp_path / "3.png", exif=turned)
    Image.fromarray(colour).quantize(16).save(tmp_path / "4.png")
    cmyk.save(tmp_path / "5.tif")
    Image.fromarray(colour).save(
        tmp_path / "6.webp", lossless=True, save_all=True, append_images=[Image.fromarray(255 - colour)]
    )
    photos = Photos(tmp_path, TAKEN)
    for picture, (name, wanted) in zip(photos, expected.items(), strict=True):
        np.testing.assert_array_equal(picture, wanted, err_msg=name)
    np.testing.assert_array_equal(Photos(tmp_path / "1.png", GREY)[0], grey[..., None])


def test_a_bomb_is_skipped_and_not_opened(folder):
    path, _ = folder
    Image.new("1", (20000, 10000)).save(path / "bomb.png")  # past where Pillow itself refuses
    Image.new("1", (10000, 8000)).save(path / "large.png")
    photos = Photos(path, TAKEN)
    assert len(photos) == 9
    refused = [line for line in photos.skipped if line.endswith("at most 67108864 are opened, make it smaller")]
    assert [line.split(":")[0] for line in refused] == [str(path / "bomb.png"), str(path / "large.png")]


def test_bad_requests(tmp_path):
    with pytest.raises(InputError, match=r"pictures: none found in .*; give a folder of picture files"):
        Photos(tmp_path, TAKEN)
    with pytest.raises(InputError, match=r"pictures: none found in .*nowhere"):
        Photos(tmp_path / "nowhere", TAKEN)
    with pytest.raises(InputError, match="pictures: none found in an empty list"):
        Photos([], TAKEN)
    with pytest.raises(InputError, match="limit=0: at least 1 picture is needed"):
        Photos(tmp_path, TAKEN, limit=0)
