"""A spoken word as a picture, and what of it carried the decision for a word."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from convscope.lens.shown.portray import heat
from convscope.pictures import Picture, grey
from convscope.tasks.fitting import Held, answers
from convscope.tasks.speech.audio import RATE
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, HOP, edges
from convscope.tasks.speech.training import Trained

PATCH, STEP = (8, 6), 2
"""Bands and frames (120 ms) that are silenced at a time, and how far on the next patch lies."""
FULL_COLOUR = 99
"""Per cent of the cells that are shown with less than the full colour."""
_CELL = 10  # pixels of the picture for each band and each frame
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 30, 40
_MARKS = (125, 250, 500, 1000, 2000, 3500)  # hertz written beside the bands


def carried(trained: Trained, word: Float[np.ndarray, "bands frames"], label: int) -> Float[np.ndarray, "bands frames"]:
    """By how much the logit of one of the words falls where a patch of the spectrogram falls silent.

    word: as `logmel` makes it. Each cell has the mean over the patches that cover it; a positive one spoke for the
    word, a negative one against it.

    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2; silence hides
    as training's masks do, so that the network knows it.
    """
    high, wide = PATCH
    places = [
        (slice(max(row, 0), row + high), slice(max(column, 0), column + wide))
        for row in range(STEP - high, BANDS, STEP)
        for column in range(STEP - wide, FRAMES, STEP)
    ]
    hidden = np.repeat(word[None], len(places) + 1, 0)
    for one, place in zip(hidden[1:], places, strict=True):
        one[place] = 0
    nothing = torch.zeros(len(hidden), dtype=torch.int64)
    said = answers(trained.network, Held(torch.from_numpy(hidden[:, None]), nothing))
    falls, covered = np.zeros(word.shape, np.float32), np.zeros(word.shape, np.float32)
    for place, logit in zip(places, said[1:, label], strict=True):
        falls[place] += said[0, label] - logit
        covered[place] += 1
    return falls / covered


def spectrogram_picture(
    word: Float[np.ndarray, "bands frames"], relevance: Float[np.ndarray, "bands frames"] | None = None, title: str = ""
) -> Picture:
    """The mel bands of a word from low (bottom) to high, over time; dark is loud.

    relevance: laid over it, red where it is positive and blue where it is negative, as `carried` has it.
    """
    picture = np.repeat(np.repeat(grey(-word[::-1], -1, 0), _CELL, 0), _CELL, 1)
    if relevance is not None:
        shares = np.repeat(np.repeat(relevance[::-1], _CELL, 0), _CELL, 1)
        picture = heat(picture, shares, float(np.percentile(np.abs(relevance), FULL_COLOUR)))
    height, width = picture.shape[:2]
    page = Image.new("RGB", (_LEFT + width + _RIGHT, _TOP + height + _BOTTOM), "white")
    page.paste(Image.fromarray(picture), (_LEFT, _TOP))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    pen.rectangle((_LEFT - 1, _TOP - 1, _LEFT + width, _TOP + height), outline="#888888")
    middles = edges()[1:-1]
    for hertz in _MARKS:
        y = _TOP + height - (float(np.interp(hertz, middles, np.arange(BANDS))) + 0.5) * _CELL
        pen.line((_LEFT - 5, y, _LEFT - 1, y), "black")
        pen.text((_LEFT - 8, y), f"{hertz}", "black", font, "rm")
    for tenth in range(0, int(10 * FRAMES * HOP / RATE) + 1, 2):
        x = _LEFT + (tenth / 10 * RATE / HOP + 0.5) * _CELL  # a frame looks at the time at which it begins
        pen.line((x, _TOP + height, x, _TOP + height + 4), "black")
        pen.text((x, _TOP + height + 6), f"{tenth / 10:g}", "black", font, "ma")
    pen.text((_LEFT + width / 2, _TOP + height + 22), "seconds", "black", font, "ma")
    pen.text((8, 8), "Hz", "black", font, "la")
    pen.text((_LEFT, 8), title, "black", font, "la")
    return np.asarray(page)
