"""Makes the small networks of the lab's boards, sounds and words, in src/convscope/data/worlds.

    python scripts/make_worlds.py nine nineteen
    python scripts/make_worlds.py digits --people FSDD/recordings
    python scripts/make_worlds.py movies reviews

Each is trained by the project's own training on what comes along, with seed 0 on one thread; matrices are kept in half
precision, and what is measured, on examples that were not learned from, is measured with what is kept. `people` are
recordings named word_speaker_take.wav: the digits, learned from synthetic voices, are then also tried on people.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from convscope.nn.weights import read_arrays, write_arrays
from convscope.tasks.fitting import Held, Machines, answers

if TYPE_CHECKING:
    from convscope.tasks.speech.recordings import Recordings
    from convscope.tasks.speech.training import Confidence, Trained

OUT = Path(__file__).parents[1] / "src" / "convscope" / "data" / "worlds"
GAMES = 12
"""Games that were not learned from and come along, for each size of board."""
GRAMS = 4
"""N-grams told of each filter."""


def kept(save: Callable[[Path], Any], file: Path, measure: Callable[[Path], dict[str, Any]]) -> None:
    """Write what `save` writes with its matrices in half precision, then note what `measure` finds of that."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.safetensors"
        save(whole)
        arrays, notes = read_arrays(whole)
    small = {name: a.astype(np.float16) if a.ndim > 1 else a for name, a in arrays.items()}
    write_arrays(file, small, notes)
    found = measure(file)
    write_arrays(file, small, notes | {name: json.dumps(value, ensure_ascii=False) for name, value in found.items()})
    print(f"{file}: {file.stat().st_size:,} bytes; {found['measured']}", flush=True)


def board(name: str, size: int, width: int) -> None:
    from convscope.tasks.go import training
    from convscope.tasks.go.games import shipped, split
    from convscope.tasks.go.network import Settings
    from convscope.tasks.go.positions import Positions
    from convscope.tasks.go.rules import to_vertex

    games = shipped(size)
    learned, _, test = split(games)
    trained = training.train(
        games, Settings(size, width=width, depth=5), training.RECIPE, machines=Machines(precision="auto"), progress=told
    )

    def measure(file: Path) -> dict[str, Any]:
        known, shown = (Positions(part, size, "planes") for part in (learned, test))
        found = training.evaluate(training.load(file), known, shown)
        first, five = found.top["this network"]
        return {"measured": {"positions": found.positions, "games": found.games, "first": first, "five": five}}

    kept(lambda file: training.save(trained, file), OUT / f"{name}.safetensors", measure)
    longest = sorted(test, key=lambda game: -len(game.moves))[:GAMES]
    lines = [[to_vertex(move, size) for _, move in game.moves] for game in longest]
    (OUT / f"{name}.json").write_text(json.dumps(lines, separators=(",", ":")) + "\n", encoding="utf-8")


def sound(people: Path | None) -> None:
    from convscope.tasks.speech import judging, training
    from convscope.tasks.speech.network import Settings
    from convscope.tasks.speech.recordings import DIGITS, read
    from convscope.tasks.speech.splits import split
    from convscope.tasks.speech.voices import spoken

    voices = spoken(DIGITS, progress=told)
    parts = split(voices)
    trained = training.train(voices, parts, Settings(len(voices.words), "both"), progress=told)
    trained = replace(trained, confidence=sober(trained, voices.of(parts.validation)))

    def measure(file: Path) -> dict[str, Any]:
        network = training.load(file)
        sets = {"voices": voices.of(parts.test)} | ({"people": read(people)} if people else {})
        measured = {}
        for name, recordings in sets.items():
            v = judging.judge(network, recordings)
            speakers = len(set(recordings.speakers))
            measured[name] = {
                "count": v.count, "speakers": speakers, "accuracy": v.accuracy, "known": v.known,
                "right_when_known": v.right_when_known,
            }  # fmt: skip
        return {"measured": measured}

    kept(lambda file: training.save(trained, file), OUT / "digits.safetensors", measure)
    words, labels = {}, voices.labels[parts.test]
    for label, word in enumerate(DIGITS):  # each by another voice, none of which was learned from
        takes = parts.test[labels == voices.words.index(word)]
        words[word] = voices.samples[takes[label * len(takes) // len(DIGITS)]]
    np.savez_compressed(OUT / "digits.npz", **words)


def sober(trained: "Trained", voices: "Recordings") -> "Confidence":
    """How sure is sure enough, for recordings that are less clean than voices: calibrated on voices varied as in
    training, each five times."""
    from convscope.tasks.speech.melspectrogram import logmel
    from convscope.tasks.speech.training import calibrated

    assert trained.vary is not None
    pictures, labels = logmel(voices.samples), torch.from_numpy(voices.labels)
    generator = torch.Generator().manual_seed(0)
    varied = torch.cat([trained.vary(pictures, labels, generator)[0] for _ in range(5)])
    labels = labels.repeat(5)
    return calibrated(answers(trained.network, Held(varied, labels)), labels.numpy())


def words(name: str, dim: int) -> None:
    from convscope.tasks.text import evaluate, training
    from convscope.tasks.text.account import strongest
    from convscope.tasks.text.builtin import builtin
    from convscope.tasks.text.training import Settings

    texts = builtin(name)
    parts = training.parts(texts)
    trained = training.train(texts, parts, Settings(dim=dim, filters=64), progress=told)

    def measure(file: Path) -> dict[str, Any]:
        network = training.load(file)
        verdict = evaluate.judge(network, texts, parts)
        learned = [texts.texts[k] for k in parts.train]
        shape = network.model.shape
        filters = {
            str(window): [
                {"seen": [gram for gram, _ in unit.seen], "best": unit.best[0], "weights": unit.weights}
                for unit in strongest(network, window, range(shape.filters), learned, GRAMS)
            ]
            for window in shape.windows
        }
        return {"measured": {"texts": verdict.texts, "accuracy": verdict.accuracy}, "filters": filters}

    kept(lambda file: training.save(trained, file), OUT / f"{name}.safetensors", measure)


def told(done: int, total: int, what: str) -> None:
    if done == total or done % max(1, total // 10) == 0:
        print(f"  {done}/{total} {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made = {
        "nine": lambda: board("nine", 9, 48),
        "nineteen": lambda: board("nineteen", 19, 40),
        "digits": lambda: sound(options.people),
        "movies": lambda: words("movies", 32),
        "reviews": lambda: words("reviews", 48),
    }
    parser.add_argument("names", nargs="+", choices=made)
    parser.add_argument("--people", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.names:
        made[name]()


if __name__ == "__main__":
    main()
