"""What the page asks for, with bounds that keep every answer quick."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MOST_TAPS = 7
"""Rows and columns of a kernel."""

Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Place = tuple[Annotated[int, Field(ge=0, le=10_000)], Annotated[int, Field(ge=0, le=10_000)]]


class Asked(BaseModel):
    """A picture under a kernel.

    picture  its source, as the lab's other rooms name it
    axes     1: a signal, the picture's middle row; 2: the picture
    greys    its numbers: whole, from 0 to this
    kernel   one row for a signal
    """

    model_config = ConfigDict(extra="forbid")

    picture: Annotated[str, Field(max_length=6000)]
    axes: Literal[1, 2] = 2
    greys: Literal[9, 255] = 9
    kernel: Annotated[
        list[Annotated[list[Number], Field(min_length=1, max_length=MOST_TAPS)]],
        Field(min_length=1, max_length=MOST_TAPS),
    ]
    bias: Number = 0
    stride: Annotated[int, Field(ge=1, le=6)] = 1
    padding: Literal["valid", "same"] | Annotated[int, Field(ge=0, le=6)] = 0
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"
    dilation: Annotated[int, Field(ge=1, le=4)] = 1
    flip: bool = False
    view: Place = (0, 0)
    """The first output cell in view; of a picture that is shown whole it has no meaning."""

    @field_validator("kernel")
    @classmethod
    def _rectangular(cls, rows: list[list[float]]) -> list[list[float]]:
        if len({len(row) for row in rows}) > 1:
            raise ValueError("rows of unequal length; make all equally long")
        return rows


class AskedCells(Asked):
    """... `scale`: the output's colours, "auto" for what suits the kernel."""

    scale: Literal["auto", "signed", "grey"] = "auto"


class AskedCell(Asked):
    """... `at`: an output cell (row, column)."""

    at: Place


class AskedTouches(Asked):
    """... `cell` (row, column) of the input or of the weights."""

    of: Literal["input", "weight"]
    cell: Place
