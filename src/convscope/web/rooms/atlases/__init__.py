"""Room: every unit of a network on a card of its own. Atlases opened, and made here while one looks on."""

from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter

from convscope.web import networks
from convscope.web.jobs import Job
from convscope.web.lab import Lab, TheLab
from convscope.web.rooms.atlases.making import building, costing
from convscope.web.rooms.atlases.orders import Order
from convscope.web.rooms.atlases.serving import pages
from convscope.web.rooms.atlases.shelf import places, told

__all__ = ["pages", "router"]

router = APIRouter()

_making: WeakKeyDictionary[Lab, dict[str, Job]] = WeakKeyDictionary()
_lock = Lock()


@router.get("")
def atlases(lab: TheLab) -> dict[str, Any]:
    """All atlases: those that the lab was started with, then those made here, the latest first. `job` makes one now."""
    return {"atlases": [{**told(place), "job": _job(lab, name)} for name, place in places(lab).items()]}


@router.get("/layers")
def layers(network: networks.Name) -> dict[str, Any]:
    """The layers of a network that are worth looking at: units, receptive field, whether that is the whole picture."""
    return {
        "layers": [
            {
                "name": info.name,
                "units": info.units,
                "sees": list(info.field.size) if info.field else [],
                "whole": bool(info.field and info.field.whole),
            }
            for info in networks.worth_looking_at(network)
        ]
    }


@router.post("/python")
def python(order: Order) -> dict[str, str]:
    """A program that makes the same atlas, and the name it has here."""
    order.check()
    return {"name": order.name, "python": order.python()}


@router.post("/cost")
def cost(lab: TheLab, order: Order) -> dict[str, str]:
    """Measure what an order will cost: a job, which ends with seconds, bytes, units and tasks."""
    order.check()
    return {"job": lab.jobs.submit("atlases", costing(lab, order)).id}


@router.post("/make")
def make(lab: TheLab, order: Order) -> dict[str, str]:
    """Make an atlas, or go on with one that was stopped: a job. One that is being made already is not begun twice."""
    order.check()
    with _lock:
        own = {name: job for name, job in _making.get(lab, {}).items() if not job.over}
        running = own.get(order.name) or lab.jobs.submit("atlases", building(lab, order))
        _making[lab] = {**own, order.name: running}
    return {"job": running.id, "name": order.name}


def _job(lab: Lab, name: str) -> str | None:
    """The job that makes an atlas now."""
    with _lock:
        running = _making.get(lab, {}).get(name)
    return running.id if running is not None and not running.over else None
