"""The small trained networks that come along, and what was measured of them (see data/worlds/README.md)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from convscope.nn.weights import read_arrays
from convscope.tasks.go import training as go
from convscope.tasks.speech import training as speech
from convscope.tasks.text import training as text

FOLDER = Path(__file__).parents[3] / "data" / "worlds"
BOARDS = {9: "nine", 19: "nineteen"}
"""Sizes of boards, and the files of their networks and games."""
TEXTS = {"en": "movies", "zh": "reviews"}
"""Languages, and the files of their networks."""
WORDS = "digits"


@cache
def board(size: int) -> go.Trained:
    return go.load(FOLDER / f"{BOARDS[size]}.safetensors")


@cache
def games(size: int) -> list[list[str]]:
    """Games that the network did not learn from: the names of their moves."""
    return json.loads((FOLDER / f"{BOARDS[size]}.json").read_text("utf-8"))


@cache
def listener() -> speech.Trained:
    return speech.load(FOLDER / f"{WORDS}.safetensors")


@cache
def voices() -> dict[str, np.ndarray]:
    """Each word as a synthetic voice said it from which the network did not learn, int16."""
    with np.load(FOLDER / f"{WORDS}.npz") as spoken:
        return dict(spoken)


@cache
def reader(language: str) -> text.Trained:
    return text.load(FOLDER / f"{TEXTS[language]}.safetensors")


@cache
def filters(language: str) -> dict[str, list[dict[str, Any]]]:
    """Of each size of window, for each filter: its strongest n-grams in the texts that were learned from (`seen`), the
    best that the vocabulary can make (`best`), and what it counts for each class (`weights`)."""
    return _notes(TEXTS[language])["filters"]


def measured(name: str) -> dict[str, Any]:
    """How well a network does on what it did not learn from."""
    return _notes(name)["measured"]


def python(task: str, name: str) -> str:
    """A line of Python that loads a network, as `network`."""
    return f'network = {task}.load(files("convscope") / "data" / "worlds" / "{name}.safetensors")'


@cache
def _notes(name: str) -> dict[str, Any]:
    notes = read_arrays(FOLDER / f"{name}.safetensors")[1]
    return {key: json.loads(notes[key]) for key in ("measured", "filters") if key in notes}
