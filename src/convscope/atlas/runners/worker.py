"""What happens on a worker of a cluster."""

import functools
import hashlib
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convscope.atlas.portable import unpack
from convscope.errors import InputError

ATTEMPTS = 6
"""How often one machine begins a task at most: one that always ends its worker must end some day."""


def do(sent: Sequence[Any], device: str, item: Any) -> Any:
    """`function(item)`. What the user is to be told comes back as a value: Ray would wrap it in a traceback.

    sent: a reference to the parcel with the function; in a list, so that Ray does not fetch it for every task.
    """
    try:
        with counted(sent, "do", item):
            return unpacked(sent[0], device)(item)
    except InputError as problem:
        return problem


@functools.lru_cache(maxsize=1)
def unpacked(reference: Any, device: str) -> Callable[[Any], Any]:
    """The function, its networks loaded once for all tasks of a worker, which computes on one thread from now on."""
    import ray
    import torch

    torch.set_num_threads(1)
    return unpack(ray.get(reference), device)


@contextmanager
def counted(sent: Sequence[Any], step: str, item: Any) -> Iterator[None]:
    """Count how often a step of a task is begun on this machine, in a file, which outlives the worker.

    Ray begins without end what ends its worker (a crash, no memory left), Ray Data says nothing of it.

    Raises InputError when a step has been begun `ATTEMPTS` times and never came to its end.
    """
    name = hashlib.sha256(sent[0].binary() + pickle.dumps((step, item))).hexdigest()[:20]
    file = Path(tempfile.gettempdir(), f"convscope-{name}")
    begun = file.stat().st_size if file.exists() else 0
    try:
        if begun >= ATTEMPTS:
            raise InputError(
                f"workers: {begun} have died on one machine doing {str(item)[:160]}; if memory ran out use fewer "
                "workers, else see Ray's logs there"
            )
        with file.open("ab") as opened:
            opened.write(b".")
        yield
    finally:
        file.unlink(missing_ok=True)  # who is killed does not come here
