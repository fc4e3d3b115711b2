"""The whole way to an atlas: facts -> plan -> map -> store -> site.

Stopped at any moment, it goes on where it was.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from torch import nn

from convscope import lens
from convscope.atlas import plan, site, work
from convscope.atlas.runners import serial
from convscope.atlas.store import Record, Store
from convscope.errors import InputError

Runner: TypeAlias = Callable[[Callable[[plan.Task], Record], Sequence[plan.Task]], Iterable[Record]]
HISTORY = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "images_per_second",
    "seconds",
)


def build(
    out: str | Path,
    *,
    model: nn.Module,
    classes: Sequence[str],
    images: np.ndarray,
    inputs: np.ndarray,
    labels: np.ndarray,
    history: Sequence[Mapping[str, float | int]] = (),
    metadata: Mapping[str, Any] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    runner: Runner = serial.run,
) -> Path:
    """Write the atlas of `model` into the folder `out`, and return the page to open (`out`/index.html).

    model     any torch network whose last layer with weights is a Linear with one output (logit) a class
    classes   their names
    images    the test pictures as people see them: uint8 (n, h, w), 0 black to 255 white
    inputs    the same pictures as the network takes them: float (n, c, h, w)
    labels    their classes: int (n,), counted from 0
    history   one row an epoch, each with the keys of `HISTORY`; may be empty
    metadata  what the pages tell, all optional: network and data (names), recipe (how it was trained),
              weights (their hash), command (that makes the atlas again), seed (the drawings' too, default 0)
    progress  called as progress(done, total, task just done), first with what an earlier run left
    runner    maps the work over the tasks, see `runners`

    A folder with an atlas in it is taken on: records of the same network, pictures and settings are kept,
    others made again, and its pages are replaced when all is done.

    Raises InputError for arguments that do not fit each other, and, before any work, for a folder that holds
    something else or cannot be written.
    """
    images, inputs, labels = (np.asarray(array) for array in (images, inputs, labels))
    _check(classes, images, inputs, labels, history)
    metadata = dict(metadata or {})
    facts = _facts(model, classes, images, inputs, labels, int(metadata.get("seed", 0)))
    store = Store(out)
    told = {
        "network": str(metadata.get("network", type(model).__name__)),
        "data": str(metadata.get("data", "")),
        "recipe": str(metadata.get("recipe", "")),
        "weights": str(metadata.get("weights", facts.weights)),
        "command": str(metadata.get("command", "")),
    }
    credits = {"seed": str(facts.seed), "weights": told["weights"], "command": told["command"]}
    subject = work.Subject(model, facts.layers, facts.classes, images, inputs, labels, credits)

    tasks = plan.tasks(facts)
    waiting = [task for task in tasks if not store.has(task.key)]
    done, names = len(tasks) - len(waiting), {task.key: task.name for task in tasks}
    report = progress or (lambda done, total, name: None)
    report(done, len(tasks), "")
    for record in runner(partial(work.run, subject), waiting):
        store.put(record)
        done += 1
        report(done, len(tasks), names[record.key])

    public = told | {
        "seed": facts.seed,
        "classes": list(facts.classes),
        "pictures": facts.pictures,
        "input_shape": list(facts.input_shape),
        "layers": plan.layers_as_data(facts.layers),
        "output": facts.learned[-1].name,
        "history": [{key: float(row[key]) for key in HISTORY} for row in history],
    }
    keys = {task.name: task.key for task in tasks}
    store.publish(public, keys.values(), site.pages(store, public, keys))
    return store.folder / "index.html"


def _facts(
    model: nn.Module,
    classes: Sequence[str],
    images: np.ndarray,
    inputs: np.ndarray,
    labels: np.ndarray,
    seed: int,
) -> plan.Facts:
    channels, rows, columns = inputs.shape[1:]
    layers = tuple(
        plan.Layer(
            name=info.name,
            kind=info.kind,
            shape=tuple(info.shape),
            parameters=info.parameters,
            sees="unknown" if info.field is None else "whole" if info.field.whole else "part",
            size=_pair(info.field.size if info.field else (rows, columns)),
            stride=_pair(info.field.stride if info.field else (1, 1)),
            offset=_pair(info.field.offset if info.field else (0, 0)),
        )
        for info in lens.layers(model, (channels, rows, columns))
    )
    if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
        raise InputError("model: its weights hold NaN or infinity; train it again")
    facts = plan.Facts(
        layers=layers,
        input_shape=(channels, rows, columns),
        classes=tuple(classes),
        pictures=len(images),
        seed=seed,
        weights=lens.weights_hash(model),
        data=_digest({"images": images, "inputs": inputs, "labels": np.asarray(labels)}),
    )
    if not facts.learned or facts.learned[-1].shape != (len(classes),):
        shape = facts.learned[-1].shape if facts.learned else "no layer with weights"
        raise InputError(
            f"model: its last layer with weights gives {shape} and there are {len(classes)} classes; "
            "the last layer must have one output a class: give as many names"
        )
    return facts


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = sizes
    return rows, columns


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _check(
    classes: Sequence[str],
    images: np.ndarray,
    inputs: np.ndarray,
    labels: np.ndarray,
    history: Sequence[Mapping[str, float | int]],
) -> None:
    shapes = f"images {images.shape}, inputs {inputs.shape}, labels {labels.shape}"
    if (
        images.dtype != np.uint8
        or images.ndim != 3
        or inputs.ndim != 4
        or inputs.shape[2:] != images.shape[1:]
    ):
        raise InputError(f"{shapes}: images must be uint8 (n, h, w) and inputs (n, c, h, w) of the same size")
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise InputError(f"labels: {labels.dtype} of shape {labels.shape}; give whole numbers, of shape (n,)")
    if not len(images) == len(inputs) == len(labels) > 0:
        raise InputError(f"{shapes}: there must be one input and one label for each image, and at least one")
    if inputs.dtype.kind not in "fiu" or not np.isfinite(inputs).all():
        raise InputError(f"inputs: {inputs.dtype}, and perhaps NaN or infinity; give finite numbers")
    if np.min(labels) < 0 or np.max(labels) >= len(classes):
        raise InputError(
            f"labels from {np.min(labels)} to {np.max(labels)} with {len(classes)} classes: "
            f"labels count from 0 to {len(classes) - 1}; name every class"
        )
    for row in history:
        missing = [key for key in HISTORY if key not in row]
        if missing:
            needs = ", ".join(HISTORY)
            raise InputError(f"history: the row {dict(row)} has no {missing[0]!r}; every row needs {needs}")
        strange = [key for key in HISTORY if not isinstance(row[key], Real) or not np.isfinite(row[key])]
        if strange:
            raise InputError(f"history: {strange[0]}={row[strange[0]]!r}; give finite numbers")
