"""The pass over pictures as a stream of Ray Data: read and decoded on CPUs, looked at where the network is.

With networks on GPUs the two happen on different workers, and decoded pictures (8 bits a colour) go from one to the
other, no faster than they are taken. With networks on CPUs Ray Data joins both into one task, and nothing is moved.
"""

import logging
import pickle
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from convscope.atlas import work
from convscope.atlas.gallery import Gallery, Stack
from convscope.atlas.plan import Group
from convscope.atlas.runners.worker import counted, unpacked
from convscope.atlas.subject import Subject
from convscope.errors import InputError
from convscope.lens.exemplars.feed import batch_size
from convscope.lens.models import Network
from convscope.lens.models.network import preprocessing_of


def looks(function: Any, item: Any) -> bool:
    """Whether a task is one that goes through pictures."""
    return isinstance(function, partial) and function.func is work.run and item[0].kind in ("look", "verdicts")


def stream(
    sent: Sequence[Any], groups: Sequence[Group], limit: int | None, gpus: float, device: str
) -> Generator[Any, None, None]:
    """What `work.run` gives for each group, or the InputError that it raises, in any order.

    sent: see `worker.do`. limit: workers at a time. device: of the networks.
    """
    import ray.data

    how: dict[str, Any] = {"num_cpus": 1, "compute": ray.data.TaskPoolStrategy(limit)}
    rows = [{"group": pickle.dumps(group)} for group in groups]
    with _quiet():
        read = ray.data.from_items(rows, override_num_blocks=len(rows)).map(partial(_read, sent), **how)
        for row in read.map(partial(_look, sent, device), num_gpus=gpus or None, **how).iter_rows():
            yield pickle.loads(row["result"])


@dataclass(frozen=True)
class Read:
    """Some pictures as they are sent on. See `Stack`; inputs: only where they do not follow from the pictures."""

    numbers: tuple[int, ...]
    inputs: Tensor | None
    pictures: np.ndarray | None
    problems: tuple[str, ...]


def read(subject: Subject, group: Group) -> list[Read]:
    """The pictures that a group looks at, in the network's own batches."""
    network, gallery = subject.members[group[0].member].network, subject.gallery
    if gallery is None:
        raise InputError("gallery: there is none; give pictures to look at")
    stacks = gallery.stacks(network, range(*group[0].pictures), batch_size(network.input_shape))
    return [
        Read(stack.numbers, stack.inputs if stack.pictures is None else None, stack.pictures, stack.problems)
        for stack in stacks
    ]


class Decoded(Gallery):
    """A gallery of which some pictures are read already: those of one group, in its batches."""

    def __init__(self, gallery: Gallery, ready: Sequence[Read]):
        self.gallery, self.ready = gallery, ready
        self.name, self.names, self.classes = gallery.name, gallery.names, gallery.classes

    def stacks(self, network: Network, numbers: Sequence[int], size: int) -> Iterator[Stack]:
        for one in self.ready:
            inputs = one.inputs if one.pictures is None else preprocessing_of(network).to_inputs(one.pictures)
            yield Stack(one.numbers, inputs, one.pictures, one.problems)  # type: ignore[arg-type]

    def label(self, i: int) -> int | None:
        return self.gallery.label(i)

    def show(self, network: Network, i: int) -> np.ndarray | None:
        return self.gallery.show(network, i)

    def _digests(self, first: int, stop: int) -> Iterator[bytes]:
        return self.gallery._digests(first, stop)


def _read(sent: Sequence[Any], row: dict[str, Any]) -> dict[str, Any]:
    """On a worker. Pickled, since tables hold bytes and no objects of ours."""
    try:
        group: Group = pickle.loads(row["group"])
        with counted(sent, "read", group):
            ready: Any = read(unpacked(sent[0], "cpu").args[0], group)
    except InputError as problem:
        ready = problem
    return row | {"ready": pickle.dumps(ready, protocol=5)}


def _look(sent: Sequence[Any], device: str, row: dict[str, Any]) -> dict[str, Any]:
    result = ready = pickle.loads(row["ready"])
    if not isinstance(ready, InputError):
        try:
            group: Group = pickle.loads(row["group"])
            with counted(sent, "look", group):
                subject = unpacked(sent[0], device).args[0]
                result = work.run(replace(subject, gallery=Decoded(subject.gallery, ready)), group)
        except InputError as problem:
            result = problem
    return {"result": pickle.dumps(result)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray Data tells of every stream, on standard error; the rest of the program's settings are left as they are."""
    from ray.data import DataContext

    context, logger = DataContext.get_current(), logging.getLogger("ray.data")
    shown, told, level = context.enable_progress_bars, context.print_on_execution_start, logger.level
    context.enable_progress_bars, context.print_on_execution_start = False, False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = shown, told
        logger.setLevel(level)
