"""The lens on a network that knows words: it reads recordings and shows spectrograms."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import convscope as cs
from convscope.errors import InputError
from convscope.tasks.fitting import Recipe
from convscope.tasks.speech import training
from convscope.tasks.speech.audio import RATE
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES
from convscope.tasks.speech.network import Settings, build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights nobody trained, and two tones."""
    place = tmp_path_factory.mktemp("speech")
    settings = Settings(2, weights=12_000)
    sure = training.Confidence(1.0, 0.5)
    made = training.Trained(build(settings), settings, ("low", "high"), sure, Recipe(), None, "tones", "", ())
    training.save(made, place / "words.safetensors")
    (place / "words").mkdir()
    for name, hertz in (("low", 300), ("high", 1500)):
        tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE // 2) / RATE)
        soundfile.write(place / "words" / f"{name}.wav", tone, RATE)
    (place / "words" / "broken.wav").write_bytes(b"no sound")
    return place


def test_recordings_are_read_and_looked_at(folder: Path):
    net = cs.load(folder / "words.safetensors")
    assert net.world is not None
    found = net.world.read(folder / "words")
    assert [Path(name).stem for name in found.names] == ["high", "low"]
    assert len(found.skipped) == 1
    assert "broken.wav" in found.skipped[0]
    high, low = found.values[:, 0].amax(2).argmax(1).tolist()
    assert high > low
    assert cs.maps(net, found.values, "0")["0"].shape[2:] == (BANDS, 1)
    page = next(iter(cs.examples(net, "0", found.values, k=1).cards()))
    assert page.picture.shape[2] == 3
    with pytest.raises(InputError, match="no recording in it"):
        net.world.read(folder / "words" / "nothing") if (folder / "words" / "nothing").mkdir() is None else None


def test_what_a_kernel_looks_for_is_drawn_as_a_spectrogram(folder: Path):
    """One that wants sound in the first half of a word and silence in the second gets just that."""
    net = cs.load(folder / "words.safetensors")
    weight = dict(net.model.named_parameters())["0.weight"]
    with torch.no_grad():
        weight[0, :, :, : FRAMES // 2] = 1
        weight[0, :, :, FRAMES // 2 :] = -1
    drawing = cs.draw(net, "0", units=[0], steps=48)
    own = drawing.seen()
    middle = (own.shape[3] - FRAMES) // 2  # a margin in time: the drawing has to withstand small shifts
    word = own[0, 0, :, middle : middle + FRAMES]
    assert word[:, : FRAMES // 2 - 4].mean() > 0.9
    assert word[:, FRAMES // 2 + 4 :].mean() < 0.1
    assert own.min() >= 0
    assert own.max() <= 1
    assert next(iter(drawing.cards())).picture.shape[2] == 3


def test_cells_beyond_the_border_have_a_colour_of_their_own(folder: Path):
    net = cs.load(folder / "words.safetensors")
    assert net.world is not None
    part = np.zeros((1, 3, 2), np.float32)
    part[0, 0] = np.nan
    shown = net.world.show(part)
    assert tuple(shown[-1, 0]) == (255, 240, 214)  # low bands lie below
    assert tuple(shown[0, 0]) == (255, 255, 255)
