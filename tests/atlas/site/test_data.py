"""What the pages load: complete, small in the beginning, and harmless whatever things are called."""

import json
import re
import subprocess
import sys

import pytest

from convscope.atlas.site.columns import quantiles
from convscope.atlas.site.scripts import brief, script
from tests.atlas.site.conftest import HOSTILE, synthetic


def data(store, name: str):
    """What a data script hands over."""
    text = store.read(f"data/{name}.js").decode("ascii")
    call = re.fullmatch(r"atlas\.take\((.*?),(.*)\);\n", text, re.DOTALL)
    assert call is not None
    assert json.loads(call[1]) == name
    return json.loads(call[2])


def full(folders: list[str], short: str) -> str:
    number, _, name = short.partition("/")
    return f"{folders[int(number)]}/{name}"


def test_a_finished_atlas_is_whole(atlas, bare, hostile):
    assert [store.verify() for store in (atlas, bare, hostile)] == [[], [], []]


def test_the_first_script_tells_of_networks_and_their_map(atlas):
    told = data(atlas, "atlas")
    assert [network["label"] for network in told["networks"]] == ["epoch 1", "epoch 5", "epoch 20"]
    network = told["networks"][0]
    names = [layer["name"] for layer in network["layers"]]
    edges = {(names[a], names[b]) for a, b in network["edges"]}
    assert ("fire2.squeeze", "fire2.expand3x3") in edges
    skips = [network["edges"][k] for k, skip in enumerate(network["skips"]) if skip]
    assert [(names[a], names[b]) for a, b in skips] == [("fire2", "fire3")]
    assert sum(network["layers"][0]["labels"].values()) == network["layers"][0]["shape"][0]


def test_every_path_in_the_data_leads_to_a_file(atlas):
    for name in ("m0-l0", "m1-l4", "m2-l0-u0", "m1-l4-tops", "m0-training"):
        told = data(atlas, name)
        folders = (told.get("verdicts") or told)["folders"]
        found = re.findall(r'"(\d+/[^"/]+\.(?:webp|png))"', json.dumps(told))
        assert found, name
        assert all(atlas.read(full(folders, short)) for short in set(found))


def test_a_unit_that_repeats_another_has_its_drawing_and_says_so(atlas):
    first, again = data(atlas, "m0-l0"), data(atlas, "m0-l1")
    assert full(again["folders"], again["face"][3]) == full(first["folders"], first["face"][3])
    card = data(atlas, "m0-l1-u0")["cards"][3]
    assert card["copy"] == ["conv1", 3]
    assert len(card["drawn"]["files"]) == 3


def test_a_unit_that_is_not_drawn_has_a_real_picture_for_its_face(atlas):
    last = len(data(atlas, "atlas")["networks"][0]["layers"]) - 1
    told = data(atlas, f"m0-l{last}")
    assert [type(face) for face in told["face"][:4]] == [str] * 4
    seen = [face for face in told["face"][4:] if face is not None]  # None where even that picture is gone
    assert seen
    for path, width, height, box in seen:
        assert atlas.read(full(told["folders"], path))
        assert (width, height, box) == (128, 128, None)


def test_outputs_are_the_inputs_of_the_layers_behind(atlas):
    names = [layer["name"] for layer in data(atlas, "atlas")["networks"][0]["layers"]]
    squeeze, expand = names.index("fire2.squeeze"), names.index("fire2.expand1x1")
    inputs = [
        (source, start + place, weight)
        for start, cards in ((0, data(atlas, f"m0-l{expand}-u0")["cards"]),)
        for place, card in enumerate(cards)
        for layer, source, weight, *_ in card["inputs"]
        if layer == squeeze
    ]
    outputs = [
        (source, unit, weight)
        for source, card in enumerate(data(atlas, f"m0-l{squeeze}-u0")["cards"])
        for layer, unit, weight, *_ in card["outputs"]
        if layer == expand
    ]
    assert outputs
    assert set(outputs) <= set(inputs)


def test_a_picture_that_is_gone_has_a_name_and_no_path(atlas):
    pictures = data(atlas, "m0-l0-u0")["pictures"]
    assert {path is None for path, *_ in pictures.values()} == {True, False}
    assert all(name.endswith(".jpg") for _, name, *_ in pictures.values())


def test_without_pictures_nothing_is_said_of_values(bare):
    told = data(bare, "m0-l0")
    assert [told[name] for name in ("mean", "quantiles", "classes")] == [None, None, None]
    assert data(bare, "m0-l0-tops") is None
    assert data(bare, "classes") == []
    card = data(bare, "m0-l0-u0")["cards"][0]
    assert (card["histogram"], card["examples"]["top"], card["similar"]) == (None, [], [])


def test_names_come_through_as_they_are_and_close_nothing(hostile):
    told = data(hostile, "atlas")
    assert [layer["name"] for layer in told["networks"][0]["layers"]] == HOSTILE
    for path in hostile.manifest()["pages"]:
        text = hostile.read(path).decode()
        assert path.startswith(("data/", "site/", "index.html"))
        if path.startswith("data/"):
            assert "<" not in text
            assert text.isascii()


def test_a_script_survives_what_javascript_minds():
    text = script("x", {"\u2028</script>": "\u2029 \udc80", "nul": "\0"})
    assert text.isascii()
    assert "<" not in text
    with pytest.raises(ValueError, match="JSON"):
        script("x", float("nan"))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([4], [0.05, 0.25, 0.5, 0.75, 0.95]), ([0, 0, 8, 0], [0.5125, 0.5625, 0.625, 0.6875, 0.7375])],
)
def test_quantiles_lie_where_the_counts_are(counts, expected):
    assert quantiles(0.0, 1.0, counts) == pytest.approx(expected)


def test_quantiles_of_a_constant_unit():
    assert quantiles(2.0, 2.0, [0] * 24) == [2, 2, 2, 2, 2]


def test_numbers_are_short():
    assert [brief(value) for value in (1 / 3, -12345.678, 1e-9, 0.0)] == [0.3333, -12350, 1e-09, 0]


def test_the_beginning_stays_small_with_two_hundred_layers(made):
    """Four times as large as one with fifty."""
    names = [f"stage{k // 20}.block{k // 5}.branch{k}.convolution" for k in range(50)]
    layers = [synthetic.Layer(name, "Conv2d", 6, 0, (names[k - 1],) if k else ()) for k, name in enumerate(names)]
    store = made(labels=("wide",), layers=layers, pictures=0, drawing=8)
    assert 4 * len(store.read("data/atlas.js")) < 300_000


def test_pages_are_made_without_torch():
    code = "import sys, convscope.atlas.site; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline(atlas):
    for path in atlas.manifest()["pages"]:
        text = atlas.read(path).decode()
        if path.startswith("site/"):
            links = re.findall(r"https?://[^\"' ]+", text)
            assert set(links) <= {"http://www.w3.org/2000/svg"}, path  # a name, not an address
            assert not re.search(
                r"@import|url\((?!#)|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text
            ), path
    page = atlas.read("index.html").decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
    assert "default-src 'none'" in page
