"""One folder on any file system: whole writes, one writer at a time, no way out of it, one line for every trouble."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from convscope.atlas.folder import RemoteFolder
from convscope.atlas.store import MANIFEST, Record, Store
from convscope.errors import InputError

RECORD = Record("draw-1", {"values": [1.5]}, {"a.png": b"one"})
OTHER = Record("draw-2", {}, {"a.png": b"new"})


def published(url) -> Store:
    there = Store(url)
    there.put(RECORD)
    there.publish({}, [RECORD.key], {"index.html": "old", "zh/index.html": "old"})
    return there


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        Store(tmp_path / "file")
    with pytest.raises(InputError, match="file"):
        Store(tmp_path / "file" / "atlas")


@pytest.mark.parametrize("place", ["/proc/atlas", "nosuch://a/b"])
def test_a_place_that_cannot_be_is_told_of_in_one_line(place):
    with pytest.raises(InputError, match="cannot"):
        Store(place)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    there = published(tmp_path / "atlas")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.png").write_text("mine")
    (tmp_path / "atlas/files/draw-9").symlink_to(secret)
    (tmp_path / "atlas/zh/link.html").symlink_to(secret / "a.png")
    for ask in (
        lambda: there.read("files/draw-9/a.png"),
        lambda: there.read("zh/link.html"),
        lambda: there.put(Record("draw-9", {}, {"a.png": b"theirs"})),
    ):
        with pytest.raises(InputError, match="leads out of"):
            ask()
    there.publish({}, [], {})
    assert (secret / "a.png").read_text() == "mine"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_what_the_disk_says_is_one_line(tmp_path, monkeypatch, code):
    there = published(tmp_path)

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=f"(?i)cannot write .*: {os.strerror(code)}; name a place"):
        there.put(OTHER)
    monkeypatch.undo()
    assert there.verify() == []
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(InputError, match=f"(?i)cannot remove .*: {os.strerror(code)}; remove it by hand"):
        there.publish({}, [], {})
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(InputError, match=f"(?i)cannot read .*: {os.strerror(code)}; check the path"):
        Store.open(tmp_path)


@pytest.mark.parametrize(
    "problem", [OSError(errno.ENOSPC, "No space left"), PermissionError("Access Denied"), RuntimeError("no keys")]
)
def test_what_another_file_system_says_is_one_line(tmp_path, monkeypatch, problem):
    url = f"memory:/{tmp_path}/atlas"
    there = published(url)
    assert isinstance(there._folder, RemoteFolder)

    def fail(*_, **__):
        raise problem

    kind = type(there._folder.files)
    monkeypatch.setattr(kind, "pipe_file", fail)
    with pytest.raises(
        InputError, match=f"cannot write memory:.*{re.escape(str(problem))}; check the address and the keys"
    ):
        there.put(OTHER)
    monkeypatch.undo()
    assert there.verify() == []
    monkeypatch.setattr(kind, "cat_file", fail)
    with pytest.raises(InputError, match=f"cannot read memory:.*{MANIFEST}.*{re.escape(str(problem))}"):
        Store(url)


def test_no_bucket_is_made_because_its_name_was_spelled_wrongly(tmp_path, monkeypatch):
    there = Store(f"memory:/{tmp_path}/no/bucket/atlas")
    assert isinstance(there._folder, RemoteFolder)

    def fail(*_, **__):
        raise FileNotFoundError("The specified bucket does not exist")

    monkeypatch.setattr(type(there._folder.files), "pipe_file", fail)
    with pytest.raises(InputError, match="no such place; make what is above it"):
        there.put(RECORD)


def test_folders_are_made_where_a_file_system_has_real_ones(tmp_path):
    there = RemoteFolder("there", fsspec.filesystem("file", auto_mkdir=False), str(tmp_path / "atlas"))
    there.write("files/draw-1/a.png", b"one")
    assert there.sizes() == {"files/draw-1/a.png": 3}
    assert there.read("files/draw-1/a.png") == b"one"


HOLD = """
import sys, time
from convscope.atlas.store import Store
with Store(sys.argv[1]).lock():
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_jobs_do_not_write_at_once_and_a_killed_one_lets_the_next_in(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "atlas"], stdout=subprocess.PIPE) as job:
        assert job.stdout
        assert job.stdout.readline() == b"locked\n"
        with pytest.raises(InputError, match=r"another job writes into .*atlas; wait for it, or name another folder"):
            Store(tmp_path / "atlas").lock().__enter__()
        job.send_signal(signal.SIGKILL)
    with Store(tmp_path / "atlas").lock(), pytest.raises(InputError, match="another job"):
        Store(tmp_path / "atlas").lock().__enter__()
    with Store(tmp_path / "atlas").lock():
        pass


def test_a_job_sees_what_others_wrote_before_it_had_the_lock(tmp_path):
    there = Store(tmp_path)
    assert not there.has(RECORD.key)
    published(tmp_path)
    with there.lock():
        assert there.has(RECORD.key)
        there.put(OTHER)
        assert there.manifest()["state"] == "finished"


def test_a_lock_in_a_place_that_cannot_be_written_is_told_of(tmp_path, monkeypatch):
    there = Store(tmp_path / "atlas")
    (tmp_path / "atlas").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write into .*atlas"):
        there.lock().__enter__()


def test_a_kill_while_files_are_written_leaves_no_half_of_any(tmp_path):
    code = """
import sys
from convscope.atlas.store import Record, Store
store = Store(sys.argv[1])
print("ready", flush=True)
for i in range(10**6):
    store.put(Record(f"draw-{i}", {"i": i}, {"a.png": bytes(100_000), "b.png": bytes(100_000)}))
"""
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as job:
        assert job.stdout
        assert job.stdout.readline() == b"ready\n"
        while not (tmp_path / "records/draw-3.json").exists():
            assert job.poll() is None
        job.send_signal(signal.SIGKILL)
    there = Store(tmp_path)
    keys = there.keys()
    assert len(keys) >= 4
    for key in keys:
        assert there.record(key).numbers == {"i": int(key.removeprefix("draw-"))}
    assert all("half written" in line or "no record names it" in line for line in there.verify())
    there.publish({}, keys, {})
    assert there.verify() == []
