"""The one pass: every batch goes through the network once, and each layer's activations are reduced as they come."""

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch

from convscope.errors import InputError
from convscope.lens.activations import laid_for
from convscope.lens.exemplars.crops import Cutter
from convscope.lens.exemplars.feed import Batch, Labels, Pictures, feed, opened
from convscope.lens.exemplars.found import Found
from convscope.lens.exemplars.keeping import Kept, Reservoir
from convscope.lens.exemplars.summary import Summary
from convscope.lens.fields import trace, visited
from convscope.lens.models import AnyModel, Network, network
from convscope.lens.photos import Photos
from convscope.lens.probe import probe
from convscope.lens.weights import weights_hash

Progress = Callable[[int, int | None, str], object]


def examples(
    model: AnyModel,
    layers: str | Sequence[str] | None,
    pictures: Pictures,
    k: int = 9,
    *,
    labels: Labels | None = None,
    batch: int | None = None,
    seed: int = 0,
    keep: Literal["crops"] | None = None,
    on_stop: Literal["raise", "keep"] = "raise",
    progress: Progress | None = None,
) -> Found:
    """For every unit of the named layers (None: all that hold no others) the k pictures of largest and of smallest
    maximum activation, those in the middle, statistics, and how it goes with the classes.

    pictures: gone through once, whatever they are (see `Pictures`); what is kept grows with units x k, not with their
    number. Of equal activations the earlier picture comes first. Quantiles are those of a sample of 1000 pictures,
    drawn with `seed`; of fewer pictures all.
    labels: a class for each picture of an array; Photos have their own, and iterables give (batch, labels).
    batch: pictures that go through the network at a time; when memory does not suffice it is halved, with a warning.
    keep: "crops" cuts out what the units at both ends see as it passes, for pictures that cannot be had again.
    on_stop: "keep" answers Ctrl-C with what was found so far, `complete=False`.
    progress: called after each batch with pictures done, pictures in all where that is known, and what is being done.

    Raises InputError for an unknown layer, no pictures, k below 1, activations that are not finite and pictures of
    several sizes.

    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1, bias=False))
    >>> _ = torch.nn.init.ones_(model[1].weight)
    >>> found = examples(model, "1", torch.arange(20.0).reshape(5, 1, 2, 2), k=2)
    >>> found["1"].top.index, found["1"].top.value, found["1"].quantiles(0.5)
    (array([[4, 3]]), array([[70., 54.]], dtype=float32), array([38.]))
    """
    if k < 1:
        raise InputError(f"k={k}: at least 1 example is needed")
    if batch is not None and batch < 1:
        raise InputError(f"batch={batch}: at least 1 picture goes through the network at a time")
    known = model if isinstance(model, Network) else network(model) if isinstance(model, str) else None
    pictures = opened(pictures, known.preprocessing if known else None)
    taken = pictures.preprocessing if isinstance(pictures, Photos) else known.preprocessing if known else None
    stream = feed(pictures, taken, batch, labels)
    first = next(stream, None)
    if first is None:
        raise InputError("pictures: there are none; give an array (n, c, h, w) with n at least 1, or batches of them")
    net = network(model if known is None else known, tuple(first.inputs.shape[1:]), taken)
    visits = {visit.name: visit for visit in trace(net.model, net.input_shape)}
    if layers is None:
        layers = [visit.name for visit in visits.values() if not visit.is_block]
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    fields = {name: (visits.get(name) or visited(net, name)).field for name in names}
    total = len(pictures.files) if isinstance(pictures, Photos) else _length(pictures)
    classes = pictures.classes if isinstance(pictures, Photos) else net.classes

    kept: dict[str, Kept] = {}
    reservoir = Reservoir(seed)
    cutter = Cutter(fields, taken) if keep == "crops" else None
    seen, complete = 0, True

    def reduced(name: str, activation: torch.Tensor) -> Summary:
        return Summary.of(name, activation, kept[name].shift if name in kept else None)

    with torch.no_grad(), probe(net.model, names, each=reduced) as look:
        try:
            for piece, summaries in _forward(net.model, look, first, stream):
                with _to_its_end():
                    admitted = reservoir.admit(len(piece))
                    for name, summary in summaries.items():
                        if name not in kept:
                            kept[name] = Kept(summary, k)
                        kept[name].add(name, summary, seen, admitted, piece.labels)
                    if cutter is not None:
                        cutter.cut(piece, kept, seen)
                    seen += len(piece)
                if progress is not None:
                    progress(seen, total, "pictures")
        except KeyboardInterrupt:
            if on_stop != "keep" or not seen:
                raise
            complete = False
    return Found(
        {name: kept[name].examples(reservoir, seen, fields[name], classes) for name in names},
        pictures=seen,
        complete=complete,
        preprocessing=taken,
        world=net.world,
        recipe={
            "kind": "examples",
            "layers": names,
            "k": k,
            "pictures": seen,
            "seed": seed,
            "source": net.source,
            "weights": weights_hash(net.model),
            "command": f"lens.examples({_spoken(net)}, {names!r}, pictures, k={k}, seed={seed})",
        },
        crops=cutter.crops(kept) if cutter is not None else None,
        source=pictures if isinstance(pictures, Photos | np.ndarray | torch.Tensor) else None,
    )


def _spoken(net: Network) -> str:
    """The model, as a line of Python names it."""
    return repr(net.source) if net.source else "model"


def _forward(model: torch.nn.Module, look: Callable, first: Batch, stream: Iterator[Batch]) -> Iterator:
    """Each batch with what was seen of it, in smaller parts once memory did not suffice for one."""
    size = None
    todo = [first]
    while todo or (todo := [*_one(stream)]):
        batch = todo.pop(0)
        if size is not None and len(batch) > size:
            todo = batch.parts(size) + todo
            continue
        try:
            summaries = look(laid_for(model, batch.inputs))
        except (RuntimeError, MemoryError, InputError) as problem:
            if not _out_of_memory(problem):
                raise
            if len(batch) == 1:
                raise InputError(
                    f"pictures: memory does not suffice for one of shape {tuple(batch.inputs.shape[1:])}; "
                    "give smaller ones or fewer layers"
                ) from problem
            size = len(batch) // 2
            todo.insert(0, batch)
            warnings.warn(f"out of memory with {len(batch)} pictures at a time; going on with {size}", stacklevel=3)
            continue
        yield batch, summaries


def _one(stream: Iterator[Batch]) -> Iterator[Batch]:
    for batch in stream:
        yield batch
        return


def _out_of_memory(problem: BaseException | None) -> bool:
    while problem is not None:
        if isinstance(problem, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(problem):
            return True
        problem = problem.__cause__
    return False


def _length(pictures: Pictures) -> int | None:
    return len(pictures) if hasattr(pictures, "shape") else None  # type: ignore[arg-type]


@contextmanager
def _to_its_end() -> Iterator[None]:
    """Ctrl-C takes effect when the block is done, so that no batch is counted in some layers only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if stopped:
        raise KeyboardInterrupt
