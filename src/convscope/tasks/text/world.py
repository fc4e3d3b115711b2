"""The lens on a network for sentences: it enters where words have become vectors, and shows vectors as words again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from convscope.errors import InputError
from convscope.lens.models import Best, Inputs, Network, World
from convscope.pictures import Picture
from convscope.tasks.text.tokens import PADDING, UNKNOWN, padded
from convscope.tasks.text.training import Trained, load

LENGTH = 16
"""Words of a text where nothing else is said."""
SIZE, GAP = 16, 6
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")
CHINESE = ("NotoSansCJK*", "NotoSansSC*", "SourceHanSans*", "wqy-*", "PingFang*", "msyh*", "simhei*")


def network(file: Path) -> Network:
    """The part of a network behind its word vectors, (dim, length), with its world. Raises InputError as `load`."""
    trained = load(file)
    if trained.model.shape.kernels != "sequence":
        raise InputError(f"{file}: its kernels do not move along the sequence alone; train one that has such")
    body = trained.model.body
    return Network(body, (trained.model.shape.dim, LENGTH), classes=trained.classes, world=Sentences(trained))


@dataclass(frozen=True, eq=False)
class Sentences(World):
    """Texts as vectors of their words."""

    trained: Trained
    searches = True

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        """The lines of a text file (UTF-8), each a text."""
        try:
            lines = source.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as problem:
            raise InputError(f"{source}: cannot be read as text ({problem}); give a file of lines in UTF-8") from None
        read = self.trained.vocabulary.reader()
        texts = [line for line in lines if len(read(line)[0])]
        if not texts:
            raise InputError(f"{source}: no text in it; give a file with a text on each line")
        if limit is not None and limit < len(texts):
            texts = [texts[k * len(texts) // limit] for k in range(limit)]
        with torch.no_grad():
            vectors = self.trained.model.embed(padded(self.trained.vocabulary.encode(texts)))
        return Inputs(vectors, tuple(texts))

    def show(self, values: Float[np.ndarray, "dim length"]) -> Picture:
        """The word nearest to each vector; a dot where there is none."""
        vectors = self.trained.model.embed.table.weight.detach().numpy()
        away = ((values.T[:, None] - vectors) ** 2).sum(-1)  # NaN, beyond a text's border, is near to nothing
        nearest = np.where(np.isnan(away).all(1), PADDING, np.nan_to_num(away, nan=np.inf).argmin(1))
        words = ["·" if k in (PADDING, UNKNOWN) else self.trained.vocabulary.words[k] for k in nearest]
        return words_picture(words)

    def knows_best(self, layer: str) -> bool:
        return layer.startswith("windows.")

    def best(
        self,
        network: Network,
        layer: str,
        units: Sequence[int],
        seed: int,
        progress: Callable[[int, int, str], None] | None,
    ) -> Best:
        """The n-grams that excite kernels most, among all that the vocabulary can make.

        Exact: a kernel's answer is a sum over the places of its window, so the best word for each place makes the best
        n-gram. Raises InputError for other layers than the kernels.
        """
        kind, _, size = layer.partition(".")
        if kind != "windows" or size not in self.trained.model.body.windows:
            known = ", ".join(f"windows.{name}" for name in self.trained.model.body.windows)
            raise InputError(
                f"layer {layer!r}: n-grams are found for {known}; of classes `convscope text filters` tells"
            )
        with torch.no_grad():
            kernels = self.trained.model.body.windows[size].weight[list(units)]
            words = self.trained.model.embed.table.weight[UNKNOWN + 1 :]
            answers, chosen = torch.einsum("ucp,vc->uvp", kernels, words).max(1)
            inputs = words[chosen].transpose(1, 2)
        how = {"search": "the best word for each place", "words": len(words)}
        return Best(inputs.numpy(), answers.sum(1).numpy(), None, None, how)


def words_picture(words: Sequence[str]) -> Picture:
    """Words beside each other, each in a box of its own. Raises InputError for Chinese where no font has it."""
    font = _font(any(ord(char) > 0x2E7F for word in words for char in word))
    widths = [round(font.getlength(word)) + 2 * GAP for word in words]
    height = SIZE + 3 * GAP
    page = Image.new("RGB", (sum(widths) + GAP * (len(words) + 1), height + 2 * GAP), "white")
    pen, left = ImageDraw.Draw(page), GAP
    for word, width in zip(words, widths, strict=True):
        pen.rounded_rectangle((left, GAP, left + width, GAP + height), 4, (232, 240, 248), (103, 169, 207))
        pen.text((left + width / 2, GAP + height / 2), word, "black", font, "mm")
        left += width + GAP
    return np.asarray(page)


@cache
def _font(chinese: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if not chinese:
        return ImageFont.load_default(SIZE)
    for pattern in CHINESE:
        for folder in map(Path, FONTS):
            for file in sorted(folder.rglob(pattern)):
                if file.suffix.lower() in (".ttf", ".ttc", ".otf"):
                    return ImageFont.truetype(str(file), SIZE)
    raise InputError("no font with Chinese characters was found; on Debian: sudo apt-get install fonts-noto-cjk")
