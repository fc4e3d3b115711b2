"""Kim's network for sentences (2014): kernels along the words, the strongest window of each, one linear layer.

    words -> vectors (dim, length) -> windows of 3, 4, 5 words -> ReLU -> maximum over the text -> classes

The kernels have no bias: where nothing stands they answer zero, so that the padding behind a shorter text changes
nothing, and an answer is a plain sum over the words of a window (`convscope.tasks.text.account`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convscope.errors import InputError
from convscope.tasks.text.kernels import AlongEmbedding, Plane, strongest
from convscope.tasks.text.tokens import PADDING

KERNELS = ("sequence", "embedding", "plane")


@dataclass(frozen=True)
class Shape:
    """What a network is made of.

    words    entries of the vocabulary
    dim      numbers of a word's vector
    windows  words that a kernel sees, for each kind of kernel
    filters  kernels of each kind
    dropout  share of the answers that is left out in training
    norm     the longest vector of weights that a class may have (Hinton et al. 2012); 0 for any
    frozen   whether the vectors stay as they were given
    kernels  where they move: along the "sequence" as Kim's do, along the "embedding" axis, or over the "plane" of
             both; those two are there to be compared with, see `ablate`
    longest  words of the longest text, which "embedding" must know

    Raises InputError for numbers out of range.
    """

    words: int
    classes: int
    dim: int = 128
    windows: tuple[int, ...] = (3, 4, 5)
    filters: int = 100
    dropout: float = 0.5
    norm: float = 3.0
    frozen: bool = False
    kernels: str = "sequence"
    longest: int = 64

    def __post_init__(self) -> None:
        sizes = (self.dim, self.filters, self.longest, *self.windows)
        whole = self.words > 2 and self.classes > 1 and min(sizes) >= 1 and len(set(self.windows)) == len(self.windows)
        if not (whole and self.windows and self.norm >= 0 and 0 <= self.dropout < 1):
            raise InputError(
                f"{self}: sizes must be at least 1, windows different, dropout from 0 to below 1, norm not negative"
            )
        if self.kernels not in KERNELS:
            raise InputError(f"kernels={self.kernels!r}: unknown; use {', '.join(KERNELS)}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def told(cls, facts: dict[str, Any]) -> "Shape":
        """From what `as_dict` gave, perhaps by way of JSON. Raises TypeError, KeyError for anything else."""
        return cls(**{**facts, "windows": tuple(map(int, facts["windows"]))})


class Vectors(nn.Module):
    """Numbers of words (n, length) to their vectors (n, dim, length); padding is zero."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.table = nn.Embedding(shape.words, shape.dim, padding_idx=PADDING)
        nn.init.uniform_(self.table.weight, -0.25, 0.25)  # Kim's
        with torch.no_grad():
            self.table.weight[PADDING] = 0
        self.table.weight.requires_grad_(not shape.frozen)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.table(numbers).transpose(1, 2)


class Body(nn.Module):
    """Vectors (n, dim, length) to logits (n, classes): Kim's kernels, which see `window` words and all of `dim`."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.windows = nn.ModuleDict(
            {
                # so wide a border that each word is seen at each place of the window
                str(size): nn.Conv1d(shape.dim, shape.filters, size, padding=size - 1, bias=False)
                for size in shape.windows
            }
        )
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(shape.filters * len(shape.windows), shape.classes)

    def forward(self, vectors: Tensor) -> Tensor:
        found = [strongest(windows(vectors).relu(), 1) for windows in self.windows.values()]
        return self.head(self.dropout(torch.cat(found, 1)))


class Sentences(nn.Module):
    """Numbers of words (n, length) to logits (n, classes): `embed`, then `body`."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embed = Vectors(shape)
        if shape.kernels == "sequence":
            self.body: Any = Body(shape)
        elif shape.kernels == "embedding":
            self.body = AlongEmbedding(shape.longest, shape.windows, shape.filters, shape.classes, shape.dropout)
        else:
            self.body = Plane(shape.filters, shape.classes, shape.dropout)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.body(self.embed(numbers))

    def limit(self) -> None:
        """Shorten the head's vectors of weights that are longer than `shape.norm`; called after each step."""
        if self.shape.norm:
            with torch.no_grad():
                weight = self.body.head.weight
                weight.copy_(torch.renorm(weight, 2, 0, self.shape.norm))

    def weights(self) -> int:
        """How many weights the body has: the vectors are the same for all kinds of kernels."""
        return sum(each.numel() for each in self.body.parameters())


def permuted(model: Sentences, order: Sequence[int], *, kernels: bool) -> Sentences:
    """The same network with the numbers of every word's vector in another order.

    kernels: whether the kernels' weights are put in that order too, which only those along the sequence can be: each
    has weights of its own for each number of a vector.
    """
    twin = Sentences(model.shape)
    twin.load_state_dict(model.state_dict())
    twin.train(model.training)
    with torch.no_grad():
        twin.embed.table.weight.copy_(model.embed.table.weight[:, list(order)])
        if kernels:
            if model.shape.kernels != "sequence":
                raise InputError(f"kernels={model.shape.kernels!r}: their weights belong to no number of a vector")
            for windows in twin.body.windows.values():
                windows.weight.copy_(windows.weight[:, list(order)])
    return twin
