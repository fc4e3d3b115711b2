"""Runs that are over stay over, whatever stops the others."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.tasks import runs
from convscope.tasks.runs import Kept, digest, until_done


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(runs, "user_cache_path", lambda _: folder)
    return folder


def counted() -> tuple[list[str], Callable[[str], dict[str, float]]]:
    made: list[str] = []
    return made, lambda key: made.append(key) or {"accuracy": len(made) / 3}


def stopped(*subject: object, by: BaseException, after: int = 1) -> None:
    """A comparison that is stopped when so many runs are over, each of which found its number."""
    with until_done("go", *subject) as kept:
        for number in range(after):
            kept.run(str(number), lambda number=number: {"number": number})
        raise by


def test_a_run_is_made_once_and_read_as_it_was_found(tmp_path: Path):
    made, make = counted()
    file = tmp_path / "new" / "runs.json"
    first = [Kept(file).run(key, lambda key=key: make(key)) for key in ("a", "b", "a")]
    assert made == ["a", "b"]
    assert first == [{"accuracy": 1 / 3}, {"accuracy": 2 / 3}, {"accuracy": 1 / 3}]
    assert Kept(file).count == 2


def test_what_was_found_cannot_be_changed_from_outside():
    kept = Kept()
    kept.run("a", lambda: {"x": 1.0}).pop("x")
    assert kept.run("a", dict) == {"x": 1.0}


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}', "\udcff"])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: str):
    file = tmp_path / "runs.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"runs\.json: holds no finished runs .*; name another file"):
        Kept(file)
    assert file.read_bytes() == before


def test_a_stopped_comparison_goes_on_and_leaves_nothing_behind(cache: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(KeyboardInterrupt, match="stopped; finished runs kept: 2, the same command goes on after them"):
        stopped("games", 5, by=KeyboardInterrupt(), after=2)
    with until_done("go", "games", 6) as other:
        assert other.count == 0
    with monkeypatch.context() as patched, until_done("text", "games", 5) as other:
        assert other.count == 0
        patched.setattr(runs, "__version__", "0.0.1")
        with until_done("go", "games", 5) as older:
            assert older.count == 0
    with until_done("go", "games", 5) as kept:
        assert [kept.run(str(number), dict) for number in range(3)] == [{"number": 0}, {"number": 1}, {}]
    assert list(cache.iterdir()) == []


def test_an_error_keeps_them_too():
    with pytest.raises(InputError, match="no room"):
        stopped(by=InputError("no room"))
    with until_done("go") as kept:
        assert kept.run("0", dict) == {"number": 0}


def test_where_nothing_can_be_kept_the_work_is_done_all_the_same(cache: Path):
    cache.write_text("a file in the way")
    with until_done("go") as kept:
        assert kept.run("a", lambda: {"x": 1.0}) == {"x": 1.0}
    with pytest.raises(KeyboardInterrupt, match="stopped; no run is kept"):
        stopped(by=KeyboardInterrupt())
    assert cache.read_text() == "a file in the way"


def test_a_damaged_file_is_made_anew(cache: Path):
    with pytest.raises(KeyboardInterrupt):
        stopped(by=KeyboardInterrupt())
    (file,) = cache.iterdir()
    file.write_text("{")
    with until_done("go") as kept:
        assert kept.run("0", lambda: {"number": 2}) == {"number": 2}
    assert list(cache.iterdir()) == []


def test_arrays_that_differ_have_another_digest():
    a, b = np.arange(6.0), np.zeros(3)
    assert digest(a, b) == digest(a.copy(), b)
    assert len({digest(a, b), digest(a + 1, b), digest(a), digest(b, a)}) == 4
