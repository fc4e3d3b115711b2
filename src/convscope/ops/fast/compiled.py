"""How the fast operators are compiled and spread over threads: Numba without the GIL, one pool, contiguous shares."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba

from convscope.errors import InputError

# Sums may be regrouped and fused (that is what makes vectors and fused multiply-adds possible), but NaN and infinity
# keep their meaning.
_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}


def compiled(function: Callable) -> Callable:
    """Compile `function` for the first types it meets; keep the machine code on disk where a cache can be written."""
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
        return numba.njit(**_OPTIONS)(function)


def inlined(function: Callable) -> Callable:
    """Compile `function` into each of its callers.

    For closures: Numba names the code of all closures made by one function alike, and code that two processes have
    kept on disk under one name would be mixed up.
    """
    return numba.njit(inline="always", **_OPTIONS)(function)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_threads = _usable_cores()
_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):  # a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_forget_pool)


def threads() -> int:
    """Number of threads the operators use; at first, the cores this process may run on."""
    return _threads


def set_threads(count: int) -> None:
    """Use `count` threads, at least 1, from the next call on. Results are reproducible bit for bit at one count."""
    global _threads, _pool
    if count < 1:
        raise InputError(f"threads={count}: at least one thread must do the work; use threads=1")
    if _pool is not None and count != _threads:
        _pool.shutdown()
        _pool = None
    _threads = count


def share(work: Callable[[int, int], None], items: int, least: int = 1) -> None:
    """Run `work(first, last)` on contiguous shares of `range(items)`, at once, each share at least `least` items long.

    The caller's thread takes the first share. An exception in any share is raised here, after all have ended.
    """
    global _pool
    parts = max(1, min(_threads, items // max(least, 1)))
    if parts == 1:
        work(0, items)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(_threads, thread_name_prefix="convscope")
    bounds = [items * k // parts for k in range(parts + 1)]
    others = [_pool.submit(work, a, b) for a, b in pairwise(bounds[1:])]
    try:
        work(bounds[0], bounds[1])
    finally:
        for other in others:
            other.exception()
    for other in others:
        other.result()
