"""Kernels that move where Kim's do not: along the embedding axis, or over the plane of words and vectors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SQUARE = 5  # side of the kernels over the plane
FIRST = 16  # ... and how many the first layer has


def strongest(answers: Tensor, axes: int) -> Tensor:
    """The maximum over the last `axes` axes of (n, filters, ...)."""
    return answers.flatten(-axes).amax(-1)


class AlongEmbedding(nn.Module):
    """Vectors (n, dim, length) to logits: a kernel sees `window` neighbouring numbers of all words at once.

    What Kim's does, with the axes exchanged. It has weights for each place in the text, `longest` of them: what
    stands behind is not seen.
    """

    def __init__(self, longest: int, windows: Sequence[int], filters: int, classes: int, dropout: float):
        super().__init__()
        self.longest = longest
        self.windows = nn.ModuleDict(
            {str(size): nn.Conv1d(longest, filters, size, padding=size - 1, bias=False) for size in windows}
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(filters * len(windows), classes)

    def forward(self, vectors: Tensor) -> Tensor:
        seen = vectors[..., : self.longest]
        places = nn.functional.pad(seen, (0, self.longest - seen.shape[-1])).transpose(1, 2)
        found = [strongest(windows(places).relu(), 1) for windows in self.windows.values()]
        return self.head(self.dropout(torch.cat(found, 1)))


class Plane(nn.Module):
    """Vectors (n, dim, length) to logits: small square kernels over a text as over a picture, twice, and the maximum.

    Borders are so wide that the padding behind a shorter text changes nothing.
    """

    def __init__(self, filters: int, classes: int, dropout: float):
        super().__init__()
        self.first = nn.Conv2d(1, FIRST, SQUARE, padding=SQUARE - 1, bias=False)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.second = nn.Conv2d(FIRST, filters, SQUARE, padding=SQUARE - 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(filters, classes)

    def forward(self, vectors: Tensor) -> Tensor:
        found = self.second(self.pool(self.first(vectors[:, None]).relu())).relu()
        return self.head(self.dropout(strongest(found, 2)))
