"""The whole way: what is made, how it goes on after a stop, what is refused and when."""

from pathlib import Path

import numpy as np
import pytest
import torch

from convscope.atlas import job
from convscope.atlas.runners import serial
from convscope.errors import InputError


def contents(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Stopping:
    """A runner that is stopped by Ctrl-C after `after` tasks, and one that counts what it was given."""

    def __init__(self, after: int | None = None):
        self.after, self.names = after, []

    def __call__(self, function, tasks):
        for task in tasks:
            if len(self.names) == self.after:
                raise KeyboardInterrupt
            self.names.append(task.name)
            yield function(task)


def test_it_returns_the_page_to_open(given, atlas):
    assert (atlas / "index.html").is_file()
    assert (atlas / "zh" / "index.html").is_file()


def test_progress_counts_to_the_end(given, tmp_path):
    told = []
    given.build(tmp_path / "a", progress=lambda *seen: told.append(seen))
    total = told[0][1]
    assert told[0] == (0, total, "")
    assert [done for done, _, _ in told] == list(range(total + 1))
    assert "examples" in {name for _, _, name in told}


@pytest.mark.parametrize("after", [0, 1, 6])
def test_stopped_by_ctrl_c_it_goes_on_and_ends_the_same(given, atlas, tmp_path, after):
    first, second = Stopping(after), Stopping()
    with pytest.raises(KeyboardInterrupt):
        given.build(tmp_path, runner=first)
    assert not (tmp_path / "index.html").exists()
    given.build(tmp_path, runner=second)
    assert set(first.names).isdisjoint(second.names)
    assert contents(tmp_path) == contents(atlas)


def test_a_second_run_makes_nothing_again(given, finished):
    before, again = contents(finished), Stopping()
    given.build(finished, runner=again)
    assert again.names == []
    assert contents(finished) == before


def test_another_seed_draws_again_and_other_weights_make_all_again(given, finished):
    runner = Stopping()
    given.build(finished, metadata=given.arguments["metadata"] | {"seed": 6}, runner=runner)
    assert {name.split("-")[0] for name in runner.names} == {"draw"}
    runner, other = Stopping(), torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 3))
    given.build(finished, model=other, runner=runner)
    assert {"verdicts", "maps", "examples", "kernels-1", "draw-1-0"} == set(runner.names)
    assert sorted(path.name for path in finished.glob("*.html")) == ["1.html", "index.html"]


def test_the_seed_decides_the_pictures(given, atlas, tmp_path):
    given.build(tmp_path, metadata=given.arguments["metadata"] | {"seed": 6})
    drawn = [
        sorted(folder.glob("pictures/draw-hidden-0-*/unit-0.png"))[0].read_bytes()
        for folder in (tmp_path, atlas)
    ]
    assert drawn[0] != drawn[1]


def test_a_foreign_folder_is_refused_before_any_work(given, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    runner = Stopping()
    with pytest.raises(InputError, match=r"precious\.txt"):
        given.build(tmp_path, runner=runner)
    assert runner.names == []
    assert list(contents(tmp_path)) == ["precious.txt"]


def test_a_place_that_cannot_be_written_is_refused_before_any_work(given, tmp_path):
    (tmp_path / "file").write_text("")
    runner = Stopping()
    with pytest.raises(InputError, match="file"):
        given.build(tmp_path / "file" / "atlas", runner=runner)
    assert runner.names == []


def test_a_read_only_place_is_refused_before_any_work(given):
    runner = Stopping()
    with pytest.raises(InputError, match="cannot write"):
        given.build(Path("/proc/atlas"), runner=runner)  # read-only for root too
    assert runner.names == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": np.zeros((40, 12, 9), np.float32)}, "images must be uint8"),
        ({"images": np.zeros((40, 12, 8), np.uint8)}, "of the same size"),
        ({"labels": np.zeros(39, int)}, "one input and one label for each image"),
        ({"labels": np.full(40, 3)}, "labels from 3 to 3 with 3 classes"),
        ({"classes": ("a", "b", "c", "d")}, "gives (3,) and there are 4 classes"),
        ({"history": [{"epoch": 1}]}, "has no 'train_loss'"),
        ({"model": torch.nn.Flatten()}, "no layer with weights"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_one_line(given, tmp_path, change, said):
    with pytest.raises(InputError) as problem:
        given.build(tmp_path / "atlas", **change)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_the_network_is_left_as_it_was(given, tmp_path):
    given.model.train()
    before = {name: value.clone() for name, value in given.model.state_dict().items()}
    given.build(tmp_path)
    assert given.model.training
    assert all(weight.requires_grad and weight.grad is None for weight in given.model.parameters())
    assert all((before[name] == value).all() for name, value in given.model.state_dict().items())


def test_serial_is_the_plain_runner():
    assert list(serial.run(str, [1, 2])) == ["1", "2"]
    assert job.HISTORY[0] == "epoch"
