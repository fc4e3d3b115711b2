"""The other end of `worker`: starts it, bounds it, and turns whatever happens there into one line."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from convscope.errors import InputError
from convscope.grading import worker

MOST_BYTES = 64 << 20
"""In one answer."""

_NONSENSE = "sent an answer that cannot be read"


class Died(Exception):
    """The process ended, was stopped or sent nonsense; the message says which."""


class Child:
    """A file's functions, in a process that is started when it is needed and killed when it is done.

    seconds  wall clock for one program; importing the file may take three times as long
    memory   address space in MB (RLIMIT_AS)

    The process has a folder of its own to work in, no input, no output, none of this process's environment
    variables but PATH, and one thread for linear algebra. It and all it started in its session are killed at
    the end.
    """

    def __init__(self, file: Path, *, seconds: float, memory: int):
        self.file, self.seconds, self.memory = file.resolve(), seconds, memory
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._rest = b""
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> dict[str, Any]:
        """What the file holds: `functions`, `others` (imported), `torch`. Raises InputError when it does not import."""
        self.stop()
        self._folder = tempfile.TemporaryDirectory(prefix="convscope-grade-", ignore_cleanup_errors=True)
        self._link, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-B", worker.__file__, str(theirs.fileno()), str(self.file)]
        command += [str(min(self.memory, 1 << 40) << 20), str(max(1, int(30 * self.seconds)))]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._folder.name,
                env=_environment(self._folder.name),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._rest = b""
        try:
            told = self._receive(3 * self.seconds)
        except Died as problem:
            raise InputError(f"{self.file.name}: importing it {problem}; keep what runs at import short") from None
        if "raised" in told:
            raise InputError(f"{self.file.name} does not import: {told['raised']}")
        if not _is_description(told):
            raise InputError(f"{self.file.name}: importing it {_NONSENSE}; leave this program's socket alone")
        return told

    def run(self, program: dict[str, Any]) -> dict[str, Any]:
        """The answer to a program (see `worker`), arrays decoded. Raises Died; the next call starts anew."""
        if self._process is None:
            self.start()
        assert self._link is not None
        try:
            self._link.settimeout(self.seconds)
            self._link.sendall(json.dumps(program).encode() + b"\n")
        except OSError:
            raise self._died() from None
        answer = self._receive(self.seconds)
        try:
            return _answer(program, answer)
        except Exception:  # the file may have written anything into the socket
            self.stop()
            raise Died(_NONSENSE) from None

    def stop(self) -> None:
        """Kill the process and all of its session's that did not leave it; remove its folder."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _receive(self, seconds: float) -> dict[str, Any]:
        """The next line, or Died: the deadline holds even if bytes keep coming or a copy keeps the socket open."""
        assert self._link is not None
        deadline, got = time.monotonic() + seconds, [self._rest]
        size = 0
        while b"\n" not in got[-1]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._link], [], [], left)[0]:
                self.stop()
                raise Died(f"takes longer than {seconds:g} seconds (an endless loop?)")
            try:
                got.append(self._link.recv(1 << 16))
            except ConnectionError:
                got.append(b"")
            size += len(got[-1])
            if not got[-1]:
                raise self._died()
            if size > MOST_BYTES:
                self.stop()
                raise Died(f"sent more than {MOST_BYTES >> 20} MB")
        line, self._rest = b"".join(got).split(b"\n", 1)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self.stop()
            raise Died(_NONSENSE)
        return answer

    def _died(self) -> Died:
        """Why there is no more to read."""
        assert self._process is not None
        try:
            status = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            status = None
        self.stop()
        if status == -signal.SIGXCPU:
            return Died(f"uses more than {30 * self.seconds:g} seconds of processor time")
        if status is not None and status < 0:
            return Died(f"crashed Python ({signal.strsignal(-status)}), out of memory or in compiled code")
        return Died(f"ended the program by itself (exit status {status})")


def _answer(program: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """An answer, its arrays decoded. Any exception where it is none to this program."""
    if "raised" in answer:
        return {"raised": str(answer["raised"])}
    outputs = [worker.decode(output) for output in answer["outputs"]]
    for wanted, output in zip(program["outputs"], outputs, strict=True):
        if "attributes" in wanted and not isinstance(output, dict):
            raise TypeError
    return {"outputs": outputs, **{key: [str(word) for word in answer[key]] for key in ("changed", "read")}}


def _is_description(told: dict[str, Any]) -> bool:
    found = [told.get("functions"), told.get("others")]
    return "torch" in told and all(
        isinstance(each, dict) and isinstance(each.get("name"), str) and ("parameters" in each or "methods" in each)
        for group in found
        for each in (group if isinstance(group, list) else [None])
    )


class Here:
    """Functions of this process in place of a child's: the same two calls, without any protection."""

    def __init__(self, things: dict[str, Any]):
        self.things = things

    def start(self) -> dict[str, Any]:
        """As `Child.start`."""
        found = worker.describe(self.things, lambda thing: True)
        return {"functions": found, "others": [], "torch": "torch" in sys.modules}

    def run(self, program: dict[str, Any]) -> dict[str, Any]:
        """As `Child.run`."""
        answer = worker.run(program, self.things)
        if "outputs" in answer:
            return _answer(program, answer)
        return answer


def _environment(folder: str) -> dict[str, str]:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    place = {"HOME": folder, "TMPDIR": folder, "MPLCONFIGDIR": folder, "MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": ""}
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"} | one_thread | place
