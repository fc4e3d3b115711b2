"""Kernels along frequency, time, both or none, on speakers never heard: the Free Spoken Digit Dataset.

    python benchmarks/speech.py --recordings DIR [--seeds 3] [--results speech.json] [--threads 1] [--parts ...]

DIR holds FSDD's 3000 recordings of six speakers. Parts:

varied      leave one speaker out, every kind of network at equal weights, learned from varied words
plain       the same, learned from the words as they are: what the kernels alone are worth under warps and shifts
takes       FSDD's own split: takes 0 to 4 tested, the others learned from; same speakers on both sides
synthetic   learned from synthetic voices alone, tested on all of FSDD

Every training is in the results as soon as it is over; started again, the program goes on after the last one.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from beside import machine

from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.runs import Figures, Kept
from convscope.tasks.speech import ablate, judging, recordings, splits, training, voices
from convscope.tasks.speech.network import Settings, build, count
from convscope.tasks.speech.recordings import Recordings
from convscope.tasks.speech.splits import Split

PARTS = ("varied", "plain", "takes", "synthetic")
KINDS = {
    "varied": ("frequency", "time", "both", "connected"),
    "plain": tuple(ablate.KINDS),
    "takes": ("frequency", "both"),
    "synthetic": ("frequency", "both"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("speech.json"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", default=",".join(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    for kind, how in ablate.KINDS.items():
        print(f"{kind}: {count(build(Settings(10, **how))):,} weights")
    spoken = recordings.read(options.recordings)
    kept = Kept(options.results)
    for part in options.parts.split(","):
        begin = time.perf_counter()
        if part in ("takes", "synthetic"):
            shown = Comparison(_ABOUT[part], tuple(_simple(part, spoken, options.seeds, kept)))
        else:
            shown = ablate.ablate(spoken, KINDS[part], options.seeds, part == "varied", kept=kept)
        print(f"\n{shown}\n{time.perf_counter() - begin:.0f} s", flush=True)


_ABOUT = {
    "takes": "accuracy on FSDD's test recordings (takes 0 to 4, same speakers)",
    "synthetic": "accuracy on all of FSDD, learned from synthetic voices alone",
}


def _simple(part: str, spoken: Recordings, seeds: int, kept: Kept) -> Iterator[Run]:
    def figures(kind: str, seed: int) -> Figures:
        learned = spoken if part == "takes" else voices.spoken(seed=seed)
        split = _takes(spoken, seed) if part == "takes" else splits.split(learned, seed=seed)
        tested = spoken.of(split.test) if part == "takes" else spoken
        settings = Settings(10, **ablate.KINDS[kind])
        trained = training.train(learned, split, settings, replace(training.RECIPE, seed=seed))
        return {"accuracy": 100 * judging.judge(trained, tested).accuracy}

    for seed in range(seeds):
        for kind in KINDS[part]:
            found = kept.run(f"{part}: {kind}, seed {seed}", partial(figures, kind, seed))
            yield Run(kind, seed, "", found["accuracy"])


def _takes(spoken: Recordings, seed: int) -> Split:
    test = splits.fsdd_test(spoken)
    others = np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(spoken.labels)), test))
    return Split(np.sort(others[300:]), np.sort(others[:300]), test, "by take")


if __name__ == "__main__":
    main()
