"""What a fast style is trained on: random parts of photographs, and how far the result is from what is wanted."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import SupportsFloat

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath
from convscope.imagefiles import read_picture
from convscope.lens.anysize import enter
from convscope.lens.models import Network, Preprocessing, preprocessing_of
from convscope.lens.objectives.likeness import gram_matrix
from convscope.lens.photos import Photos
from convscope.lens.probe import Look
from convscope.lens.styles.losses import SMALLEST
from convscope.lens.styles.terms import Terms, recommended
from convscope.lens.workshop import Workshop
from convscope.pictures import Picture

ROOM = 2
"""How many times as wide as a crop the square is that it is taken from."""


TV = 0.2
"""What roughness counts for: a network makes less grain than an optimised picture, so it needs little."""


def fast_terms(network: Network) -> Terms:
    """Layers that work for learning a style: those of `recommended`, with less roughness, and content by finer detail.

    Content is asked of the last but one layer that speaks for style: from the last, a network that is trained for
    minutes learns a texture that hides what is shown.

    Raises InputError as `recommended` does.
    """
    terms = recommended(network)
    finer = list(terms.style)[-2:][0]
    return Terms({finer: 1.0}, terms.style, TV)


class Crops:
    """Batches of random square parts of photographs, each batch told by (seed, step) alone.

    A photograph is cut to a square and resized to sides of ROOM * size, enlarged where it is smaller; a part of
    size x size is taken anywhere in it, and flipped, left to right, half of the time. `broken` has one line for each
    file met so far that is no picture; another is drawn in its place.

    Raises InputError where there are no photographs.
    """

    def __init__(self, photos: AnyPath | Photos | Iterable[AnyPath], size: int, batch: int, seed: int) -> None:
        self._square = Preprocessing((ROOM * size, ROOM * size))
        self.files = (photos if isinstance(photos, Photos) else Photos(photos, self._square)).files
        self.size, self.batch, self.seed = size, batch, seed
        self.broken: dict[int, str] = {}

    @property
    def digest(self) -> str:
        """A name for the set of files."""
        return hashlib.sha256("\n".join(file.name for file in self.files).encode()).hexdigest()

    def at(self, step: int) -> UInt8[np.ndarray, "n h w 3"]:
        """The batch of one step. Raises InputError where no file is a picture."""
        random = np.random.default_rng([self.seed, step])
        parts: list[np.ndarray] = []
        while len(parts) < self.batch:
            place = int(random.integers(len(self.files)))
            top, left = random.integers((ROOM - 1) * self.size + 1, size=2)
            turn = 1 - 2 * int(random.integers(2))
            picture = None if place in self.broken else self._read(place)
            if picture is not None:
                parts.append(picture[top : top + self.size, left : left + self.size][:, ::turn])
        return np.stack(parts)

    def batches(self, start: int, stop: int) -> Iterator[UInt8[np.ndarray, "n h w 3"]]:
        """Those of all steps from `start` to `stop`, each decoded while the one before is in use."""
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self.at, start)
            for step in range(start, stop):
                pictures = coming.result()
                coming = ahead.submit(self.at, step + 1)
                yield pictures

    def _read(self, place: int) -> np.ndarray | None:
        try:
            return self._square.fit(read_picture(self.files[place]))
        except InputError as problem:
            self.broken[place] = str(problem)
            if len(self.broken) == len(self.files):
                raise InputError(f"photos: none of {len(self.files)} files is a picture ({problem})") from None
            return None


class PerceptualLoss:
    """How far pictures are from a style and from their contents, as seen by a network; differentiable.

    The terms are relative, 0 where nothing differs. Content and roughness are those of `losses.losses`. The style's is
    2 |G - T|^2 / (|G|^2 + |T|^2), from 0 to 2, where too much costs as much as too little: with |T|^2 alone below,
    what is too much in a few pictures outweighs all others, and the network learns to give little contrast to all.
    `names` says which is which, `weights` what each counts.

    Raises InputError for a style that the network cannot take.
    """

    def __init__(
        self, network: Network, plan: Workshop, look: Look, terms: Terms, strength: float, style: Picture
    ) -> None:
        taken = preprocessing_of(network)
        painting = enter(network, style)
        self.device = painting.device
        self._black, white = (
            torch.tensor(levels, device=self.device).reshape(-1, 1, 1) for levels in (taken.black, taken.full)
        )
        self._span, self._flip = white - self._black, taken.order == "BGR"
        self._plan, self._look, self._terms = plan, look, terms
        with torch.no_grad():
            seen = look(plan.arrange(painting))
            self._grams = {layer: gram_matrix(seen[layer]) for layer in terms.style}
        self.names = [*(f"style {layer}" for layer in terms.style), *(f"content {layer}" for layer in terms.content)]
        self.names += ["roughness"]
        counts = [*_shares_of(terms.style, strength), *_shares_of(terms.content, 1.0), float(terms.tv)]
        self.weights = torch.tensor(counts, device=self.device)

    def __call__(
        self, made: Float[Tensor, "n 3 h w"], contents: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, " terms"]:
        """Each term, a mean over the pictures; their values are 0 to 1."""
        with torch.no_grad():
            wanted = self._look(self._inputs(contents))
        seen = self._look(self._inputs(made))
        parts = [_apart(gram_matrix(seen[layer]), gram) for layer, gram in self._grams.items()]
        parts += [_share(seen[layer], wanted[layer]) for layer in self._terms.content]
        parts += [made.diff(dim=2).abs().mean() + made.diff(dim=3).abs().mean()]
        return torch.stack(parts)

    def _inputs(self, shares: Tensor) -> Tensor:
        shares = shares.flip(1) if self._flip else shares
        return self._plan.arrange(self._black + self._span * shares)


def _shares_of(weights: Mapping[str, SupportsFloat], all_together: float) -> list[float]:
    numbers = [float(weight) for weight in weights.values()]
    return [all_together * number / sum(numbers) for number in numbers]


def _share(seen: Tensor, wanted: Tensor) -> Tensor:
    """Mean over pictures of their mean square difference over the mean square of what is wanted."""
    scale = wanted.square().flatten(1).mean(1).clamp(min=SMALLEST)
    return ((seen - wanted).square().flatten(1).mean(1) / scale).mean()


def _apart(seen: Tensor, wanted: Tensor) -> Tensor:
    """Mean over pictures of their square difference over the mean of both squares."""
    sizes = (seen.square().flatten(1).mean(1) + wanted.square().flatten(1).mean(1)) / 2
    return ((seen - wanted).square().flatten(1).mean(1) / sizes.clamp(min=SMALLEST)).mean()
