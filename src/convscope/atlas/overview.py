"""What the first page is told: the network, a picture's way through it, its training, its mistakes."""

from collections.abc import Sequence

from convscope.atlas import charts
from convscope.atlas.book import Book, Data, number, percent

PARTS = ("train", "validation")


def content(book: Book, outputs: list[Data]) -> Data:
    """Everything `index.html` shows; `outputs` are the cards of the output layer."""
    matrix = book.records["verdicts"]["confusion"]
    right, total = sum(row[k] for k, row in enumerate(matrix)), book.facts["pictures"]
    return {
        "network": book.facts["network"],
        "parameters": f"{sum(layer['parameters'] for layer in book.layers):,}",
        "units": sum(layer["units"] for layer in book.learned),
        "long_names": max(map(len, book.classes)) > 3,
        "pictures": f"{total:,}",
        "right": f"{right:,}",
        "accuracy": percent(right / total, 2),
        "outputs": outputs,
        "chain": book.layers,
        "maps": [_through(book, k, choice) for k, choice in enumerate(book.records["maps"]["choices"])],
        "training": _training(book.facts["history"]),
        "confusion": _confusion(book, matrix),
        "misread": _misread(book),
        "legend": book.image(f"kernels-{book.output['slug']}", "legend.png"),
        "made_rows": book.made([("made.data", book.facts["data"]), ("made.trained", book.facts["recipe"])]),
    }


def _through(book: Book, place: int, choice: Data) -> Data:
    """One test picture in every layer."""
    layers = [layer for layer in book.layers if layer["name"] in choice["limits"]]
    return {
        "index": choice["index"],
        "label": book.classes[choice["label"]],
        "read": book.classes[choice["read"]],
        "input": book.image("maps", f"{place}-input.png"),
        "layers": [
            layer
            | {
                "limit": number(choice["limits"][layer["name"]]),
                "sheet": book.image("maps", f"{place}-{layer['slug']}.png"),
            }
            for layer in layers
        ],
        "answers": [
            {"name": name, "share": round(p, 4), "text": percent(p)}
            for name, p in zip(book.classes, choice["probabilities"], strict=True)
        ],
    }


def _training(history: Sequence[Data]) -> Data | None:
    if not history:
        return None
    epochs = [row["epoch"] for row in history]
    losses, accuracies = (
        [[row[f"{part}_{what}"] for row in history] for part in PARTS] for what in ("loss", "accuracy")
    )
    speeds = sorted(row["images_per_second"] for row in history)
    return {
        "loss": charts.curves(epochs, losses),
        "accuracy": charts.curves(epochs, accuracies, percent=True),
        "rows": [
            {"epoch": f"{row['epoch']:g}"}
            | {f"{part}_loss": f"{row[f'{part}_loss']:.4f}" for part in PARTS}
            | {f"{part}_accuracy": percent(row[f"{part}_accuracy"], 2) for part in PARTS}
            for row in history
        ],
        "speed": f"{speeds[len(speeds) // 2]:,.0f}",
        "seconds": f"{sum(row['seconds'] for row in history):,.1f}",
    }


def _confusion(book: Book, matrix: list[list[int]]) -> list[Data]:
    """The matrix by rows; `share` is how strongly a cell is coloured: of its row, or of the worst mistake."""
    worst = max([n for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j], default=0) or 1
    rows = []
    for i, (name, row) in enumerate(zip(book.classes, matrix, strict=True)):
        total = sum(row) or 1
        cells = [
            {"count": n, "right": i == j, "share": round(n / (total if i == j else worst), 3)}
            for j, n in enumerate(row)
        ]
        link = f"{book.output['page']}#unit-{i}"
        rows.append({"name": name, "link": link, "accuracy": percent(row[i] / total), "cells": cells})
    return rows


def _misread(book: Book) -> Data:
    """The misread pictures that are shown, and how many there are in all."""
    shown = [
        {
            "index": one["index"],
            "label": book.classes[one["label"]],
            "read": book.classes[one["read"]],
            "probability": percent(one["probability"], 0),
        }
        for one in book.records["verdicts"]["misread"]
    ]
    strip = book.strip("verdicts", "misread.png", len(shown)) if shown else None
    return {"count": book.records["verdicts"]["misread_count"], "shown": shown, "strip": strip}
