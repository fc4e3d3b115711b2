"""The format is the one in docs/format.md: atlases made after it are read, what is written stands in it."""

import base64
import contextlib
import hashlib
import io
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from torch import nn

from convscope.atlas import facts, gather, plan, work
from convscope.atlas.format import is_name, is_page
from convscope.atlas.gallery import ArrayGallery
from convscope.atlas.store import MANIFEST, Record, Store, packed, unpacked
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing

DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")


def documented(section: str, free: bool = True) -> set[str]:
    """The fields in the table under a heading; `free`: with those that may be left out."""
    (text,) = re.findall(rf"^##+ {section}\n(.*?)(?=^##|\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)
    cells = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    fields = [field for cell in cells for field in re.findall(r"`([^`]+)`(\*?)", cell)]
    return {name for name, star in fields if free or not star}


def by_hand(folder: Path) -> None:
    """A small atlas after the document, with nothing of ours."""
    picture = io.BytesIO()
    Image.new("RGB", (5, 4), "red").save(picture, "WEBP", lossless=True)
    answers = base64.b64encode(np.array([[1.5, float("nan")]], "<f4").tobytes()).decode()
    numbers = {
        "layer": "conv",
        "units": [0],
        "facets": 1,
        "value": [[1.5]],
        "dead": [False],
        "size": [4, 5],
        "how": {},
        "command": "",
        "answers": {"dtype": "<f4", "shape": [1, 2], "base64": answers},
        "trust": None,
    }
    content = picture.getvalue()
    told = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    record = {"key": "draw-conv-1", "numbers": numbers, "files": {"unit-0-0.webp": told}}
    layer = {"name": "conv", "records": {"units": None, "draw": ["draw-conv-1"], "kernels": None, "links": None}}
    facts = {"networks": [{"label": "net", "weights": "", "source": "", "layers": [layer]}], "of tomorrow": 1}
    (folder / "records").mkdir(parents=True)
    (folder / "files/draw-conv-1").mkdir(parents=True)
    (folder / "files/draw-conv-1/unit-0-0.webp").write_bytes(content)
    (folder / "records/draw-conv-1.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
    (folder / "index.html").write_text("<p>", encoding="utf-8")
    manifest = {
        "format": "convscope-atlas",
        "version": 1,
        "state": "finished",
        "facts": facts,
        "plan": ["draw-conv-1"],
        "records": {"draw-conv-1": hashlib.sha256((folder / "records/draw-conv-1.json").read_bytes()).hexdigest()},
        "pages": {"index.html": hashlib.sha256(b"<p>").hexdigest()},
    }
    (folder / "atlas.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_an_atlas_written_after_the_document_is_read_and_verified(tmp_path):
    by_hand(tmp_path)
    there = Store.open(tmp_path)
    assert there.verify() == []
    assert there.keys() == ["draw-conv-1"]
    assert there.manifest()["facts"]["of tomorrow"] == 1
    numbers = there.numbers("draw-conv-1")
    np.testing.assert_array_equal(unpacked(numbers["answers"]), np.array([[1.5, np.nan]], np.float32))
    assert set(numbers) == documented("draw")


def test_the_program_in_the_document_reads_an_atlas(tmp_path, monkeypatch):
    by_hand(tmp_path / "atlas")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "format.md", "exec"), {})
    assert printed.getvalue() == "net conv 0 1.5 (5, 4)\n"


def test_what_is_written_has_the_fields_of_the_document_and_no_others(tmp_path):
    there = Store(tmp_path)
    there.put(Record("draw-1", {"values": [1.5]}, {"a.png": b"one"}))
    for finished in (False, True):
        if finished:
            there.publish({"seed": 0}, ["draw-1"], {"index.html": "<p>"})
        manifest = json.loads((tmp_path / "atlas.json").read_text(encoding="utf-8"))
        assert set(manifest) == documented("The manifest")
    record = (tmp_path / "records/draw-1.json").read_bytes()
    assert set(json.loads(record)) == documented("A record")
    assert json.loads(record)["files"] == {"a.png": {"size": 3, "sha256": hashlib.sha256(b"one").hexdigest()}}
    assert manifest["records"] == {"draw-1": hashlib.sha256(record).hexdigest()}
    assert manifest["pages"] == {"index.html": hashlib.sha256(b"<p>").hexdigest()}
    assert set(packed(np.zeros(2))) == {"dtype", "shape", "base64"}


def test_the_document_tells_all_that_is_found_out(tmp_path):
    random = np.random.default_rng(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    of = Network(model, (3, 16, 16), Preprocessing((16, 16), (0.5,) * 3, (0.2,) * 3), ("cat", "dog"))
    images = random.integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)
    gallery = ArrayGallery(images, [0, 1] * 3, ("cat", "dog"))
    recipe = Recipe("test", facets=1, steps=2, examples=2, links=2, trust=False)
    subject = Subject((survey(of, "net", ["0"], [0]),), gallery, recipe, seed=0)
    there, tasks = Store(tmp_path), plan.plan(subject)
    for group in plan.groups(tasks):
        for record in work.run(subject, group):
            there.put(record)
    units = list(gather.gather(subject, tasks, there))
    seen = plan.seen(subject, 0, gather.used(units[0]))
    records = [*map(there.record, there.keys()), *units, *work.run(subject, tuple(seen))]
    assert {record.key.split("-")[0] for record in records} == {"units", *get_args(plan.Kind)}
    for record in records:
        kind = record.key.split("-")[0]
        assert documented(kind, free=False) <= set(record.numbers) <= documented(kind), record.key
    told = facts.facts(subject)
    assert set(told) == documented("Facts")
    assert set(told["networks"][0]) == documented("Facts of a network")
    assert set(told["networks"][0]["layers"][0]) == documented("Facts of a layer")


@pytest.mark.parametrize("name", ["a", "-", "a.b_C-9", "x" * 120, "x" * 121, ".a", "a/b", "", "ä", "a b", "a\n"])
def test_names_are_those_of_the_document(name):
    (pattern,) = re.findall(r"MUST match `([^`]+)`", DOCUMENT)
    assert is_name(name) == (re.fullmatch(pattern, name) is not None)


def manifest(**changed) -> bytes:
    whole = {"format": "convscope-atlas", "version": 1, "state": "finished", "facts": {}, "plan": [], "records": {}}
    return json.dumps({**whole, "pages": {}, **changed}).encode()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "damaged"),
        (b"", "damaged"),
        (b"[1]", "no manifest"),
        (b"\xff\xfe", "damaged"),
        (b'{"width": 64, "tiles": []}', "no manifest"),  # game programs have an atlas.json, too
        (manifest(format="other"), "no manifest"),
        (manifest(version=2), "has version 2 of the format, this program knows 1; use the convscope that made it"),
        (manifest(state="half"), "state or facts"),
        (manifest(facts=[]), "state or facts"),
        (manifest(facts={"networks": None}), "damaged"),
        (manifest(facts={"networks": [3]}), "damaged"),
        (manifest(facts={"networks": [{"label": []}]}), "labels of networks"),
        (manifest(plan=3), "damaged"),
        (manifest(plan=["../x"]), r"names '\.\./x'"),
        (manifest(records={"../x": "0" * 64}), r"names '\.\./x'"),
        (manifest(records={"x": "0"}), "hashes"),
        (manifest(pages={"../../etc/passwd": "0" * 64}), "etc/passwd"),
        (manifest(pages={"/etc/passwd": "0" * 64}), "etc/passwd"),
        (manifest(pages={"zh\\..\\x": "0" * 64}), "names"),
        (manifest(pages={"records/x.json": "0" * 64}), "records/x.json"),
        (manifest(pages={MANIFEST: "0" * 64}), MANIFEST),
    ],
    ids=range(21),
)
def test_a_manifest_that_is_damaged_foreign_or_hostile_is_told_of_at_once(tmp_path, content, told):
    (tmp_path / MANIFEST).write_bytes(content)
    for open_store in (Store, Store.open):
        with pytest.raises(InputError, match=told):
            open_store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


@given(st.text())
def test_what_is_a_name_stays_in_its_folder(name):
    if is_name(name):
        assert Path("/a", name).resolve().parent == Path("/a")
        assert name.isascii()
    if is_page(name):
        assert Path("/a", name).resolve().is_relative_to("/a")
        assert Path(name).parts[0] not in ("records", "files", MANIFEST)


@given(st.text(), st.text())
def test_the_keys_of_the_plan_are_names(layer, other):
    key = f"draw-{plan.slug(layer)}-{plan.digest(layer)}"
    assert is_name(key)
    assert is_name(f"draw-{plan.slug(other)}-{plan.digest(other)}")
    assert (plan.digest(layer) == plan.digest(other)) == (layer == other)


@given(
    arrays.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<f2", "|u1", "<i8", ">i2", "|b1"]),
        arrays.array_shapes(min_dims=0, min_side=0),
    )
)
def test_a_packed_array_comes_back_bit_for_bit(array):
    back = unpacked(json.loads(json.dumps(packed(array), allow_nan=False)))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


def test_a_packed_array_needs_not_lie_in_order():
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    np.testing.assert_array_equal(unpacked(packed(array)), array)
    with pytest.raises(ValueError, match="only numbers"):
        packed(np.array(["a"]))


GOOD = {"dtype": "<f4", "shape": [1], "base64": "AAAAAA=="}


@pytest.mark.parametrize(
    "changed",
    [*({"dtype": kind} for kind in ("O", "V4", "U1", "x", 3)), {"shape": [2]}, {"shape": "a"}, {"base64": "A*AAAAA="}],
    ids=str,
)
def test_a_damaged_array_is_refused(changed):
    np.testing.assert_array_equal(unpacked(GOOD), [0])
    with pytest.raises(InputError, match="an array of the atlas is damaged"):
        unpacked({**GOOD, **changed})
    with pytest.raises(InputError, match="an array of the atlas is damaged"):
        unpacked({})
