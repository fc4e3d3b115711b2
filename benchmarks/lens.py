"""Pictures of units beside lucent, dreamlens and horama: time at equal or better objective, and memory.

    python benchmarks/lens.py --setup DIR     installs the peers by pip, each alone, into folders of DIR
    python benchmarks/lens.py --peers DIR [--photos FOLDER] [--only squeezenet/features.3] [--units 8] [--rounds 3]

Every contestant runs in a process of its own, on the same network, units, threads and size of picture (224), each by
its own recipe. They take turns; a round is all units of a layer by all of them, and gives one ratio of times. Each
picture is then shown, moved a little, to the network by one judge (peers/judge.py), who knows no contestant; answers
are shares of the unit's largest answer to the photographs.

Terms: "default": each raises what it raises by default (convscope one position on a canvas of its receptive field, the
peers the channel's mean), judged by the largest answer over all positions; "neuron": all raise one position, judged
likewise; "channel": all raise the channel's mean on a full canvas, judged by the mean. Layers of single values (logits)
have one kind of term.

Columns: "times" is the peer's time over convscope's, the median and the range over the rounds; "objective" is
convscope's answer over the peer's, the median unit; "equal" is the time until the peer's picture answers as strongly
as convscope's finished one, over convscope's time, the median unit ("> x": not within x times, the longest run). MiB is
the peak above what the process held with the network loaded. "By steps" is the peer's answer after so many steps.
Rounds after the first time only `--timed` of a peer's steps, which all cost the same, and count them up.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "peers")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from beside import REST, machine  # noqa: E402
from contestants import RECIPE  # noqa: E402
from judge import Judge  # noqa: E402

from convscope.lens.models import load  # noqa: E402

PACKAGES = {
    "lucent": ["torch-lucent==0.1.8", "kornia==0.4.1", "tqdm==4.70.1", "decorator==5.3.1"],
    "dreamlens": ["dreamlens==0.1.1"],
    "horama": ["horama==0.3.0", "einops==0.8.2", "tqdm==4.70.1"],
}
LAYERS = {
    "squeezenet": ["features.1", "features.3", "features.6", "features.9", "classifier.4"],
    "efficientnet-lite0": ["_bn0", "_blocks.2", "_blocks.8", "_fc"],
}
MARKS = (32, 64, 128, 256, 512)


def setup(folder: Path) -> None:
    """Each peer into a folder of its own, without what it asks for besides: PyTorch and NumPy are ours."""
    for name, packages in PACKAGES.items():
        where = ["--target", str(folder / name), "--upgrade"]
        subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", *where, *packages], check=True)


@dataclass(frozen=True)
class Answer:
    """pictures: {mark: (units, c, h, w)}; seconds: {mark: for all units}; memory: the peak in bytes."""

    pictures: dict[int, np.ndarray]
    seconds: dict[int, float]
    memory: int
    stubbed: list[str]


class Worker:
    """A contestant in its own process."""

    def __init__(self, name: str, network: str, threads: int, peers: Path | None) -> None:
        path = [str(peers / name)] if peers and name in PACKAGES else []
        path = os.pathsep.join(filter(None, [*path, os.environ.get("PYTHONPATH")]))
        settings = {**os.environ, "OMP_NUM_THREADS": str(threads), "TQDM_DISABLE": "1", "PYTHONPATH": path}
        command = [sys.executable, "-W", "ignore", str(HERE / "peers" / "worker.py"), name, network, str(threads)]
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_failure: object) -> None:
        self.process.communicate()

    def ask(self, marks: Sequence[int], **job: object) -> Answer:
        assert self.process.stdin
        assert self.process.stdout
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "pictures.npz")
            print(json.dumps({**job, "marks": list(marks), "out": str(out)}), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"{self.name} has ended; its error stands above")
            answer = json.loads(line)
            with np.load(out) as arrays:
                pictures = {int(mark): arrays[mark] for mark in arrays.files}
        return Answer(pictures, dict(answer["seconds"]), answer["memory"], answer["stubbed"])


def marks_of(name: str, limit: int) -> list[int]:
    """After how many steps the contestant's pictures are kept; its own recipe's among them."""
    if name == "convscope":
        return [0]
    return sorted({recipe(name, limit), *(mark for mark in MARKS if mark <= limit)})


def recipe(name: str, limit: int) -> int:
    """The mark of the contestant's own number of steps."""
    return min(RECIPE.get(name, 0), limit)


def time_to(goal: float, curve: list[tuple[float, float]]) -> tuple[float, bool]:
    """Seconds until a curve of (seconds, objective) reaches the goal, between marks along a line; False: never."""
    before = (0.0, 0.0)
    for point in curve:
        if point[1] >= goal:
            part = (goal - before[1]) / (point[1] - before[1]) if point[1] > before[1] else 0.0
            return before[0] + max(part, 0.0) * (point[0] - before[0]), True
        before = point
    return curve[-1][0], False


def compare(workers: Sequence[Worker], judge: Judge, units: list[int], terms: str, options: argparse.Namespace) -> None:
    """One table: a layer under some terms."""
    measure = "mean" if terms == "channel" else "max"
    job = {"layer": judge.layer, "terms": terms, "vector": judge.vector, "batch": options.batch}
    spare = next(unit for unit in range(judge.count) if unit not in units)
    for worker in workers:  # compiled, traced and warm, on a unit that is not asked for
        worker.ask([-2 if worker.name == "convscope" else 2], units=[spare], seed=0, **job)
    seconds: dict[str, list[float]] = {worker.name: [] for worker in workers}
    first: dict[str, Answer] = {}
    shares: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for worker in workers:
            time.sleep(REST)
            name, own = worker.name, recipe(worker.name, options.limit)
            if turn == 0:
                answer = first[name] = worker.ask(marks_of(name, options.limit), units=units, seed=0, **job)
                seconds[name].append(answer.seconds[own])
                shares[name] = judged(judge, answer.pictures[own], units, measure)
            else:
                mark = min(own, options.timed)
                answer = worker.ask([mark], units=units, seed=turn, **job)
                seconds[name].append(answer.seconds[mark] * (own / mark if own else 1))
    ours, goal = seconds["convscope"], shares["convscope"]
    natural = statistics.median(judge.natural(unit, measure) for unit in units)
    print(f"\n{judge.network.source} {judge.layer}, {terms}, {len(units)} units ({measure}; photographs {natural:.3g})")
    print(
        f"  {'convscope':10} {statistics.median(ours) / len(units):8.3f} s a unit"
        f"  {60 * len(units) / statistics.median(ours):8.1f} a minute"
        f"  objective {np.median(goal):6.2f}  {first['convscope'].memory / 2**20:6.0f} MiB"
    )
    for worker in workers[1:]:
        name = worker.name
        answer, theirs = first[name], seconds[name]
        times = [b / a for a, b in zip(ours, theirs, strict=True)]
        gain = np.median(np.divide(goal, shares[name]))
        curves = {mark: judged(judge, pictures, units, measure) for mark, pictures in sorted(answer.pictures.items())}
        equal = [
            time_to(goal[i], [(answer.seconds[mark], values[i]) for mark, values in curves.items()])
            for i in range(len(units))
        ]
        reached, found = sorted(equal)[(len(equal) - 1) // 2]
        own = recipe(name, options.limit)
        cut = f"  cut to {own} of {RECIPE[name]} steps" if own < RECIPE[name] else ""
        stubbed = f"  stubbed: {', '.join(answer.stubbed)}" if answer.stubbed else ""
        print(
            f"  {name:10} {statistics.median(theirs) / len(units):8.3f} s a unit"
            f"  {60 * len(units) / statistics.median(theirs):8.1f} a minute"
            f"  objective {np.median(shares[name]):6.2f}  {answer.memory / 2**20:6.0f} MiB"
            f"  times {statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"
            f"  objective {gain:.2f}  equal {'' if found else '> '}{reached / ours[0]:.1f}{cut}{stubbed}"
        )
        print(" " * 13 + "by steps: " + "  ".join(f"{m}: {np.median(v):.2f}" for m, v in curves.items()), flush=True)


def judged(judge: Judge, pictures: np.ndarray, units: list[int], measure: str) -> list[float]:
    return [judge.share(picture, unit, measure) for picture, unit in zip(pictures, units, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", type=Path, help="install the peers into folders of this one, and end")
    parser.add_argument("--peers", type=Path, help="where they were installed; without it convscope runs alone")
    parser.add_argument("--names", nargs="+", choices=list(PACKAGES), default=list(PACKAGES), help="which peers")
    parser.add_argument("--only", default="", help="just the layers whose network/name begins so")
    parser.add_argument("--layers", nargs="+", help="network/name each, instead of the usual ones")
    parser.add_argument("--terms", nargs="+", choices=["default", "neuron", "channel"], default=["default", "channel"])
    parser.add_argument("--photos", type=Path, help="a folder of photographs (default: scikit-image's own)")
    parser.add_argument("--units", type=int, default=8, help="of each layer, drawn by chance among those that answer")
    parser.add_argument("--batch", type=int, default=8, help="pictures in a batch, for peers that know batches")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=1000, help="no more steps than this for any peer")
    parser.add_argument("--timed", type=int, default=32, help="steps of a peer that rounds after the first time")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.setup:
        return setup(options.setup)
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    asked = options.layers or [f"{network}/{layer}" for network, layers in LAYERS.items() for layer in layers]
    for source in LAYERS:
        layers = [name.partition("/")[2] for name in asked if name.startswith(f"{source}/")]
        layers = [layer for layer in layers if f"{source}/{layer}".startswith(options.only)]
        if not layers:
            continue
        network = load(source)
        names = ["convscope", *(options.names if options.peers else [])]
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(n, source, options.threads, options.peers)) for n in names]
            for layer in layers:
                judge = Judge(network, layer, options.photos)
                units = chosen(judge, options.units)
                for terms in ["default"] if judge.vector else options.terms:
                    compare(workers, judge, units, terms, options)
    return None


def chosen(judge: Judge, count: int) -> list[int]:
    """Units by chance, among those that some photograph excites: the scale would be 0 for the others."""
    alive = [unit for unit in range(judge.count) if judge.natural(unit, "mean") > 0]
    return sorted(np.random.default_rng(4).choice(alive, min(count, len(alive) - 1), replace=False).tolist())


if __name__ == "__main__":
    main()
