"""Go on games of professionals: networks of planes and of the bare board beside simple guesses, and what pooling costs.

    python benchmarks/go.py --games /usr/share/goban --out go.jsonl

Games are parted by `games.split`, the same for all. Every finished run is a line of the file given by --out, and is not
made again. Debian's package goban-original-games brings 596 games; there a planes run takes about 11 minutes on one
core that multiplies bfloat16 (AMX), the ablation, on half of the games, about 15.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from beside import machine

from convscope.tasks.comparing import Run
from convscope.tasks.fitting import Machines, Recipe
from convscope.tasks.go import ablation, training
from convscope.tasks.go.games import split
from convscope.tasks.go.network import Settings, weights_of
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.sgf import read_games

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
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    known = [json.loads(line) for line in lines]

    def keep(line: dict) -> None:
        known.append(line)
        with options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")

    found = read_games(options.games)
    print(machine(options.threads))
    print(f"{len(found.games)} games, {len(found.skipped)} skipped, {found.duplicates} duplicates", flush=True)
    for features in ("planes", "board"):
        if options.only in (None, features):
            policies(features, found.games, range(options.seeds), known, keep)
    if options.only in (None, "ablation"):
        games = found.games[:: options.every]
        print(f"ablation: {len(games)} games")
        done = [Run(**line["run"]) for line in known if "run" in line]
        comparison = ablation.ablate(
            games,
            range(options.seeds),
            machines=Machines(precision="auto"),
            tell=lambda run: keep({"run": asdict(run)}),
            done=done,
        )
        print(ablation.told(comparison), flush=True)


def policies(features: str, games: tuple, seeds: range, known: list, keep) -> None:
    """The table of one kind of input: mean and standard deviation over the seeds."""
    learn, _, test = (Positions(part, 19, features) for part in split(games))
    settings, rows = Settings(features=features), []
    for seed in seeds:
        row = next((line for line in known if line.get("policy") == features and line["seed"] == seed), None)
        if row is None:
            start = time.monotonic()
            trained = training.train(
                games, settings, replace(RECIPE, seed=seed), machines=Machines(precision="auto")
            )
            seconds = time.monotonic() - start
            verdict = training.evaluate(trained, learn, test).as_dict()
            about = {"policy": features, "seed": seed, "seconds": seconds, "weights": weights_of(trained.model)}
            row = {**about, **verdict}
            keep(row)
        rows.append(row)
    first, minutes = rows[0], ", ".join(f"{row['seconds'] / 60:.1f}" for row in rows)
    print(f"{features}: {first['weights']:,} weights, {RECIPE.epochs} epochs, {minutes} minutes")
    print(f"{first['positions']:,} positions of {first['games']} games held out")
    for name in rows[0]["top"]:
        figures = np.array([row["top"][name] for row in rows])
        mean, spread = figures.mean(0), figures.std(0, ddof=1) if len(rows) > 1 else figures.std(0)
        print(f"  {name:<26} first {mean[0]:5.1f} ± {spread[0]:.1f} %   among five {mean[1]:5.1f} ± {spread[1]:.1f} %")
    for name in rows[0]["phases"]:
        figures = np.array([row["phases"][name][:2] for row in rows])
        print(f"  {name:<26} first {figures[:, 0].mean():5.1f} %         among five {figures[:, 1].mean():5.1f} %")


if __name__ == "__main__":
    main()
