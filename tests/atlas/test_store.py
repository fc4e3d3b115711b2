"""The folder: what is whole, what is kept, what is refused."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from convscope.atlas.folder import LocalFolder
from convscope.atlas.store import MANIFEST, Record, Store
from convscope.errors import InputError

RECORD = Record("draw-conv-0123456789", {"values": [1.5], "name": "鞋"}, {"a.png": b"one", "b.png": b"two"})
OTHER = Record("draw-conv-abcdefghij", {}, {"a.png": b"new"})
FACTS = {"networks": [{"label": "net", "source": "net.pt", "weights": "1a2b" * 16}]}
HOSTILE = ("../x", "..", ".", "", "/etc/passwd", "a\\b", "C:x", ".hidden", "a\0b", "ä", "x" * 121, "a\n")


@pytest.fixture(params=["folder", "file", "memory"])
def url(request, tmp_path) -> str:
    """The same atlas in each kind of place; that of memory is of this test only."""
    kinds = {"folder": "", "file": "file://", "memory": "memory:/"}
    return f"{kinds[request.param]}{tmp_path}/atlas"


def files(folder: Path) -> list[str]:
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not path.endswith(".lock")]


def test_a_record_comes_back(url):
    there = Store(url)
    assert not there.has(RECORD.key)
    there.put(RECORD)
    for store in (there, Store(url), Store.open(url)):
        assert store.has(RECORD.key)
        assert not store.has(OTHER.key)
        assert store.keys() == [RECORD.key]
        assert store.numbers(RECORD.key) == RECORD.numbers
        assert store.files(RECORD.key) == ["a.png", "b.png"]
        assert store.read(store.path(RECORD.key, "b.png")) == b"two"
        assert store.record(RECORD.key) == RECORD


def test_a_path_is_a_link_relative_to_the_pages(tmp_path):
    assert Store(tmp_path).path("draw-1", "unit-3-0.webp") == "files/draw-1/unit-3-0.webp"


def test_asking_writes_nothing(tmp_path):
    there = Store(tmp_path / "atlas")
    assert there.manifest() == {}
    assert not there.has("draw-1")
    assert not (tmp_path / "atlas").exists()


def test_many_keys_are_asked_for_with_one_list(tmp_path, monkeypatch):
    there, lists, list_once = Store(tmp_path), [], LocalFolder.sizes
    monkeypatch.setattr(LocalFolder, "sizes", lambda self: lists.append(1) or list_once(self))
    for i in range(5):
        there.has(f"draw-{i}")
        there.put(Record(f"draw-{i}", {}))
        assert there.has(f"draw-{i}")
    assert len(lists) == 1


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, InputError("no space")], ids=["stopped", "full"])
def test_a_record_stopped_half_way_is_not_there_and_can_be_put_again(tmp_path, monkeypatch, stop_at, stop):
    stop_write(monkeypatch, stop_at, stop)
    with pytest.raises((KeyboardInterrupt, InputError)):
        Store(tmp_path).put(RECORD)
    monkeypatch.undo()
    assert not Store(tmp_path).has(RECORD.key)
    Store(tmp_path).put(RECORD)
    assert Store(tmp_path).record(RECORD.key) == RECORD


def stop_write(monkeypatch, stop_at: int, stop) -> None:
    writes, write = [], LocalFolder.write

    def stopping(self, path, data):
        writes.append(path)
        if len(writes) == stop_at:
            raise stop
        write(self, path, data)

    monkeypatch.setattr(LocalFolder, "write", stopping)


@pytest.mark.parametrize("stop_at", range(1, 6))
def test_a_publishing_stopped_at_any_write_leaves_an_atlas_that_goes_on(tmp_path, monkeypatch, stop_at):
    published(tmp_path)
    there = Store(tmp_path)
    there.put(OTHER)
    stop_write(monkeypatch, stop_at, KeyboardInterrupt)
    with suppress(KeyboardInterrupt):
        there.begin(FACTS, [OTHER.key])
        there.publish(FACTS, [OTHER.key], {"index.html": "new", "more.html": "new"})
    monkeypatch.undo()
    again = Store(tmp_path)
    assert again.has(RECORD.key) == again.has(OTHER.key)  # nothing is removed while the older pages may stand
    assert [again.read(path) for path in ("index.html", "conv9.html")]
    again.publish(FACTS, [OTHER.key], {"index.html": "new"})
    assert files(tmp_path) == [MANIFEST, f"files/{OTHER.key}/a.png", "index.html", f"records/{OTHER.key}.json"]
    assert again.verify() == []


def published(url) -> Store:
    there = Store(url)
    there.begin(FACTS, [RECORD.key, "draw-conv-9"])
    there.put(RECORD)
    there.publish(FACTS, [RECORD.key], {"index.html": "old", "conv9.html": b"old", "zh/conv9.html": "old"})
    return there


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"[]", b"\xff", b'{"numbers": NaN}', b"[" * 100_000),
        b'{"key": "other", "numbers": {}, "files": {}}',
        *(
            json.dumps({"key": RECORD.key, "numbers": {}, "files": what}).encode()
            for what in (
                3,
                {"c.png": 3},
                {"c.png": {"size": 3}},
                {"c.png": {"size": 3, "sha256": "0" * 64}},
                {"../a.png": {"size": 3, "sha256": "0" * 64}},
                {"a.png": {"size": 3, "sha256": "0"}},
                {"a.png": {"size": -1, "sha256": "0" * 64}},
            )
        ),
    ],
    ids=range(14),
)
def test_a_damaged_record_counts_as_missing_and_is_told_of(tmp_path, damage):
    published(tmp_path)
    (tmp_path / "records" / f"{RECORD.key}.json").write_bytes(damage)
    there = Store(tmp_path)
    assert not there.has(RECORD.key)
    assert there.keys() == []
    with pytest.raises(InputError, match=f"{RECORD.key}.*(damaged|changed|lacks)|lacks"):
        there.record(RECORD.key)
    assert there.verify() == [f"records/{RECORD.key}.json: changed"]


def test_a_record_without_one_of_its_files_counts_as_missing(tmp_path):
    published(tmp_path)
    (tmp_path / "files" / RECORD.key / "a.png").write_bytes(b"cut")
    assert Store(tmp_path).has(RECORD.key)  # the same length; contents are read by verify
    assert Store(tmp_path).verify() == [f"files/{RECORD.key}/a.png: changed"]
    with pytest.raises(InputError, match=r"a\.png is changed"):
        Store(tmp_path).record(RECORD.key)
    (tmp_path / "files" / RECORD.key / "a.png").write_bytes(b"c")
    assert not Store(tmp_path).has(RECORD.key)
    assert Store(tmp_path).verify() == [f"files/{RECORD.key}/a.png: 1 bytes of 3"]
    (tmp_path / "files" / RECORD.key / "a.png").unlink()
    assert not Store(tmp_path).has(RECORD.key)
    assert Store(tmp_path).verify() == [f"files/{RECORD.key}/a.png: missing"]


def test_a_file_that_vanishes_is_told_of(tmp_path):
    there = published(tmp_path)
    (tmp_path / "files" / RECORD.key / "a.png").unlink()
    with pytest.raises(InputError, match=r"lacks files/.*a\.png; make the atlas again"):
        there.read(there.path(RECORD.key, "a.png"))
    with pytest.raises(InputError, match=r"lacks records/draw-9\.json"):
        there.numbers("draw-9")
    with pytest.raises(InputError, match=r"lacks records/draw-9\.json"):
        there.files("draw-9")
    with pytest.raises(InputError, match="lacks the record draw-9"):
        there.publish({}, ["draw-9"], {})


def test_verify_tells_everything_else(url):
    there = published(url)
    assert there.verify() == []
    folder = there._folder
    folder.write("conv9.html", b"edited")
    folder.remove("zh/conv9.html")
    folder.write("notes.txt", b"the reader's own")
    folder.write("files/draw-9/a.png", b"")
    folder.write("records/.draw-9.json.abcdefgh.part", b"{")
    folder.remove(f"records/{RECORD.key}.json")
    assert there.verify() == [
        f"records/{RECORD.key}.json: missing",
        "conv9.html: changed",
        "zh/conv9.html: missing",
        "files/draw-9/a.png: no record names it; it goes when the atlas is made again",
        "records/.draw-9.json.abcdefgh.part: half written; it goes when the atlas is made again",
    ]


def test_verify_checks_an_unfinished_atlas_against_its_records(url):
    there = published(url)
    there.begin(FACTS)
    there._folder.write("conv9.html", b"an older page, perhaps")
    assert there.verify() == []
    there._folder.write(f"files/{RECORD.key}/b.png", b"twO")
    assert there.verify() == [f"files/{RECORD.key}/b.png: changed"]


def test_publishing_removes_what_only_the_older_job_needed_and_what_a_kill_left(tmp_path):
    there = published(tmp_path)
    for path in ("notes.txt", "files/notes.txt", "records/notes.txt", "zh/notes.txt", ".note.abcdefgh.part.txt"):
        (tmp_path / path).write_text("the reader's own")
    for path in (
        f"files/{RECORD.key}/.a.png.abc_efg1.part",
        "records/.x.json.abcdefgh.part",
        ".atlas.json.12345678.part",
    ):
        (tmp_path / path).write_text("half")
    there.put(OTHER)
    there.publish({"seed": 1}, [OTHER.key], {"index.html": "new"})
    records = [f"files/{OTHER.key}/a.png", f"records/{OTHER.key}.json"]
    own = ["notes.txt", "files/notes.txt", "records/notes.txt", "zh/notes.txt", ".note.abcdefgh.part.txt"]
    assert files(tmp_path) == sorted([MANIFEST, "index.html", *own, *records])
    assert not (tmp_path / "files" / RECORD.key).exists()
    assert (tmp_path / "index.html").read_text() == "new"
    assert there.manifest()["facts"] == {"seed": 1}
    assert not there.has(RECORD.key)


def test_publishing_cleans_memory_as_it_cleans_a_folder(url):
    there = published(url)
    there.put(OTHER)
    there.publish({}, [OTHER.key], {"index.html": "new"})
    left = {path for path in there._folder.sizes() if not path.endswith(".lock")}
    assert left == {MANIFEST, "index.html", f"records/{OTHER.key}.json", f"files/{OTHER.key}/a.png"}


def test_beginning_removes_nothing_and_keeps_the_plan(tmp_path):
    published(tmp_path)
    before = {path: (tmp_path / path).read_bytes() for path in files(tmp_path) if path != MANIFEST}
    Store(tmp_path).begin(FACTS, ["draw-1", "look-2"])
    assert {path: (tmp_path / path).read_bytes() for path in files(tmp_path) if path != MANIFEST} == before
    manifest = Store(tmp_path).manifest()
    assert (manifest["state"], manifest["plan"]) == ("unfinished", ["draw-1", "look-2"])


def test_an_atlas_of_another_network_is_not_written_over(tmp_path):
    published(tmp_path)
    mine = FACTS["networks"][0]
    other = {"networks": [mine | {"weights": "3c4d" * 16}]}
    with pytest.raises(InputError, match=f"network 'net': weights {mine['weights'][:12]} here, 3c4d3c4d3c4d now; name"):
        Store(tmp_path).begin(other)
    renamed = {"networks": [mine | {"label": "second"}]}
    with pytest.raises(InputError, match="networks net here, second now; name another"):
        Store(tmp_path).begin(renamed)
    assert Store(tmp_path).manifest()["state"] == "finished"
    Store(tmp_path).begin({"networks": [mine, *renamed["networks"]]})  # one more beside it
    Store(tmp_path).begin({"networks": [mine | {"source": "the same weights from elsewhere"}]})


def test_a_folder_with_other_things_is_refused(url):
    there = Store(url)
    there._folder.write("thesis.tex", b"mine")
    with pytest.raises(InputError, match=r"thesis\.tex.*not a folder that convscope made"):
        Store(url)
    with pytest.raises(InputError, match=r"is not an atlas \(no atlas\.json in it\)"):
        Store.open(url)
    assert list(there._folder.sizes()) == ["thesis.tex"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    there = published(tmp_path)
    before = files(tmp_path)
    with pytest.raises(ValueError, match="no name for a file"):
        there.put(Record(name, {}))
    with pytest.raises(ValueError, match="no name for a file"):
        there.put(Record("draw-1", {}, {name: b""}))
    with pytest.raises(ValueError, match="no place for a page"):
        there.publish({}, [], {f"zh/{name}/x.html": ""})
    for ask in (
        lambda: there.path("draw-1", name),
        lambda: there.path(name, "a.png"),
        lambda: there.numbers(name),
        lambda: there.read(f"files/{name}"),
    ):
        with pytest.raises(InputError, match=r"no name of a file of an atlas"):
            ask()
    assert files(tmp_path) == before


@pytest.mark.parametrize("page", [MANIFEST, "records/a.json", "files/a/b.png", "", "/a.html", "a//b.html"])
def test_pages_lie_beside_the_records(tmp_path, page):
    with pytest.raises(ValueError, match="no place for a page"):
        Store(tmp_path).publish({}, [], {page: ""})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(tmp_path, value):
    there = Store(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        there.put(Record("nan-0", {"value": value}))
    assert not there.has("nan-0")


@pytest.mark.parametrize("name", ["鞋", "half \udcff a name", "</script>", '"\\\n\u2028'])
def test_any_name_can_be_told(tmp_path, name):
    there = Store(tmp_path)
    there.put(Record("seen-1", {"name": name}))
    there.publish({"classes": [name]}, ["seen-1"], {"index.html": name})
    assert there.numbers("seen-1") == {"name": name}
    text = (tmp_path / MANIFEST).read_bytes().decode("utf-8", errors="strict")
    assert json.loads(text)["facts"] == {"classes": [name]}
    assert (tmp_path / "index.html").read_bytes().decode("utf-8") == name.replace("\udcff", "?")
