"""Long work: one queue, one worker, events that anybody may follow, and a way to stop."""

import itertools
import logging
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, final

from convscope.errors import InputError
from convscope.web.problems import Busy

log = logging.getLogger("convscope.web")

MOST_EVENTS = 4000
OVER = ("done", "failed", "stopped")
State = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class File:
    """What a job made, to be shown or downloaded."""

    data: bytes
    kind: str
    """media type, as image/png"""


@dataclass(frozen=True)
class Outcome:
    """What a job ends with: plain values for the page, and files by name."""

    data: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)


class Stopped(Exception):
    """Raised in a job's work when somebody has stopped it; what there is by then may come along."""

    def __init__(self, outcome: Outcome | None = None):
        super().__init__("stopped")
        self.outcome = outcome or Outcome()


@final
class Report:
    """The work's side of a job: it tells how far it is, and learns here that it was stopped."""

    def __init__(self, job: "Job"):
        self._job = job

    def __call__(self, done: float | None = None, total: float | None = None, **more: Any) -> None:
        """Tell all who follow: `done` of `total`, and whatever else the page shows. Raises Stopped."""
        self.check()
        self._job.say({"done": done, "total": total, **more})

    def file(self, name: str, data: bytes, kind: str) -> None:
        """Show a file before the end; one of the same name takes its place. Raises Stopped."""
        self.check()
        self._job.files[name] = File(data, kind)

    def check(self) -> None:
        """Raises Stopped when the job was stopped: call it often."""
        if self._job.stopping.is_set():
            raise Stopped

    @property
    def stopping(self) -> bool:
        return self._job.stopping.is_set()


Work = Callable[[Report], Outcome]


@final
class Job:
    """One piece of work: state, numbered events, what came out."""

    def __init__(self, room: str, work: Work):
        self.id = secrets.token_hex(8)
        self.room = room
        self.work: Work | None = work
        self.state: State = "waiting"
        self.problem = ""
        self.data: Mapping[str, Any] = {}
        self.files: dict[str, File] = {}
        self.stopping = threading.Event()
        self._events: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MOST_EVENTS)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], object]] = []
        self.over = False
        """Whether the last event has been said."""

    def told(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.id,
            "room": self.room,
            "state": self.state,
            "problem": self.problem,
            "data": dict(self.data),
            "files": sorted(self.files),
        }

    def say(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            self._events.append((next(self._numbers), {"state": self.state, **event}))
            self.over = self.state in OVER
            listeners = list(self._listeners)
        for wake in listeners:
            wake()

    def since(self, number: int) -> list[tuple[int, dict[str, Any]]]:
        """The events after that number, as far as they are kept."""
        with self._lock:
            return [(each, event) for each, event in self._events if each > number]

    @contextmanager
    def listening(self, wake: Callable[[], object]) -> Iterator[None]:
        """While the block runs, `wake` is called, in any thread, after each event."""
        with self._lock:
            self._listeners.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(wake)

    def run(self) -> None:
        """Do the work, here and now; whatever happens becomes the job's state."""
        work, self.work = self.work, None  # what it holds is not needed once it is over
        assert work is not None
        try:
            Report(self).check()
            self.state = "running"
            self.say({})
            outcome = work(Report(self))
            self._take(outcome)
            self.end("done")
        except Stopped as stop:
            self._take(stop.outcome)
            self.end("stopped")
        except InputError as problem:
            self.end("failed", str(problem))
        except BaseException:  # whatever it is, the next job must find its worker alive
            log.exception("a job of the room %s failed", self.room)
            self.end("failed", "a mistake of convscope itself, not yours; the terminal says more")

    def _take(self, outcome: Outcome) -> None:
        self.data, self.files = outcome.data, {**self.files, **outcome.files}

    def end(self, state: State, problem: str = "") -> None:
        self.state, self.problem = state, problem
        self.say(self.told())


@final
class Jobs:
    """One worker for all rooms: the machine's cores are few, and two long jobs at once would both be slow."""

    def __init__(self, waiting: int = 8, keep: int = 24):
        self._most_waiting = waiting
        self._keep = keep
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: deque[Job] = deque()
        self._some = threading.Condition()
        self._closed = False
        self._running: Job | None = None
        self._took: deque[float] = deque([20.0], maxlen=5)  # seconds of the last jobs, a guess before the first
        self._worker: threading.Thread | None = None

    def submit(self, room: str, work: Work) -> Job:
        """Queue `work`. Raises Busy when the queue is full."""
        job = Job(room, work)
        with self._some:
            if self._closed:
                raise Busy("the lab is being closed", 60)
            if len(self._queue) >= self._most_waiting:
                seconds = max(1, round(sum(self._took) / len(self._took) * (len(self._queue) + 1)))
                raise Busy(
                    f"{len(self._queue)} jobs are waiting already; come back in about {seconds} seconds", seconds
                )
            self._queue.append(job)
            self._jobs[job.id] = job
            self._forget_old()
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="convscope-lab-jobs", daemon=True)
                self._worker.start()
            self._some.notify()
        return job

    def find(self, identity: str) -> Job:
        """Raises KeyError where there is none, or no longer."""
        return self._jobs[identity]

    def ahead(self, job: Job) -> int:
        """How many jobs are done before this one starts."""
        with self._some:
            return list(self._queue).index(job) + (self._running is not None) if job in self._queue else 0

    def stop(self, job: Job) -> None:
        """A waiting job is over at once, a running one as soon as its work asks."""
        job.stopping.set()
        with self._some:
            waits = job in self._queue
            if waits:
                self._queue.remove(job)
        if waits:
            job.end("stopped")

    def close(self) -> None:
        """Stop everything; nothing more is taken."""
        with self._some:
            self._closed = True
            jobs = [*self._queue, *([self._running] if self._running else [])]
            self._some.notify_all()
        for job in jobs:
            self.stop(job)

    def _forget_old(self) -> None:
        over = [each for each in self._jobs.values() if each.over]
        for job in over[: max(0, len(over) - self._keep)]:
            del self._jobs[job.id]

    def _work(self) -> None:
        while True:
            with self._some:
                while not self._queue and not self._closed:
                    self._some.wait()
                if self._closed:
                    return
                self._running = self._queue.popleft()
            start = time.monotonic()
            self._running.run()
            with self._some:
                self._running = None
                self._took.append(time.monotonic() - start)
