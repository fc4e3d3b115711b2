"""The picture of an explanation: the window where it lies on the picture, the kernel, their products, the sum."""

from typing import Any

from convscope.errors import InputError

LARGEST, SMALLEST = 60, 6
"""Pixels of one cell; from ROOMY on its number is written into it."""
ROOMY = 40
AROUND = 2
"""Cells of the picture shown around the window."""
WIDEST = 900
"""Pixels of one panel."""
GAP, LINE, BETWEEN = 24, 22, 44
PAPER, INK, EDGE, HATCH, RULE = "white", "black", "#ff8c00", "#9a9a9a", "#dddddd"


def draw(e: Any, picture: Any) -> Any:
    """An explanation of one cell of `conv2d` over the channel `picture` (h, w), values 0 to 1, as RGB (h, w, 3).

    Left: the picture around the window, each tap's cell outlined, padding hatched. Middle and right: the kernel as it
    is laid on, and the products; blue below zero, red above, each on its own scale.
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from convscope.ops.explain.text import number
    from convscope.pictures import signed

    window = [(min(ends), max(ends) + 1) for ends in zip(*(term.place[2:] for term in e.terms))]
    shown = [
        (min(max(first - AROUND, 0), first), max(min(last + AROUND, size), last))
        for (first, last), size in zip(window, picture.shape)
    ]
    (top, left), (rows, columns) = (first for first, _ in shown), (last - first for first, last in shown)
    cell = min(LARGEST, WIDEST // max(rows, columns))
    if cell < SMALLEST:
        spans = " x ".join(str(last - first) for first, last in window)
        raise InputError(
            f"a window that spans {spans} cells: at most {WIDEST // SMALLEST - 2 * AROUND} on a side are drawn; use a "
            f"smaller kernel or dilation"
        )
    r, s = 1 + max(term.row for term in e.terms), 1 + max(term.column for term in e.terms)
    sizes = [(rows, columns), (r, s), (r, s)]
    lefts = [GAP + k * BETWEEN + cell * sum(size[1] for size in sizes[:k]) for k in range(3)]
    width, height = lefts[2] + max(cell * s, 120) + GAP, 2 * GAP + 2 * LINE + cell * rows
    page = Image.new("RGB", (max(width, 420), height), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)

    def box(panel: int, row: int, column: int) -> tuple[int, int, int, int]:
        x = lefts[panel] + column * cell
        y = GAP + LINE + row * cell + (cell * (rows - r) // 2 if panel else 0)
        return x, y, x + cell - 1, y + cell - 1

    def fill(where: tuple[int, int, int, int], colour: tuple[int, ...], value: float, hatched: bool = False) -> None:
        pen.rectangle(where, colour, RULE if cell >= ROOMY else None)
        if hatched:
            hatch(where)
        if cell >= ROOMY:
            dark = sum(colour) < 3 * 128 and not hatched
            middle = (where[0] + where[2]) / 2, (where[1] + where[3]) / 2
            pen.text(middle, number(round(value, 3)), "white" if dark else INK, font, "mm")

    def hatch(where: tuple[int, int, int, int]) -> None:
        x, y, _, _ = where
        for shift in range(6, 2 * cell, 6):
            low, high = max(0, shift - cell + 1), min(shift, cell - 1)
            pen.line((x + low, y + shift - low, x + high, y + shift - high), HATCH)

    for row in range(rows):
        for column in range(columns):
            place = top + row, left + column
            if 0 <= place[0] < picture.shape[0] and 0 <= place[1] < picture.shape[1]:
                shade = round(float(np.clip(picture[place], 0, 1)) * 255)
                fill(box(0, row, column), (shade, shade, shade), float(picture[place]))
            elif all(first <= here < last for here, (first, last) in zip(place, window)):
                hatch(box(0, row, column))
    window, weights, products = (np.zeros((r, s)) for _ in range(3))
    for term in e.terms:
        at = term.row, term.column
        window[at], weights[at] = (factor.value for factor in term.factors)
        products[at] = term.product
    for term in e.terms:
        where = box(0, term.place[2] - top, term.place[3] - left)
        if term.padding:
            shade = round(255 * term.factors[0].value) if term.factors[0].cell else 255
            fill(where, (shade, shade, shade), term.factors[0].value, hatched=True)
        pen.rectangle(where, None, EDGE, width=2 if cell >= ROOMY else 1)
    for panel, values in ((1, weights), (2, products)):
        colours = signed(values)
        for row, column in np.ndindex(r, s):
            fill(box(panel, row, column), tuple(colours[row, column].tolist()), float(values[row, column]))
    for panel, title in enumerate(("picture, and the window on it", "kernel", "products")):
        pen.text((lefts[panel], GAP + LINE - 6), title, INK, font, "ls")
    middle = GAP + LINE + cell * rows // 2
    for panel, sign in ((1, "*"), (2, "=")):
        pen.text((lefts[panel] - BETWEEN // 2, middle), sign, INK, ImageFont.load_default(24), "mm")
    told = f"output cell {e.at[2]}, {e.at[3]}: sum of {len(e.terms)} products = {number(e.value)}"
    pen.text((GAP, height - GAP // 2), told, INK, font, "ls")
    return np.asarray(page)
