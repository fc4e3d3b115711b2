"""Runs on a real cluster of several nodes, each a raylet of its own with one CPU; workers and nodes die in mid-run."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.atlas import job, plan, work
from convscope.atlas.gallery import ArrayGallery, Stack
from convscope.atlas.runners import ray as runner
from convscope.atlas.runners import serial, streaming, worker
from convscope.atlas.store import Store
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing

ray: Any = pytest.importorskip("ray", reason="pip install 'convscope[cluster]'")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`use_.*` is deprecated:DeprecationWarning"),  # Ray Data's own settings
]

RECIPE = Recipe("tiny", facets=1, steps=2, examples=2, links=2, trust=False)
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes, this process connected to the first, which says it had a GPU; tests take the others away."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_gpus": 1})
    for _ in range(2):
        cluster.add_node(**NODE)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@dataclass(frozen=True)
class Doom:
    """Of one node, which is to be removed while it does a task; `folder` tells where what was begun."""

    folder: Path
    node: str

    def begin(self, what: object) -> None:
        """On a worker: wait until something was begun on that node; who is there himself never comes back."""
        here = ray.get_runtime_context().get_node_id()
        (self.folder / f"{what} on {here}").touch()
        end = time.monotonic() + 60
        while here == self.node or not any(self.folder.glob(f"* on {self.node}")):
            assert time.monotonic() < end, "the node was neither given a task nor removed"
            time.sleep(0.02)

    def begun(self) -> list[str]:
        """What was begun on the node: on how many nodes each."""
        names = [file.name.partition(" on ")[0] for file in self.folder.glob(f"* on {self.node}")]
        return [f"{name}: {len([*self.folder.glob(f'{name} on *')])}" for name in names]


@pytest.fixture
def doom(cluster: Any, tmp_path: Path) -> Doom:
    return Doom(tmp_path, cluster.list_all_nodes()[-1].node_id)


def pull_the_plug(cluster: Any, doom: Doom) -> None:
    (node,) = (node for node in cluster.list_all_nodes() if node.node_id == doom.node)
    cluster.remove_node(node, allow_graceful=False)


class Watched(ArrayGallery):
    """Who reads it may see a node's end."""

    doom: Doom | None = None

    def stacks(self, network: Network, numbers: Any, size: int) -> Iterator[Stack]:
        if self.doom is not None:
            self.doom.begin(numbers[0])
        return super().stacks(network, numbers, size)


def die_once(mark: Path) -> None:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def of(monkeypatch: pytest.MonkeyPatch) -> Subject:
    """Twelve pictures, three at a time: four groups that look, and others."""
    monkeypatch.setattr(plan, "PICTURES", 3)
    return subject()


def gallery(of: Subject) -> Watched:
    assert isinstance(of.gallery, Watched)
    return of.gallery


def subject() -> Subject:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Flatten(), nn.Linear(192, 2)).eval()
    network = Network(model, (1, 12, 12), Preprocessing((12, 12), (0.5,), (0.2,), order="grey"), ("no", "yes"))
    images = np.random.default_rng(0).integers(0, 256, (12, 12, 12), dtype=np.uint8)
    pictures = Watched(images, [i % 2 for i in range(12)], ("no", "yes"))
    return Subject((survey(network, "tiny"),), pictures, RECIPE, seed=0)


def records(results: Any) -> dict[str, Any]:
    """Each record by its key, met exactly once."""
    found = {}
    for group in results:
        for record in group:
            assert record.key not in found
            found[record.key] = record.numbers, dict(record.files)
    return found


def test_records_are_those_of_a_serial_run_bit_for_bit(cluster, of):
    groups = plan.groups(plan.plan(of))
    assert {task.kind for group in groups for task in group} == {"look", "verdicts", "draw", "kernels", "links"}
    serially = records(serial.run(partial(work.run, of), groups))
    assert records(runner.run(partial(work.run, of), groups)) == serially


def test_pictures_that_were_read_elsewhere_give_the_same_records(of):
    for group in plan.groups(plan.plan(of)):
        if group[0].kind == "look":
            ready = pickle.loads(pickle.dumps(streaming.read(of, group)))
            assert all(one.inputs is None for one in ready)  # eight bits a colour travel, and no floats
            there = replace(of, gallery=streaming.Decoded(gallery(of), ready))
            assert records([work.run(there, group)]) == records([work.run(of, group)])


def test_shares_of_a_gpu_are_given_to_tasks(cluster):
    given = runner.run(
        lambda item: ray.get_runtime_context().get_assigned_resources()["GPU"], [0], gpus=0.5, device="cpu"
    )
    assert list(given) == [0.5]


def test_a_worker_killed_in_mid_run_costs_only_time(cluster, tmp_path):
    def deadly(item: int) -> int:
        if item == 3:
            die_once(tmp_path / "died")
        return -item

    assert sorted(runner.run(deadly, range(6))) == [-5, -4, -3, -2, -1, 0]
    assert (tmp_path / "died").exists()


def test_a_node_removed_in_mid_pass_costs_only_time(cluster, doom, of):
    groups = [group for group in plan.groups(plan.plan(of)) if group[0].kind == "look"]
    whole = records(serial.run(partial(work.run, of), groups))
    gallery(of).doom = doom
    found = []
    for done in runner.run(partial(work.run, of), groups):
        if not found:
            pull_the_plug(cluster, doom)
        found.append(done)
    assert records(found) == whole
    assert [told[-3:] for told in doom.begun()] == [": 2"]


def test_a_node_removed_in_mid_run_costs_only_time(cluster, doom):
    def watched(item: int) -> int:
        doom.begin(item)
        return -item

    found = []
    for done in runner.run(watched, range(6)):
        if not found:
            pull_the_plug(cluster, doom)
        found.append(done)
    assert sorted(found) == list(range(-5, 1))
    assert [told[-3:] for told in doom.begun()] == [": 2"]


def test_who_always_kills_the_workers_is_named(monkeypatch, tmp_path):
    class Reference:
        def binary(self) -> bytes:
            return b"parcel"

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    died = [worker.counted([Reference()], "do", 17) for _ in range(worker.ATTEMPTS)]
    for one in died:
        one.__enter__()  # and never comes out of it
    with pytest.raises(InputError, match=r"workers: 6 have died on one machine doing 17; if memory ran out use fewer"):
        raise worker.do([Reference()], "cpu", 17)
    assert not list(tmp_path.iterdir())


def test_what_the_user_is_to_be_told_comes_in_one_line(cluster, of):
    def refused(item: int) -> None:
        raise InputError(f"item {item}: too many")

    with pytest.raises(InputError, match=r"^item 0: too many$") as told:
        list(runner.run(refused, [0]))
    assert type(told.value) is InputError
    looks = [group for group in plan.groups(plan.plan(of)) if group[0].kind == "look"]
    nothing = Subject(of.members, None, of.recipe, of.seed)
    with pytest.raises(InputError, match=r"^gallery: there is none; give pictures to look at$"):
        list(runner.run(partial(work.run, nothing), looks))


def test_a_fault_of_ours_keeps_its_traceback(cluster):
    def by_zero(item: int) -> float:
        return item / 0

    with pytest.raises(ZeroDivisionError, match="in by_zero"):
        list(runner.run(by_zero, [1]))


def test_what_is_asked_for_must_be_there(cluster):
    with pytest.raises(InputError, match=r"gpus=2: the cluster has 1; give 0 to compute on CPUs"):
        list(runner.run(abs, [1], gpus=2.0))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"workers": 0}, "workers=0: at least 1 has to do the work"),
        ({"gpus": -1.0}, "gpus=-1.0: give the share of a GPU for each task, such as 0.25 or 1, or 0 for none"),
        ({"gpus": 1.5}, "gpus=1.5: give the share"),
        ({"address": "127.0.0.1:9"}, r"address=127\.0\.0\.1:9: no Ray cluster answers there \(.* refused\); start one"),
        ({"address": "ray://host:10001"}, "address=ray://host:10001: run the job on a machine of the cluster, and"),
    ],
)
def test_bad_arguments(given: dict[str, Any], told: str, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InputError, match=told):
        list(runner.run(abs, [1], **given))


DRIVER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from convscope.atlas import job
from convscope.atlas.runners import ray
from test_ray import subject

def slowly(function, groups):
    for records in ray.run(function, groups, address=sys.argv[3] or None, workers=1):
        yield records
        time.sleep(0.2)

job.build(sys.argv[2], replace(subject(), gallery=None), runner=slowly)
"""


def begun(url: Path, address: str) -> subprocess.Popen:
    """Another process that makes an atlas, and has come one record further."""
    before = len(stored(url))
    command = [sys.executable, "-c", DRIVER, str(Path(__file__).parent), str(url), address]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 180
    while len(stored(url)) == before:
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < end, "it does nothing"
        time.sleep(0.02)
    return driver


def stored(url: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (url / "records").rglob("*.json")}


def test_a_driver_killed_or_interrupted_goes_on_where_it_was(cluster, tmp_path):
    url = tmp_path / "atlas"
    driver = begun(url, cluster.address)
    driver.kill()
    driver.communicate()
    first = stored(url)

    driver = begun(url, "")  # with a cluster of its own
    driver.send_signal(signal.SIGINT)
    told, _ = driver.communicate(timeout=60)
    assert driver.returncode != 0
    assert "KeyboardInterrupt" in told
    then = stored(url)

    of = replace(subject(), gallery=None)
    tasks = plan.plan(of)
    assert len(first) < len(then) < len(tasks)
    page = job.build(str(url), of, runner=runner.run)
    assert page is not None
    last = stored(url)
    assert {key: last[key] for key in then} == then, "what was done is not done again"
    assert {task.key for task in tasks} <= set(last)
    assert not Store.open(str(url)).verify()
