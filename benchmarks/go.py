"""Go on games of professionals: networks of planes and of the bare board beside simple guesses, and what pooling costs.

    python benchmarks/go.py --games /usr/share/goban --out go.json

Games are parted by `games.split`, the same for all. Every finished run is kept in the file given by --out, and is not
made again. Debian's package goban-original-games brings 596 games; there a planes run takes about 11 minutes on one
core that multiplies bfloat16 (AMX), the ablation, on half of the games, about 15.
"""

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from beside import machine

from convscope.tasks.fitting import Machines, Recipe
from convscope.tasks.go import ablation, training
from convscope.tasks.go.games import split
from convscope.tasks.go.network import Settings, weights_of
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.sgf import Game, read_games
from convscope.tasks.runs import Figures, Kept

RECIPE = Recipe(epochs=4, batch=128, rate=3e-3, decay=1e-2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=2, help="the ablation takes every so many of the games")
    parser.add_argument("--only", choices=["planes", "board", "ablation"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept = Kept(options.out)
    found = read_games(options.games)
    print(machine(options.threads))
    print(f"{len(found.games)} games, {len(found.skipped)} skipped, {found.duplicates} duplicates", flush=True)
    for features in ("planes", "board"):
        if options.only in (None, features):
            policies(features, found.games, range(options.seeds), kept)
    if options.only in (None, "ablation"):
        games = found.games[:: options.every]
        print(f"ablation: {len(games)} games")
        comparison = ablation.ablate(games, range(options.seeds), machines=Machines(precision="auto"), kept=kept)
        print(ablation.told(comparison), flush=True)


def policies(features: str, games: tuple[Game, ...], seeds: range, kept: Kept) -> None:
    """The table of one kind of input: mean and standard deviation over the seeds."""
    learn, _, test = (Positions(part, 19, features) for part in split(games))

    def figures(seed: int) -> Figures:
        start, settings = time.monotonic(), Settings(features=features)
        trained = training.train(games, settings, replace(RECIPE, seed=seed), machines=Machines(precision="auto"))
        found = {"seconds": time.monotonic() - start, "weights": weights_of(trained.model)}
        verdict = training.evaluate(trained, learn, test)
        for name, (first, five, *_) in {**verdict.top, **verdict.phases}.items():
            found |= {f"{name}, first": first, f"{name}, among five": five}
        return found

    rows = [kept.run(f"{features}, {RECIPE.epochs} epochs, seed {seed}", partial(figures, seed)) for seed in seeds]
    minutes = ", ".join(f"{row['seconds'] / 60:.1f}" for row in rows)
    print(f"{features}: {rows[0]['weights']:,.0f} weights, {RECIPE.epochs} epochs, {minutes} minutes")
    print(f"{len(test):,} positions of {len(test.games)} games held out")
    for name in rows[0]:
        if name not in ("seconds", "weights"):
            values = np.array([row[name] for row in rows])
            print(f"  {name:<40} {values.mean():5.1f} ± {values.std(ddof=min(1, len(rows) - 1)):.1f} %")


if __name__ == "__main__":
    main()
