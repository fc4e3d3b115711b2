"""What the page asks: how every layer sees a drawing, how one cell comes about, what would change the answer."""

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field

from convscope.errors import InputError
from convscope.ops import softmax
from convscope.tasks import ink
from convscope.web.jobs import Outcome, Report
from convscope.web.lab import Lab, TheLab
from convscope.web.rooms.sees.arithmetic import Cell, colours, told
from convscope.web.rooms.sees.edits import Pen, change, push
from convscope.web.rooms.sees.examples import Of, example
from convscope.web.rooms.sees.network import DRAWING, SIDE, Drawing, levels, look, looked_at, measured, network
from convscope.web.rooms.sees.snippet import python
from convscope.web.sources import Source, painted

router = APIRouter()
LONGEST = 1024
"""Pixels of a photo's side: beyond, it is made smaller before the digit is looked for."""

Name = Literal[
    "drawing", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "fc1", "relu3", "fc2", "relu4", "fc3"
]  # fmt: skip
Count = Annotated[int, Field(ge=0, le=999)]


class Seen(BaseModel):
    """picture: a drawing, "cells:28x28:..." as in links, white on black."""

    picture: Annotated[str, Field(max_length=2048)]

    def drawing(self, lab: Lab) -> Drawing:
        """Raises InputError for what is no drawing of 28 x 28."""
        source = Source.parse(self.picture)
        if source.kind != "cells" or not source.value.startswith(f"{SIDE}x{SIDE}:"):
            raise InputError(
                f"picture={self.picture[:40]!r}: the network sees {SIDE} x {SIDE} cells; give "
                f"cells:{SIDE}x{SIDE}:DATA, or have another picture made into that by /api/sees/read"
            )
        return source.pixels(lab)[..., 0]


class Asked(Seen):
    """... and one cell of one level of it: its map, row and column."""

    level: Name
    place: tuple[Count, Count, Count]


class Wanted(Seen):
    """... and the digit that the network should say."""

    digit: Annotated[int, Field(ge=0, le=9)]


class Changed(Wanted):
    """... and what the drawing may be changed with."""

    pen: Pen = "dab"


class AnyPicture(BaseModel):
    """picture: any source: a photo of a digit, or a drawing that is to be centred."""

    picture: Annotated[str, Field(max_length=8192)]


@router.get("/network")
def the_network() -> dict[str, Any]:
    """The levels from the drawing to the scores, how the network reads MNIST's test pictures, a digit to begin with."""
    return {
        "levels": [
            {name: getattr(level, name) for name in ("name", "kind", "maps", "rows", "columns", "flat")}
            for level in levels().values()
        ],
        "weights": network().vector.size,
        "accuracy": measured()["accuracy"],
        "scale": colours(np.linspace(-1, 1, 65)[None], 1.0),
        "start": painted(example("3", 5).pixels),
    }


@router.get("/digits")
def digits(of: Of, number: Annotated[int, Field(ge=0, le=9999)] = 0) -> dict[str, Any]:
    """A test picture of MNIST: the one of that number among those of a digit, or among those that are misread."""
    found = example(of, number)
    return {"picture": painted(found.pixels), "place": found.place, "digit": found.digit, "count": found.count}


@router.post("/read")
def read(lab: TheLab, asked: AnyPicture) -> dict[str, str]:
    """The digit in a picture as a drawing: cut out, scaled and centred as MNIST's are."""
    grey = Source.parse(asked.picture).grey(lab, LONGEST)
    return {"picture": painted(ink.to_mnist(grey.astype(np.float32)))}


@router.post("/look")
def shown(lab: TheLab, asked: Seen) -> dict[str, Any]:
    """What every layer says to a drawing: its maps in colours, on one signed scale a layer, and the probabilities."""
    said = look(asked.drawing(lab))
    layers = []
    for name, maps in said.items():
        if name != DRAWING:
            limit = float(np.abs(maps).max())
            layers.append({"name": name, "limit": limit, "colours": colours(maps.reshape(-1, maps.shape[2]), limit)})
    scores = said["fc3"].ravel()
    return {
        "levels": layers,
        "scores": scores.tolist(),
        "probabilities": softmax(scores[None])[0].tolist(),
        "best": int(scores.argmax()),
    }


@router.post("/cell")
def cell(lab: TheLab, asked: Asked) -> dict[str, Any]:
    """How one cell comes about: what it reads of the level below, the products, the sum; and how far it sees below."""
    drawing = asked.drawing(lab)
    answer = told(Cell.at(asked.level, *asked.place), looked_at(drawing.tobytes()))
    if asked.level == DRAWING:
        answer["pixel"] = int(drawing[asked.place[1:]])
    return answer


@router.post("/python")
def in_python(lab: TheLab, asked: Asked) -> dict[str, str]:
    """Code that makes the same: the drawing, every layer's maps, the probabilities, one cell explained."""
    asked.drawing(lab)
    return {"python": python(Source.parse(asked.picture), Cell.at(asked.level, *asked.place))}


@router.post("/push")
def pushed(lab: TheLab, asked: Wanted) -> dict[str, Any]:
    """Where ink would bring the network nearer to saying a digit (above 0), and where it stands in the way (below)."""
    gains = push(asked.drawing(lab), asked.digit)
    limit = float(np.abs(gains).max())
    return {"colours": colours(gains, limit), "limit": limit}


@router.post("/change")
def changed(lab: TheLab, asked: Changed) -> dict[str, str]:
    """A job: a small change of the drawing after which the network says the digit, found move by move."""
    drawing = asked.drawing(lab)

    def work(report: Report) -> Outcome:
        def tell(moves: int, picture: Drawing, probability: float) -> None:
            report(moves=moves, picture=painted(picture), probability=probability)

        found = change(drawing, asked.digit, asked.pen, tell)
        moved = (found.drawing.astype(np.float64) - drawing) / 255
        return Outcome(
            {
                "picture": painted(found.drawing),
                "difference": colours(moved, 1.0),
                "probability": found.probability,
                "found": found.found,
                "moves": len(found.moves),
                "taken_back": found.taken_back,
                "cells": int((moved != 0).sum()),
                "ink": float(np.abs(moved).sum()),
            }
        )

    return {"job": lab.jobs.submit("sees", work).id}


