"""Atlases of boards, sounds and words, and of networks that take no pictures at all."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.atlas import job
from convscope.atlas.gallery import WorldGallery, open_gallery
from convscope.atlas.gather import ENDS
from convscope.atlas.store import Store
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens.models import Network
from convscope.tasks.fitting import Recipe as Fitting
from convscope.tasks.fitting import seeded
from convscope.tasks.go import planes
from convscope.tasks.go.world import Boards
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES
from convscope.tasks.speech.world import Spectrograms
from convscope.tasks.text import training, world
from convscope.tasks.text.network import Sentences, Shape
from convscope.tasks.text.tokens import Vocabulary

QUICK = Recipe("quick", facets=1, steps=2, examples=3, links=2, trust=False)
WORDS = ("<padding>", "<unknown>", "good", "bad", "film", "very")


def made(folder: Path, network: Network, source: Path | None) -> Store:
    """The atlas of one network and what is found in a source for it."""
    gallery = None if source is None else open_gallery(source, [network])
    job.build(str(folder), Subject((survey(network, "net"),), gallery, QUICK, 0))
    return Store.open(folder)


def facts(store: Store) -> dict[str, Any]:
    return store.manifest()["facts"]


def units(store: Store, layer: str) -> dict[str, Any]:
    layers = {one["name"]: one for one in facts(store)["networks"][0]["layers"]}
    return store.numbers(layers[layer]["records"]["units"])


def card(folder: Path, layer: int) -> dict[str, Any]:
    """The first card of a layer as the pages load it."""
    text = (folder / "data" / f"m0-l{layer}-u0.js").read_text()
    return json.loads(text[text.index(",") + 1 : text.rindex(")")])["cards"][0]


def test_units_that_see_the_same_part_of_a_board_share_its_picture(tmp_path: Path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(planes.FEATURES["board"], 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 1, 1))
    network = Network(model, (planes.FEATURES["board"], 9, 9), world=Boards(9, "board"))
    (tmp_path / "game.sgf").write_text("(;GM[1]FF[4]SZ[9]KM[7];B[ee];W[ec];B[cc];W[gg];B[gc])")
    store = made(tmp_path / "atlas", network, tmp_path / "game.sgf")
    seen = units(store, "0")
    names = [name for end in ENDS for row in seen[end]["crop"] for name in row]
    key = facts(store)["networks"][0]["layers"][0]["records"]["units"]
    assert len(set(names)) < len(names) == 6 * (3 + 3 + 3)
    assert sorted(store.files(key)) == sorted(set(names))
    for value, box, crop in [one[1:] for one in card(tmp_path / "atlas", 0)["examples"]["top"]]:
        assert isinstance(value, float | int)
        assert (box, crop.endswith(".webp")) == (None, True)
    assert store.verify() == []


def test_a_recording_that_cannot_be_heard_is_named(tmp_path: Path):
    folder = tmp_path / "heard"
    folder.mkdir()
    tone = np.sin(np.arange(4000) * 0.8) * np.hanning(4000)
    for name, part in (("a.wav", tone), ("c.wav", tone[::2])):
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes((part * 20000).astype("<i2").tobytes())
    (folder / "b.wav").write_bytes(b"no sound")
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, (5, FRAMES), padding=(2, 0)), nn.ReLU(), nn.Flatten(), nn.Linear(2 * BANDS, 2)
    )
    store = made(tmp_path / "atlas", Network(model, (1, BANDS, FRAMES), world=Spectrograms()), folder)
    assert facts(store)["gallery"]["count"] == 2
    (line,) = facts(store)["gallery"]["skipped"]
    assert line.startswith("b.wav")
    (first, *_) = card(tmp_path / "atlas", 1)["examples"]["top"]
    assert first[2:] == [None, None]  # a unit of a vector sees the whole recording
    kept = [one["name"] for key in facts(store)["networks"][0]["seen"] for one in store.numbers(key)["pictures"]]
    assert sorted(kept) == ["a.wav", "c.wav"]


def test_of_words_the_kernels_are_drawn_and_the_answer_is_not(tmp_path: Path):
    with seeded(0):
        model = Sentences(Shape(words=len(WORDS), classes=2, dim=8, windows=(2, 3), filters=4))
    trained = training.Trained(model, Vocabulary("words", WORDS), ("no", "yes"), "toys", "", Fitting(), ())
    network = world.network(training.save(trained, tmp_path / "text.safetensors"))
    (tmp_path / "lines.txt").write_text("very good film\nbad film\nbad\n")
    store = made(tmp_path / "atlas", network, tmp_path / "lines.txt")
    layers = {one["name"]: one for one in facts(store)["networks"][0]["layers"]}
    assert (layers["windows.2"]["drawn"], layers["head"]["drawn"]) == ([0, 1, 2, 3], [])
    assert sorted(layers["head"]["parents"]) == ["windows.2", "windows.3"]
    assert set(units(store, "head")["label"]) == {"not drawn"}
    assert units(store, "head")["top"]["picture"][0] != []
    assert {len(row) for row in units(store, "windows.3")["top"]["crop"]} == {3}


@pytest.mark.parametrize("shape", [(2, 12), (1, 5, 5, 5)])
def test_signals_and_volumes_are_drawn_without_pictures(tmp_path: Path, shape: tuple[int, ...]):
    torch.manual_seed(0)
    kind = {2: nn.Conv1d, 4: nn.Conv3d}[len(shape)]
    model = nn.Sequential(kind(shape[0], 3, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    store = made(tmp_path / "atlas", Network(model.eval(), shape), None)
    assert [layer["drawn"] for layer in facts(store)["networks"][0]["layers"]] == [[0, 1, 2], [0, 1]]
    assert set(units(store, "0")["label"]) <= {"drawn", "dead"}
    with pytest.raises(InputError, match=r"inputs of shape \(.*\), which no photograph becomes; leave pictures out"):
        open_gallery(tmp_path, [Network(model, shape)])


def test_a_world_is_read_from_this_machine(tmp_path: Path):
    network = Network(nn.Conv2d(planes.FEATURES["board"], 1, 3), (2, 9, 9), world=Boards(9, "board"))
    with pytest.raises(InputError, match="pictures: s3://bucket/games: boards, sounds and words are read from this"):
        WorldGallery("s3://bucket/games", network)
