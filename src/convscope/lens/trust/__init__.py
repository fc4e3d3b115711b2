"""How far a drawing can be believed: figures that a reader can weigh, and a plain label with its reasons."""

from convscope.lens.trust.choice import Choice
from convscope.lens.trust.judge import trust
from convscope.lens.trust.paths import Path
from convscope.lens.trust.verdict import TEXTS, Control, Figures, Label, Reason, Trust, verdict

__all__ = ["TEXTS", "Choice", "Control", "Figures", "Label", "Path", "Reason", "Trust", "trust", "verdict"]
