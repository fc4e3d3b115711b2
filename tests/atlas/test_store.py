"""The folder: what is whole, what is kept, what is refused."""

import json

import pytest

from convscope.atlas import store
from convscope.atlas.store import MANIFEST, Record, Store
from convscope.errors import InputError

RECORD = Record("draw-conv-0123456789", {"values": [1.5], "name": "鞋"}, {"a.png": b"one", "b.png": b"two"})


def test_a_record_comes_back(tmp_path):
    there = Store(tmp_path / "atlas")
    assert not there.has(RECORD.key)
    there.put(RECORD)
    assert there.has(RECORD.key)
    assert there.numbers(RECORD.key) == RECORD.numbers
    picture = there.folder / there.picture(RECORD.key, "b.png")
    assert picture.read_bytes() == b"two"


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_record_stopped_half_way_is_not_there_and_can_be_put_again(tmp_path, monkeypatch, stop_at):
    there, writes = Store(tmp_path), []

    def stop(path, data):
        writes.append(path)
        if len(writes) == stop_at:
            raise KeyboardInterrupt
        return original(path, data)

    original = store.write_whole
    monkeypatch.setattr(store, "write_whole", stop)
    with pytest.raises(KeyboardInterrupt):
        there.put(RECORD)
    monkeypatch.undo()
    assert not Store(tmp_path).has(RECORD.key)
    Store(tmp_path).put(RECORD)
    assert Store(tmp_path).has(RECORD.key)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"pictures": 3}', '{"pictures": {"c.png": 3}}'])
def test_a_damaged_record_counts_as_missing(tmp_path, damage):
    there = Store(tmp_path)
    there.put(RECORD)
    (tmp_path / "records" / f"{RECORD.key}.json").write_text(damage)
    assert not there.has(RECORD.key)


def test_a_record_without_one_of_its_pictures_counts_as_missing(tmp_path):
    there = Store(tmp_path)
    there.put(RECORD)
    (tmp_path / there.picture(RECORD.key, "a.png")).write_bytes(b"cut")
    assert there.has(RECORD.key)  # the same length; contents are not read again
    (tmp_path / there.picture(RECORD.key, "a.png")).write_bytes(b"c")
    assert not there.has(RECORD.key)


def test_publishing_removes_what_only_the_older_run_needed_and_what_a_kill_left(tmp_path):
    there, other = Store(tmp_path), Record("draw-conv-abcdefghij", {}, {"a.png": b"new"})
    there.put(RECORD)
    there.publish({}, [RECORD.key], {"index.html": "old", "conv9.html": "old", "zh/conv9.html": "old"})
    (tmp_path / "pictures" / RECORD.key / ".a.png.xyz.part").write_text("half")
    (tmp_path / "notes.txt").write_text("the reader's own")
    there.put(other)
    there.publish({"seed": 1}, [other.key], {"index.html": "new"})
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    records = [f"pictures/{other.key}/a.png", f"records/{other.key}.json"]
    assert left == sorted([MANIFEST, "index.html", "notes.txt", *records])
    assert (tmp_path / "index.html").read_text() == "new"
    assert there.manifest()["facts"] == {"seed": 1}


def test_the_older_pages_and_their_pictures_stand_until_the_new_ones_do(tmp_path, monkeypatch):
    there, other = Store(tmp_path), Record("draw-conv-abcdefghij", {}, {"a.png": b"new"})
    there.put(RECORD)
    there.publish({}, [RECORD.key], {"index.html": "old"})
    there.put(other)  # and the run is killed here
    assert (tmp_path / "index.html").read_text() == "old"
    assert there.has(RECORD.key)


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.tex.*not a folder that convscope made"):
        Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        Store(tmp_path / "file")
    with pytest.raises(InputError, match="file"):
        Store(tmp_path / "file" / "atlas")


@pytest.mark.parametrize("text", ["{", "[1]", "not json"])
def test_a_damaged_manifest_is_told_of_at_once(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=MANIFEST):
        Store(tmp_path)


def test_what_is_no_number_is_not_written(tmp_path):
    there = Store(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        there.put(Record("nan-0", {"value": float("nan")}, {}))
    assert not there.has("nan-0")


def test_the_manifest_is_plain_json(tmp_path):
    Store(tmp_path).publish({"classes": ["鞋"]}, [], {})
    assert json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))["facts"] == {"classes": ["鞋"]}
