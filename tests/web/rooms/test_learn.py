"""Learning a kernel, as the page asks for it: what is foreseen, what is told on the way, the exact answer, the code."""

import base64
import contextlib
import io
import re
import string
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

import convscope as cs
from convscope import ops, pictures
from convscope.filters import NAMED
from convscope.inverse.borders import MODES, OTHERS
from convscope.inverse.descend import descend
from convscope.inverse.reasons import SENTENCES
from convscope.inverse.recovery import VERDICTS
from convscope.inverse.stability import verdict
from convscope.web.jobs import Job, Report, Stopped
from convscope.web.rooms.learn import foreseen, watching
from convscope.web.rooms.learn.answer import slug
from convscope.web.rooms.learn.done import DONE
from convscope.web.rooms.learn.lesson import lesson
from convscope.web.rooms.learn.task import Task
from convscope.web.sources import builtin, painted
from convscope.web.texts import catalogue

SOBEL = NAMED["sobel-x"]
RING = {"picture": "builtin:ring", "kernel": SOBEL, "optimizer": "gd", "steps": 40}
GRAVEL = painted(np.random.default_rng(5).integers(30, 220, (40, 44)).astype(np.uint8))


@pytest.fixture(scope="module")
def learn(api, lab):
    """Learns a task to its end: the job, and its events put together."""

    def learning(**task: object) -> tuple[dict, dict[str, list]]:
        started = api.post("/api/learn/learn", json=task)
        assert started.status_code == 200, started.text
        identity = started.json()["job"]
        for _ in range(3000):
            job = api.get(f"/api/jobs/{identity}").json()
            if job["state"] not in ("waiting", "running"):
                break
            time.sleep(0.01)
        told: dict[str, list] = {"losses": [], "kernels": [], "phases": []}
        for _, event in lab.jobs.find(identity).since(0):
            told["losses"] += event.get("losses", [])
            told["kernels"] += event.get("kernels", [])
            told["phases"].append(event.get("phase"))
        return job, told

    return learning


def pixels(colours: str, rows: int, columns: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(colours), np.uint8).reshape(rows, columns, 3)


def run(code: str) -> dict:
    """The names that the code leaves."""
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "snippet", "exec"), names)
    return names


def test_the_choices(api):
    offered = api.get("/api/learn/choices").json()
    assert offered == {"kernels": NAMED, "done": list(DONE)}
    secrets = [api.get("/api/learn/secret", params={"seed": seed}).json()["kernel"] for seed in (1, 2, 1)]
    assert secrets[0] == secrets[2] != secrets[1]
    assert np.shape(secrets[0]) == (3, 3)
    assert np.max(secrets[0]) == 4


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_what_is_foreseen_is_the_librarys(api, optimizer):
    asked = RING | {"optimizer": optimizer, "rate": 0.001, "bias": True, "seed": 3}
    told = api.post("/api/learn/foresee", json=asked).json()
    x = builtin("ring")[..., 0] / 255
    y = ops.corr2d(x, np.array(SOBEL))
    how: dict[str, Any] = {"learning_rate": 0.001, "steps": 40, "bias": True, "seed": 3, "optimizer": optimizer}
    v = verdict(x, y, 3, **how)
    how["steps"] = 0
    start = descend(x, y, 3, **how).kernel
    assert told["verdict"]["losses"] == (None if v.losses is None else pytest.approx(list(v.losses)))
    assert told["verdict"]["largest"] == (None if v.largest_rate is None else pytest.approx(v.largest_rate))
    assert told["verdict"]["kind"] == {"gd": "stable", "momentum": "stable", "adam": "adam-short"}[optimizer]
    assert told["start"]["values"] == pytest.approx(start.ravel().tolist())
    np.testing.assert_array_equal(pixels(told["start"]["colours"], 3, 3), pictures.signed(start, 2))
    np.testing.assert_array_equal(pixels(told["before"]["colours"], 16, 16), pictures.grey(x, 0, 1))
    np.testing.assert_array_equal(pixels(told["after"]["colours"], 14, 14), pictures.signed(y))
    assert told["truth"]["values"] == np.ravel(SOBEL).tolist()


@pytest.mark.parametrize(
    ("rate", "kind"), [(None, "stable"), (1.0, "unstable"), ("largest", "border"), ("more", "unstable")]
)
def test_the_kinds_of_rates(api, rate, kind):
    largest = api.post("/api/learn/foresee", json=RING).json()["verdict"]["largest"]
    rate = {"largest": largest, "more": 1.01 * largest}.get(rate, rate)
    told = api.post("/api/learn/foresee", json=RING | {"rate": rate}).json()["verdict"]
    assert told["kind"] == kind
    assert told["suggested"] == pytest.approx(largest / 2, rel=0.05)
    assert (abs(told["steepest"]) > 1) == (kind == "unstable") or kind == "border"


def test_the_suggested_rate_of_adam_arrives(learn):
    job, _ = learn(picture=GRAVEL, kernel=SOBEL, optimizer="adam", steps=400)
    assert job["data"]["descent"]["found_at"] is not None


def test_nothing_to_learn_from_a_black_picture(api, learn):
    black = painted(np.zeros((8, 8), np.uint8))
    assert api.post("/api/learn/foresee", json={"picture": black, "kernel": SOBEL}).json()["verdict"]["kind"] == "flat"
    job, _ = learn(picture=black, kernel=SOBEL, steps=3)
    assert "is constant" in job["data"]["answer"]["problem"]


SNIPPETS = {
    "plain": RING,
    "noise, more taps, a bias": RING | {"noise": 2, "rows": 5, "columns": 4, "bias": True, "seed": 7},
    "fewer taps": RING | {"rows": 2, "columns": 2, "optimizer": "adam"},
    "momentum, painted": {"picture": GRAVEL, "kernel": [[1, -1]], "optimizer": "momentum", "momentum": 0.5},
    "done": {"picture": GRAVEL, "after": "done:sharpened", "steps": 50},
    "done otherwise": {"picture": GRAVEL, "after": "done:mirrored", "rows": 2, "columns": 5, "bias": True},
    "toned": {"picture": GRAVEL, "after": "done:toned", "steps": 5, "rows": 1, "columns": 1},
}


@pytest.mark.parametrize("asked", SNIPPETS.values(), ids=SNIPPETS)
def test_the_job_tells_what_the_snippet_finds(api, learn, asked):
    told = api.post("/api/learn/foresee", json=asked).json()
    job, events = learn(**asked)
    assert job["state"] == "done", job
    names = run(told["python"])
    found, answer = names["found"], names["answer"]
    assert events["losses"] == pytest.approx(list(found.losses), rel=1e-9)
    last = events["kernels"][-1]
    assert last["step"] == job["data"]["descent"]["steps"] == len(found.losses) - 1
    assert last["kernel"]["values"] == pytest.approx(found.kernel.ravel().tolist(), rel=1e-9)
    if told["verdict"]["losses"]:
        v = verdict(names["x"], names["y"], found.kernel.shape, **names["how"])
        assert v.losses is not None
        assert told["verdict"]["losses"] == pytest.approx(list(v.losses))
    exact = job["data"]["answer"]
    assert exact["verdict"] == slug(answer.verdict)
    assert [slug(reason.kind) for reason in answer.reasons] == [reason["kind"] for reason in exact["reasons"]]
    assert exact["kernels"][0]["taps"]["values"] == pytest.approx(answer.kernel.ravel().tolist(), rel=1e-9)
    errors = [None if np.isinf(one) else one for one in answer.stderr.ravel()]
    assert exact["kernels"][0]["errors"]["values"] == pytest.approx(errors, rel=1e-6)
    if told["truth"] is None:
        assert all(kernel["off"] is None for kernel in events["kernels"])
    else:
        off = found.kernel.ravel() - told["truth"]["values"]
        assert last["off"]["values"] == pytest.approx(off.tolist(), abs=1e-9)


def test_a_secret_is_found_and_said_so(learn):
    job, events = learn(picture="builtin:ring", kernel=SOBEL, optimizer="momentum", steps=300)
    descent, answer = job["data"]["descent"], job["data"]["answer"]
    assert 0 < descent["found_at"] < 300
    assert all(kernel["found"] for kernel in events["kernels"] if kernel["step"] >= descent["found_at"])
    assert not events["kernels"][0]["found"]
    assert descent["furthest"] < 0.02
    assert answer["verdict"] == "exact"
    assert answer["secret"] == {"furthest": pytest.approx(0, abs=1e-8), "inside": None, "of": 9}


def test_intervals_are_compared_with_the_secret_under_noise(learn):
    answer = learn(picture=GRAVEL, kernel=SOBEL, noise=3, steps=1)[0]["data"]["answer"]
    assert answer["verdict"] == "noisy"
    assert answer["half"] > answer["secret"]["furthest"] / 3 > 0
    assert 6 <= answer["secret"]["inside"] <= answer["secret"]["of"] == 9


def test_what_cannot_be_known_is_told(api, learn):
    asked = {"picture": "builtin:band", "kernel": [[1, -1]], "rows": 3, "columns": 3, "steps": 200, "optimizer": "gd"}
    told = api.post("/api/learn/foresee", json=asked).json()
    assert told["verdict"]["unseen"] == 6
    assert [one["factor"] for one in told["directions"] if one["curvature"] == 0] == [None] * 4
    job, _ = learn(**asked)
    assert job["data"]["descent"]["found_at"] is None
    answer = job["data"]["answer"]
    assert answer["verdict"] == "undetermined"
    assert [one["kind"] for one in answer["reasons"]] == ["unseen-directions", "rows-alike"]
    assert len(answer["unknown"]) == answer["unseen"] == 6
    assert answer["kernels"][0]["errors"]["values"] == [None] * 9


def test_running_away_is_told_and_the_answer_comes_all_the_same(api, learn):
    asked = RING | {"rate": 0.05, "steps": 600}
    told = api.post("/api/learn/foresee", json=asked).json()
    job, events = learn(**asked)
    assert told["verdict"]["losses"][-1] is None
    assert job["state"] == "done"
    assert "use learning_rate=" in job["data"]["descent"]["ran_away"]
    assert events["losses"][-1] > 1e300
    assert len(events["losses"]) < 600
    assert job["data"]["answer"]["verdict"] == "exact"
    assert "answer" in run(told["python"])


def test_uploaded_pictures_and_what_jpeg_did(api, learn, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    before = Image.fromarray(np.kron(rng.integers(60, 190, (24, 24)), np.ones((3, 3))).astype(np.uint8))
    sources = []
    for name, picture, kind in (("before", before, "PNG"), ("after", before.filter(ImageFilter.SHARPEN), "JPEG")):
        file = io.BytesIO()
        picture.save(file, kind, quality=90)
        (tmp_path / f"{name}.png").write_bytes(file.getvalue())
        answer = api.post("/api/uploads", content=file.getvalue(), headers={"Content-Type": "application/octet-stream"})
        sources.append(answer.json()["source"])
    asked = {"picture": sources[0], "after": sources[1], "steps": 3}
    told = api.post("/api/learn/foresee", json=asked).json()
    answer = learn(**asked)[0]["data"]["answer"]
    with Image.open(tmp_path / "after.png") as stored:
        table = np.array(stored.quantization[0]).reshape(8, 8)  # pyright: ignore[reportAttributeAccessIssue]
        right = cs.recover(np.asarray(before), np.asarray(stored), jpeg=table)
    assert answer["kernels"][0]["taps"]["values"] == pytest.approx(right.kernel.ravel().tolist())
    assert any(one["kind"].startswith("jpeg") for one in answer["reasons"])
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(run(told["python"])["answer"].kernel, right.kernel)


def test_of_large_pictures_the_part_with_most_detail_is_learned_from(lab):
    plain = np.full((60, 63), 120, np.uint8)
    plain[20:40, 30:60] = np.random.default_rng(0).integers(0, 255, (20, 30))
    given = lesson(Task(picture=painted(plain), after="done:sharpened"), lab)
    assert given.x.shape == (60, 63)
    castle = lesson(Task(picture="builtin:castle", after="done:sharpened"), lab)
    grey = np.asarray(Image.fromarray(builtin("castle")).convert("L")).astype(int)
    rows, columns = castle.cut[0]
    assert castle.x.shape == (96, 96)
    np.testing.assert_array_equal(castle.x, grey[rows, columns] / 255)

    def detail(top: int, left: int) -> int:
        part = grey[top : top + 96, left : left + 96]
        return int(np.abs(np.diff(part, axis=0)).sum() + np.abs(np.diff(part, axis=1)).sum())

    chosen = detail(rows.start, columns.start)
    assert chosen > 0.97 * max(detail(top, left) for top in range(0, 247, 94) for left in range(0, 465, 94))
    made = np.asarray(Image.fromarray(builtin("castle")).filter(ImageFilter.SHARPEN).convert("L")) / 255
    kernel = np.array([[-2, -2, -2], [-2, 32, -2], [-2, -2, -2]]) / 16
    inner = (made[castle.cut[1]] > 0.02) & (made[castle.cut[1]] < 0.98)
    off = np.abs(ops.corr2d(castle.x, kernel) - castle.y)[inner]
    assert np.median(off) < 1 / 255  # x and y lie on each other


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({}, 400, "neither given"),
        ({"kernel": [[1]], "after": "done:median"}, 400, "both given"),
        ({"kernel": [[1, 2], [3]]}, 400, "make all rows equally long"),
        ({"kernel": [[1] * 10]}, 422, "at most 9"),
        ({"kernel": [["x"]]}, 422, "valid number"),
        ({"kernel": [[1]], "rate": 0}, 422, "rate"),
        ({"kernel": [[1]], "steps": 2001}, 422, "steps"),
        ({"kernel": [[1]], "picture": "builtin:nobody"}, 400, "give builtin:NAME"),
        ({"after": "done:nothing"}, 400, "give done:NAME"),
        ({"after": "upload:" + "0" * 32}, 400, "upload the file again"),
        ({"after": "builtin:owl"}, 400, "before is 342 x 560 and after is"),
        ({"picture": "builtin:castle", "after": "builtin:castle"}, 400, "are the same picture"),
        ({"picture": "builtin:point", "kernel": [[1] * 9] * 9, "rows": 1, "columns": 1}, 200, ""),
        ({"picture": painted(np.zeros((2, 9), np.uint8)), "kernel": [[1]] * 3}, 400, ""),
        ({"kernel": [[1e-300, 0]]}, 200, ""),
    ],
)
def test_one_line_says_what_to_mend(api, asked, status, says):
    for way in ("foresee", "learn"):
        if status == 200 and way == "learn":
            continue
        answer = api.post(f"/api/learn/{way}", json=asked)
        assert answer.status_code == status, answer.text
        if status != 200:
            problem = answer.json()["problem"]
            assert says in problem
            assert "\n" not in problem


def test_a_stopped_descent_stops(lab):
    task = Task(picture="builtin:castle", kernel=SOBEL, steps=2000)
    given = lesson(task, lab)
    job = Job("learn", watching.work(task, given, foreseen.verdict(task, given), lab))
    told = []

    def stop_at_the_first(event: dict) -> None:
        told.append(event)
        job.stopping.set()

    job.state = "running"
    report = Report(job)
    job.say = stop_at_the_first  # type: ignore[method-assign, assignment]
    with pytest.raises(Stopped):
        watching.Descent(task, given, foreseen.verdict(task, given), report).run()
    assert len(told) == 1


@pytest.mark.parametrize("steps", [1, 159, 160, 161, 2000])
def test_kernels_are_kept_from_first_to_last(steps):
    kept = watching.kept_steps(steps)
    assert kept[0] == 0
    assert kept[-1] == steps
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= 161


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_may_be_said_has_words(language):
    words = catalogue()[language]
    for kind, sentence in SENTENCES.items():
        assert placeholders(words[f"learn.reason.{slug(kind)}"]) <= placeholders(sentence)
    for kind in VERDICTS:
        assert words[f"learn.answer.{slug(kind)}"]
        assert words[f"learn.answer.{slug(kind)}Means"]
    for name in (*MODES, *OTHERS):
        assert words[f"learn.edge.{name}"]
    for name in NAMED:
        assert words[f"learn.name.{name}"]
    for name in DONE:
        assert words[f"learn.done.{name}"]
    for kind in ("stable", "unstable", "border", "flat", "adam", "adam-short"):
        assert words[f"learn.verdict.{kind}"]


def test_both_languages_fill_in_the_same_values():
    english, chinese = catalogue()["en"], catalogue()["zh"]
    mine = {key for key in english if key.startswith("learn.")}
    assert mine == {key for key in chinese if key.startswith("learn.")}
    assert all(re.search(r"[一-鿿]", chinese[key]) for key in mine - {"learn.adam"})
    assert {key for key in mine if placeholders(english[key]) != placeholders(chinese[key])} == set()
