"""What an atlas costs: by one worker after another, and for each picture and unit, which docs/scale.md reckons with.

    python benchmarks/atlas.py scaling --images FOLDER [--rounds 3] [--model squeezenet] [--limit 64] [--layers ...]
    python benchmarks/atlas.py costs --images FOLDER [--rounds 3] [--model squeezenet] [--limit 128]

scaling: the tasks of one atlas by the serial runner, by Ray with one worker and by Ray with two, in turn; each computes
on one thread. The clusters stand before the clock starts, and every worker has loaded the network: what is compared is
the work, what starting costs is printed apart. Ratios are to the serial run of the same round.

costs: seconds of one thread (CPU time, of all threads that read and compute) for each picture and unit, and bytes that
are stored for each.
"""

import argparse
import os
import statistics
import time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before NumPy and PyTorch load

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from beside import Timing, machine, ratio

from convscope.atlas import looking, plan, work
from convscope.atlas.format import parse_record, record_bytes
from convscope.atlas.gallery import FileGallery
from convscope.atlas.likeness import Answers, similar
from convscope.atlas.runners import ray as on_ray
from convscope.atlas.runners import serial
from convscope.atlas.store import Record
from convscope.atlas.subject import RECIPES, Subject
from convscope.atlas.survey import survey
from convscope.lens.exemplars.feed import batch_size
from convscope.lens.exemplars.keeping import SAMPLE
from convscope.lens.exemplars.merging import merged
from convscope.lens.models import load

LAYERS = ("features.0", "features.3", "features.6.expand3x3", "features.12")
DRAWN = 4


def subject_of(options: argparse.Namespace, layers: Sequence[str] | None, units: Sequence[int] | None) -> Subject:
    network = load(options.model)
    member = survey(network, options.model, layers, units)
    gallery = FileGallery(options.images, options.limit)
    return Subject((member,), gallery, RECIPES["quick"], seed=0)


@contextmanager
def cluster(workers: int) -> Iterator[None]:
    import ray

    quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    ray.init(address="local", num_cpus=workers, **quiet)
    try:
        yield
    finally:
        ray.shutdown()


def done(runner: Callable[..., Any], subject: Subject, groups: Sequence[plan.Group]) -> dict[str, bytes]:
    """Every record as bytes, by its key."""
    return {
        record.key: record_bytes(record) + b"".join(record.files.values())
        for records in runner(partial(work.run, subject), groups)
        for record in records
    }


def scaling(options: argparse.Namespace) -> None:
    plan.PICTURES = options.shard
    subject = subject_of(options, options.layers, range(DRAWN))
    groups = plan.groups(plan.plan(subject))
    # what looks goes through Ray Data, all else through plain tasks: a warm stream is one that has run before
    kinds = {kind: sum(len([t for t in group if t.kind == kind]) for group in groups) for kind in ("look", "draw")}
    print(
        f"{options.model}, {len(subject.members[0].layers)} layers, {len(subject.gallery or ())} pictures in shards of "
        f"{options.shard}, {DRAWN} units drawn of each layer: {len(groups)} groups of tasks ({kinds}), "
        f"{options.rounds} rounds; load {os.getloadavg()[0]:.1f}"
    )
    times: dict[str, list[float]] = {"serial": [], "ray, 1 worker": [], "ray, 2 workers": []}
    starts: dict[str, list[float]] = {name: [] for name in times}
    expected = done(serial.run, subject, groups)
    for _ in range(options.rounds):
        start = time.perf_counter()
        done(serial.run, subject, groups)
        times["serial"].append(time.perf_counter() - start)
        for workers, name in ((1, "ray, 1 worker"), (2, "ray, 2 workers")):
            start = time.perf_counter()
            with cluster(workers):
                warm = done(on_ray.run, subject, groups[: 2 * workers])
                starts[name].append(time.perf_counter() - start)
                start = time.perf_counter()
                found = done(on_ray.run, subject, groups)
                times[name].append(time.perf_counter() - start)
            same = found == expected and all(expected[key] == value for key, value in warm.items())
            told = "the same bytes" if same else "OTHER BYTES"
            seconds, serially = times[name][-1], times["serial"][-1]
            print(f"  {name}: {seconds:.1f} s, serial {serially:.1f} s, {told} as the serial run", flush=True)
    timings = {name: Timing(one) for name, one in times.items()}
    for name, timing in timings.items():
        middle, low, high = ratio(timing, timings["serial"])
        started = f"{statistics.median(starts[name]):6.1f} s to start" if starts[name] else ""
        print(f"  {name:16} {timing.seconds:7.1f} s  {middle:5.2f} ({low:.2f} to {high:.2f}) of serial  {started}")


def cpu(function: Callable[[], object]) -> tuple[float, Any]:
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def spread(values: Sequence[float], unit: float = 1e3) -> str:
    return f"{statistics.median(values) * unit:.2f} ({min(values) * unit:.2f} to {max(values) * unit:.2f})"


def costs(options: argparse.Namespace) -> None:
    subject = subject_of(options, None, None)
    (member,), gallery = subject.members, subject.gallery
    assert gallery is not None
    network, count = member.network, len(gallery)
    group = next(iter(plan.groups([task for task in plan.plan(subject) if task.kind == "look"])))
    units = sum(layer.shape[0] for layer in member.layers)
    print(f"{options.model}: {len(member.layers)} layers, {units:,} units; {count} pictures, {options.rounds} rounds")

    def decoded() -> list[torch.Tensor]:
        return [stack.inputs for stack in gallery.stacks(network, range(count), batch_size(network.input_shape))]

    def bare() -> None:
        with torch.no_grad():
            for inputs in batches:
                network.model(inputs.contiguous(memory_format=torch.channels_last))

    reading, forward, passing, merging = [], [], [], []
    for _ in range(options.rounds):
        seconds, batches = cpu(decoded)
        reading.append(seconds / count)
        forward.append(cpu(bare)[0] / count)
        seconds, records = cpu(lambda: work.run(subject, group))
        passing.append(seconds / count)
        merging.append(cpu(partial(merge, records, subject))[0] / len(records) / MERGED)
    print(f"  read and decode    {spread(reading)} ms for a picture")
    print(f"  bare forward pass  {spread(forward)} ms for a picture")
    print(f"  look, all of it    {spread(passing)} ms for a picture; {1 / statistics.median(passing):.1f} pictures/s")
    print(f"  merge, from bytes  {spread(merging)} ms for a record")
    stored(records, units, count)
    for many in (1000, 4000):
        seconds, _ = cpu(partial(alike, many))
        print(f"  similar units      {seconds:.2f} s for {many} units, {SAMPLE} pictures")


MERGED = 8
"""Times that each record is merged with itself, so that reading and merging weigh as they do in long jobs."""


def merge(records: Sequence[Record], subject: Subject) -> None:
    classes = () if subject.gallery is None else subject.gallery.classes
    for record in records:
        data = record_bytes(record)
        read = (parse_record(record.key, data)["numbers"] for _ in range(MERGED))
        parts = (looking.found_in(numbers, n * plan.PICTURES, classes) for n, numbers in enumerate(read))
        merged((part for part in parts if part is not None), subject.recipe.examples)


def stored(records: Sequence[Record], units: int, count: int) -> None:
    """Bytes of the records that look, apart for what every record has and for what each sampled picture adds."""
    whole = sum(len(record_bytes(record)) for record in records)
    sample = [record.numbers["sample"] for record in records]
    values = sum(len(one[what]["base64"]) for one in sample for what in ("value", "place"))
    print(
        f"  look records       {whole:,} bytes: {(whole - values) / units:.0f} for a unit, and "
        f"{values / units / count:.1f} for a unit and sampled picture"
    )


def alike(units: int) -> None:
    values = np.random.default_rng(0).standard_normal((SAMPLE, units), dtype=np.float32)
    for _ in similar([Answers(0, "layer", values, {})]):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scaling", "costs"))
    parser.add_argument("--images", required=True, help="a folder of photographs")
    parser.add_argument("--model", default="squeezenet")
    parser.add_argument("--layers", nargs="+", default=LAYERS)
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--shard", type=int, default=16, help="pictures in one task (scaling)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(1))
    {"scaling": scaling, "costs": costs}[options.what](options)


if __name__ == "__main__":
    main()
