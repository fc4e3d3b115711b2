"""The real pictures of an atlas: files of any kind of place, arrays, and what other worlds read."""

import os
import pickle
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convscope.atlas import picturefiles
from convscope.atlas.gallery import ArrayGallery, FileGallery, Gallery, WorldGallery, open_gallery
from convscope.errors import InputError
from convscope.lens.exemplars.keeping import SAMPLE
from convscope.lens.models import Inputs, Network, Preprocessing, World
from convscope.lens.models.network import preprocessing_of
from convscope.lens.photos import Photos

TAKEN = Preprocessing((6, 8), mean=(0.5, 0.4, 0.3), std=(0.25, 0.5, 0.2))
NET = Network(nn.Conv2d(3, 2, 3), TAKEN.shape, TAKEN)
GREY = Network(nn.Conv2d(1, 2, 3), (1, 6, 8), Preprocessing((6, 8), order="grey"))
FILES = ("b-c/x.png", "b/a.png", "b/deep/z.webp", "b/q.JPG")


@pytest.fixture
def folder(tmp_path):
    """Four sound pictures in two folders, two broken ones, and files that do not count."""
    rng = np.random.default_rng(0)
    for name in FILES:
        file = tmp_path / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(file)
    (tmp_path / "pictures" / "b" / "m.png").write_bytes(b"no picture")
    (tmp_path / "pictures" / "b" / "n.png").touch()
    (tmp_path / "pictures" / "b" / "notes.txt").write_text("not counted")
    (tmp_path / "pictures" / "b" / ".hidden.png").write_bytes(b"not counted")
    return tmp_path / "pictures"


@pytest.fixture
def remote(folder):
    """The same files in an object store."""
    memory = fsspec.filesystem("memory")
    for file in folder.rglob("*"):
        if file.is_file():
            memory.pipe_file(f"/store/{file.relative_to(folder)}", file.read_bytes())
    yield "memory://store"
    memory.rm("/store", recursive=True)


def every(gallery: Gallery, network: Network = NET, size: int = 2):
    return list(gallery.stacks(network, range(len(gallery)), size))


def test_a_folder_as_photos_have_it(folder):
    gallery, photos = FileGallery(folder), Photos(folder, TAKEN)
    assert [str(folder / name) for name in gallery.names] == [str(file) for file in photos.files]
    assert (gallery.name, gallery.classes) == ("pictures", photos.classes) == ("pictures", ("b", "b-c"))
    assert gallery.labels_of(0, 6) == [gallery.label(i) for i in range(6)] == [0, 0, 0, 0, 0, 1]
    stacks = every(gallery)
    assert [stack.numbers for stack in stacks] == [(0, 1), (), (4, 5)]
    assert [len(stack.problems) for stack in stacks] == [0, 2, 0]
    np.testing.assert_array_equal(
        np.concatenate([stack.pictures for stack in stacks if stack.pictures is not None]), np.stack([*photos])
    )
    assert torch.equal(torch.cat([stack.inputs for stack in stacks]), photos.inputs(0, 4))
    assert stacks[1].inputs.shape == (0, 3, 6, 8)
    assert stacks[1].problems[0].startswith("b/m.png: not a picture of a known kind")
    np.testing.assert_array_equal(gallery.show(NET, 4), photos[2])
    assert gallery.show(NET, 2) is None
    assert gallery.stack(NET, [5, 0]).numbers == (5, 0)


def test_an_object_store_is_as_a_folder(folder, remote):
    here = FileGallery(folder)
    for source, root in ((remote, "store"), (f"{remote}/", "store"), (f"file://{folder}", "pictures")):
        there = FileGallery(source)
        assert (there.names, there.classes, there.name) == (here.names, here.classes, root)
        assert there.identity(1, 4) == here.identity(1, 4)
        for one, other in zip(every(there), every(here), strict=True):
            assert (one.numbers, one.problems) == (other.numbers, other.problems)
            np.testing.assert_array_equal(one.pictures, other.pictures)


def test_patterns_and_single_files(folder, remote, monkeypatch):
    for place in (str(folder), remote):
        gallery = FileGallery(f"{place}/**/*.png")
        assert gallery.names == ("b/a.png", "b/m.png", "b/n.png", "b-c/x.png")
        assert gallery.classes == ()
        assert gallery.label(0) is None
        assert FileGallery(f"{place}/b*/x.png").names == ("b-c/x.png",)
        one = FileGallery(f"{place}/b/a.png")
        assert (one.names, one.classes, one.name) == (("a.png",), (), "b")
        assert one.show(NET, 0) is not None
    monkeypatch.chdir(folder)
    assert FileGallery("b/*.JPG").names == ("q.JPG",)
    assert FileGallery("b/q.JPG").stack(NET, [0]).numbers == (0,)


def test_limit_is_spread_evenly(folder):
    names = FileGallery(folder).names
    assert FileGallery(folder, limit=4).names == tuple(names[i * 6 // 4] for i in range(4))
    assert FileGallery(folder, limit=9).names == names
    with pytest.raises(InputError, match="limit=0: at least 1 picture is needed"):
        FileGallery(folder, limit=0)


def test_identity_follows_from_names_sizes_and_classes(folder):
    before = FileGallery(folder)
    assert before.identity(0, 6) == pickle.loads(pickle.dumps(before)).identity(0, 6)
    assert len({before.identity(0, 6), before.identity(0, 5), before.identity(1, 6)}) == 3
    data = (folder / "b/a.png").read_bytes()
    (folder / "b/a.png").write_bytes(data + b"more")
    longer = FileGallery(folder)
    assert longer.identity(0, 1) != before.identity(0, 1)
    assert longer.identity(1, 6) == before.identity(1, 6)
    (folder / "b/a.png").rename(folder / "b/a2.png")
    assert FileGallery(folder).identity(0, 1) != longer.identity(0, 1)
    (folder / "top.png").write_bytes(data)
    without_classes = FileGallery(folder)
    assert without_classes.classes == ()
    assert without_classes.identity(1, 5) != longer.identity(1, 5)


def test_pictures_that_vanish_or_are_locked_meanwhile(folder, monkeypatch):
    gallery = FileGallery(folder)
    (folder / "b/a.png").unlink()
    (folder / "b/deep/z.webp").unlink()
    (folder / "b/deep/z.webp").mkdir()
    stack = gallery.stack(NET, [0, 1, 5])
    assert stack.numbers == (5,)
    assert stack.problems == tuple(f"b/{name}: no such file; check the name" for name in ("a.png", "deep/z.webp"))
    assert gallery.show(NET, 0) is None

    def locked(path):
        raise PermissionError(path)

    monkeypatch.setattr(gallery.files.files, "cat_file", locked)
    assert "b-c/x.png: may not be read (permission denied)" in gallery.stack(NET, [5]).problems[0]

    def offline(path):
        raise OSError("no route to host")

    monkeypatch.setattr(gallery.files.files, "cat_file", offline)
    with pytest.raises(InputError, match=r"b-c/x\.png: cannot be read now \(no route to host\); run the command again"):
        gallery.stack(NET, [5])


def test_a_machine_without_the_folder_says_so(folder):
    gallery = FileGallery(folder)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(InputError, match="is not there; every machine that works needs it"):
        gallery.stack(NET, [0])


def test_places_without_pictures(tmp_path, remote):
    for source in (tmp_path / "empty", f"{tmp_path}/*.png", "memory://store/none", f"{remote}/*.bmp"):
        Path(tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=r"pictures: none found in .*; give a folder of picture files"):
            FileGallery(source)
    with pytest.raises(InputError, match=r"pictures: nonsense://x cannot be listed .*; check the URL"):
        FileGallery("nonsense://x")
    with pytest.raises(InputError, match="preprocessing: not known"):
        FileGallery(f"{remote}/b/a.png").stack(Network(nn.Conv2d(3, 2, 3), (3, 6, 8)), [0])


def test_names_may_be_many_and_strange(tmp_path):
    for name in ("<b>&'\".png", "名 字.png", "a\nb.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"")  # a name that is no UTF-8
    gallery = FileGallery(tmp_path)
    assert len(gallery.identity(0, 4)) == 40
    assert sorted(line.partition(": ")[0] for line in gallery.stack(NET, range(4)).problems)[0] == "<b>&'\".png"


def test_files_are_fetched_several_at_a_time(remote, monkeypatch):
    monkeypatch.setattr(picturefiles, "WAITING", 3)
    gallery = FileGallery(remote)
    assert gallery.files.threads == 3
    assert [stack.numbers for stack in every(gallery, size=1)] == [(0,), (1,), (), (), (4,), (5,)]


def test_the_sample_is_one_draw_for_the_whole_gallery():
    few = ArrayGallery(np.zeros((SAMPLE, 1, 1), np.uint8))
    np.testing.assert_array_equal(few.sample(3), np.arange(SAMPLE))
    few.names = range(10**9)  # type: ignore[assignment]  # of so many pictures
    drawn = few.sample(3)
    assert len(set(drawn.tolist())) == SAMPLE
    assert (np.diff(drawn) > 0).all()
    assert 0.4e9 < drawn.mean() < 0.6e9
    np.testing.assert_array_equal(drawn, few.sample(3))
    assert (drawn != few.sample(4)).any()


def test_arrays():
    images = np.random.default_rng(1).integers(0, 256, (5, 6, 8), dtype=np.uint8)
    gallery = ArrayGallery(images, [1, 0, 1, 1, 0], ("no", "yes"), "digits")
    assert (len(gallery), gallery.names[3], gallery.classes, gallery.label(2)) == (5, "3", ("no", "yes"), 1)
    first, second = gallery.stacks(GREY, [4, 0, 1], 2)
    assert first.numbers == (4, 0)
    np.testing.assert_array_equal(first.pictures, images[[4, 0]][..., None])
    assert torch.equal(second.inputs, preprocessing_of(GREY).to_inputs(images[1:2, ..., None]))
    changed = images.copy()
    changed[3] += 1
    other = ArrayGallery(changed, [1, 0, 1, 1, 0], ("no", "yes"), "digits")
    assert gallery.identity(0, 3) == other.identity(0, 3)
    assert gallery.identity(3, 4) != other.identity(3, 4)
    assert gallery.identity(0, 5) != ArrayGallery(images).identity(0, 5)
    assert ArrayGallery(images, names=tuple("abcde")).names[1] == "b"
    with pytest.raises(InputError, match="names: 1 for 5 images"):
        ArrayGallery(images, names=["a"])


def test_arrays_of_another_size_are_resized_and_cut():
    images = np.random.default_rng(1).integers(0, 256, (2, 12, 20, 3), dtype=np.uint8)
    gallery = ArrayGallery(images)
    np.testing.assert_array_equal(gallery.show(NET, 1), TAKEN.fit(Image.fromarray(images[1])))
    assert gallery.stack(NET, [0, 1]).inputs.shape == (2, 3, 6, 8)
    assert gallery.stack(GREY, [0]).inputs.shape == (1, 1, 6, 8)
    assert gallery.labels_of(0, 2) == [None, None]


class Lines(World):
    """A line of a file is an input: its letters' numbers."""

    def __init__(self, offset: float = 0.0, least: int = 0):
        self.offset, self.least, self.reads = offset, least, 0

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        self.reads += 1
        lines = [line for line in source.read_text().splitlines()[:limit] if len(line) > self.least]
        values = torch.tensor([[[*map(ord, line[:4].ljust(4))]] for line in lines], dtype=torch.float32)
        return Inputs(values + self.offset, tuple(lines), (f"{source}: one is broken",))

    def show(self, values):
        return np.nan_to_num(np.repeat(values.T[..., None], 3, 2)).astype(np.uint8)


class Others(Lines):
    pass


def lines(*settings, kind=Lines) -> Network:
    return Network(nn.Conv1d(1, 2, 3), (1, 4), world=kind(*settings))


def test_worlds(tmp_path):
    file = tmp_path / "lines.txt"
    file.write_text("four\nfive\nsix\n")
    one, two = lines(), lines(5.0)
    gallery = open_gallery(file, [one, two])
    assert isinstance(gallery, WorldGallery)
    assert (gallery.name, gallery.names, gallery.skipped) == (
        "lines.txt",
        ("four", "five", "six"),
        ("lines.txt: one is broken",),
    )
    first, second = gallery.stacks(one, [2, 0, 1], 2)
    assert (first.numbers, second.numbers, first.pictures) == ((2, 0), (1,), None)
    assert torch.equal(gallery.stack(two, [1]).inputs, second.inputs + 5)
    shown = gallery.show(one, 2)
    assert shown is not None
    np.testing.assert_array_equal(shown[:, 0, 0], [*map(ord, "six ")])
    away = pickle.loads(pickle.dumps(gallery))
    assert away.identity(0, 3) == gallery.identity(0, 3)
    assert torch.equal(away.stack(one, [2, 0]).inputs, first.inputs)
    assert isinstance(one.world, Lines)
    assert one.world.reads == 2  # here, and there
    file.write_text("four\nfour\nsix\n")
    with pytest.raises(InputError, match=r"lines\.txt: 3 inputs are found here, 3 or others were found for the atlas"):
        pickle.loads(pickle.dumps(gallery)).stack(one, [0])
    assert WorldGallery(file, one, limit=1).names == ("four",)
    assert WorldGallery(file, one).identity(1, 2) != gallery.identity(1, 2)


def test_networks_of_one_atlas_take_the_same(tmp_path, folder):
    file = tmp_path / "lines.txt"
    file.write_text("four\nsix\n")
    with pytest.raises(InputError, match="networks: they take Lines and photographs; make an atlas of each kind"):
        open_gallery(file, [lines(), NET])
    with pytest.raises(InputError, match="networks: they take Lines and Others"):
        open_gallery(file, [lines(), lines(kind=Others)])
    with pytest.raises(InputError, match="give each network an atlas of its own"):
        open_gallery(file, [lines(), lines(0.0, 3)])
    with pytest.raises(InputError, match="it takes photographs"):
        WorldGallery(file, NET)
    with pytest.raises(InputError, match="preprocessing: not known"):
        open_gallery(folder, [NET, Network(nn.Conv2d(3, 2, 3), (3, 6, 8))])
    assert isinstance(open_gallery(folder, [NET, GREY], 3), FileGallery)
