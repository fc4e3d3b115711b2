"""How far a drawing can be believed: figures that a reader can weigh, and a plain label with its reasons."""

from convscope.lens.credibility.choice import Choice
from convscope.lens.credibility.judge import trust
from convscope.lens.credibility.paths import Path
from convscope.lens.credibility.verdict import TEXTS, Control, Excitement, Figures, Label, Reason, Trust, verdict

__all__ = [
    "TEXTS",
    "Choice",
    "Control",
    "Excitement",
    "Figures",
    "Label",
    "Path",
    "Reason",
    "Trust",
    "trust",
    "verdict",
]
