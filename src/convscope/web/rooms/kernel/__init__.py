"""Room: one kernel over one picture or signal, every cell of it explained."""

from typing import Any

from fastapi import APIRouter

from convscope.filters import NAMED
from convscope.web.lab import TheLab
from convscope.web.rooms.kernel.asked import AskedCell, AskedCells, AskedTouches
from convscope.web.rooms.kernel.case import Case
from convscope.web.rooms.kernel.examples import LEVELS, LINES, SIGNALS
from convscope.web.rooms.kernel.explained import explained, touched
from convscope.web.rooms.kernel.sheets import sheets
from convscope.web.sources import painted

router = APIRouter()


@router.get("/choices")
def choices() -> dict[str, Any]:
    """What can be chosen by name: kernels for pictures and for signals, signals; and the greys to paint with."""
    return {
        "kernels": NAMED,
        "lines": LINES,
        "signals": {name: painted(signal) for name, signal in SIGNALS.items()},
        "levels": LEVELS,
    }


@router.post("/apply")
def apply(lab: TheLab, asked: AskedCells) -> dict[str, Any]:
    """The padded input and the output as cells, with the sizes and what the colours mean."""
    return sheets(Case.of(asked, lab), asked)


@router.post("/explain")
def explain(lab: TheLab, asked: AskedCell) -> dict[str, Any]:
    """One output cell: its window, the weights, the products and their sum."""
    return explained(Case.of(asked, lab), asked)


@router.post("/touches")
def touches(lab: TheLab, asked: AskedTouches) -> dict[str, Any]:
    """One input cell or weight: the outputs it touches, those in view, and what each gets."""
    return touched(Case.of(asked, lab), asked)
