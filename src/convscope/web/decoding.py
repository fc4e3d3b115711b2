"""Strangers' files are decoded in a process of their own: in little memory, within a time, replaced if it dies."""

import io
import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, final

import numpy as np
from PIL import Image

from convscope.errors import InputError
from convscope.imagefiles import FORMATS, quiet, read_picture

MEMORY = 2**30
"""Bytes beyond what the process has when it starts."""


@final
class Decoder:
    """One process that decodes, started when first needed."""

    def __init__(self, seconds: float, pixels: int):
        self.seconds = seconds
        self.pixels = pixels
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False
        self._lock = threading.Lock()

    def picture(self, data: bytes, name: str) -> np.ndarray:
        """A file's bytes as people see it: uint8 (h, w, 3), or (h, w, 1) where it has no colours.

        Raises InputError for what is no sound picture, has too many pixels, or takes too long.
        """
        told = {"what": f"{name}: this picture", "again": "save it again as PNG"}
        shape, values = self.run(_decoded, data, name, self.pixels, **told)
        return np.frombuffer(values, np.uint8).reshape(shape)

    def close(self) -> None:
        """What is being decoded is broken off."""
        self._closed = True
        self._forget()

    def run(self, work: Any, *arguments: Any, what: str, again: str) -> Any:
        """`work(*arguments)` over there: a function of a module that is quickly imported.

        Raises InputError, with `what` and what to do `again`, where it takes too long or the process dies of it.
        """
        with self._lock:
            task = self._submitted(work, *arguments)
            try:
                return task.result(self.seconds)
            except (TimeoutError, BrokenProcessPool) as problem:
                self._forget()
                reason = "takes too long" if isinstance(problem, TimeoutError) else "breaks the decoder"
                raise InputError(f"{what} {reason}; {again}") from problem

    def _submitted(self, work: Any, *arguments: Any) -> Future[Any]:
        for _ in range(2):
            if self._closed:
                raise InputError("the lab is being closed; start it again")
            pool = self._pool
            if pool is None:
                context = multiprocessing.get_context("spawn")
                pool = self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
            try:
                return pool.submit(work, *arguments)
            except BrokenProcessPool:  # somebody ended the process while it had nothing to do
                self._forget()
        raise InputError("the lab cannot start the process that reads files; start the lab again")

    def _forget(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """In the new process: it ends with the lab, also where that is killed, and its memory is limited."""
    threading.Thread(target=_end_with_the_lab, daemon=True).start()
    try:
        import resource
    except ImportError:  # not on this system
        return
    try:
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:  # only Linux tells
        has = MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, has + MEMORY))


def _end_with_the_lab() -> None:
    lab = multiprocessing.parent_process()
    assert lab is not None
    lab.join()
    os._exit(1)


def _decoded(data: bytes, name: str, most: int) -> tuple[tuple[int, ...], bytes]:
    with quiet():
        _check_size(data, name, most)
        picture = np.asarray(read_picture(name, data))
    picture = picture if picture.ndim == 3 else picture[..., None]
    return picture.shape, picture.tobytes()


def _check_size(data: bytes, name: str, most: int) -> None:
    """What the head of the file says, before anything is decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
    except Exception:  # read_picture finds the words for it
        return
    if width * height > most:
        raise InputError(f"{name}: {height} x {width} pixels; at most {most} are taken, make it smaller")
