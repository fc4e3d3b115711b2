"""The whole way to an atlas: plan -> map -> store -> gather -> pages. Stopped anywhere, it goes on there."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from convscope.atlas import gather, merging, plan, site, work
from convscope.atlas.facts import Facts, History, facts, gathered_verdicts, with_records
from convscope.atlas.plan import Group, Task
from convscope.atlas.runners import serial
from convscope.atlas.store import Record, Store
from convscope.atlas.subject import Subject
from convscope.errors import InputError

SPOT_CHECKS = 16
"""Pictures of which one at least must be sound, before anything is done."""

Runner: TypeAlias = Callable[
    [Callable[[Group], tuple[Record, ...]], Sequence[Group]], Generator[tuple[Record, ...], None, None]
]
Progress: TypeAlias = Callable[[int, int, str], object]


def build(
    url: str,
    subject: Subject,
    *,
    runner: Runner = serial.run,
    progress: Progress | None = None,
    command: str = "",
    part: tuple[int, int] | None = None,
    history: History | None = None,
) -> str | None:
    """Write the atlas of a subject to a folder or fsspec URL, and return the page to open (index.html there).

    What is stored there already is not made again; what other settings have made is removed at the very end, when
    the new pages stand. runner: who does the work (`runners`). progress: called with tasks done, tasks in all and
    what is being done.
    part: (i, of) does only every `of`-th group of tasks, the i-th first, for several machines that write an atlas
    each, to be joined by `merging.merge`; None is returned while there are tasks left to do.

    Raises InputError for a place that cannot be written, an atlas of another network, another job that is writing
    there, and for what the network or the pictures make impossible.
    """
    _check_pictures(subject)
    store = Store(url)
    with store.lock():
        tasks = plan.plan(subject)
        store.begin(facts(subject, command, history), plan=[task.key for task in tasks])
        _do(store, subject, tasks, runner, progress, part)
        if any(not store.has(task.key) for task in tasks):
            return None
        return finish(store, subject, tasks, runner, progress, facts(subject, command, history))


@dataclass(frozen=True)
class Joined:
    """index: the page to open, None where tasks or pages are left to be made. command: what made the first atlas; it
    goes on. damaged: a line for each record that was left out, to be made again."""

    index: str | None
    command: str
    damaged: tuple[str, ...]


def join(urls: Sequence[str], target: str) -> Joined:
    """Write one atlas of several that were made apart: parts of one, or other layers or networks.

    Raises InputError for atlases of different networks, pictures or settings.
    """
    merged = merging.merge(urls, target)
    told = merged.facts
    layers = [layer for network in told["networks"] for layer in network["layers"]]
    if merged.missing or any(layer["records"]["units"] is None for layer in layers):
        return Joined(None, told["command"], merged.damaged)
    with merged.store.lock():
        merged.store.publish(told, merged.keys, dict(site.pages(merged.store, told)))
    return Joined(_index(merged.store), told["command"], ())


def finish(
    store: Store, subject: Subject, tasks: Sequence[Task], runner: Runner, progress: Progress | None, told: Facts
) -> str:
    """What can be said only once all tasks are done: of each unit all that is known, and the pages."""
    places = [(member, layer.name) for member, one in enumerate(subject.members) for layer in one.layers]
    if progress is not None:
        progress(0, len(places), "gathering")
    units: dict[tuple[int, str], str] = {}
    shown: dict[int, set[int]] = {member: set() for member in range(len(subject.members))}
    for done, (place, record) in enumerate(zip(places, gather.gather(subject, tasks, store), strict=True), 1):
        store.put(record)
        units[place] = record.key
        shown[place[0]] |= set(gather.used(record))
        if progress is not None:
            progress(done, len(places), "gathering")
    for member in shown:
        verdicts = gathered_verdicts(store, [task for task in tasks if task.member == member])
        shown[member] |= {one["picture"] for one in (verdicts or {"misread": []})["misread"]}
    kept = [task for member, pictures in shown.items() for task in plan.seen(subject, member, sorted(pictures))]
    _do(store, subject, kept, runner, progress, None)
    full = with_records(told, store, [*tasks, *kept], units)
    keys = dict.fromkeys([*(task.key for task in [*tasks, *kept]), *units.values()])
    store.publish(full, list(keys), dict(site.pages(store, full)))
    return _index(store)


def _check_pictures(subject: Subject) -> None:
    """That it is pictures that were given. Raises InputError where none of a few, spread evenly, can be read."""
    gallery = subject.gallery
    if gallery is None:
        return
    some = dict.fromkeys(i * len(gallery) // SPOT_CHECKS for i in range(SPOT_CHECKS))
    for member in subject.members:
        problems = []
        if member.network.world is not None:
            gallery.show(member.network, 0)  # words, say, that no font here can write
        for i in some:
            stack = gallery.stack(member.network, [i])
            if stack.numbers:
                break
            problems += stack.problems
        else:
            raise InputError(
                f"pictures: none of {len(problems)} in {gallery.name} can be read; the first: {problems[0]}"
            )


def _index(store: Store) -> str:
    return store.url.rstrip("/") + "/index.html"


def _do(
    store: Store,
    subject: Subject,
    tasks: Sequence[Task],
    runner: Runner,
    progress: Progress | None,
    part: tuple[int, int] | None,
) -> None:
    """Map the tasks that are not done yet, each key once, and store what comes as it comes."""
    mine = plan.groups(list({task.key: task for task in tasks}.values()))
    mine = mine if part is None else plan.part(mine, *part)
    todo = [left for group in mine if (left := tuple(task for task in group if not store.has(task.key)))]
    if not todo:
        return
    total = sum(map(len, mine))
    done = total - sum(map(len, todo))
    names = {task.key: f"{subject.members[task.member].label} {task.layer}" for group in todo for task in group}
    if progress is not None:
        progress(done, total, names[todo[0][0].key])
    with closing(runner(partial(work.run, subject), todo)) as results:  # what is under way is cancelled
        for records in results:
            for record in records:
                store.put(record)
            done += len(records)
            if progress is not None:
                progress(done, total, names[records[-1].key])
