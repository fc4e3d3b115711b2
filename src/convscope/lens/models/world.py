"""What a network takes that takes no photographs: boards, sounds, sentences, read from files and shown to people."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from convscope.pictures import Picture

if TYPE_CHECKING:
    from convscope.lens.models.network import Network


@dataclass(frozen=True)
class Inputs:
    """values: (n, ...) as the network takes them. names: what people call each. skipped: a line for whatever of the
    source could not be used."""

    values: Tensor
    names: tuple[str, ...]
    skipped: tuple[str, ...] = ()


class World(ABC):
    """Where a network's inputs come from and how they look.

    box: the inputs for the two ends of what is drawn from noise. searches: whether it knows a better way than that to
    what excites a unit most (`best`).
    """

    box: tuple[float, float] = (0.0, 1.0)
    searches: bool = False

    @abstractmethod
    def read(self, source: Path, limit: int | None = None) -> Inputs:
        """The inputs in a file or folder, at most `limit` of them, spread evenly.

        Raises InputError where there are none.
        """

    @abstractmethod
    def show(self, values: Float[np.ndarray, "c ..."]) -> Picture:
        """One input, or a part cut out of one, as a picture; NaN is what lies beyond its border."""

    def knows_best(self, layer: str) -> bool:
        """Whether `best` can tell of that layer; of worlds that search."""
        return self.searches

    def best(
        self,
        network: "Network",
        layer: str,
        units: Sequence[int],
        seed: int,
        progress: Callable[[int, int, str], None] | None,
    ) -> "Best":
        """The inputs that excite units most; of worlds that search for them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Best:
    """inputs: (k, c, ...), one for each unit. values: (k,) what it answers. box: (top, left, bottom, right) of what it
    sees, None for all. place: where on the layer's map it sits. how: the search, in words and numbers."""

    inputs: Float[np.ndarray, "k c ..."]
    values: Float[np.ndarray, " k"]
    box: tuple[int, int, int, int] | None
    place: tuple[int, ...] | None
    how: dict[str, Any]
