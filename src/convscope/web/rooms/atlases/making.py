"""Making an atlas: what it will cost, and the job that builds it, seen while it grows."""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from convscope.web import networks
from convscope.web.jobs import Outcome, Report, Work
from convscope.web.lab import Lab
from convscope.web.rooms.atlases.orders import DIGITS, Order, subject
from convscope.web.rooms.atlases.shelf import Place, made_here, note, noted

if TYPE_CHECKING:
    from convscope.atlas.cost import Cost
    from convscope.atlas.plan import Group
    from convscope.atlas.store import Record
    from convscope.atlas.subject import Subject
    from convscope.lens.models import Network

STAGES = (0, 16, 64, 256)
"""Units of a layer that are drawn before the pages are made anew: whole tasks, so that nothing is drawn twice."""
SHOWN = 24
"""Drawings told of at once, as they are finished."""

_costs: OrderedDict[str, "Cost"] = OrderedDict()
_lock = Lock()


def costing(lab: Lab, order: Order) -> Work:
    """Measure what an order will cost."""

    def work(report: Report) -> Outcome:
        network = networks.load(order.network)
        with _heeding(network, report):
            wanted = subject(order, network, lab)
            return Outcome(_plain(_within(order, wanted, report)[1]))

    return work


def building(lab: Lab, order: Order) -> Work:
    """Make the atlas of an order, or go on with it."""
    place = made_here(lab, order.name)

    def work(report: Report) -> Outcome:
        from convscope.atlas import job, plan

        network = networks.load(order.network)
        with _heeding(network, report):
            report(phase="preparing")
            wanted = _as_chosen(place, order, subject(order, network, lab), report)
            growing = _Growing(report, len(plan.plan(wanted)))
            history = {order.network: _history()} if order.network == DIGITS else {}
            done = noted(place).get("stages", 0)  # those before would take away what was drawn since
            for number, stage in enumerate(stages(wanted)):
                if number < done:
                    continue
                growing.after_work = False
                job.build(
                    str(place.folder),
                    stage,
                    runner=growing.run,
                    progress=growing.progress,
                    command=order.command,
                    history=history,
                )
                note(place, {**noted(place), "stages": number + 1, "whole": stage is wanted})
                report(growing.done, growing.total, phase="readable", name=place.name)
        return Outcome({"name": place.name})

    return work


def stages(whole: "Subject") -> Iterator["Subject"]:
    """The subject with more and more of its units drawn, from none to all."""
    from dataclasses import replace

    from convscope.atlas.survey import drawing, drawn_anew

    most = max(len(drawn_anew(layer)) for member in whole.members for layer in member.layers)
    for count in STAGES:
        if count < most:
            members = (
                drawing(member, {layer.name: drawn_anew(layer)[:count] for layer in member.layers})
                for member in whole.members
            )
            yield replace(whole, members=tuple(members))
    yield whole


def _as_chosen(place: Place, order: Order, wanted: "Subject", report: Report) -> "Subject":
    """With the units that were chosen when it was begun: no time is measured twice alike."""
    from dataclasses import replace

    from convscope.atlas.survey import drawing

    known = noted(place).get("units")
    if known is not None:
        return replace(wanted, members=tuple(drawing(member, known) for member in wanted.members))
    chosen = wanted
    if order.minutes is not None:
        chosen, told = _within(order, wanted, report)
        report(cost=_plain(told))
    units = {layer.name: list(layer.units) for member in chosen.members for layer in member.layers}
    note(place, {"order": order.model_dump(), "units": units, "stages": 0, "whole": False})
    return chosen


def _within(order: Order, wanted: "Subject", report: Report) -> tuple["Subject", "Cost"]:
    """As much as the time allows, and what that costs; measured once for whatever time is allowed."""
    from dataclasses import replace

    from convscope.atlas import cost, plan

    report(phase="measuring")
    key = order.model_copy(update={"minutes": None}).name
    with _lock:
        told = _costs.get(key)
    if told is None:
        told = cost.cost(wanted)
        with _lock:
            _costs[key] = told
            while len(_costs) > 32:
                _costs.popitem(last=False)
    if order.minutes is None:
        return wanted, told
    chosen = cost.within(wanted, told, 60 * order.minutes)
    saved = _drawing(wanted, told) - _drawing(chosen, told)
    tasks = plan.plan(chosen)
    units = sum(len(task.units) for task in tasks)
    return chosen, replace(told, seconds=told.seconds - saved, units=units, tasks=len(tasks))


def _drawing(some: "Subject", told: "Cost") -> float:
    """Seconds for all drawings."""
    from convscope.atlas.survey import drawn_anew

    return sum(
        each * len(drawn_anew(layer))
        for member, own in zip(some.members, told.drawing, strict=True)
        for layer, each in zip(member.layers, own, strict=True)
    )


def _plain(told: "Cost") -> dict[str, Any]:
    return {"seconds": told.seconds, "memory": told.memory, "disk": told.disk, "units": told.units, "tasks": told.tasks}


class _Growing:
    """Tells a job's followers what is being done, and shows each drawing when it is stored."""

    def __init__(self, report: Report, total: int):
        self.report, self.total, self.done = report, total, 0
        self.after_work = False
        self._fresh: list[dict[str, Any]] = []

    def run(
        self, function: Callable[["Group"], tuple["Record", ...]], groups: Sequence["Group"]
    ) -> Generator[tuple["Record", ...], None, None]:
        """A runner that does one group after another, and looks at what comes out."""
        for group in groups:
            records = function(group)
            for record in records:
                if record.key.startswith("draw-"):
                    names = list(record.files)[:: record.numbers["facets"]]
                    units = zip(record.numbers["units"], names, strict=True)
                    self._fresh += [
                        {"layer": record.numbers["layer"], "unit": unit, "path": f"files/{record.key}/{name}"}
                        for unit, name in units
                    ]
            yield records

    def progress(self, done: int, total: int, what: str) -> None:
        """Called once what was yielded is stored."""
        if what == "gathering":
            self.after_work = True
            self.report(self.done, self.total, phase="gathering")
        elif self.after_work:  # pictures are kept for the pages
            self.report(self.done, self.total, phase="pages")
        else:
            self.done = max(self.done, done)
            drawn, self._fresh = self._fresh[:SHOWN], self._fresh[SHOWN:]
            layer = what.partition(" ")[2]
            self.report(self.done, self.total, phase="looking", layer=layer, drawn=drawn)


@contextmanager
def _heeding(network: "Network", report: Report) -> Iterator[None]:
    """A stop is heard at every pass through the network, not only between tasks, which may take a minute."""

    def check(module: Any, inputs: Any) -> None:  # copies of the network keep it
        report.check()

    handle = network.model.register_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


def _history() -> tuple[dict[str, float], ...]:
    from convscope.tasks import trained

    return trained.load(networks.LENET5).history
