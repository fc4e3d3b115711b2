"""Long work: waiting, running, told, stopped, forgotten; and how a page follows it."""

import json
import threading

import httpx
import pytest

from convscope.errors import InputError
from convscope.web.jobs import MOST_EVENTS, File, Jobs, Outcome
from convscope.web.problems import Busy


@pytest.fixture
def jobs():
    jobs = Jobs(waiting=2, keep=3)
    yield jobs
    jobs.close()


def ended(job, seconds: float = 10):
    """The job, once it is over."""
    over = threading.Event()
    with job.listening(over.set):
        while not job.over:
            assert over.wait(seconds), f"{job.state} for ever"
            over.clear()
    return job


def quick(report):
    report(1, 2, note="half")
    report.file("early.txt", b"early", "text/plain")
    return Outcome({"answer": 42}, {"late.txt": File(b"late", "text/plain")})


class Held:
    """Work that goes on until it is let go, or stopped."""

    def __init__(self):
        self.started, self.let_go = threading.Event(), threading.Event()

    def __call__(self, report):
        self.started.set()
        while not self.let_go.wait(0.01):
            report.check()
        return Outcome()


def test_what_it_tells_and_what_comes_out(jobs):
    job = ended(jobs.submit("room", quick))
    assert job.told() == {
        "id": job.id,
        "room": "room",
        "state": "done",
        "problem": "",
        "data": {"answer": 42},
        "files": ["early.txt", "late.txt"],
    }
    events = [event for _, event in job.since(0)]
    assert [event["state"] for event in events] == ["running", "running", "done"]
    assert events[1] == {"state": "running", "done": 1, "total": 2, "note": "half"}
    assert job.work is None, "what the work holds is let go"


def test_one_at_a_time_in_order(jobs):
    done = []
    first = Held()
    jobs.submit("a", first)
    first.started.wait()
    waiting = [jobs.submit("b", lambda report, k=k: done.append(k) or Outcome()) for k in (1, 2)]
    assert [jobs.ahead(job) for job in waiting] == [1, 2]
    with pytest.raises(Busy, match="2 jobs are waiting already; come back in about") as busy:
        jobs.submit("c", quick)
    assert busy.value.seconds >= 1
    first.let_go.set()
    for job in waiting:
        ended(job)
    assert done == [1, 2]


def test_stopped_while_running_and_while_waiting(jobs):
    held = Held()
    running, waiting = jobs.submit("a", held), jobs.submit("b", quick)
    held.started.wait()
    jobs.stop(waiting)
    assert (waiting.over, waiting.state) == (True, "stopped")
    jobs.stop(running)
    assert ended(running).state == "stopped"
    assert ended(jobs.submit("c", quick)).state == "done"


def test_a_mistake_of_the_visitor_is_told_and_one_of_ours_is_not(jobs, caplog):
    def refuses(report):
        raise InputError("size=0: give at least 1")

    def breaks(report):
        raise RuntimeError("secret path /home/me")

    assert ended(jobs.submit("a", refuses)).told()["problem"] == "size=0: give at least 1"
    broken = ended(jobs.submit("a", breaks)).told()
    assert broken["state"] == "failed"
    assert "secret" not in json.dumps(broken)
    assert "secret path" in caplog.text
    assert ended(jobs.submit("a", quick)).state == "done"


def test_old_ones_are_forgotten(jobs):
    done = [ended(jobs.submit("a", quick)) for _ in range(6)]
    assert jobs.find(done[-1].id) is done[-1]
    with pytest.raises(KeyError):
        jobs.find(done[0].id)


def test_a_talkative_job_is_kept_in_bounds(jobs):
    def talks(report):
        for k in range(MOST_EVENTS + 500):
            report(k, MOST_EVENTS)
        return Outcome()

    assert len(ended(jobs.submit("a", talks), 60).since(0)) == MOST_EVENTS


def test_closing_stops_all_and_takes_no_more(jobs):
    held = Held()
    running, waiting = jobs.submit("a", held), jobs.submit("a", quick)
    held.started.wait()
    jobs.close()
    assert [ended(job).state for job in (running, waiting)] == ["stopped", "stopped"]
    with pytest.raises(Busy, match="being closed"):
        jobs.submit("a", quick)


def events_of(text: str) -> list[tuple[str | None, dict]]:
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [(block.get("id", block.get("event")), json.loads(block["data"])) for block in blocks]


def test_followed_over_http(api, lab):
    held = Held()
    job = lab.jobs.submit("room", held)
    held.started.wait()
    assert api.get(f"/api/jobs/{job.id}").json()["state"] == "running"
    with api.stream("GET", f"/api/jobs/{job.id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        held.let_go.set()
        events = events_of("".join(stream.iter_text()))
    assert [event[1].get("state") for event in events] == ["running", "done", None]
    assert events[-1][0] == "end"
    rest = api.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": events[0][0]}).text
    assert events_of(rest) == events[1:]
    for nonsense in ("x", "-1", "9" * 40, ""):
        assert events_of(api.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": nonsense}).text) == events


def test_files_over_http(api, lab):
    job = ended(lab.jobs.submit("room", quick))
    shown = api.get(f"/api/jobs/{job.id}/files/late.txt")
    assert (shown.content, shown.headers["content-type"]) == (b"late", "text/plain; charset=utf-8")
    saved = api.get(f"/api/jobs/{job.id}/files/late.txt", params={"download": True})
    assert saved.headers["content-disposition"] == "attachment; filename*=utf-8''late.txt"
    assert api.get(f"/api/jobs/{job.id}/files/other.txt").status_code == 404
    assert api.get(f"/api/jobs/{job.id}/files/..%2f..%2fetc%2fpasswd").status_code == 404


def test_stopped_over_http(api, lab):
    held = Held()
    job = lab.jobs.submit("room", held)
    held.started.wait()
    assert api.delete(f"/api/jobs/{job.id}").status_code == 200
    assert ended(job).state == "stopped"
    assert api.delete(f"/api/jobs/{job.id}").json()["state"] == "stopped"
    for method in ("GET", "DELETE"):
        gone = api.request(method, "/api/jobs/0123456789abcdef")
        assert gone.status_code == 404
        assert gone.json()["problem"] == "no such job, or it was too long ago; start it again"


def test_a_full_queue_is_429_with_when_to_come_back(start):
    server = start()
    held = Held()
    server.lab.jobs.submit("room", held)
    held.started.wait()
    for _ in range(server.lab.settings.limits.waiting):
        server.lab.jobs.submit("room", quick)
    answer = httpx.post(f"{server.address}/api/dream/dream", json={}, trust_env=False)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "come back in about" in answer.json()["problem"]


def test_too_many_followers_are_sent_away(start):
    server = start()
    server.lab.listening = server.lab.settings.limits.listening
    job = ended(server.lab.jobs.submit("room", quick))
    answer = httpx.get(f"{server.address}/api/jobs/{job.id}/events", trust_env=False)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
