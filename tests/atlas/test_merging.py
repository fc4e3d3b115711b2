"""Atlases of one subject become one; what is not of one subject, or damaged, stays out."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.atlas.merging import merge, united
from convscope.atlas.store import Record, Store
from convscope.errors import InputError


def layer(name: str, drawn: list[int], **records) -> dict[str, Any]:
    told = {"units": None, "draw": [], "kernels": None, "links": None} | records
    return {"name": name, "drawn": drawn, "parents": [], "records": told}


def network(*layers: dict[str, Any], **changed) -> dict[str, Any]:
    told = {"label": "net", "source": "net.pt", "weights": "1a2b" * 16, "input_shape": [3, 8, 8]}
    rest = {"preprocessing": "order=RGB", "verdicts": None, "layers": list(layers), "seen": []}
    return told | rest | changed


def facts(*networks: dict[str, Any], **changed) -> dict[str, Any]:
    recipe = {"name": "quick", "facets": 1}
    gallery = {"name": "photos", "count": 9, "classes": ["cat"], "skipped": []}
    return {"version": "0.1", "seed": 0, "recipe": recipe, "gallery": gallery, "networks": list(networks)} | changed


def record(key: str) -> Record:
    return Record(key, {"said by": key}, {"unit-0-0.webp": key.encode()})


def half(folder: Path, told: dict[str, Any], plan: list[str], *keys: str) -> str:
    store = Store(folder)
    store.begin(told, plan)
    for key in keys:
        store.put(record(key))
    return str(folder)


def test_halves_become_one(tmp_path):
    told, plan = facts(network(layer("conv", [0, 1]))), ["draw-1", "look-1", "draw-2", "look-2"]
    one = half(tmp_path / "one", told, plan, "draw-1", "look-1")
    other = half(tmp_path / "other", told, plan, "draw-2")
    merged = merge([one, other], tmp_path / "both")
    assert merged.plan == tuple(plan)
    assert merged.keys == ("draw-1", "draw-2", "look-1")
    assert merged.missing == ("look-2",)
    assert merged.damaged == ()
    assert merged.facts == told
    for key in merged.keys:
        assert merged.store.record(key) == record(key)
    assert Store.open(tmp_path / "both").manifest()["state"] == "unfinished"
    assert Store.open(tmp_path / "both").manifest()["plan"] == plan
    assert Store.open(tmp_path / "both").verify() == []


def test_one_may_be_merged_into_the_other(tmp_path):
    told = facts(network(layer("conv", [0])))
    one = half(tmp_path / "one", told, ["draw-1", "draw-2"], "draw-1")
    other = half(tmp_path / "other", told, ["draw-1", "draw-2"], "draw-2")
    merged = merge([one, other], one)
    assert (merged.keys, merged.missing) == (("draw-1", "draw-2"), ())
    assert Store.open(other).keys() == ["draw-2"]


def test_parts_lie_anywhere(tmp_path):
    told = facts(network(layer("conv", [0])))
    one = Store(f"memory:/{tmp_path}/one")
    one.begin(told, ["draw-1"])
    one.put(record("draw-1"))
    assert merge([one.url], f"file://{tmp_path}/here").keys == ("draw-1",)
    assert Store.open(tmp_path / "here").record("draw-1") == record("draw-1")


def test_layers_come_in_running_order_and_units_once(tmp_path):
    first = layer("c2", [0, 2], draw=["draw-c2-a"], kernels="kernels-c2", units="units-c2-a")
    again = layer("c2", [1, 2], draw=["draw-c2-b"], kernels="kernels-c2", units="units-c2-b")
    one = facts(network(layer("c1", [0], draw=["draw-c1"], units="units-c1"), first, seen=["seen-a"]))
    other = facts(network(again, layer("c3", [5], draw=["draw-c3"], units="units-c3"), seen=["seen-a", "seen-b"]))
    one["gallery"]["skipped"], other["gallery"]["skipped"] = ["a.jpg: cut"], ["a.jpg: cut", "b.jpg: cut"]
    keys = {"one": ["draw-c2-a", "draw-c1", "kernels-c2"], "other": ["draw-c2-b", "draw-c3", "kernels-c2"]}
    for name, told in (("one", one), ("other", other)):
        store = Store(tmp_path / name)
        for key in keys[name]:
            store.put(record(key))
        store.publish(told, keys[name], {"index.html": name})
    merged = merge([tmp_path / "one", tmp_path / "other"], tmp_path / "both")
    (net,) = merged.facts["networks"]
    assert [each["name"] for each in net["layers"]] == ["c1", "c2", "c3"]
    joined = net["layers"][1]
    assert joined["drawn"] == [0, 1, 2]
    assert joined["records"]["draw"] == ["draw-c2-a", "draw-c2-b"]
    assert joined["records"]["kernels"] == "kernels-c2"
    assert joined["records"]["units"] is None  # neither tells of all three units
    assert net["layers"][2]["records"]["units"] == "units-c3"
    assert net["seen"] == ["seen-a", "seen-b"]
    assert merged.facts["gallery"]["skipped"] == ["a.jpg: cut", "b.jpg: cut"]
    assert set(merged.keys) == {*keys["one"], *keys["other"]}


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_the_united_order_is_each_parts_own(order, one, other):
    def part(chosen: set[int]) -> dict[str, Any]:
        return facts(network(*(layer(f"c{i}", [i]) for i in order if i in chosen)))

    (net,) = united(part(one), part(other))["networks"]
    names = [each["name"] for each in net["layers"]]
    assert sorted(names) == sorted(f"c{i}" for i in one | other)
    for chosen in (one, other):
        own = [f"c{i}" for i in order if i in chosen]
        assert [name for name in names if name in own] == own


def test_networks_of_other_labels_come_side_by_side(tmp_path):
    told = layer("a", [], units="units-a", links="links-a")
    one = half(tmp_path / "one", facts(network(told)), [], "draw-1")
    other = half(tmp_path / "other", facts(network(told, label="later", weights="3c" * 32)), [], "draw-2")
    merged = merge([one, other], tmp_path / "both")
    assert [net["label"] for net in merged.facts["networks"]] == ["net", "later"]
    for net in merged.facts["networks"]:  # similar units of the other network are still to be found
        assert net["layers"] == [layer("a", [], links="links-a")]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"version": "0.2"}, "version 0.1 in .*one, 0.2 in .*other"),
        ({"seed": 1}, "seed 0 in .*one, 1 in"),
        ({"recipe": {"name": "full"}}, "recipe .*quick.*full"),
        ({"gallery": None}, "pictures: count 9 in .*, None in"),
        ({"gallery": {"count": 9, "classes": ["dog"]}}, "pictures: classes .*cat.*dog"),
        ({"networks": [network(weights="3c4d" * 16)]}, "network 'net': weights 1a2b1a2b1a2b in .*, 3c4d3c4d3c4d in"),
        ({"networks": [network(input_shape=[3, 9, 9])]}, r"network 'net': input_shape \[3, 8, 8\] in"),
        ({"networks": [network(preprocessing=None)]}, "network 'net': preprocessing order=RGB in .*, None in"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_of_one_subject_is_refused(tmp_path, changed, told):
    one = half(tmp_path / "one", facts(network()), [], "draw-1")
    other = half(tmp_path / "other", facts(network()) | changed, [], "draw-2")
    with pytest.raises(InputError, match=f"not parts of one atlas: {told}"):
        merge([one, other], tmp_path / "both")
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("where", ["records/draw-1.json", "files/draw-1/unit-0-0.webp"])
def test_what_is_damaged_stays_out_and_is_told_of(tmp_path, where):
    told = facts(network(layer("conv", [0])))
    for name in ("one", "other"):
        store = Store(tmp_path / name)
        store.put(record("draw-1"))
        store.publish(told, ["draw-1"], {})
    path = tmp_path / "one" / where
    path.write_bytes(path.read_bytes().replace(b"draw-1", b"draw-7"))
    merged = merge([tmp_path / "one"], tmp_path / "alone")
    assert (merged.keys, merged.missing) == ((), ("draw-1",))
    assert len(merged.damaged) == 1
    assert str(tmp_path / "one") in merged.damaged[0] or "draw-1" in merged.damaged[0]
    merged = merge([tmp_path / "one", tmp_path / "other"], tmp_path / "both")  # the other half has it whole
    assert (merged.keys, merged.missing, len(merged.damaged)) == (("draw-1",), (), 1)
    assert merged.store.record("draw-1") == record("draw-1")


def test_a_merge_stopped_half_way_goes_on(tmp_path, monkeypatch):
    told, keys = facts(network(layer("conv", [0]))), ["draw-1", "draw-2", "draw-3"]
    one = half(tmp_path / "one", told, keys, *keys)
    put, made = Store.put, []

    def stop(self, what):
        if made:
            raise KeyboardInterrupt
        made.append(what.key)
        put(self, what)

    monkeypatch.setattr(Store, "put", stop)
    with pytest.raises(KeyboardInterrupt):
        merge([one], tmp_path / "both")
    monkeypatch.undo()
    assert Store(tmp_path / "both").keys() == ["draw-1"]
    assert merge([one], tmp_path / "both").missing == ()


def test_what_is_no_atlas_is_refused(tmp_path):
    with pytest.raises(InputError, match="no atlas is given"):
        merge([], tmp_path / "both")
    with pytest.raises(InputError, match="is not an atlas"):
        merge([tmp_path / "nowhere"], tmp_path / "both")
    one = half(tmp_path / "one", facts(network()), [])
    Store(tmp_path / "bare").put(record("draw-1"))
    with pytest.raises(InputError, match=r"not parts of one atlas: version 0\.1"):
        merge([one, tmp_path / "bare"], tmp_path / "both")


@pytest.mark.parametrize("broken", [{"networks": [{"label": "net"}]}, {"networks": [{"label": "net", "layers": 3}]}])
def test_facts_that_are_not_those_of_an_atlas_are_refused(tmp_path, broken):
    for each in ("one", "other"):
        Store(tmp_path / each).publish(broken, [], {})
    with pytest.raises(InputError, match=r"one or .*other is damaged"):
        merge([tmp_path / "one", tmp_path / "other"], tmp_path / "both")


def test_a_target_that_is_at_work_or_of_another_network_is_refused(tmp_path):
    one = half(tmp_path / "one", facts(network()), [], "draw-1")
    both = half(tmp_path / "both", facts(network(weights="3c4d" * 16)), [])
    with pytest.raises(InputError, match="both is an atlas of another network"):
        merge([one], both)
    with Store(tmp_path / "new").lock(), pytest.raises(InputError, match="another job"):
        merge([one], tmp_path / "new")
