"""Texts: which class, through which windows of words, and what each word and each filter counted for."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from convscope.tasks.text.account import Answer, Window, account
from convscope.tasks.text.tokens import kind_for
from convscope.web.rooms.worlds import networks

router = APIRouter()

WINDOWS = 12
"""Told of a text, those of the largest weight."""
FILTERS = 8
"""Told of a window, those of the largest part."""


class Asked(BaseModel):
    """A text, and the language of the network that is to read it; "" for the one that its letters ask for."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=1000)]
    language: Literal["", "en", "zh"] = ""


@router.post("/text")
def text(asked: Asked) -> dict[str, Any]:
    """The class of a text and what it is made of: `bias` and all weights of the pieces sum to `total`, the logit of
    the class less the mean over the classes."""
    language = asked.language or ("zh" if kind_for([asked.text]) == "characters" else "en")
    network = networks.reader(language)
    (answer,) = account(network, [asked.text])
    known = set(network.vocabulary.words)
    first = {token.start: k for k, token in enumerate(answer.tokens)}
    last = {token.end: k for k, token in enumerate(answer.tokens)}
    return {
        "language": language,
        "classes": answer.classes,
        "probabilities": answer.probabilities,
        "place": answer.place,
        "pieces": _pieces(answer, known),
        "largest": max(map(abs, answer.parts)),
        "bias": answer.bias,
        "total": answer.bias + sum(answer.parts),
        "cut": answer.cut,
        "windows": [
            {**_told(window, language), "first": first[window.start], "last": last[window.end]}
            for window in answer.windows[:WINDOWS]
        ],
        "picked": len(answer.windows),
        "measured": networks.measured(networks.TEXTS[language]),
        "python": _python(asked.text, language),
    }


def _pieces(answer: Answer, known: set[str]) -> list[dict[str, Any]]:
    """The text in pieces: tokens, each with its weight and whether the vocabulary has it, and what lies between."""
    pieces, end = [], 0
    for token, part in zip(answer.tokens, answer.parts):
        if token.start > end:
            pieces.append({"text": answer.text[end : token.start], "weight": None, "known": True})
        piece = answer.text[token.start : token.end]
        pieces.append({"text": piece, "weight": part, "known": token.word in known})
        end = token.end
    if end < len(answer.text):
        pieces.append({"text": answer.text[end:], "weight": None, "known": True})
    return pieces


def _told(window: Window, language: str) -> dict[str, Any]:
    apart = "" if language == "zh" else " "
    grams = networks.filters(language)[str(window.size)]
    return {
        "words": window.words,
        "size": window.size,
        "filters": window.filters,
        "weight": window.weight,
        "by": [
            {
                "unit": unit,
                "part": part,
                "seen": [gram.replace(" ", apart) for gram in grams[unit]["seen"]],
                "best": grams[unit]["best"].replace(" ", apart),
            }
            for unit, part in window.parts[:FILTERS]
        ],
    }


def _python(text: str, language: str) -> str:
    return "\n".join([
        "from importlib.resources import files",
        "",
        "from convscope.tasks.text import account, training",
        "",
        networks.python("training", networks.TEXTS[language]),
        f"(answer,) = account.account(network, [{text!r}])",
        'print(answer.label, f"{answer.probability:.1%}")',
        "for window in answer.windows[:5]:",
        '    print(f"{window.weight:+.2f}", " ".join(window.words))',
    ])  # fmt: skip
