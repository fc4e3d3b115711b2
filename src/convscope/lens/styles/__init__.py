"""The lens turned on paintings: one picture's content in another's style.

`styling` is the call, `terms` says which layers speak for content and for style, `losses` measures the pictures that
are given, `colours` keeps the content's colours, `keeping` lets long work go on after a stop.
"""

from convscope.lens.styles.losses import Losses
from convscope.lens.styles.scales import Scale, Stage
from convscope.lens.styles.styling import Styled, StyleStopped, style
from convscope.lens.styles.terms import Terms, recommended

__all__ = ["Losses", "Scale", "Stage", "StyleStopped", "Styled", "Terms", "recommended", "style"]
