"""From figures to a plain label, with the reasons for it in sentences."""

from dataclasses import dataclass, field
from math import isnan
from typing import Any, Literal

from convscope.lens.credibility.choice import Choice
from convscope.lens.credibility.paths import Path

Label = Literal["clear", "plausible", "mixed", "do not trust", "dead"]
Weight = Literal["for", "against", "strongly against", "note"]


@dataclass(frozen=True)
class Control:
    """What the same recipe reaches on an untrained twin: medians over the judged units (see Figures)."""

    ratio: float
    agreement: float
    rank: float


@dataclass(frozen=True)
class Excitement:
    """What a layer says to one unit's drawing, beside what it says to natural pictures; of several facets the best
    one's.

    value: of the unit on its drawing. largest: on any natural picture.
    percentile: share of natural pictures whose largest value is no higher, 0 to 100.
    ratio: its rise over the unit's natural mean; 1: as high as the largest natural value.
    rank, margin: among all `units` of the layer on this drawing, in each unit's natural standard deviations.
    """

    value: float
    largest: float
    percentile: float
    ratio: float
    rank: int
    margin: float
    units: int


@dataclass(frozen=True)
class Figures(Excitement):
    """All that is measured about one unit's drawing.

    kept: share of its rise left under held-out moves; kept_natural: the same for natural top pictures.
    agreement: likeness of drawings from other seeds; 1: the same, 0: as those of other units.
    path: likeness to natural pictures on the way to the unit, layer by layer.
    control: the same recipe on an untrained twin. strangeness: how far the layer's natural answers lie from those of
    untrained twins, in their standard deviations.
    choice: the two-alternative test, choice_natural: the same with natural pictures in the drawing's stead.
    """

    kept: float
    kept_natural: float
    agreement: float
    path: Path
    control: Control
    strangeness: float
    choice: Choice
    choice_natural: Choice


@dataclass(frozen=True)
class Reason:
    """One finding: its key in TEXTS, the numbers it speaks of, and what it weighs."""

    key: str
    weight: Weight
    numbers: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return TEXTS[self.key].format(**self.numbers)


@dataclass(frozen=True)
class Trust:
    """How far one unit's drawing can be believed, and why. figures: None for a dead unit."""

    layer: str
    unit: int
    label: Label
    reasons: tuple[Reason, ...]
    figures: Figures | None

    def __str__(self) -> str:
        return "\n".join([f"{self.layer} unit {self.unit}: {self.label}", *(f"  {reason}" for reason in self.reasons)])


WEAK = 50.0
"""Percentile below which the drawing failed: more than half of the natural pictures excite the unit more."""
STRONG = 90.0
"""Percentile from which a drawing is a strong stimulus. Those of honest units that rose at all lay at 99 or 100."""
ASTRAY = 0.25
"""Lowest likeness on the path below which a drawing goes its own way. Where drawings lay outside the unit's natural
pictures, honest units of SqueezeNet had 0.43 or more, forged ones 0 or less (of EfficientNet-Lite0 two of nine honest
units lay below 0: the check is strict)."""
FRAGILE = 0.5
"""Share of what natural pictures keep under the same moves, below which a drawing hangs on its exact pixels."""
AGREE = 0.1
"""Agreement of seeds below which drawings of one unit are about as alike as those of any two."""
AMONG = 0.1
"""A unit that is not among this share of the most excited on its own drawing has a drawing of something else too."""
LEARNED = 5.0
"""Strangeness below which a layer cannot be told from an untrained one. Untrained ones stayed below 3 (two dozen
tried), layers of SqueezeNet, of EfficientNet-Lite0 and banks of edge detectors lay between 5.5 and 53."""


def verdict(figures: Excitement) -> tuple[Label, tuple[Reason, ...]]:
    """The label, and its reasons with the weightiest first.

    One strong reason against makes "do not trust", and so do three others; one or two others make "mixed"; none
    "clear", or, where there are no figures but those of `Excitement`, "plausible".
    """
    whole = isinstance(figures, Figures)
    more = _reasons(figures) if whole else [Reason("not all tests", "note")]
    among = [_selectivity(figures)] if figures.units > 1 else []  # a unit alone is above no others
    reasons = sorted([_strength(figures), *more, *among], key=lambda reason: _ORDER.index(reason.weight))
    weights = [reason.weight for reason in reasons]
    if "strongly against" in weights or weights.count("against") >= 3:
        return "do not trust", tuple(reasons)
    if "against" in weights:
        return "mixed", tuple(reasons)
    return ("clear" if whole else "plausible"), tuple(reasons)


def _strength(f: Excitement) -> Reason:
    value = {"value": f.value, "largest": f.largest, "percentile": f.percentile, "ratio": f.ratio}
    if f.percentile < WEAK or f.ratio <= 0:
        return Reason("weak", "strongly against", value)
    if f.percentile < STRONG:
        return Reason("below natural", "against", value)
    return Reason("strong", "for", value)


def _selectivity(f: Excitement) -> Reason:
    rank = {"rank": f.rank, "units": f.units, "margin": f.margin}
    if f.rank > max(AMONG * f.units, 1):
        return Reason("not selective", "against", rank)
    return Reason("selective", "for", rank)


def _reasons(f: Figures) -> list[Reason]:
    found = []

    def say(key: str, weight: Weight, **numbers: Any) -> None:
        found.append(Reason(key, weight, numbers))

    if isnan(f.path.lowest):
        say("no path", "note")
    else:
        astray = f.path.outside and f.path.lowest < ASTRAY
        path = {"likeness": f.path.lowest, "at": f.path.at}
        say(*(("astray", "strongly against") if astray else ("natural path", "for")), **path)
    choice = {key: 100 * getattr(f.choice, key) for key in ("accuracy", "low", "high")}
    choice |= {"natural": 100 * f.choice_natural.accuracy, "by": f.choice.by}
    if f.choice.high < 0.5:
        say("misleads", "strongly against", **choice)
    elif f.choice.low > 0.5:
        say("tells", "for", **choice)
    elif f.choice_natural.low > 0.5:
        say("does not tell", "against", **choice)
    else:
        say("cannot be told", "note", **choice)
    kept = {"kept": 100 * f.kept, "natural": 100 * f.kept_natural}
    say(*(("fragile", "against") if f.kept < FRAGILE * f.kept_natural else ("robust", "for")), **kept)
    agreement = {"agreement": f.agreement, "control": f.control.agreement}
    say(*(("seeds differ", "against") if f.agreement < AGREE else ("seeds agree", "for")), **agreement)
    learned = {"strangeness": f.strangeness, "ratio": f.control.ratio, "agreement": f.control.agreement}
    say(*(("untrained", "against") if f.strangeness < LEARNED else ("learned", "for")), **learned)
    return found


_ORDER: tuple[Weight, ...] = ("strongly against", "against", "for", "note")

TEXTS: dict[str, str] = {
    "dead": "nothing was found that changes the unit's value",
    "weak": "the drawing excites the unit less than most natural pictures do: {value:.3g}, percentile {percentile:.0f}",
    "below natural": "natural pictures excite the unit more: {value:.3g}, percentile {percentile:.0f} of {largest:.3g}",
    "strong": "it excites the unit as much as {percentile:.0f} % of the natural pictures do or more, "
    "{ratio:.2g} times the best",
    "astray": "path check: at {at} the drawing is carried unlike natural pictures of the unit "
    "({likeness:.2f}; theirs 1)",
    "natural path": "path check: carried like natural pictures of the unit, at the least {likeness:.2f} "
    "({at}; theirs 1)",
    "no path": "path check: no layer before this one tells the unit's natural pictures from those of other units",
    "misleads": "two-alternative test: {by} is misled by it, {accuracy:.0f} % right "
    "({low:.0f} to {high:.0f}, chance 50)",
    "tells": "two-alternative test: {by} tells top from bottom pictures by it, {accuracy:.0f} % right "
    "({low:.0f} to {high:.0f}, chance 50)",
    "does not tell": "two-alternative test: {by} does not tell top from bottom pictures by it, {accuracy:.0f} % right "
    "({low:.0f} to {high:.0f}, chance 50); by natural pictures {natural:.0f} %",
    "cannot be told": "two-alternative test: {by} cannot tell top from bottom pictures by natural ones either, "
    "{accuracy:.0f} % right by the drawing, {natural:.0f} % by natural pictures",
    "fragile": "small moves undo it: {kept:.0f} % of its effect is left, of natural pictures' {natural:.0f} %",
    "robust": "it withstands moves it was not made for: {kept:.0f} % of its effect is left, "
    "of natural pictures' {natural:.0f} %",
    "seeds differ": "other seeds draw something else: agreement {agreement:.2f} (an untrained twin {control:.2f})",
    "seeds agree": "other seeds draw the like: agreement {agreement:.2f} (an untrained twin {control:.2f})",
    "not selective": "it excites many other units more: rank {rank} of {units}, {margin:+.1f} standard deviations from "
    "the most excited of them",
    "selective": "few or no other units are excited as much: rank {rank} of {units}, {margin:+.1f} standard deviations "
    "from the most excited of them",
    "not all tests": "other seeds, small moves, the path through the network, other eyes and untrained twins were not "
    "asked",
    "untrained": "the layer answers natural pictures as untrained twins do ({strangeness:.1f} standard deviations): "
    "it shows what the architecture prefers, not what was learned",
    "learned": "the layer answers natural pictures unlike untrained twins ({strangeness:.1f} standard deviations)",
}
"""What is said of each finding; a translation is another such table."""
