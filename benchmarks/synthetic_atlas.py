"""An atlas of networks that never were, made through the store: as large and as awkward as one likes.

For the site's tests and its benchmark. Everything a page can show is there: branches and skips, layers that repeat
others, units that are dead, untrusted or not drawn, pictures that are gone, confusion, a training history.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convscope.atlas import site
from convscope.atlas.store import Record, Store

LABELS = ("clear", "plausible", "plausible", "plausible", "mixed", "do not trust", "dead")
SIDE = 64  # of the map that every layer looks at, in pixels of the whole picture


@dataclass(frozen=True)
class Layer:
    """A layer to be made up. parents: names. copies: the layer whose units this one repeats. drawn: units from 0."""

    name: str
    kind: str
    units: int
    side: int
    parents: tuple[str, ...] = ()
    field: int | None = 11
    kernel: int | None = None
    copies: str = ""
    drawn: int | None = None


@dataclass(frozen=True)
class Settings:
    """What is made. pictures: real ones, 0 for an atlas without. gone: every so many of them cannot be shown."""

    labels: Sequence[str]
    layers: Sequence[Layer]
    classes: Sequence[str] = ("cat", "dog", "boat")
    pictures: int = 24
    names: Sequence[str] = ()
    gone: int = 7
    examples: int = 9
    facets: int = 1
    drawing: int = 64
    photo: int = 128
    history: int = 6


def squeeze(units: int = 1, fires: int = 4) -> list[Layer]:
    """A network with branches, blocks and skips. units: factor on the units of its layers. fires: blocks."""
    layers = [
        Layer("conv1", "Conv2d", 6 * units, 55, kernel=7),
        Layer("conv1.relu", "ReLU", 6 * units, 55, ("conv1",), copies="conv1"),
        Layer("pool1", "MaxPool2d", 6 * units, 27, ("conv1.relu",), 11),
    ]
    before = "pool1"
    for k in range(2, 2 + fires):
        name, more = f"fire{k}", 4 * units * k
        layers += [
            Layer(f"{name}.squeeze", "Conv2d", more // 2, 27, (before,), 11 + 8 * k),
            Layer(f"{name}.expand1x1", "Conv2d", more, 27, (f"{name}.squeeze",), 11 + 8 * k),
            Layer(f"{name}.expand3x3", "Conv2d", more, 27, (f"{name}.squeeze",), 19 + 8 * k, 3),
            Layer(
                name,
                "Fire",
                2 * more,
                27,
                (f"{name}.expand1x1", f"{name}.expand3x3", *([before] if k % 2 else [])),
                19 + 8 * k,
            ),
        ]
        before = name
    return [*layers, Layer("classifier", "Linear", 10 * units, 0, (before,), None, drawn=4 * units)]


def make(folder: Path, settings: Settings) -> Store:
    """Write the whole atlas, pages too."""
    store = Store(folder)
    rng = np.random.default_rng(0)
    drawings = [_webp(_texture(rng, settings.drawing)) for _ in range(32)]
    photos = [_webp(_photo(rng, settings.photo)) for _ in range(min(settings.pictures, 64))]
    facts = {
        "version": "0.0.1",
        "seed": 7,
        "command": f"convscope atlas '{settings.labels[0]}' --images 'my pictures' --out {folder.name}",
        "recipe": {"name": "quick", "facets": settings.facets, "steps": 32, "examples": settings.examples},
        "gallery": None,
        "networks": [],
    }
    if settings.pictures:
        skipped = [f"{_name(settings, k)}: cut short, at byte 512" for k in range(2)]
        facts["gallery"] = {
            "name": "my pictures",
            "count": settings.pictures,
            "classes": list(settings.classes),
            "skipped": skipped,
        }
    keys: list[str] = []
    for member in range(len(settings.labels)):
        network = _network(settings, member)
        for record in _records(settings, member, network, rng, drawings, photos):
            store.put(record)
            keys.append(record.key)
        facts["networks"].append(network)
    store.begin(facts)
    store.publish(facts, keys, dict(site.pages(store, facts)))
    return store


def _network(settings: Settings, member: int) -> dict[str, Any]:
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "shape": [layer.units, layer.side, layer.side] if layer.side else [layer.units],
            "parameters": 0 if layer.copies or "ool" in layer.kind else 91 * layer.units,
            "is_block": layer.kind == "Fire",
            "is_output": layer.kind == "Linear",
            "kernel": [layer.kernel, layer.kernel] if layer.kernel else None,
            "field": {"size": [layer.field] * 2, "stride": [2.0, 2.0], "offset": [-3, -3], "whole": False}
            if layer.field
            else {"size": [settings.photo] * 2, "stride": [0.0, 0.0], "offset": [0, 0], "whole": True},
            "drawn": list(range(layer.units if layer.drawn is None else layer.drawn)),
            "parents": list(layer.parents),
            "records": {"units": None, "draw": [], "kernels": None, "links": None},
        }
        for layer in settings.layers
    ]
    count = len(settings.classes)
    confusion = [[max(0, 30 - 9 * abs(i - j) * (1 + (i + j) % 3)) for j in range(count)] for i in range(count)]
    misread = [
        {"picture": k, "label": k % count, "read": (k + 1) % count, "probability": 0.99 - 0.01 * k} for k in range(8)
    ]
    return {
        "label": settings.labels[member],
        "source": f"made up, number {member}",
        "weights": f"{member:x}" * 64,
        "input_shape": [3, settings.photo, settings.photo],
        "parameters": 1_235_496,
        "preprocessing": "resize 128, crop 128, mean 0.485 0.456 0.406",
        "classes": [settings.classes[k % count] for k in range(settings.layers[-1].units)],
        "history": [_epoch(k) for k in range(1, settings.history + 1)],
        "verdicts": {"confusion": confusion, "misread": misread, "count": 57} if settings.pictures > 8 else None,
        "layers": layers,
        "seen": [],
    }


def _epoch(k: int) -> dict[str, float | int]:
    part = {
        "train_loss": 1.1 / k,
        "train_accuracy": 1 - 0.4 / k,
        "validation_loss": 1.2 / k,
        "validation_accuracy": 1 - 0.5 / k,
    }
    return {"epoch": k, **part, "images_per_second": 1000.0, "seconds": 0.5}


def _records(settings, member, network, rng, drawings, photos) -> Iterator[Record]:
    for place, layer in enumerate(settings.layers):
        facts, prefix = network["layers"][place], f"m{member}-{place}"
        if not layer.copies:
            for start in range(0, len(facts["drawn"]), 16):
                units = facts["drawn"][start : start + 16]
                record = _draw(settings, layer, f"draw-{prefix}-{start}", units, rng, drawings)
                facts["records"]["draw"].append(record.key)
                yield record
        if layer.kernel:
            facts["records"]["kernels"] = f"kernels-{prefix}"
            signs = {f"unit-{u}.png": _png(_texture(rng, layer.kernel)) for u in range(layer.units)}
            told = {"rows": layer.kernel, "columns": layer.kernel, "inputs": 3, "limit": 0.37, "across": 1}
            yield Record(
                f"kernels-{prefix}",
                {"layer": layer.name, **told, "kind": "colour" if layer.kernel > 3 else "signed"},
                signs,
            )
        facts["records"]["links"] = f"links-{prefix}"
        yield Record(f"links-{prefix}", _links(settings, layer, rng))
        facts["records"]["units"] = f"units-{prefix}"
        yield Record(f"units-{prefix}", _units(settings, member, place, rng))
    if settings.pictures:
        yield from _seen(settings, member, network, photos)


def _draw(settings, layer, key, units, rng, drawings) -> Record:
    files = {f"unit-{u}-{f}.webp": drawings[(7 * u + f) % len(drawings)] for u in units for f in range(settings.facets)}
    told = {
        "layer": layer.name,
        "units": units,
        "facets": settings.facets,
        "value": [[round(float(rng.uniform(8, 20)), 4)] * settings.facets for _ in units],
        "dead": [False for _ in units],
        "size": [settings.drawing, settings.drawing],
        "how": {"objective": "unit", "image": "fourier", "steps": 32, "rate": 0.05},
        "command": f"convscope draw made-up '{layer.name}' --units {units[0]}-{units[-1]} --seed 7",
        "answers": {"dtype": "<f4", "shape": [0], "base64": ""},
        "trust": None,
    }
    return Record(key, told, files)


def _links(settings, layer, rng) -> dict[str, Any]:
    known = {other.name: other for other in settings.layers}
    parents = []
    for name in layer.parents:
        most = []
        for _ in range(layer.units):
            units = rng.permutation(known[name].units)[:10]
            weights = rng.normal(size=len(units)).round(3)
            kernel = rng.normal(size=(3, 3)).round(3).tolist()
            most.append(
                [
                    {"unit": int(j), "weight": float(w), "kernel": kernel if layer.side else None}
                    for j, w in zip(units, weights)
                ]
            )
        parents.append({"layer": name, "size": [3, 3], "most": most})
    return {"layer": layer.name, "pictures": 8, "of": "pictures" if settings.pictures else "noise", "parents": parents}


def _units(settings: Settings, member: int, place: int, rng) -> dict[str, Any]:
    layer, n = settings.layers[place], settings.layers[place].units
    real = settings.pictures > 0
    labels = [
        LABELS[(u * 5 + place) % len(LABELS)] if u < (n if layer.drawn is None else layer.drawn) else "not drawn"
        for u in range(n)
    ]
    if not real:
        labels = ["dead" if label == "dead" else "drawn" for label in labels]
    mean = rng.normal(2, 1, n).round(3)
    told: dict[str, Any] = {
        "layer": layer.name,
        "pictures": settings.pictures,
        **dict.fromkeys(
            ("mean", "std", "positive", "largest", "selectivity", "histogram", "top", "middle", "bottom", "classes")
        ),
        "similar": [[] for _ in range(n)],
        "label": labels,
        "reasons": [_reasons(label) for label in labels],
        "copy": [[layer.copies, u] if layer.copies else None for u in range(n)],
    }
    if not real:
        return told
    counts = rng.poisson(6 * np.exp(-(((np.arange(24) - 8) / 5) ** 2)), (n, 24))
    told |= {
        "mean": mean.tolist(),
        "std": rng.uniform(0.5, 2, n).round(3).tolist(),
        "positive": rng.uniform(0, 1, n).round(3).tolist(),
        "largest": (mean + rng.uniform(4, 9, n)).round(3).tolist(),
        "selectivity": rng.uniform(0, 1, n).round(3).tolist(),
        "histogram": {"low": (mean - 3).tolist(), "high": (mean + 8).tolist(), "counts": counts.tolist()},
        "classes": {
            "names": list(settings.classes),
            "count": [settings.pictures // len(settings.classes)] * len(settings.classes),
            "most": [
                [[int(c), round(5.0 - 2 * k, 2)] for k, c in enumerate(rng.permutation(len(settings.classes))[:3])]
                for _ in range(n)
            ],
        },
        "similar": [_similar(settings, member, place, u, rng) for u in range(n)],
    }
    for end, shift in (("top", 8.0), ("middle", 2.0), ("bottom", -3.0)):
        k = min(settings.examples if end != "middle" else 3, settings.pictures)
        some = [rng.permutation(settings.pictures)[:k].tolist() for _ in range(n)]
        told[end] = {
            "picture": some,
            "value": [[round(shift - 0.1 * j, 2) for j in range(k)] for _ in some],
            "box": [[_box(settings, layer, rng) for _ in row] for row in some],
        }
    return told


def _box(settings, layer, rng) -> list[int] | None:
    if layer.field is None:
        return None
    top, left = (int(v) for v in rng.integers(-layer.field // 3, settings.photo - layer.field // 2, 2))
    return [top, left, top + layer.field, left + layer.field]


def _similar(settings, member, place, unit, rng) -> list[list[Any]]:
    def some(m: int, p: int, r: float) -> list[Any]:
        other = settings.layers[p]
        return [m, other.name, int(rng.integers(other.units)), round(r, 3)]

    here = [some(member, place, 0.9 - 0.1 * k) for k in range(5)]
    others = [p for p in range(len(settings.layers)) if p != place]
    elsewhere = [some(member, int(rng.choice(others)), 0.7 - 0.1 * k) for k in range(5)] if others else []
    rest = [some(m, place, 0.95 - 0.1 * k) for m in range(len(settings.labels)) if m != member for k in range(5)]
    return here + elsewhere + rest


def _reasons(label: str) -> list[dict[str, Any]]:
    if label in ("not drawn", "drawn"):
        return []
    if label == "dead":
        return [{"key": "dead", "weight": "strongly against", "numbers": {}}]
    value = {"value": 12.34, "largest": 15.1, "percentile": 99.0, "ratio": 1.32}
    rank = {"rank": 31, "units": 64, "margin": -2.4}
    found = [{"key": "not all tests", "weight": "note", "numbers": {}}]
    if label == "do not trust":
        return [{"key": "weak", "weight": "strongly against", "numbers": value | {"percentile": 31.0}}, *found]
    if label == "mixed":
        found = [{"key": "not selective", "weight": "against", "numbers": rank}, *found]
    else:
        found = [{"key": "selective", "weight": "for", "numbers": rank | {"rank": 1, "margin": 3.1}}, *found]
    return [{"key": "strong", "weight": "for", "numbers": value}, *found]


def _seen(settings, member, network, photos) -> Iterator[Record]:
    for start in range(0, settings.pictures, 256):
        rows, files = [], {}
        for number in range(start, min(start + 256, settings.pictures)):
            gone = number % settings.gone == settings.gone - 1
            name = None if gone else f"{number}.webp"
            if name:
                files[name] = photos[number % len(photos)]
            row = {"number": number, "name": _name(settings, number), "width": settings.photo, "height": settings.photo}
            rows.append(row | {"file": name, "class": settings.classes[number % len(settings.classes)]})
        key = f"seen-m{member}-{start}"
        network["seen"].append(key)
        yield Record(key, {"pictures": rows}, files)


def _name(settings: Settings, number: int) -> str:
    if number < len(settings.names):
        return settings.names[number]
    return f"{settings.classes[number % len(settings.classes)]}/{number:05d}.jpg"


def _texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """Coloured waves: (side, side, 3) uint8, as different from each other as drawings are."""
    rows, columns = np.mgrid[:side, :side] / max(side, 2)
    out = np.zeros((side, side, 3))
    for _ in range(5):
        angle, wave, phase = rng.uniform(0, np.pi), rng.uniform(2, 9), rng.uniform(0, 6)
        bend = rng.uniform(-2, 2) * (rows - 0.5) * (columns - 0.5)
        plane = np.sin(2 * np.pi * wave * (rows * np.sin(angle) + columns * np.cos(angle) + bend) + phase)
        out += plane[..., None] * rng.normal(size=3)
    return (128 + 40 * out).clip(0, 255).astype(np.uint8)


def _photo(rng: np.random.Generator, side: int) -> np.ndarray:
    """A ground with a few discs on it: (side, side, 3) uint8."""
    rows, columns = np.mgrid[:side, :side]
    out = rng.uniform(60, 200, 3) + (rows / side)[..., None] * rng.uniform(-60, 60, 3)
    for _ in range(6):
        r, c = rng.uniform(0, side, 2)
        out[(rows - r) ** 2 + (columns - c) ** 2 < rng.uniform(side / 20, side / 5) ** 2] = rng.uniform(0, 255, 3)
    return (out + rng.normal(0, 6, out.shape)).clip(0, 255).astype(np.uint8)


def _webp(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "webp", quality=90)
    return out.getvalue()


def _png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()
