"""Real examples beside the bare forward pass: pictures a second with all the bookkeeping, as a share of those without.

    python benchmarks/examples.py [--threads 2] [--rounds 7] [--pictures 256] [--batch 16]

SqueezeNet and EfficientNet-Lite0 on noise of their own input size: what a number is does not change the work, but for
how often a picture enters the lists, which noise does no less than photographs. "Bare" is `model(batch)` in eval mode
without gradients, pictures in channels_last, as `examples` feeds them; NCHW stands beside it. What `examples` does
once, whatever the number of pictures (receptive fields, axes of the layers, the weights' hash), is in the time, as it
is for a user, and printed apart as "at once": with few pictures it weighs most.
"""

import argparse
import itertools
import os
import statistics
import time

os.environ.update(OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2", MKL_NUM_THREADS="2")  # before NumPy and PyTorch load

import torch
from beside import REST, Timing, machine, ratio

from convscope.lens.exemplars import examples
from convscope.lens.fields import trace
from convscope.lens.models import Network, load


def bare(model: torch.nn.Module, pictures: torch.Tensor, batch: int, memory_format: torch.memory_format) -> None:
    with torch.no_grad():
        for i in range(0, len(pictures), batch):
            model(pictures[i : i + batch].contiguous(memory_format=memory_format))


def running(network: Network, names: list[str], pictures: torch.Tensor, batch: int, once: list[float]) -> None:
    """One pass; the time before its second batch, less that of a later batch, goes into `once`."""
    moments = [time.perf_counter()]
    examples(network, names, pictures, batch=batch, progress=lambda *_: moments.append(time.perf_counter()))
    steps = [b - a for a, b in itertools.pairwise(moments)]
    once.append(steps[0] - statistics.median(steps[1:]))


def compare(source: str, count: int, batch: int, rounds: int) -> None:
    network = load(source)
    pictures = torch.randn(count, *network.input_shape, generator=torch.Generator().manual_seed(0))
    names = [visit.name for visit in trace(network.model, network.input_shape) if not visit.is_block]
    once: list[float] = []
    contestants = {
        "bare, channels_last": lambda: bare(network.model, pictures, batch, torch.channels_last),
        "bare, NCHW": lambda: bare(network.model, pictures, batch, torch.contiguous_format),
        f"examples, all {len(names)} layers": lambda: running(network, names, pictures, batch, once),
        "examples, the last five": lambda: examples(network, names[-5:], pictures, batch=batch),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for _ in range(rounds):
        for name, run in contestants.items():
            time.sleep(REST)
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    timings = {name: Timing(one) for name, one in times.items()}
    print(f"\n{source}: {count} pictures, {batch} at a time, {rounds} rounds; at once {statistics.median(once):.2f} s")
    for name, timing in timings.items():
        middle, low, high = ratio(timing, timings["bare, channels_last"])
        print(f"  {name:28} {count / timing.seconds:8.1f} pictures/s  {middle:5.2f} ({low:.2f} to {high:.2f}) of bare")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, choices=(1, 2))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--only", choices=("squeezenet", "efficientnet-lite0"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine(options.threads) + f"; load {os.getloadavg()[0]:.1f}")
    for source in ("squeezenet", "efficientnet-lite0") if options.only is None else (options.only,):
        compare(source, options.pictures, options.batch, options.rounds)


if __name__ == "__main__":
    main()
