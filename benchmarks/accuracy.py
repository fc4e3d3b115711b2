"""Test accuracy of LeNet-5 over seeds, and the time to 99 % from a cold process.

    python benchmarks/accuracy.py [--seeds 5] [--threads 2]

Each seed changes the initial weights, the held-out pictures, the order and the variations. Which epoch to keep is
chosen on the 5,000 held-out training pictures; the test set is read once, at the end. Time to 99 % is that of a new
process with an empty compile cache; it trains by `QUICK`, fixed beforehand, and reads the test set once at its end.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from beside import machine

QUICK = "Recipe(epochs=4, batch=64, rate=0.05), Vary(0.0, 0.0, 0.0, 0.0)"

COLD = """
import time
begin = time.perf_counter()
from convscope.nn.train import Recipe
from convscope.ops.fast.compiled import set_threads
from convscope.tasks import digits, trained
from convscope.tasks.augment import Vary
set_threads({threads})
pictures = digits.load()
loaded = time.perf_counter()
few = warm_up(pictures)
trained.judge(trained.fit(few, Recipe(epochs=1, batch=64), Vary(0.0, 0.0, 0.0, 0.0)).network, few)
compiled = time.perf_counter()
network = trained.fit(pictures, {quick})
accuracy = trained.judge(network.network, pictures).accuracy
end = time.perf_counter()
print(loaded - begin, compiled - loaded, end - compiled, accuracy)
"""

WARM_UP = """
from dataclasses import replace
def warm_up(p):
    return replace(p, train_images=p.train_images[:640], train_labels=p.train_labels[:640],
                   test_images=p.test_images[:128], test_labels=p.test_labels[:128])
"""


def cold(threads: int) -> tuple[float, float, float, float]:
    """Seconds to import and load, to compile, to train and judge; the test accuracy."""
    with tempfile.TemporaryDirectory() as cache:
        code = WARM_UP + COLD.format(threads=threads, quick=QUICK)
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    load, compiling, training, accuracy = (float(word) for word in run.stdout.split())
    return load, compiling, training, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(machine(options.threads))
    print("time to 99 % from a cold process: load + compile + train and judge")
    for _ in range(3):
        load, compiling, training, accuracy = cold(options.threads)
        print(f"  {load:.1f} s + {compiling:.1f} s + {training:.1f} s: {accuracy:.2%}", flush=True)

    from convscope.nn.train import Recipe
    from convscope.ops.fast.compiled import set_threads
    from convscope.tasks import digits, trained

    set_threads(options.threads)
    pictures = digits.load()
    accuracies = []
    for seed in range(options.seeds):
        begin = time.perf_counter()
        network = trained.fit(pictures, Recipe(seed=seed))
        verdict = trained.judge(network.network, pictures)
        accuracies.append(verdict.accuracy)
        validation = max(row["validation_accuracy"] for row in network.history)
        print(
            f"seed {seed}: validation {validation:.2%}, test {verdict.accuracy:.2%} ({len(verdict.misread)} misread), "
            f"{time.perf_counter() - begin:.0f} s",
            flush=True,
        )
    if not accuracies:
        return
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    mean = statistics.mean(accuracies)
    print(f"test accuracy {mean:.2%}, standard deviation {spread:.2%}, lowest {min(accuracies):.2%}")


if __name__ == "__main__":
    main()
