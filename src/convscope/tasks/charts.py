"""Results as charts (extra `charts`): lines over a quantity, and bars. Pictures come out; no window is opened.

Colours are Okabe and Ito's (2008), which the common kinds of colour blindness tell apart, and each line has its own
mark besides.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.pictures import Picture
from convscope.tasks.extras import need

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKS = "os^Dv<>"
_PAPER, _INK, _FAINT = "white", "#222222", "#d0d0d0"
_DOTS_PER_INCH = 150


def lines(
    series: Mapping[str, Sequence[tuple[float, float, float]]], title: str, x_label: str, y_label: str
) -> Picture:
    """One line for each of `series`, its name written at its end: points (x, mean, spread), spread as a band.

    A spread that is not known is NaN. Raises InputError where there is nothing to draw, or matplotlib is missing.
    """
    if not series or not all(series.values()):
        raise InputError("lines: a series without points; give each at least one")
    figure, axes = _sheet(8.0, max(4.5, 0.27 * len(series) + 1.5))
    axes.set_xlabel(x_label, color=_INK)
    axes.set_ylabel(y_label, color=_INK)
    axes.grid(axis="y", color=_FAINT, linewidth=0.6)
    ends = []
    for k, (name, points) in enumerate(series.items()):
        x, mean, spread = np.array(sorted(points), float).T
        colour = COLOURS[k % len(COLOURS)]
        axes.plot(x, mean, color=colour, marker=MARKS[k % len(MARKS)], markersize=4, linewidth=1.6)
        axes.fill_between(x, mean - np.nan_to_num(spread), mean + np.nan_to_num(spread), color=colour, alpha=0.18, lw=0)
        ends.append((float(mean[-1]), float(x[-1]), name, colour))
    ends.sort(key=lambda end: end[0])
    low, high = axes.get_ylim()
    line = 13 / 72 / (figure.get_figheight() - 1.3)  # a line of text, as part of the axes: 1.3 inches are around them
    heights = apart([(end - low) / (high - low) for end, *_ in ends], line)
    right = axes.get_xlim()[1]
    for (end, x, name, colour), height in zip(ends, heights, strict=True):
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "relpos": (0, 0.5), "shrinkA": 0, "shrinkB": 4}
        how = {"color": colour, "fontsize": 9, "va": "center", "annotation_clip": False, "arrowprops": leader}
        axes.annotate(name, (x, end), (right, low + height * (high - low)), **how)
    axes.set_ylim(low, high)
    return _drawn(figure, title)


def bars(rows: Mapping[str, tuple[float, float]], title: str, x_label: str) -> Picture:
    """One bar for each of `rows` from top to bottom: (mean, spread), spread as a whisker, the mean written beside it.

    A spread that is not known is NaN. Raises InputError where there is nothing to draw, or matplotlib is missing.
    """
    if not rows:
        raise InputError("bars: no rows; give at least one")
    figure, axes = _sheet(8.0, 0.36 * len(rows) + 1.3)
    axes.set_xlabel(x_label, color=_INK)
    places = np.arange(len(rows))[::-1]
    means, spreads = np.array(list(rows.values()), float).T
    axes.barh(places, means, height=0.68, color=COLOURS[0])
    for place, mean, spread in zip(places, means, spreads, strict=True):
        reach = spread if isfinite(spread) else 0.0
        if reach:
            axes.plot([mean - reach, mean + reach], [place, place], color=_INK, linewidth=1.2)
        words = f"{mean:.1f}" + (f" ± {spread:.1f}" if isfinite(spread) else "")
        beside = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
        axes.annotate(words, (max(mean + reach, 0), place), fontsize=9, color=_INK, **beside)
    axes.set_yticks(places, list(rows))
    axes.tick_params(axis="y", length=0)
    return _drawn(figure, title)


def apart(heights: Sequence[float], least: float) -> list[float]:
    """Heights from 0 to 1, ascending, moved as little as it takes to be `least` apart; in 0 to 1 while they fit.

    >>> [round(height, 2) for height in apart([0.1, 0.5, 0.52, 1.0], 0.1)]
    [0.1, 0.46, 0.56, 1.0]
    """
    groups: list[list[float]] = []  # of labels that touch: [centre, how many]
    for height in heights:
        groups.append([height, 1])
        while True:
            room = (groups[-1][1] - 1) * least / 2
            groups[-1][0] = max(min(groups[-1][0], 1 - room), room)
            if len(groups) < 2 or groups[-1][0] - groups[-2][0] >= (groups[-1][1] + groups[-2][1]) * least / 2:
                break
            (upper, many), (lower, few) = groups.pop(), groups.pop()
            groups.append([(upper * many + lower * few) / (many + few), many + few])
    return [centre + (k - (n - 1) / 2) * least for centre, n in groups for k in range(int(n))]


def _sheet(width: float, height: float) -> tuple[Any, Any]:
    """A figure and its axes, inches; made without pyplot, which keeps every figure and may open windows."""
    need("matplotlib", "charts")
    make = need("matplotlib.figure", "charts").Figure
    figure = make(figsize=(width, height), dpi=_DOTS_PER_INCH, facecolor=_PAPER, layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=_INK, labelsize=9)
    return figure, axes


def _drawn(figure: Any, title: str) -> Picture:
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=_INK)
    canvas = need("matplotlib.backends.backend_agg", "charts").FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]
