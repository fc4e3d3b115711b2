"""From one task to one record: numbers and PNGs, seen through `lens`. Touches no file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import nn

from convscope import lens, pictures
from convscope.atlas import sheets
from convscope.atlas.plan import Layer, Task
from convscope.atlas.store import Record

NINE = 9
MISREAD_SHOWN = 120
BATCH = 500


@dataclass(frozen=True)
class Subject:
    """The network and the test pictures that all tasks look at; can be pickled.

    images (n h w) are the pictures as people see them, inputs (n c h w) as the network gets them. `credits`
    go into every PNG: seed, weights' hash and command.
    """

    model: nn.Module
    layers: tuple[Layer, ...]
    classes: tuple[str, ...]
    images: UInt8[np.ndarray, "n h w"]
    inputs: Float[np.ndarray, "n c h w"]
    labels: Int[np.ndarray, " n"]
    credits: Mapping[str, str]

    @property
    def learned(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.learned]

    @property
    def box(self) -> tuple[float, float]:
        """What the network gets for black (0) and for white (255)."""
        dark, bright = float(self.images.min()), float(self.images.max())
        low, high = float(self.inputs.min()), float(self.inputs.max())
        step = (high - low) / (bright - dark or 1.0) or 1.0
        return low - dark * step, low + (255 - dark) * step


def run(subject: Subject, task: Task) -> Record:
    """Do one task."""
    numbers, images = _KINDS[task.kind](subject, task)
    return Record(task.key, numbers, images)


def _verdicts(subject: Subject, task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The confusion matrix, and the misread pictures, surest mistakes first."""
    probabilities = _probabilities(subject)
    read, truth = probabilities.argmax(1), subject.labels
    confusion = np.zeros((len(subject.classes),) * 2, int)
    np.add.at(confusion, (truth, read), 1)
    wrong = np.flatnonzero(read != truth)
    wrong = wrong[np.argsort(-probabilities[wrong, read[wrong]], kind="stable")]
    shown = wrong[:MISREAD_SHOWN]
    misread = [
        {
            "index": int(i),
            "label": int(truth[i]),
            "read": int(read[i]),
            "probability": float(probabilities[i, read[i]]),
        }
        for i in shown
    ]
    numbers = {"confusion": confusion.tolist(), "misread": misread, "misread_count": len(wrong)}
    strip = {"misread.png": sheets.strip([subject.images[i] for i in shown])} if len(shown) else {}
    return numbers, _credited(subject, task, strip)


def _kernels(subject: Subject, task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A layer's weights on one signed scale: all in one picture and, of filters, each one's own."""
    weights = subject.model.get_parameter(f"{task.layer}.weight").detach().cpu().float().numpy()
    limit = float(np.abs(weights).max()) or 1.0
    spatial = weights.ndim == 4
    outputs, inputs = weights.shape[:2]
    numbers: dict[str, Any] = {"outputs": outputs, "inputs": inputs, "spatial": spatial, "limit": limit}
    images = {"legend.png": pictures.signed(np.linspace(-1, 1, 256)[None].repeat(12, 0))}
    if spatial:
        numbers |= {"rows": weights.shape[2], "columns": weights.shape[3]}
        every = weights.swapaxes(0, 1).reshape(outputs * inputs, *weights.shape[2:])
        images["all.png"] = sheets.sheet(every, limit, columns=min(8, outputs) if inputs == 1 else outputs)
        for unit, own in enumerate(weights):
            images[f"unit-{unit}.png"] = sheets.sheet(own, limit, sheets.columns_for(inputs))
    else:
        images["all.png"] = pictures.signed(weights, limit)
    return numbers, _credited(subject, task, images)


def _maps(subject: Subject, task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """One test picture of every class, the first that is read right, through every layer."""
    probabilities = _probabilities(subject)
    read = probabilities.argmax(1)
    choices, images = [], {}
    for label in range(len(subject.classes)):
        own = np.flatnonzero(subject.labels == label)
        if not len(own):
            continue
        right = own[read[own] == label]
        index = int((right if len(right) else own)[0])
        place, limits = len(choices), {}
        images[f"{place}-input.png"] = pictures.grey(subject.images[index], 0, 255)
        for layer, activation in _activations(subject, index).items():
            limits[layer.name] = limit = float(np.abs(activation).max()) or 1.0
            if activation.ndim == 3:
                images[f"{place}-{layer.slug}.png"] = sheets.sheet(
                    activation, limit, sheets.columns_for(len(activation))
                )
            else:
                images[f"{place}-{layer.slug}.png"] = pictures.signed(sheets.rows(activation), limit)
        choices.append(
            {
                "index": index,
                "label": label,
                "read": int(read[index]),
                "probabilities": probabilities[index].tolist(),
                "limits": limits,
            }
        )
    return {"choices": choices}, _credited(subject, task, images)


def _examples(subject: Subject, task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """For every unit the nine pictures at both ends, how often it is above zero, and its class means."""
    names = [layer.name for layer in subject.learned]
    found = lens.examples(subject.model, names, subject.inputs, k=NINE)
    answers = _answers(subject)
    numbers, images = {}, {}
    for layer in subject.learned:
        answer, ends = answers[layer.name], found[layer.name]
        by_class = [answer[subject.labels == label] for label in range(len(subject.classes))]
        profile = [own.mean(0) if len(own) else np.zeros(layer.units) for own in by_class]
        numbers[layer.slug] = {
            "most": _ranked(subject, ends.top),
            "least": _ranked(subject, ends.bottom),
            "fires": (answer > 0).mean(0).tolist(),
            "profile": np.stack(profile, 1).tolist(),
        }
        for which, end in (("most", ends.top), ("least", ends.bottom)):
            for unit in range(layer.units):
                crops = [
                    sheets.crop(subject.images[i], layer, int(row), int(column))
                    for i, row, column in zip(end.index[unit], end.row[unit], end.column[unit], strict=True)
                ]
                images[f"{layer.slug}-{unit}-{which}.png"] = sheets.strip(crops)
    return numbers, _credited(subject, task, images)


def _draw(subject: Subject, task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Pictures that excite units of one layer most; with `l1_share` also such of few bright pixels."""
    black, white = subject.box
    drawn, images = _drawings(subject, task)
    numbers: dict[str, Any] = {"units": list(task.units), "drawn": drawn}
    if task.l1_share:
        reach = max(0.0, float(np.median(drawn["values"])))
        l1 = task.l1_share * reach / (white - black)
        numbers["l1"], sparse = _drawings(subject, task, l1, suffix="-l1")
        images |= sparse
    return numbers, images


def _drawings(
    subject: Subject, task: Task, l1: float = 0.0, suffix: str = ""
) -> tuple[dict[str, Any], dict[str, bytes]]:
    drawn = lens.draw(
        subject.model,
        task.layer,
        task.units,
        size=subject.inputs.shape[1:],
        box=subject.box,
        l1=l1,
        ground=subject.box[0],  # around a digit there is paper
        steps=256,
        rate=0.3,
        settled=0,
        seed=task.seed,
    )
    common = ("layer", "keys", "seed", "weights")  # told beside it, or different for every picture
    recipe = "; ".join(f"{key} {_plain(value)}" for key, value in drawn.recipe.items() if key not in common)
    images = {
        f"unit-{unit}{suffix}.png": pictures.grey(picture[0], *subject.box)
        for unit, picture in zip(task.units, drawn.pictures, strict=True)
    }
    numbers = {"values": drawn.values.tolist(), "recipe": recipe}
    return numbers, _credited(subject, task, images, recipe=recipe)


def _batches(subject: Subject) -> Iterator[slice]:
    for first in range(0, len(subject.inputs), BATCH):
        yield slice(first, first + BATCH)


def _probabilities(subject: Subject) -> np.ndarray:
    """(n, k): the softmax of the output layer on every test picture."""
    output = subject.learned[-1].name
    logits = np.concatenate(
        [lens.maps(subject.model, subject.inputs[b], [output])[output] for b in _batches(subject)]
    )
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _activations(subject: Subject, index: int) -> dict[Layer, np.ndarray]:
    """What each layer makes of one test picture, (c, h, w) or (units,); flatten changes no number."""
    layers = [layer for layer in subject.layers if layer.kind != "Flatten"]
    found = lens.maps(subject.model, subject.inputs[index : index + 1], [layer.name for layer in layers])
    return {layer: found[layer.name][0] for layer in layers}


def _answers(subject: Subject) -> dict[str, np.ndarray]:
    """(n, units) by layer: the answers to every test picture, a filter's being its highest in it."""
    names = [layer.name for layer in subject.learned]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for batch in _batches(subject):
        for name, activation in lens.maps(subject.model, subject.inputs[batch], names).items():
            parts[name].append(activation.reshape(*activation.shape[:2], -1).max(2))
    return {name: np.concatenate(part) for name, part in parts.items()}


def _ranked(subject: Subject, end: Any) -> dict[str, Any]:
    return {
        "index": end.index.tolist(),
        "label": subject.labels[end.index].tolist(),
        "value": end.value.tolist(),
    }


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _credited(
    subject: Subject, task: Task, images: Mapping[str, np.ndarray], recipe: str = ""
) -> dict[str, bytes]:
    """PNG bytes, each telling in its metadata what it is and how to make it again."""
    made = {**subject.credits, "layer": task.layer, "recipe": recipe or task.kind, "recipe hash": task.recipe}
    return {name: pictures.png(image, {"picture": name, **made}) for name, image in images.items()}


_KINDS = {"verdicts": _verdicts, "kernels": _kernels, "maps": _maps, "examples": _examples, "draw": _draw}
