"""Tasks done by a Ray cluster: on this machine, or on many. Ray schedules, places on GPUs and tries again.

A worker or a machine that dies costs what it was doing, which is done again elsewhere. Every worker computes on one
thread, so that records are bit for bit those of a serial run with one thread of PyTorch on the same kind of device.
"""

import importlib.util
import logging
import os
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, TypeVar

from convscope.atlas.portable import pack
from convscope.atlas.runners.streaming import looks, stream
from convscope.atlas.runners.worker import do
from convscope.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def run(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    address: str | None = None,
    workers: int | None = None,
    gpus: float = 0.0,
    device: str = "cuda",
) -> Generator[Result, None, None]:
    """Yield `function(item)` for every item, each as soon as it is done, in any order. See `serial.run`.

    address: of a running cluster, "host:6379", or "auto" for one that this machine is of; by default the environment
    variable RAY_ADDRESS, else one is started on this machine and shut down at the end. workers: tasks at a time; by
    default one for each CPU of the cluster. gpus: share of a GPU that each task is given (0.25: four tasks on each);
    then the networks are moved to `device`.

    What is waiting to be yielded never grows beyond a few results for each worker, however many items there are.

    Raises InputError for what a task raises as such, for a cluster that does not answer or has no such GPUs, and for a
    task that has ended `worker.ATTEMPTS` of them on one machine.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _check(address, workers, gpus)
    parcel = pack(function)
    with _cluster(address, workers, gpus) as limit:
        import ray

        todo, sent, where = list(items), [ray.put(parcel)], device if gpus else "cpu"
        pictures: list[Any] = [item for item in todo if looks(function, item)]
        if pictures:
            with closing(stream(sent, pictures, limit, gpus, where)) as results:
                yield from map(_told, results)
        yield from _mapped(sent, [item for item in todo if not looks(function, item)], limit, gpus, where)


def _mapped(sent: Sequence[Any], items: Iterable[Any], limit: int | None, gpus: float, device: str) -> Iterator[Any]:
    import ray

    task = ray.remote(do).options(num_cpus=1, num_gpus=gpus, max_retries=-1)  # type: ignore[attr-defined]
    waiting, doing = iter(items), {}
    try:
        while True:
            for item in islice(waiting, max(0, _at_a_time(limit) - len(doing))):
                doing[task.remote(sent, device, item)] = item
            if not doing:
                return
            done = ray.wait(list(doing), num_returns=1)[0][0]
            yield _result(done, doing.pop(done))
    finally:
        for one in doing:
            ray.cancel(one, force=True)


def _check(address: str, workers: int | None, gpus: float) -> None:
    if workers is not None and workers < 1:
        raise InputError(f"workers={workers}: at least 1 has to do the work")
    if not 0 <= gpus < float("inf") or (gpus > 1 and gpus != int(gpus)):
        raise InputError(f"gpus={gpus}: give the share of a GPU for each task, such as 0.25 or 1, or 0 for none")
    if "://" in address:
        raise InputError(f"address={address}: run the job on a machine of the cluster, and give host:port or auto")
    if importlib.util.find_spec("ray") is None:
        raise InputError("runner ray: the package is not installed; pip install 'convscope[cluster]'")


def _result(done: Any, item: object) -> Any:
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        result = ray.get(done)
    except RayTaskError:  # a fault of this program: its traceback on the worker is what helps
        raise
    except RayError as problem:
        raise InputError(
            f"cluster: {str(item)[:160]} could not be done ({_first(problem)}); see Ray's logs, and run the job again: "
            "it goes on where it was"
        ) from problem
    return _told(result)


def _told(result: Any) -> Any:
    if isinstance(result, InputError):
        raise result
    return result


def _at_a_time(limit: int | None) -> int:
    """How many tasks are handed to Ray at once: one waits behind each that is done, so that no worker waits for us.

    Asked again and again: clusters grow and shrink.
    """
    import ray

    return limit or 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))


@contextmanager
def _cluster(address: str, workers: int | None, gpus: float) -> Iterator[int | None]:
    """Connected to a cluster; what is connected or started here ends here.

    Gives the limit for tasks at a time, None where all of the cluster may be used: one started here has its size.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    import ray

    joined = ray.is_initialized()
    if not joined:
        own = {"num_cpus": workers, "include_dashboard": False} if address == "local" else {}
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except (OSError, RuntimeError, ValueError) as problem:
            raise InputError(
                f"address={address}: no Ray cluster answers there ({_first(problem)}); start one with `ray start "
                "--head`, or name none to use this machine"
            ) from problem
    try:
        there = ray.cluster_resources().get("GPU", 0)
        if gpus > there:
            raise InputError(f"gpus={gpus:g}: the cluster has {there:g}; give 0 to compute on CPUs")
        yield workers if joined or address != "local" else None
    finally:
        if not joined:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _first(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
