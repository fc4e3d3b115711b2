"""Why `recover` answers as it does: every sentence once, so that others may say the same in their own words."""

from typing import Any, final

SENTENCES = {
    # why a verdict was given
    "unseen directions": (
        "{unseen} of {taps} directions of taps change nothing in these pictures (taps marked ? can be anything along "
        "them; shown is the shortest kernel)"
    ),
    "rows alike": "take a picture that also varies from top to bottom: here all rows are (nearly) alike",
    "columns alike": "take a picture that also varies from left to right: here all columns are (nearly) alike",
    "too little detail": (
        "take a picture, or several, with fine detail in all directions, such as gravel, foliage or noise; not "
        "blurred, not enlarged, and larger than this one"
    ),
    "uncertain levels": "the noise ({rms} levels are left over) makes single taps uncertain by {worst}",
    "uncertain": "the noise ({rms} is left over) makes single taps uncertain by {worst}",
    "a larger kernel": "a larger kernel explains {gain} of what is left over; use a larger size or 'auto'",
    "little in common": "the best kernel explains less than 10 % of after; check that the two belong together",
    # what is left over
    "levels left over": "{rms} levels are left over",
    "left over": "{rms} is left over",
    "rounding or noise": (
        "{rms} levels are left over, where rounding leaves {floor}: rounding in several steps, or noise"
    ),
    "noise": "{rms} levels are left over, where rounding leaves {floor}: noise, or compression",
    # how after lies on before
    "mirrored": "after is mirrored left to right; undo that first",
    "flipped": "after is upside down and mirrored (top to bottom); undo that first",
    "half a turn": "after is turned by 180 degrees; undo that first",
    "turned left": "after is turned by 90 degrees to the left; undo that first",
    "turned right": "after is turned by 90 degrees to the right; undo that first",
    "transposed": "after is transposed (rows as columns); undo that first",
    "shifted": "after is shifted by {rows} rows and {columns} columns: no tap lies on the cell itself",
    # what did it, if no kernel did
    "place": "the kernel differs from place to place",
    "movement": (
        "the kernel differs from place to place: moved by {first} (rows, columns) at the top left, by {second} (rows, "
        "columns) at the bottom right"
    ),
    "median": "a median of {size} x {size} cells comes within {rms}, a kernel {usual}",
    "maximum": "a maximum of {size} x {size} cells comes within {rms}, a kernel {usual}",
    "minimum": "a minimum of {size} x {size} cells comes within {rms}, a kernel {usual}",
    "tone curve": "the misfit follows brightness: a tone curve or gamma",
    "non-linear": "the misfit follows edges and contrast",
    "linear light": "a kernel fits far better in linear light (sRGB decoded): decode both pictures first",
    # what else was seen
    "cut down once": "values were cut down to whole numbers once, not rounded: the bias is {bias}",
    "cut down twice": "values were cut down to whole numbers twice, not rounded: the bias is {bias}",
    "cross-correlation": (
        "the kernel is as cross-correlation lays it on; strict convolution has it turned by 180 degrees"
    ),
    "jpeg allowed for": (
        "what JPEG rounded away was allowed for: taps and errors follow from the bounds of its coefficients"
    ),
    "jpeg not asked": (
        "what JPEG rounded away was not allowed for (that takes one kernel, one pair, stride 1, no constraints): the "
        "true kernel may be sharper than this one"
    ),
    "jpeg not undone": "what JPEG rounded away could not be undone: the true kernel may be sharper than this one",
    "jpeg out of bounds": (
        "what JPEG rounded away could not be undone (coefficients lie {sigmas} sigmas outside their bounds): the true "
        "kernel may be sharper than this one"
    ),
}
"""Kind -> sentence; {names} stand for values."""


@final
class Reason(str):
    """A sentence, with its `kind` of SENTENCES and the `values` in it, as text.

    >>> why = Reason("left over", rms="0.31")
    >>> why, why.kind, why.values
    ('0.31 is left over', 'left over', {'rms': '0.31'})
    >>> Reason("place", share=0.4)
    'the kernel differs from place to place (40% of the misfit)'
    """

    kind: str
    values: dict[str, str]

    def __new__(cls, kind: str, *, share: float | None = None, **values: Any) -> "Reason":
        """share  of the squared misfit that this explains; told behind the sentence"""
        told = {name: str(value) for name, value in values.items()}
        sentence = SENTENCES[kind].format(**told)
        if share is not None:
            told["share"] = f"{share:.0%}"
            sentence += f" ({told['share']} of the misfit)"
        return _of(sentence, kind, told)

    def __reduce__(self) -> tuple[Any, ...]:
        return _of, (str(self), self.kind, self.values)


def _of(sentence: str, kind: str, values: dict[str, str]) -> Reason:
    reason = str.__new__(Reason, sentence)
    reason.kind, reason.values = kind, values
    return reason
