"""What a visitor asks for: two pictures, or one and the kernel that makes the other; and how to go downhill."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from convscope.errors import InputError

LONGEST = 9
"""Sides of a kernel."""
LEAST = 1e-6
"""A tap nearer to zero than this is zero."""

Tap = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Row = Annotated[list[Tap], Field(min_length=1, max_length=LONGEST)]
Side = Annotated[int, Field(ge=1, le=LONGEST)]


class Task(BaseModel):
    """One lesson: either `kernel`, which makes the other picture from the first, or `after`, which is there already.

    picture, after  sources of pictures; after may also be "done:NAME", what the choices call `done`
    noise           standard deviation, in grey levels of 255, of what is added to what the kernel makes
    rows, columns   of the kernel that is to be learned; as large as `kernel` by default, else 3
    rate            the learning rate; the suggested one by default
    """

    model_config = ConfigDict(extra="forbid")

    picture: Annotated[str, Field(max_length=8000)] = "builtin:castle"
    kernel: Annotated[list[Row], Field(min_length=1, max_length=LONGEST)] | None = None
    after: Annotated[str, Field(max_length=8000)] | None = None
    noise: Annotated[float, Field(ge=0, le=64)] = 0
    rows: Side | None = None
    columns: Side | None = None
    rate: Annotated[float, Field(ge=1e-12, le=1e6)] | None = None
    steps: Annotated[int, Field(ge=1, le=2000)] = 300
    optimizer: Literal["gd", "momentum", "adam"] = "gd"
    momentum: Annotated[float, Field(ge=0, le=0.999)] = 0.9
    bias: bool = False
    seed: Annotated[int, Field(ge=0, le=999_999)] = 0

    def secret(self) -> np.ndarray | None:
        """The kernel (r, s), or None where there are two pictures. Raises InputError for both, or neither."""
        if (self.kernel is None) == (self.after is None):
            given = "both" if self.kernel is not None else "neither"
            raise InputError(f"kernel and after: {given} given; give the kernel, or the picture that it has made")
        if self.kernel is None:
            return None
        widths = {len(row) for row in self.kernel}
        if len(widths) > 1:
            raise InputError(f"kernel: rows of {sorted(widths)} numbers; make all rows equally long")
        taps = np.array(self.kernel)
        return np.where(np.abs(taps) < LEAST, 0.0, taps)

    def size(self) -> tuple[int, int]:
        """Rows and columns of the kernel to learn."""
        given = self.secret()
        rows, columns = (3, 3) if given is None else given.shape
        return self.rows or rows, self.columns or columns
