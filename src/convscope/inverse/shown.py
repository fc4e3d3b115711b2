"""A recovered kernel to look at: one page with its taps, their standard errors and what cannot be known."""

import base64
import html
import textwrap
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convscope import pictures

LARGEST, SMALLEST, WIDEST = 56, 3, 392
"""Pixels of one cell, and of a panel."""
ROOMY = 40
"""From so many pixels on a cell's number is written into it."""
GAP, LINE, CHARACTERS = 24, 20, 110
MOST_NULL, MOST_ROWS = 6, 9
"""Null patterns, and kernels of a picture with several channels, that are drawn."""
INK, EDGE, HATCH = "black", "#dddddd", "#9a9a9a"


def draw(found: Any) -> pictures.Picture:
    """A `Recovery` as RGB (h, w, 3): the verdict; a row for each kernel, its standard errors beside it; null patterns.

    Taps are blue below zero and red above, on one scale for all kernels; standard errors are the darker, the larger.
    Hatched taps cannot be known.
    """
    limit, unsure = np.abs(found.kernel).max(), np.max(found.stderr, where=np.isfinite(found.stderr), initial=0.0)
    power = 10.0 ** np.floor(np.log10(unsure)) if unsure else 1.0
    planes = found.planes()[:MOST_ROWS]
    cell = max(min(LARGEST, WIDEST // max(planes[0][1].shape)), SMALLEST)
    kernels, spreads = [], []
    for name, taps, errors in planes:
        unknown = ~np.isfinite(errors)
        known = np.where(unknown, 0, errors)
        kernels.append(_panel(name or "kernel", taps, pictures.signed(taps, limit), cell, unknown))
        title = f"standard errors, times {power:g}" if unsure else "standard errors"
        spreads.append(_panel(title, known / power, _shade(known, unsure), cell, unknown, 1))
    kernels.append(Image.fromarray(pictures.legend(limit)))
    if unsure:
        spreads.append(_dark_legend(unsure))
    parts = [_beside([_above(kernels, 12), _above(spreads, 12)])]
    if count := len(found.null_space):
        patterns = found.null_space[:MOST_NULL].transpose(0, 2, 1, 3)
        patterns = patterns.reshape(*patterns.shape[:2], -1)  # the channels of one beside each other
        of = f" ({len(patterns)} of {count})" if len(patterns) < count else ""
        parts.append(_text([f"cannot be told: any amount of these patterns may be added to the kernel{of}"]))
        small = max(min(cell, 2 * WIDEST // (len(patterns) * patterns.shape[2])), SMALLEST)
        nothing = np.zeros(patterns.shape[1:], bool)
        parts.append(_beside([_panel("", one, pictures.signed(one), small, nothing) for one in patterns]))
    page = _above([_text(_wrapped(found)), *parts], gap=12)
    framed = Image.new("RGB", (page.width + 2 * GAP, page.height + 2 * GAP), "white")
    framed.paste(page, (GAP, GAP))
    return np.asarray(framed)


def as_html(found: Any) -> str:
    """What notebooks show of a `Recovery`: its text, and the page of `draw` inside it."""
    data = base64.b64encode(pictures.png(draw(found))).decode()
    picture = f'<img alt="the kernel and its standard errors" src="data:image/png;base64,{data}">'
    return f"<pre>{html.escape(str(found))}</pre>{picture}"


def _panel(
    title: str,
    values: np.ndarray,
    colours: pictures.Picture,
    cell: int,
    hatched: np.ndarray,
    digits: int | None = None,
) -> Image.Image:
    """A plane enlarged under its title, its numbers written in where there is room; by default to four digits."""
    r, s = values.shape
    top = LINE if title else 0
    page = Image.new("RGB", (max(s * cell + 1, round(_font().getlength(title))), top + r * cell + 1), "white")
    page.paste(Image.fromarray(pictures.enlarge(colours, cell)), (0, top))
    pen = ImageDraw.Draw(page)
    pen.text((0, top - 6), title, INK, _font(), "ls")
    most = float(np.abs(values).max())
    if digits is None:
        digits = int(np.clip(3 - np.floor(np.log10(most)), 0, 4)) if most > 0 else 0
    for row, column in np.ndindex(r, s):
        x, y = column * cell, top + row * cell
        if hatched[row, column]:
            for shift in range(6, 2 * cell, 6):
                low, high = max(0, shift - cell), min(shift, cell)
                pen.line((x + low, y + shift - low, x + high, y + shift - high), HATCH)
        if cell >= ROOMY:
            pen.rectangle((x, y, x + cell, y + cell), None, EDGE)
            text = "?" if hatched[row, column] else f"{values[row, column]:z.{digits}f}"
            ink = "white" if colours[row, column].sum(dtype=int) < 3 * 128 and not hatched[row, column] else INK
            pen.text((x + cell / 2, y + cell / 2), text, ink, _font(11), "mm")
    pen.rectangle((0, top, s * cell, top + r * cell), None, HATCH)
    return page


def _shade(values: np.ndarray, most: float) -> pictures.Picture:
    return 255 - pictures.grey(values, 0, max(1.5 * most, 1e-300))


def _dark_legend(most: float) -> Image.Image:
    bar = np.linspace(0, most, 180)[None].repeat(16, 0)
    page = Image.new("RGB", (180, 34), "white")
    page.paste(Image.fromarray(_shade(bar, most)), (0, 0))
    pen = ImageDraw.Draw(page)
    pen.text((1, 32), "0", INK, _font(12), "ld")
    pen.text((179, 32), f"{most:.2g}", INK, _font(12), "rd")
    return page


def _wrapped(found: Any) -> list[str]:
    return [part for line in found.headline() for part in textwrap.wrap(line, CHARACTERS, subsequent_indent="    ")]


def _text(lines: list[str]) -> Image.Image:
    width = max(round(_font().getlength(line)) for line in lines) + 1
    page = Image.new("RGB", (width, LINE * len(lines)), "white")
    for k, line in enumerate(lines):
        ImageDraw.Draw(page).text((0, LINE * (k + 1) - 6), line, INK, _font(), "ls")
    return page


def _above(parts: list[Image.Image], gap: int) -> Image.Image:
    height = sum(part.height + gap for part in parts) - gap
    page = Image.new("RGB", (max(part.width for part in parts), height), "white")
    y = 0
    for part in parts:
        page.paste(part, (0, y))
        y += part.height + gap
    return page


def _beside(parts: list[Image.Image]) -> Image.Image:
    width = sum(part.width + GAP for part in parts) - GAP
    page = Image.new("RGB", (width, max(part.height for part in parts)), "white")
    x = 0
    for part in parts:
        page.paste(part, (x, 0))
        x += part.width + GAP
    return page


def _font(size: int = 13) -> Any:
    return ImageFont.load_default(size)
