import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from convscope import files
from convscope.errors import InputError


def test_an_error_is_one_line():
    assert str(InputError("a=1:\n   too small;\tuse 2\n")) == "a=1: too small; use 2"
    assert isinstance(InputError("x"), ValueError)


def test_writes_bytes_and_text_and_makes_folders(tmp_path: Path):
    path = tmp_path / "new" / "deep" / "file.bin"
    assert files.write_whole(path, b"\x00\xff") == path
    assert path.read_bytes() == b"\x00\xff"
    files.write_whole(str(path), "über\n")
    assert path.read_bytes() == "über\n".encode()
    assert os.listdir(path.parent) == ["file.bin"]


def test_written_files_are_as_readable_as_any_other(tmp_path: Path):
    (tmp_path / "plain").write_text("x")
    files.write_whole(tmp_path / "whole", "x")
    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError, OSError])
def test_a_stopped_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
):
    path = files.write_whole(tmp_path / "file", "old")

    def stopped(*_: object) -> None:
        raise stop(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", stopped)
    expected = InputError if stop is OSError else stop
    with pytest.raises(expected) as caught:
        files.write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]
    if stop is OSError:
        assert str(caught.value) == (
            f"cannot write {path}: no space left on device; name a place that can be written and has room"
        )


def test_places_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for write in (lambda path: files.write_whole(path, "x"), files.check_can_write):
        with pytest.raises(
            InputError, match=r"cannot write .*file/below: (not a directory|file exists); name a place"
        ):
            write(tmp_path / "file" / "below")
        with pytest.raises(
            InputError, match=r"cannot write .*folder: (is a directory|a folder has that name)"
        ):
            write(tmp_path / "folder")
        with pytest.raises(InputError, match="cannot write /proc/convscope: "):
            write("/proc/convscope")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_asking_first_leaves_nothing(tmp_path: Path):
    files.check_can_write(tmp_path / "a" / "b" / "file")
    assert os.listdir(tmp_path) == []


def test_a_folder_is_claimed_once_and_accepted_again(tmp_path: Path):
    folder = tmp_path / "atlas"
    assert files.claim_folder(folder, "mine.json") == folder
    (folder / "mine.json").write_text("{}")
    (folder / "other").write_text("x")
    files.claim_folder(folder, "mine.json")
    assert (folder / "mine.json").read_text() == "{}"


def test_an_empty_folder_is_claimed_and_so_is_what_a_killed_claim_left(tmp_path: Path):
    (tmp_path / ".mine.json.abc.part").write_text("")
    files.claim_folder(tmp_path, "mine.json")
    assert (tmp_path / "mine.json").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(
        InputError, match=r"holds other files \(a\.txt\) and is not a folder that convscope made \(no mine"
    ):
        files.claim_folder(tmp_path, "mine.json")
    assert os.listdir(tmp_path) == ["a.txt"]
    with pytest.raises(InputError, match=r"cannot write into .*a\.txt: it is a file; name a folder"):
        files.claim_folder(tmp_path / "a.txt", "mine.json")
    with pytest.raises(InputError, match="cannot write /proc/convscope"):
        files.claim_folder("/proc/convscope", "mine.json")


def test_a_device_is_never_replaced_by_a_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for write in (lambda path: files.write_whole(path, "x"), files.check_can_write):
        with pytest.raises(InputError, match="pipe: it is a device or a pipe; name an ordinary file"):
            write(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_name_as_long_as_names_may_be(tmp_path: Path):
    path = tmp_path / ("n" * 255)
    files.check_can_write(path)
    assert files.write_whole(path, "x").read_text() == "x"
    with pytest.raises(InputError, match="file name too long"):
        files.check_can_write(tmp_path / ("n" * 256))


@pytest.fixture
def no_room() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("no_room")
def test_room_is_asked_for_before_long_work(tmp_path: Path):
    files.check_can_write(tmp_path / "file", room=4096)
    with pytest.raises(InputError, match=r"cannot write .*file: file too large; name a place"):
        files.check_can_write(tmp_path / "file", room=2**20)


def test_asking_for_a_folder_leaves_nothing(tmp_path: Path):
    assert files.check_can_claim(tmp_path / "atlas", "mine.json") == tmp_path / "atlas"
    assert os.listdir(tmp_path) == []
