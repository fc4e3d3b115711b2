"""A training step of LeNet-5, beside PyTorch at its best: same network, batch, dtype and threads.

    python benchmarks/training.py [--threads 2] [--rounds 9]

One step is forward, mean cross-entropy, backward and an SGD step with Nesterov momentum. PyTorch runs eager in NCHW,
eager in channels_last, and under torch.compile; the fastest of the three is the peer. The plain loops are those of
`ops.reference`, on two pictures.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from beside import machine, race, ratio

from convscope import bridge, nn, ops
from convscope.nn.optim import SGD
from convscope.nn.step import Stepper
from convscope.ops.fast.compiled import set_threads


def batch_of(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, n)


def ours(n: int):
    net, (x, labels) = nn.LeNet5(), batch_of(n)
    gradient, optimiser = Stepper(net), SGD(net.vector)
    return lambda: optimiser.step(gradient(x, labels).gradient, 0.001)


def pytorch(n: int, layout=torch.contiguous_format, compiled: bool = False):
    net = bridge.to_torch(nn.LeNet5()).to(memory_format=layout)
    x, labels = (torch.from_numpy(array) for array in batch_of(n))
    x = x.to(memory_format=layout)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, nesterov=True)
    criterion = torch.nn.CrossEntropyLoss()
    model = torch.compile(net) if compiled else net

    def step() -> None:
        optimiser.zero_grad()
        criterion(model(x), labels).backward()
        optimiser.step()

    return step


def plain_loops(n: int = 2) -> float:
    """Images a second of forward and backward in nested Python loops."""
    x, labels = batch_of(n)
    state, start = nn.LeNet5().state(), time.perf_counter()
    r = ops.reference
    c1 = r.conv2d(x, state["conv1.weight"], state["conv1.bias"], padding=2)
    p1, i1 = r.max_pool2d(r.relu(c1), 2, return_indices=True)
    c2 = r.conv2d(p1, state["conv2.weight"], state["conv2.bias"])
    p2, i2 = r.max_pool2d(r.relu(c2), 2, return_indices=True)
    hidden, pre = [p2.reshape(n, -1)], []
    for k in (1, 2, 3):
        pre.append(r.linear(hidden[-1], state[f"fc{k}.weight"], state[f"fc{k}.bias"]))
        hidden.append(r.relu(pre[-1]))
    grad = r.cross_entropy_input_grad(pre[-1], labels)
    for k in (3, 2, 1):
        grad = grad if k == 3 else r.relu_input_grad(pre[k - 1], grad)
        r.linear_weight_grad(hidden[k - 1], grad)
        grad = r.linear_input_grad(state[f"fc{k}.weight"], grad)
    grad = r.relu_input_grad(c2, r.max_pool2d_input_grad(c2.shape, grad.reshape(p2.shape), i2))
    r.conv2d_weight_grad(p1, state["conv2.weight"].shape, grad)
    grad = r.conv2d_input_grad(p1.shape, state["conv2.weight"], grad)
    grad = r.relu_input_grad(c1, r.max_pool2d_input_grad(c1.shape, grad, i1))
    r.conv2d_weight_grad(x, state["conv1.weight"].shape, grad, padding=2)
    return n / (time.perf_counter() - start)


def peak_memory(who: str, n: int, threads: int) -> float:
    """MiB that training for some steps adds to the peak memory of a process that does nothing else (Linux)."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import torch, training\n"
        f"training.set_threads({threads}); torch.set_num_threads({threads})\n"
        f"before = training.high_water()\n"
        f"step = training.{who}({n})\n"
        f"[step() for _ in range(20)]\n"
        f"print(training.high_water() - before)"
    )
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def high_water() -> float:
    """Largest memory that this process has had, in MiB."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    set_threads(options.threads)
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    for n in (64, 128):
        contestants = {
            "convscope": ours(n),
            "PyTorch NCHW": pytorch(n),
            "PyTorch channels_last": pytorch(n, torch.channels_last),
        }
        try:
            compiled = pytorch(n, compiled=True)
            compiled()
            contestants["PyTorch compile"] = compiled
        except Exception as problem:
            print(f"  torch.compile does not run here: {str(problem).splitlines()[0]}")
        timings = race(contestants, options.rounds)
        print(f"batch {n}: images a second, median of {options.rounds} rounds (lowest to highest)")
        for name, timing in timings.items():
            speeds = sorted(n / seconds for seconds in timing.rounds)
            print(f"  {name:22} {n / timing.seconds:8,.0f}  ({speeds[0]:,.0f} to {speeds[-1]:,.0f})")
        best = min((name for name in timings if name != "convscope"), key=lambda name: timings[name].seconds)
        middle, low, high = ratio(timings["convscope"], timings[best])
        print(f"  times {best}, PyTorch's best: {middle:.2f} ({low:.2f} to {high:.2f})")
        memory = {who: peak_memory(who, n, options.threads) for who in ("ours", "pytorch")}
        print(
            f"  peak memory of training: convscope {memory['ours']:.0f} MiB, PyTorch NCHW {memory['pytorch']:.0f} MiB"
        )
    loops = plain_loops()
    times = 128 / timings["convscope"].seconds / loops
    print(f"plain Python loops: {loops:.2f} images a second, so convscope is {times:,.0f} times as fast")


if __name__ == "__main__":
    main()
