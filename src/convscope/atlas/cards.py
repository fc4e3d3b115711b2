"""What a layer's page is told: its kernels, and a card for every unit."""

from collections.abc import Iterator, Sequence

from convscope.atlas.book import Book, Data, number, percent


def content(book: Book, layer: Data) -> Data:
    """Everything the page of one layer shows."""
    place = book.learned.index(layer)
    return {
        "layer": layer,
        "before": book.learned[place - 1] if place else None,
        "after": book.learned[place + 1] if place + 1 < len(book.learned) else None,
        "kernels": _kernels(book, layer),
        "cards": cards(book, layer),
        "across": _across(layer["units"]),
        "made_rows": book.made(_recipes(book, layer)),
    }


def cards(book: Book, layer: Data) -> list[Data]:
    """A card for each unit of the layer, in order."""
    drawn: dict[int, list[Data]] = {unit: [] for unit in range(layer["units"])}
    for record, suffix, kind, numbers, units in _drawings(book, layer):
        for unit, value in zip(units, numbers["values"], strict=True):
            image = book.image(record, f"unit-{unit}{suffix}.png")
            drawn[unit].append({"kind": kind, "image": image, "value": number(value)})
    return [_card(book, layer, unit, drawn[unit]) for unit in range(layer["units"])]


def _card(book: Book, layer: Data, unit: int, drawn: list[Data]) -> Data:
    seen = book.records["examples"][layer["slug"]]
    kernels = f"kernels-{layer['slug']}"
    noun = "output" if layer["output"] else "filter" if layer["spatial"] else "unit"
    card = {
        "unit": unit,
        "link": f"{layer['page']}#unit-{unit}",
        "title": f"card.{noun}",
        "drawn": drawn,
        "best": drawn[-1]["image"],
        "kernel": book.image(kernels, f"unit-{unit}.png") if book.records[kernels]["spatial"] else None,
        "most": _nine(book, layer, unit, "most"),
        "least": _nine(book, layer, unit, "least"),
    }
    if layer["output"]:
        row = book.records["verdicts"]["confusion"][unit]
        total = sum(row)
        return card | {
            "name": book.classes[unit],
            "dead": False,
            "right": f"{row[unit]:,}",
            "all": f"{total:,}",
            "accuracy": percent(row[unit] / (total or 1)),
            "bars": _bars(book.classes, row, total, [f"{n:,}" for n in row]),
        }
    profile = seen["profile"][unit]
    return card | {
        "name": str(unit),
        "dead": seen["fires"][unit] == 0,
        "fires": percent(seen["fires"][unit]),
        "fires_text": "card.fires_filter" if layer["spatial"] else "card.fires",
        "bars": _bars(book.classes, profile, max(map(abs, profile)), [number(value) for value in profile]),
    }


def _bars(
    names: Sequence[str], values: Sequence[float | int], whole: float | int, texts: Sequence[str]
) -> list[Data]:
    return [
        {"name": name, "share": round(abs(value) / (whole or 1), 4), "text": text, "negative": value < 0}
        for name, value, text in zip(names, values, texts, strict=True)
    ]


def _nine(book: Book, layer: Data, unit: int, which: str) -> Data:
    """The test pictures at one end of a unit's answers."""
    seen = {key: rows[unit] for key, rows in book.records["examples"][layer["slug"]][which].items()}
    shown = [
        {"index": index, "label": book.classes[label], "value": number(value)}
        for index, label, value in zip(seen["index"], seen["label"], seen["value"], strict=True)
    ]
    return {
        "strip": book.strip("examples", f"{layer['slug']}-{unit}-{which}.png", len(shown)),
        "shown": shown,
    }


def _drawings(book: Book, layer: Data) -> Iterator[tuple[str, str, str, Data, list[int]]]:
    """(record, end of its pictures' names, kind of picture, numbers, units) of all a layer's drawings."""
    for name, record in book.records.items():
        if name.rsplit("-", 1)[0] != f"draw-{layer['slug']}":
            continue
        if "l1" in record:
            yield name, "", "plain", record["drawn"], record["units"]
            yield name, "-l1", "l1", record["l1"], record["units"]
        else:
            yield name, "", "drawn", record["drawn"], record["units"]


def _recipes(book: Book, layer: Data) -> list[tuple[str, str]]:
    """One recipe for each kind of picture: those of one kind differ by the unit only."""
    kinds = {f"card.{kind}": numbers["recipe"] for _, _, kind, numbers, _ in _drawings(book, layer)}
    return list(kinds.items())


def _kernels(book: Book, layer: Data) -> Data:
    name = f"kernels-{layer['slug']}"
    record = book.records[name]
    return record | {
        "limit": number(record["limit"]),
        "sheet": book.image(name, "all.png"),
        "scale": 2 if record["spatial"] else 3,
        "legend": book.image(name, "legend.png"),
    }


def _across(count: int) -> int:
    """How many pictures stand in one row of a wide sheet: at most fifteen, and full rows where that can be.

    >>> [_across(n) for n in (6, 16, 84, 120, 17)]
    [6, 8, 14, 15, 15]
    """
    most = min(15, count)
    return next((across for across in range(most, 6, -1) if count % across == 0), most)
